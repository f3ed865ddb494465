<?php

require_once __DIR__ . '/Fpm.php';

use PHPUnit\Framework\TestCase;
use TestHub\Fpm;
use TestHub\Pair;

/**
 * However much a channel has, one answer of the door to the whole channel takes no more memory than it gives out: a
 * process of PHP-FPM stays small while all rows of a channel are read. POSTS and CONNECTIONS say how many; environment
 * EXTENSION names the extension to load.
 */
final class ChannelMemoryTest extends TestCase
{
	private const MOST_KILOBYTES = 32 << 10;

	private static Pair $pair;
	private static Fpm $fpm;
	private string $pass = '';

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		$folder = sys_get_temp_dir() . '/channelmemorytest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder, ['addon' => __DIR__ . '/../../php', 'extension' => $extension]);
		$hub = self::$pair->hub('b');
		[$posts, $connections] = [getenv('POSTS') ?: 50000, getenv('CONNECTIONS') ?: 5000];
		Pair::run([__DIR__ . '/bin/in-hub', $hub, PHP_BINARY, '-r', <<<PHP
				require 'include/cli_startup.php'; cli_startup(); load_hooks();
				set_config("testhub", "without_workers", 1);
				\$empty = array_fill_keys(["title", "summary", "html", "obj", "target", "postopts", "route", "llink", "plink", "attach", "sig",
					"allow_cid", "allow_gid", "deny_cid", "deny_gid"], "");
				\$hash = channelx_by_n(1)["channel_hash"];
				dbq("BEGIN");
				for (\$n = 0; \$n < $posts; \$n++) {
					\$size = \$n % 500 === 0 ? 300000 : 1000 + \$n % 2000;
					create_table_from_array("item", \$empty + ["uid" => 1, "mid" => "m\$n", "parent_mid" => "m\$n", "author_xchan" => \$hash,
						"owner_xchan" => \$hash, "created" => sprintf("20%02d-%02d-01 10:00:00", \$n % 20, \$n % 12 + 1), "body" => str_repeat("x", \$size)]);
				}
				for (\$n = 0; \$n < $connections; \$n++) {
					create_table_from_array("xchan", ["xchan_hash" => "p\$n", "xchan_guid" => "g\$n", "xchan_guid_sig" => str_repeat("s", 700),
						"xchan_pubkey" => str_repeat("k", 800), "xchan_name" => "Person \$n"]);
					create_table_from_array("abook", ["abook_channel" => 1, "abook_xchan" => "p\$n", "abook_incl" => "", "abook_excl" => "", "abook_instance" => ""]);
					foreach (["a", "b", "c"] as \$place) {
						create_table_from_array("hubloc", ["hubloc_hash" => "p\$n", "hubloc_url" => "https://\$place.example", "hubloc_guid_sig" => str_repeat("s", 700),
							"hubloc_url_sig" => str_repeat("s", 700), "hubloc_sitekey" => str_repeat("k", 800)]);
					}
					foreach (range(1, 20) as \$k) {
						create_table_from_array("abconfig", ["chan" => 1, "xchan" => "p\$n", "cat" => "my_perms", "k" => "perm\$k", "v" => "1"]);
					}
				}
				dbq("COMMIT");
				PHP]);
		self::$fpm = new Fpm($hub, self::$pair->urls['b'], ['memory_limit' => '64M']);
	}

	public static function tearDownAfterClass(): void
	{
		self::$fpm->stop();
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	public function test_a_process_stays_small_while_all_rows_are_read(): void
	{
		Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'-r',
			"require 'include/cli_startup.php'; cli_startup(); load_hooks(); FileSync\\Addon\\Hub\\Config::set('upload_requests_per_second', '100000');",
		]);
		$this->pass = Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'-r',
			"require 'include/cli_startup.php'; cli_startup(); load_hooks(); echo FileSync\\Addon\\Door\\Key::make(1, 'pass');",
		])[0];
		$about = $this->ask('GET', '');
		$this->ask('GET', '/rows/posts?after=999999999');
		$idle = $this->kilobytes('VmRSS');
		file_put_contents('/proc/' . self::$fpm->worker() . '/clear_refs', '5');
		$counts = [];
		foreach (array_keys($about['kinds']) as $kind) {
			$counts[$kind] = $this->read($kind);
		}
		$this->assertSame($about['kinds'], $counts);
		$most = $this->kilobytes('VmHWM') - $idle;
		fwrite(
			STDERR,
			"{$counts['posts']} posts, {$counts['connections']} connections: at most $most KiB above idle ($idle KiB)\n",
		);
		$this->assertLessThanOrEqual(self::MOST_KILOBYTES, $most);
	}

	/** Reads all rows of a kind; returns how many there are. */
	private function read(string $kind): int
	{
		$count = 0;
		for ($after = 0; $after !== null;) {
			$page = $this->ask('GET', "/rows/$kind?after=$after");
			$after = $page['after'];
			foreach (array_chunk(array_column($page['rows'], 'id'), 200) as $ids) {
				while ($ids) {
					$answer = $this->ask('POST', "/rows/$kind", json_encode(['ids' => $ids]));
					$count += count($answer['rows']);
					$ids = $answer['left'];
				}
			}
		}

		return $count;
	}

	private function ask(string $method, string $path, string $body = ''): array
	{
		$answer = self::$fpm->ask(
			$method,
			"/filesync/v1/channel$path",
			['Filesync-Key' => $this->pass] + ($body === '' ? [] : ['Content-Type' => 'application/json']),
			$body,
		);
		$this->assertSame(200, $answer['status'], substr($answer['body'], 0, 500));

		return json_decode($answer['body'], true);
	}

	private function kilobytes(string $of): int
	{
		preg_match("/^$of:\s+(\d+)/m", (string) file_get_contents('/proc/' . self::$fpm->worker() . '/status'), $found);

		return (int) $found[1];
	}
}
