<?php

require_once __DIR__ . '/Pair.php';
foreach (['TestHub/Base58', 'TestHub/Jcs', 'Zotlabs/Lib/Multibase', 'Zotlabs/Lib/JcsEddsa2022'] as $class) {
	class_exists(strtr($class, '/', '\\'), false) || (require_once __DIR__ . "/core/$class.php");
}

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use TestHub\Pair;
use Zotlabs\Lib\JcsEddsa2022;
use Zotlabs\Lib\Multibase;

/**
 * A post of a stock hub of 10.x comes with what adds it to its container: on hub B, with filesync, of 8.x or of 10.x,
 * nothing is half rewritten.
 */
final class TenItemsTest extends TestCase
{
	private ?Pair $pair = null;

	protected function tearDown(): void
	{
		$this->pair->stop();
		Pair::run(['rm', '-rf', $this->pair->folder]);
	}

	public static function hubs(): array
	{
		return ['8.x' => [8], '10.x' => [10]];
	}

	/** @dataProvider hubs */
	#[DataProvider('hubs')]
	public function test_what_adds_a_post_still_verifies_on_a_clone(int $testhub): void
	{
		$this->start($testhub);
		$addition = $this->additionOnB();
		$onA = $this->pair->rows('a', "SELECT obj FROM item WHERE mid = '{$addition['mid']}'")[0];
		foreach (['a' => $onA, 'b' => $addition] as $hub => $item) {
			$document = json_decode($item['obj'], true);
			$this->assertTrue(
				(new JcsEddsa2022())->verify($document, Multibase::publicKey($this->key())),
				"on hub $hub",
			);
		}
	}

	/** @dataProvider hubs */
	#[DataProvider('hubs')]
	public function test_the_container_of_a_post_is_at_one_hub(int $testhub): void
	{
		$this->start($testhub);
		$addition = $this->additionOnB();
		$post = $this->pair->rows('b', "SELECT target FROM item WHERE mid = '{$addition['parent_mid']}'")[0];
		foreach ([$post, $addition] as $item) {
			$target = json_decode($item['target'], true);
			$this->assertSame(
				strstr($target['id'], '/conversation/', true),
				strstr($target['attributedTo'], '/channel/', true),
			);
		}
	}

	private function start(int $testhub): void
	{
		$folder = sys_get_temp_dir() . '/tenitemstest-' . getmypid();
		mkdir($folder);
		$this->pair = new Pair($folder, [
			'addon' => __DIR__ . '/../../php',
			'extension' => getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so',
			'nicks' => ['b' => 'alice2'],
			'testhub' => ['a' => 10, 'b' => $testhub],
		]);
		Pair::run([
			__DIR__ . '/bin/in-hub',
			$this->pair->hub('b'),
			PHP_BINARY,
			'addon/filesync/cli.php',
			'config',
			'set',
			'allow_private_addresses',
			'1',
		]);
		array_map([$this->pair, 'serve'], ['a', 'b']);
	}

	/** Stores a post on hub A, and returns what adds it to its container once hub B has it. */
	private function additionOnB(): array
	{
		$a = $this->pair->urls['a'];
		Pair::run([
			PHP_BINARY,
			__DIR__ . '/bin/post.php',
			$this->pair->hub('a'),
			json_encode(['body' => "see $a/channel/alice and $a/cloud/alice/x.pdf", 'obj_type' => 'Note']),
		]);
		$this->pair->settle();
		$rows = $this->pair->rows('b', "SELECT * FROM item WHERE verb = 'Add'");
		$this->assertCount(1, $rows);

		return $rows[0];
	}

	private function key(): string
	{
		return $this->pair->rows('a', 'SELECT channel_epubkey FROM channel')[0]['channel_epubkey'];
	}
}
