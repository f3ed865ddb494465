<?php

use FileSync\FileDigest;
use FileSync\Inventory;
use FileSync\Photo;
use FileSync\Relocator;
use FileSync\Signer;
use FileSync\Store;
use FileSync\TransferBatch;

/**
 * The stand-in for the extension is what its stub says, and the stub is what the extension is (tests/ext/stub-matches).
 */
final class FakeTest extends AddonTestCase
{
	/** Public because the stand-in's classes use each other; a destructor that the extension does not show. */
	private const ITS_OWN = ['FileSync\Store::absolute', 'FileSync\Set::__destruct'];

	public function test_it_has_the_classes_methods_and_signatures_of_the_stub(): void
	{
		$stub = self::api('stubs/filesync.stub.php');
		$this->assertGreaterThan(60, count($stub));
		$this->assertSame($stub, self::api('tests/addon/Fake/extension.php'));
	}

	public function test_the_addon_uses_no_class_that_it_lacks(): void
	{
		$named = [];
		foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(
			'addon/filesync',
			\FilesystemIterator::SKIP_DOTS | \FilesystemIterator::FOLLOW_SYMLINKS,
		)) as $path => $file) {
			if (str_ends_with($path, '.php')) {
				preg_match_all(
					'/\bFileSync\\\\(?!Addon\b|Exception\b|Strings\b)(\w+)/',
					file_get_contents($path),
					$found,
				);
				$named += array_flip($found[1]);
			}
		}
		$this->assertGreaterThan(6, count($named));
		foreach (array_keys($named) as $name) {
			$this->assertTrue(class_exists("FileSync\\$name") || function_exists("FileSync\\$name"), $name);
		}
	}

	public function test_what_it_returns_has_the_keys_of_the_stub(): void
	{
		$store = new Store(getcwd());
		file_put_contents('picture', 'bytes');
		$this->assertShape('Store::stat', $store->stat('picture'));
		file_put_contents('other', 'others');
		$this->assertShape('Store::exchange', $store->exchange('other', $store, 'picture'));
		$this->assertShape('Photo::facts', Photo::facts($store, 'picture'));
		Photo::$isKnown = true;
		$made = Photo::scaleAll($store, $store, ['one' => ['source' => 'picture', 'targets' => [1 => 'made']]]);
		$this->assertShape('Photo::scaleAll', $made['one']);
		$this->assertShape('Photo::scale', Photo::scale($store, 'picture', $store, [2 => 'made too'])[2]);
		$this->assertShape('Photo::sizes', Photo::sizes(400, 200, [1])[1]);

		$batch = new TransferBatch(['root' => getcwd(), 'parallel' => 4]);
		TransferBatch::$answers = [
			'f1-0' => 'bytes',
			'f2-0' => ['kind' => 'Network', 'temporary' => true, 'message' => 'no'],
			'f3-0' => ['state' => 'complete', 'rung' => 'unchanged'],
			'f4-0' => ['slow' => 5],
		];
		TransferBatch::$dav = ['https://a.example' => 'open'];
		foreach (['f1', 'f2', 'f3', 'f4'] as $hash) {
			$batch->add([
				'name' => $hash,
				'hash' => $hash,
				'scale' => 0,
				'size_bytes' => 5,
				'origins' => [['url' => 'https://a.example', 'nick' => 'alice', 'path' => ['f']]],
			]);
		}
		for ($n = 0; $n < 3; $n++) {
			$this->assertShape('TransferBatch::step', $batch->step(100)[0]);
		}
		$this->assertShape('TransferBatch::progress', $batch->progress()[0]);
		$this->assertShape('TransferBatch::origins', $batch->origins()[0]);
		TransferBatch::$learnt = ['https://a.example' => ['piece_bytes' => 5]];
		$this->assertShape('TransferBatch::origins', $batch->origins()[0]);

		$here = new Inventory();
		$here->add('f1', 'content', 'metadata');
		$here->seal();
		$there = new Inventory();
		$there->seal();
		$here->advance($there->answer($here->begin()));
		$this->assertShape('Inventory::differences', $here->differences(0, 1)[0]);
	}

	public function test_it_says_what_of_a_transfer_is_there_while_it_waits(): void
	{
		$batch = new TransferBatch(['root' => getcwd(), 'parallel' => 1]);
		$batch->add([
			'name' => 'f1',
			'hash' => 'f1',
			'scale' => 0,
			'size_bytes' => 5,
			'origins' => [['url' => 'https://a.example', 'nick' => 'alice', 'path' => ['f']]],
		]);
		$this->assertSame(
			[[
				'id' => 1,
				'name' => 'f1',
				'state' => 'active',
				'size_bytes' => 5,
				'offset_bytes' => 0,
				'bytes_per_second' => 0,
				'rung' => null,
			]],
			$batch->progress(),
		);
	}

	public function test_its_signatures_are_those_of_hubs(): void
	{
		$key = openssl_pkey_new(['private_key_bits' => 2048]);
		openssl_pkey_export($key, $private);
		$public = openssl_pkey_get_details($key)['key'];
		[$first, $second] = (new Signer($private))->signAll(['one', 'two']);
		$this->assertTrue(Signer::verify('one', $first, $public));
		$this->assertTrue(Signer::verify('two', substr($second, 7), $public));
		$this->assertFalse(Signer::verify('one', $second, $public));
	}

	public function test_its_relocator_moves_what_an_item_names(): void
	{
		$relocator = new Relocator([
			'from' => 'https://a.example',
			'from_nick' => 'alice',
			'to' => 'https://b.example',
			'to_nick' => 'alice',
		]);
		$item = [
			'body' => 'see https://a.example/photo/p1',
			'obj' => '{"url":"https:\/\/a.example\/photo\/p1"}',
			'mid' => 'https://a.example/item/1',
			'term' => [['url' => 'https://a.example/cloud/alice']],
		];
		$this->assertSame(
			[
				'body' => 'see https://b.example/photo/p1',
				'obj' => '{"url":"https:\/\/b.example\/photo\/p1"}',
				'mid' => 'https://a.example/item/1',
				'term' => [['url' => 'https://b.example/cloud/alice']],
			],
			$relocator->item($item),
		);
	}

	protected function tearDown(): void
	{
		Photo::$isKnown = false;
		parent::tearDown();
	}

	private function assertShape(string $method, ?array $value): void
	{
		$expected = self::keys($method);
		$this->assertNotNull($value, $method);
		$keys = array_keys($value);
		sort($keys);
		$this->assertSame($expected, $keys, $method);
	}

	/** Returns the keys of the (outermost, if there are several) array that a method of the stub returns. */
	private static function keys(string $method): array
	{
		[$class, $name] = explode('::', $method);
		$stub = (string) file_get_contents(self::root() . '/stubs/filesync.stub.php');
		preg_match("/final class $class\b.*?(?=\n\tfinal class|\n}\n)/s", $stub, $body);
		preg_match_all("#/\*\*(?:(?!\*/).)*?\*/\s*public (?:static )?function $name\(#s", $body[0], $found);
		preg_match('/@return (.*?)(?=\n\s*\*\s*\n|@throws|\*\/)/s', $found[0][0], $returned);
		$inner = substr($returned[1], strpos($returned[1], 'array{') + 6);
		$keys = [];
		for ($depth = 0; $inner !== '' && ! ($depth === 0 && $inner[0] === '}'); $inner = substr($inner, 1)) {
			$depth += (int) in_array($inner[0], ['{', '<'], true) - (int) in_array($inner[0], ['}', '>'], true);
			if ($depth === 0 && preg_match('/^\b(?<![\w\'|])([a-z_0-9]+): /', $inner, $key)) {
				$keys[] = $key[1];
				$inner = substr($inner, strlen($key[1]));
			}
		}
		sort($keys);

		return $keys;
	}

	/** @return list<string> What a file declares to everybody, in the form of tests/ext/api.php. */
	private static function api(string $file): array
	{
		exec(
			escapeshellarg(PHP_BINARY) . ' -n ' . escapeshellarg(self::root() . '/tests/ext/api.php') . ' stub '
				. escapeshellarg(self::root() . "/$file"),
			$lines,
			$status,
		);
		self::assertSame(0, $status, $file);

		return array_values(array_filter(
			$lines,
			fn ($line) => (
				! str_starts_with($line, 'private')
				&& ! str_contains($line, '::$')
				&& ! preg_match(
					'/ (' . implode('|', array_map('preg_quote', self::ITS_OWN)) . ')\b/',
					$line,
				)
			),
		));
	}

	private static function root(): string
	{
		return dirname(__DIR__, 2);
	}
}
