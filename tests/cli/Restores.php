<?php

namespace Cli;

require_once __DIR__ . '/AtHome.php';
require_once __DIR__ . '/Hub.php';
require_once __DIR__ . '/Way.php';
require_once __DIR__ . '/../testhub/Doorstep.php';
require_once __DIR__ . '/../set/Rows.php';

use TestHub\Databases;
use TestHub\Doorstep;
use TestHub\Pair;

/** A set that was backed up from a hub without filesync comes back to one with it, through what stands on the way. */
trait Restores
{
	use AtHome;

	private static Doorstep $door;
	private static Way $way;
	private static string $set;
	private static int $copies = 0;
	/** @var array<string, array{list<string>, string}> What the first hub has: true names and digest, by hash. */
	private static array $files = [];

	/**
	 * Makes both hubs and the set; from then on there are only the set and the hub to which it comes back.
	 *
	 * @param array<string, array{int, int}> $more Folders, each with a number of files and their size.
	 */
	private static function begin(string $folder, array $more = []): void
	{
		self::$door = new Doorstep($folder);
		$pair = self::$door->pair;
		self::$home = "$folder/home";
		self::$set = "$folder/set";
		mkdir(self::$home);
		$hub = new Hub($pair, 'a');
		$hub->fill();
		$pair->execute('a', "DELETE FROM attach WHERE filename = 'bytes are lost.pdf'");
		$pair->execute('a', 'DELETE FROM item WHERE author_xchan NOT IN (SELECT xchan_hash FROM xchan)');
		foreach ($more as $name => [$count, $size]) {
			$hub->make($name, $count, $size);
		}
		$secret = 'zxcvbnmasdfghjkl1234567890qwerty';
		$hub->giveApp('filesync-test', $secret);
		$from = self::clone() . '/channel/alice';
		self::succeed('login', $from, '--app', 'filesync-test', '--secret-file', self::file('secret', "$secret\n"));
		self::succeed('backup', $from, '--to', self::$set);
		self::$files = self::filesOf('a');
		$pair->cut('a');
		// Its workers work.
		self::$door->inHub('del_config("testhub", "without_workers");');
		self::$way = new Way($pair->urls['b'], "$folder/middle");
	}

	private static function close(): void
	{
		self::$way->stop();
		self::$door->close();
	}

	/** The hub has nothing of the channel, and its owner a new key. */
	private static function startOver(): void
	{
		$pair = self::$door->pair;
		$pair->settle();
		self::$door->inHub('FileSync\Addon\Door\Session::forget(1); FileSync\Addon\Restore\Job::forget(1);');
		$pair->execute('b', 'DELETE FROM attach WHERE uid = 1');
		$pair->execute('b', 'DELETE FROM photo WHERE uid = 1');
		foreach (['file', 'digest', 'ended', 'kept'] as $table) {
			$pair->execute('b', "DELETE FROM filesync_$table");
		}
		Pair::run(['rm', '-rf', $pair->hub('b') . '/store/alice', self::restores()]);
		self::newKey();
		self::$way->forget();
	}

	private static function newKey(): void
	{
		self::file('key', self::$door->makeKey() . "\n");
	}

	/** @return array{int, array<string, mixed>, string} As `command`. */
	private static function restore(string $set = '', string ...$options): array
	{
		return self::command(...self::restoring($set, '--key-file', self::$home . '/key', ...$options));
	}

	/** @return list<string> The words of the command. No signature of a hub proves the set: its owner trusts it. */
	private static function restoring(string $set = '', string ...$options): array
	{
		return ['restore', $set ?: self::$set, '--to', self::url(), '--without', self::clone(), '--trust', ...$options];
	}

	/** The address of the channel, with what stands on the way. */
	private static function url(): string
	{
		return 'http://' . self::$way->address . '/channel/alice';
	}

	/** The hub that is away. */
	private static function clone(): string
	{
		return self::$door->pair->urls['a'];
	}

	/** Where the command keeps keys of restores under way. */
	private static function restores(): string
	{
		return self::$home . '/.config/filesync/restores.toml';
	}

	private static function isKeyKept(): bool
	{
		return str_contains((string) @file_get_contents(self::restores()), 'fsr_');
	}

	/** @return array<string, array{list<string>, string}> Names and digest of each file that a hub has, by hash. */
	private static function filesOf(string $name): array
	{
		$hub = self::$door->pair->hub($name);
		$database = Databases::connect(json_decode((string) file_get_contents("$hub/hub.json"), true)['database']);
		$files = [];
		foreach ((new \Set\Rows($database, $hub, 'alice'))->entries() as $hash => $entry) {
			if ($entry['kind'] === 'file') {
				$files[$hash] = [$entry['path'], (string) $entry['sha256']];
			}
		}
		ksort($files);

		return $files;
	}

	private function assertEqual(string $message = ''): void
	{
		$this->assertSame(self::$files, self::filesOf('b'), $message);
	}

	private static function copyOfSet(): string
	{
		$copy = self::$door->pair->folder . '/copy-' . ++self::$copies;
		Pair::run(['cp', '-a', self::$set, $copy]);

		return $copy;
	}

	/** Writes the list of lists of a set again. */
	private static function relist(string $set): void
	{
		$lines = '';
		foreach (explode("\n", trim((string) file_get_contents("$set/tagmanifest-sha256.txt"))) as $line) {
			$name = substr($line, 66);
			$lines .= hash_file('sha256', "$set/$name") . "  $name\n";
		}
		file_put_contents("$set/tagmanifest-sha256.txt", $lines);
	}
}
