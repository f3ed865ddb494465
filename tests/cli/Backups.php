<?php

namespace Cli;

require_once __DIR__ . '/AtHome.php';
require_once __DIR__ . '/Hub.php';
require_once __DIR__ . '/../set/Reading.php';
require_once __DIR__ . '/../set/Rows.php';
require_once __DIR__ . '/../set/Comparison.php';

use TestHub\Databases;
use TestHub\Pair;

/** Backups of a channel of a hub, each test's in a folder of its own, and what differs between one and the hub. */
trait Backups
{
	use AtHome;

	private static Pair $pair;
	/** The hub that is backed up, `a` or `b`. */
	private static string $hub;
	private static Hub $channel;
	private static int $sets = 0;
	private string $set;

	private static function nextSet(): string
	{
		return self::$pair->folder . '/set-' . ++self::$sets;
	}

	private static function url(): string
	{
		return self::$pair->urls[self::$hub] . '/channel/alice';
	}

	/** @return array{int, array<string, mixed>, string} As `command`. */
	private function backup(string ...$options): array
	{
		return self::command('backup', self::url(), '--to', $this->set, ...$options);
	}

	/** @return list<string> What is in the set and not on the hub, or other there. */
	private function differences(): array
	{
		$hub = self::$pair->hub(self::$hub);
		$database = Databases::connect(json_decode((string) file_get_contents("$hub/hub.json"), true)['database']);

		return \Set\Comparison::wrong(\Set\Reading::of($this->set, false), new \Set\Rows($database, $hub, 'alice'));
	}

	/** The set's own list of digests is right, as `sha256sum` finds, and its signature, as `minisign` does. */
	private function assertDigests(): void
	{
		$set = escapeshellarg($this->set);
		exec("cd $set && sha256sum --check --strict --quiet manifest-sha256.txt", $output, $status);
		$this->assertSame([0, []], [$status, $output]);
		$key = json_decode((string) file_get_contents("$this->set/set.json"), true)['signed_by']['minisign'] ?? '';
		$this->assertStringStartsWith('RW', $key);
		if (exec('command -v minisign') === '') {
			fwrite(STDERR, "minisign is not installed: it does not check the signature\n");
			return;
		}
		exec("cd $set && minisign -Vm tagmanifest-sha256.txt -x owner-signature.minisig -P $key", $output, $status);
		$this->assertSame(0, $status, implode("\n", $output));
	}

	/** Makes two hubs without filesync, and a home; the first one is backed up. */
	private static function beginAtStock(string $folder): void
	{
		mkdir($folder);
		self::$home = "$folder/home";
		mkdir(self::$home);
		self::$pair = new Pair($folder);
		self::$hub = 'a';
		self::$channel = new Hub(self::$pair, 'a');
	}

	/** Makes two hubs, and a home; the second one has filesync, and is the one that is backed up. */
	private static function beginAtDoor(string $folder): void
	{
		mkdir($folder);
		self::$home = "$folder/home";
		mkdir(self::$home);
		$extension = getenv('EXTENSION') ?: dirname(__DIR__, 2) . '/target/quick/libfilesync.so';
		self::$pair = new Pair($folder, ['addon' => dirname(__DIR__, 2) . '/php', 'extension' => $extension]);
		self::$hub = 'b';
		self::$channel = new Hub(self::$pair, 'b');
		self::$pair->command('b', 'config', 'set', 'allow_private_addresses', '1');
		self::$pair->command('b', 'config', 'set', 'upload_requests_per_second', '10000');
		self::$channel->fill();
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	/** Logs in at the reading door with a key; `$url` is the channel's, as the command gets it. */
	private static function useKey(string $key, string $url = ''): void
	{
		self::succeed('login', $url ?: self::url(), '--key-file', self::file('key', "$key\n"));
		unlink(self::$home . '/key');
	}
}
