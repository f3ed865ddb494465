<?php

require_once __DIR__ . '/Restores.php';

use Cli\Restores;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

/**
 * A restore from home through bad proxies and lines, each to its end: the hub has all of the set, or the command says
 * by its name why not; it never ends with 0 and less. What is quick of it is in RestoreTest.
 *
 * Environment COMMAND names the command, EXTENSION the extension.
 */
final class MiddleRestoreTest extends TestCase
{
	use Restores;

	/** Any request at the door that changes something. */
	private const CHANGES = '^(POST|PATCH|DELETE) /filesync/';
	/** Any request at the door but the first one, which asks once whether there is one. */
	private const ANY = ' /filesync/v1/';

	public static function setUpBeforeClass(): void
	{
		self::begin(sys_get_temp_dir() . '/filesync-middle-' . getmypid());
	}

	public static function tearDownAfterClass(): void
	{
		self::close();
	}

	protected function setUp(): void
	{
		self::$way->rule([]);
		self::startOver();
	}

	/** @return array<string, array{array<string, mixed>}> */
	public static function hindrances(): array
	{
		return [
			'bodies of 1 MiB' => [['limit' => 1 << 20]],
			'bodies of 64 KiB' => [['limit' => 64 << 10]],
			'PATCH gets 403' => [['refuse' => ['PATCH' => 403]]],
			'PATCH gets 501' => [['refuse' => ['PATCH' => 501]]],
			'only what browsers send' => [['refuse' => ['PATCH' => 405, 'HEAD' => 405, 'DELETE' => 405]]],
			'a slow line, and a proxy that waits two seconds' => [['rate' => 600_000, 'patience' => 2]],
			'cut every three seconds' => [['rate' => 1_000_000, 'every' => 3]],
			'cut after so many bytes' => [['cut' => 100_000]],
			'Authorization stripped' => [['strip' => ['Authorization']]],
			'a page for each second piece' => [['page' => 2, 'at' => '^(POST|PATCH) .*/upload']],
			'a page for each third request' => [['page' => 3, 'at' => self::ANY]],
			'each third answer is lost' => [['deaf' => 3, 'at' => self::ANY]],
			'every change comes twice' => [['replay' => 1, 'at' => self::CHANGES]],
			'pieces come again after others' => [['late' => 1, 'at' => '^PATCH ']],
			'all of it at once' => [
				[
					'limit' => 256 << 10,
					'refuse' => ['PATCH' => 405],
					'replay' => 3,
					'late' => 2,
					'page' => 7,
					'deaf' => 11,
					'at' => self::CHANGES,
				],
			],
		];
	}

	/**
	 * @dataProvider hindrances
	 *
	 * @param array<string, mixed> $rules
	 */
	#[DataProvider('hindrances')]
	public function test_all_is_equal_through(array $rules): void
	{
		self::$way->rule($rules);
		[$code, $said, $text] = self::restore();
		$this->assertSame([0, 'done', 0], [$code, $said['state'] ?? '', $said['unsent'] ?? 0], $text);
		$this->assertEqual();
		foreach (self::$way->requests() as $request) {
			$this->assertLessThan(
				($rules['limit'] ?? PHP_INT_MAX) + 4096,
				$request['sent'],
				'only what is taken was read',
			);
		}
	}

	/** @return array<string, array{array<string, mixed>, int, string}> */
	public static function walls(): array
	{
		return [
			'nothing but pages' => [['page' => 1, 'at' => ' '], 1, 'no_door'],
			'a page for every change' => [['page' => 1, 'at' => self::CHANGES], 75, 'hub_unreachable'],
			'a page for every piece' => [
				['page' => 1, 'at' => '^(POST|PATCH) .*/(upload|pack)'],
				75,
				'hub_unreachable',
			],
			'no answer to any piece' => [
				['deaf' => 1, 'at' => '^(POST|PATCH) .*/(upload|pack)'],
				75,
				'hub_unreachable',
			],
			'no body of any use' => [['limit' => 1000], 1, 'body_limit'],
			'the key is stripped' => [['strip' => ['Filesync-Key', 'Authorization']], 1, 'key_wrong'],
			'every method of programs is refused, and what stands for it stripped' => [
				['refuse' => ['PATCH' => 403, 'HEAD' => 403], 'strip' => ['X-HTTP-Method-Override']],
				1,
				'patch_refused',
			],
			'another address' => [['refuse' => ['GET' => 301]], 1, 'moved'],
		];
	}

	/**
	 * @dataProvider walls
	 *
	 * @param array<string, mixed> $rules
	 */
	#[DataProvider('walls')]
	public function test_a_wall_is_an_error_by_its_name_and_the_same_command_goes_on(
		array $rules,
		int $exit,
		string $error,
	): void {
		self::$way->rule($rules);
		[$code, $said, $text] = self::restore();
		$this->assertSame([$exit, $error], [$code, $said['error'] ?? ''], $text);
		self::$way->rule([]);
		[$code, $said, $text] = self::restore();
		$this->assertSame([0, 'done'], [$code, $said['state'] ?? ''], $text);
		$this->assertEqual();
	}

	public function test_two_commands_at_once_send_one_set(): void
	{
		// Straight to the hub, which answers several at once.
		$to = self::$door->pair->urls['b'] . '/channel/alice';
		$logs = [self::$home . '/log-1', self::$home . '/log-2'];
		$running = array_map(
			fn (string $log) => self::start(
				$log,
				'restore',
				self::$set,
				'--to',
				$to,
				'--without',
				self::clone(),
				'--trust',
				'--key-file',
				self::$home . '/key',
			),
			$logs,
		);
		$codes = array_map(proc_close(...), $running);
		$text = implode('', array_map(file_get_contents(...), $logs));
		$this->assertContains(0, $codes, $text);
		$this->assertSame([], array_diff($codes, [0, 75]), $text);
		$this->assertEqual();
		array_map(unlink(...), $logs);
	}
}
