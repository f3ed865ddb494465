<?php

use PHPUnit\Framework\TestCase;

/** bench/simulate says what gives first, and says something else for other inputs. */
final class SimulateTest extends TestCase
{
	/** Rows as bench/run prints them. */
	private const ROWS = [
		['scale', '1,000,000 files', 4.0, 'accept, median'],
		['scale', '1,000,000 files', 40.0, "owner's page, few files, median"],
		['scale', '1,000,000 files', 60.0, 'metrics, median'],
		['scale', '1,000,000 files', 1000.0, 'cron, median'],
		['scale', '1,000,000 files', 8000.0, 'list for a comparison, a tenth of the files; a tenth'],
		['bulk', '2000 files, 20 KiB, 0 ms', 90.0, 'until the last is shown'],
		['photos', '12 MP', 300.0, 'vipsthumbnail, three times'],
		['receive', '1 GiB TLS', 370.0, 'curl && sync -d, no digest'],
		['worker', '1 GiB send_file', 1.7, 'loop of 16 KiB pieces'],
	];

	private string $file;

	protected function setUp(): void
	{
		$this->file = (string) tempnam(sys_get_temp_dir(), 'rows');
		file_put_contents(
			$this->file,
			implode("\n", array_map(
				fn ($row) => json_encode(array_combine(['row', 'input', 'ours', 'peer'], $row)),
				self::ROWS,
			)),
		);
	}

	protected function tearDown(): void
	{
		unlink($this->file);
	}

	public function test_another_input_is_another_answer(): void
	{
		[$code, $uses] = $this->simulate();
		$this->assertSame(0, $code);
		[$code, $slow] = $this->simulate('--disk=20');
		$this->assertSame(['disk', 1], [array_key_first($slow), $code]);
		$this->assertGreaterThan($uses['disk']['share'], $slow['disk']['share']);
		$this->assertSame($uses['network'], $slow['network']);
		[$code, $few] = $this->simulate('--workers=2');
		$this->assertSame(['worker processes', 1], [array_key_first($few), $code]);
		$this->assertSame(
			'database CPU',
			array_key_first($this->simulate('--database_cores=1', '--channels=20000')[1]),
		);
	}

	public function test_it_gives_where_it_says(): void
	{
		[, $uses] = $this->simulate('--cron=86400', '--scrape=86400');
		$first = array_key_first($uses);
		[, $then] = $this->simulate('--cron=86400', '--scrape=86400', "--channels={$uses[$first]['channels']}");
		$this->assertSame($first, array_key_first($then));
		$this->assertEqualsWithDelta(0.7, $then[$first]['share'], 0.001);
	}

	public function test_a_slower_row_of_bench_is_another_answer_too(): void
	{
		$uses = $this->simulate()[1];
		file_put_contents($this->file, strtr((string) file_get_contents($this->file), [
			'"ours":4.0' => '"ours":400.0',
			'"ours":4,' => '"ours":400,',
		]));
		$this->assertGreaterThan(2 * $uses['database CPU']['share'], $this->simulate()[1]['database CPU']['share']);
	}

	public function test_rows_are_read_from_the_page_too_and_none_may_be_missing(): void
	{
		$rows = array_map(fn ($row) => "| $row[0] | $row[1] | $row[2] ms | – | $row[3] | – | – | – |  |", self::ROWS);
		file_put_contents($this->file, implode("\n", ['| row | input | ours | theirs | peer |', ...$rows]));
		$this->assertSame(0, $this->simulate()[0]);
		file_put_contents($this->file, implode("\n", array_slice($rows, 1)));
		exec($this->command() . ' 2>&1', $lines, $code);
		$this->assertSame(2, $code);
		$this->assertStringContainsString('lacks the rows: scale (accept, median)', implode("\n", $lines));
	}

	public function test_an_input_that_does_not_exist_is_named(): void
	{
		exec($this->command('--chanels=5') . ' 2>&1', $lines, $code);
		$this->assertSame([2, 'no such input, or no number above 0: --chanels=5; --help lists them'], [
			$code,
			$lines[0],
		]);
	}

	private function simulate(string ...$inputs): array
	{
		exec($this->command('--json', ...$inputs), $lines, $code);

		return [$code, json_decode($lines[0], true)];
	}

	private function command(string ...$arguments): string
	{
		$words = [PHP_BINARY, dirname(__DIR__, 2) . '/bench/simulate', "--bench=$this->file", ...$arguments];

		return implode(' ', array_map(escapeshellarg(...), $words));
	}
}
