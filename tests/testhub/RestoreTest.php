<?php

require_once __DIR__ . '/Pair.php';

use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * A backup set comes back to a hub that has lost everything while the channel lives on another one too: what was
 * deleted there stays deleted, and what is there is left alone. Environment EXTENSION names the extension to load.
 */
final class RestoreTest extends TestCase
{
	/** @var ?Pair */
	private $pair;
	private static $count = 0;

	protected function tearDown(): void
	{
		if ($this->pair) {
			$this->pair->stop();
			getenv('KEEP') || Pair::run(['rm', '-rf', $this->pair->folder]);
			$this->pair = null;
		}
	}

	public function test_what_a_clone_deleted_while_it_was_away_goes_again_when_it_is_back(): void
	{
		$files = $this->begin(true, ['live', 'away', 'stays']);
		$this->backup();
		$this->delete('live', $files);
		$this->until(fn () => ! $this->has('b', $files['live']));
		// Its packet does not arrive, and it is away itself then.
		$this->pair->cut('b');
		$this->delete('away', $files);
		$this->pair->cut('a');
		$this->loseAll();
		$away = parse_url($this->pair->urls['a'], PHP_URL_HOST) . ':' . parse_url($this->pair->urls['a'], PHP_URL_PORT);

		$before = $this->pair->rows('b', 'SELECT hash FROM attach');
		$said = $this->restore();
		$this->assertSame('clone_unreachable', $said['error']);
		$this->assertStringContainsString("`--without $away`", $said['words']);
		$this->assertSame($before, $this->pair->rows('b', 'SELECT hash FROM attach'));

		$said = $this->restore('--without', $away);
		$this->assertSame(['done', ['restore' => 3], 3, 'left_out'], [
			$said['state'],
			$said['files'],
			$said['untraced'],
			$said['clones'][0]['state'],
		]);
		foreach ($files as $name => $hash) {
			$this->assertSame("bytes of $name", $this->shown($hash));
		}

		$this->pair->serve('b');
		$this->pair->serve('a');
		$this->pair->command('b', 'backfill');
		$this->until(fn () => ! $this->has('b', $files['live']) && ! $this->has('b', $files['away']));
		$this->pair->settle();
		$this->assertSame('bytes of stays', $this->shown($files['stays']));
		$this->assertTrue($this->has('a', $files['stays']));
		$this->assertSame([false, false], [$this->has('a', $files['live']), $this->has('a', $files['away'])]);
	}

	public function test_a_clone_that_answers_says_what_was_deleted_and_what_is_newer(): void
	{
		$files = $this->begin(true, ['gone', 'newer', 'same', 'lost']);
		$this->backup();
		$this->delete('gone', $files);
		file_put_contents($this->pair->folder . '/newer', 'newer bytes of it');
		$this->change($files['newer'], 'put', $this->pair->folder . '/newer');
		$this->until(
			fn () => ! $this->has('b', $files['gone']) && $this->shown($files['newer']) === 'newer bytes of it',
		);
		$this->pair->settle();
		// Hub A lost a row, without a delete.
		foreach (['attach', 'filesync_file'] as $table) {
			$this->pair->execute('a', "DELETE FROM $table WHERE hash = '{$files['lost']}'");
		}
		$this->loseAll();
		$plan = $this->restore('--dry-run');
		$this->assertSame([], $this->pair->rows('b', 'SELECT hash FROM attach'));
		$said = $this->restore();
		foreach ([$plan, $said] as $one) {
			ksort($one['files']);
			$this->assertSame(['deleted_since' => 1, 'newer_elsewhere' => 1, 'restore' => 2], $one['files']);
			$this->assertSame([1, 'asked', true], [
				$one['untraced'],
				$one['clones'][0]['state'],
				$one['clones'][0]['filesync'],
			]);
		}
		$this->pair->command('b', 'backfill');
		$this->until(fn () => $this->shown($files['newer']) === 'newer bytes of it' && $this->has('a', $files['lost']));
		$this->pair->settle();
		$this->assertFalse($this->has('b', $files['gone']));
		$this->assertSame(['bytes of same', 'bytes of lost'], [
			$this->shown($files['same']),
			$this->shown($files['lost']),
		]);
		$this->assertSame([], $this->pair->rows('b', "SELECT id FROM filesync_kept WHERE why <> 'deleted'"));
		$this->assertCount(3, $this->pair->rows('b', 'SELECT id FROM attach WHERE is_dir = 0'), 'no conflict copy');
	}

	public function test_a_clone_without_filesync_fetches_exactly_what_it_lacked(): void
	{
		$files = $this->begin(false, ['one', 'two', 'lacked']);
		$this->backup();
		$hash = $files['lacked'];
		unlink(
			$this->pair->hub('a')
			. '/'
			. $this->pair->rows('a', "SELECT content FROM attach WHERE hash = '$hash'")[0]['content'],
		);
		$this->pair->execute('a', "DELETE FROM attach WHERE hash = '$hash'");
		$this->loseAll();
		$before = count($this->pair->accesses('b'));
		$sent = $this->packetsTo('a');
		$said = $this->restore();
		$this->assertSame(['done', ['restore' => 3], 1, false], [
			$said['state'],
			$said['files'],
			$said['untraced'],
			$said['clones'][0]['filesync'],
		]);
		$this->pair->command('b', 'backfill');
		$this->until(fn () => $this->has('a', $hash));
		$this->pair->settle();
		$read = array_values(array_filter(
			array_slice($this->pair->accesses('b'), $before),
			fn ($access) => $access['path'] === '/getfile' || str_starts_with($access['path'], '/dav'),
		));
		$this->assertSame([$hash], array_values(array_unique(array_column($read, 'file'))));
		$this->assertSame([strlen('bytes of lacked')], array_column($read, 'bytes'));
		$this->assertSame(1, $this->packetsTo('a') - $sent, 'one packet, about that file');
		foreach ($files as $name => $one) {
			$this->assertSame("bytes of $name", $this->shown($one, 'a'));
		}
	}

	/**
	 * Makes the hubs and gives hub A files, which arrive at hub B.
	 *
	 * @param list<string> $names
	 *
	 * @return array<string, string> Hashes by name.
	 */
	private function begin(bool $both, array $names): array
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/restoretest-' . getmypid() . '-' . ++self::$count;
		mkdir($folder);
		$this->pair = new Pair($folder, [
			'addon' => __DIR__ . '/../../php',
			'extension' => $extension,
			'both' => $both,
			'nicks' => ['b' => 'alice2'],
		]);
		foreach ($both ? ['a', 'b'] : ['b'] as $hub) {
			foreach ([
				'allow_private_addresses' => 1,
				'retry_first_seconds' => 1,
				'retry_most_seconds' => 1,
			] as $setting => $value) {
				$this->pair->command($hub, 'config', 'set', $setting, (string) $value);
			}
		}
		$this->pair->serve('a');
		$this->pair->serve('b');
		$hashes = [];
		foreach ($names as $name) {
			file_put_contents("$folder/$name", "bytes of $name");
			$hashes[$name] = $this->pair->upload('a', 'Given', ["$folder/$name"])[0]['hash'];
		}
		foreach ($hashes as $name => $hash) {
			$this->until(fn () => $this->shown($hash) === "bytes of $name");
		}
		$this->pair->settle();

		return $hashes;
	}

	private function backup(): void
	{
		$said = $this->pair->command('b', 'backup', 'alice2', $this->pair->folder . '/set');
		$this->assertFileExists($this->pair->folder . '/set/manifest-sha256.txt', $said);
	}

	/** Runs a restore on hub B and returns the first of what it says for programs. */
	private function restore(string ...$options): array
	{
		$text = $this->pair->command('b', 'restore', 'alice2', $this->pair->folder . '/set', '--json', ...$options);

		return json_decode(strtok($text, "\n"), true) ?? $this->fail($text);
	}

	/** @param array<string, string> $files */
	private function delete(string $name, array $files): void
	{
		$this->change($files[$name], 'delete');
		$this->assertFalse($this->has('a', $files[$name]));
	}

	/** Changes a file on hub A as its owner does. */
	private function change(string $hash, string ...$words): void
	{
		Pair::run([
			__DIR__ . '/bin/in-hub',
			$this->pair->hub('a'),
			PHP_BINARY,
			__DIR__ . '/bin/file.php',
			$this->pair->hub('a'),
			$hash,
			...$words,
		]);
	}

	/** Takes everything from hub B that it has and knows of the channel's files, as if it were a new one. */
	private function loseAll(): void
	{
		foreach (['attach', 'photo', 'term', 'item'] as $table) {
			$this->pair->execute('b', "DELETE FROM $table");
		}
		foreach ($this->pair->tables('b') as $table) {
			if (
				str_starts_with($table, 'filesync_')
				&& ! in_array($table, ['filesync_setting', 'filesync_peer'], true)
			) {
				$this->pair->execute('b', "DELETE FROM $table");
			}
		}
		$this->pair->execute('b', "DELETE FROM filesync_setting WHERE name = 'component' OR scope = 'component'");
		Pair::run(['sh', '-c', 'rm -rf "$1"/store/alice2/* "$1"/store/*/filesync/1/*', '-', $this->pair->hub('b')]);
	}

	private function has(string $hub, string $hash): bool
	{
		return $this->pair->rows($hub, "SELECT id FROM attach WHERE hash = '$hash'") !== [];
	}

	private function shown(string $hash, string $hub = 'b'): ?string
	{
		$row = $this->pair->rows($hub, "SELECT content FROM attach WHERE hash = '$hash'")[0] ?? null;

		return $row ? (@file_get_contents($this->pair->hub($hub) . '/' . $row['content']) ?: null) : null;
	}

	/** Returns how many packets a hub received so far. */
	private function packetsTo(string $hub): int
	{
		return count(array_filter($this->pair->accesses($hub), fn ($access) => $access['path'] === '/zot'));
	}

	private function until(callable $condition): void
	{
		$this->pair->until($condition);
		$this->addToAssertionCount(1);
	}
}
