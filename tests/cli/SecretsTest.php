<?php

require_once __DIR__ . '/Backups.php';

use Cli\Backups;
use Cli\Hub;
use PHPUnit\Framework\TestCase;

/**
 * Nothing that opens a channel is left anywhere by backups and a restore: not in the arguments and environment of any
 * process meanwhile, nor in logs, tables, sets, staged files and what the command says; and no core dump is made.
 *
 * Environment COMMAND names the command, EXTENSION the extension.
 */
final class SecretsTest extends TestCase
{
	use Backups;

	private const PASSWORD = 'geheim&ß 42';
	private const SECRET = 'zxcvbnmasdfghjkl1234567890qwerty';
	private static string $said = '';

	public static function setUpBeforeClass(): void
	{
		self::beginAtDoor(sys_get_temp_dir() . '/filesync-secrets-' . getmypid());
		$stock = new Hub(self::$pair, 'a');
		$stock->fill();
		$stock->giveApp('filesync-test', self::SECRET);
		$password = var_export(self::PASSWORD, true);
		$stock->run("set_pconfig(\$channel['channel_id'], 'testhub', 'password', $password);");
		self::$channel->make('large', 1, 8 << 20);
		self::$pair->serve('a');
		self::$pair->serve('b');
		// Digests are computed of bytes that did not change for two seconds.
		sleep(3);
	}

	public function test_no_secret_is_left_anywhere(): void
	{
		$folder = self::$pair->folder;
		$watcher = proc_open(
			[PHP_BINARY, __DIR__ . '/processes.php', self::program(), $folder],
			[['pipe', 'r'], ['file', "$folder.processes", 'w'], ['file', '/dev/null', 'a']],
			$pipes,
		);
		// Of a stock hub, with a password and with an app key.
		$from = self::$pair->urls['a'] . '/channel/alice';
		$password = ['--password-file', self::file('password', self::PASSWORD . "\n")];
		$this->say(1, 'backup', $from, '--to', "$folder/set-a", ...$password);
		$key = self::file('secret', self::SECRET . "\n");
		$this->say(0, 'login', $from, '--app', 'filesync-test', '--secret-file', $key);
		$this->say(1, 'backup', $from, '--to', "$folder/set-b");
		$this->say(
			1,
			'backup',
			$from,
			'--to',
			"$folder/set-c",
			'--password-command',
			'cat ' . self::$home . '/password',
		);
		// Of one with filesync, and back to it.
		$keys = array_map(
			fn (string $kind): string => self::$channel->run("echo FileSync\\Addon\\Door\\Key::make(1, '$kind');"),
			['backup', 'restore', 'restore'],
		);
		$this->say(0, 'login', self::url(), '--key-file', self::file('key', "$keys[0]\n"));
		$this->say(1, 'backup', self::url(), '--to', "$folder/set-d");
		$restore = ['restore', "$folder/set-d", '--to', self::url(), '--without', self::$pair->urls['a'], '--trust'];
		foreach ([1, 2] as $n) {
			self::file('key', "$keys[$n]\n");
			// The first one is killed on its way, and its bytes stay staged.
			self::$pair->execute('b', "DELETE FROM attach WHERE uid = 1 AND hash LIKE 'large%'");
			$process = self::start("$folder/log", ...[
				...$restore,
				'--key-file',
				self::$home . '/key',
				'--limit',
				'2M',
			]);
			$dumps = null;
			$isUnderWay = self::killOnce(function () use ($process, &$dumps): bool {
				$pid = proc_get_status($process)['pid'];
				$limits = (string) @file_get_contents("/proc/$pid/limits");
				if (preg_match('/^Max core file size\s+(\S+)\s+(\S+)/m', $limits, $found)) {
					$dumps = [$found[1], $found[2]];
				}

				return (glob(self::$pair->hub('b') . '/store/[[]data[]]/filesync/1/upload/*/partial/*') ?: []) !== [];
			}, $process);
			$this->assertTrue($isUnderWay);
			$this->assertSame(['0', '0'], $dumps, 'a crash leaves no core dump');
			self::$said .= (string) file_get_contents("$folder/log");
			$this->assertNowhere($keys);
			$this->say(null, 'status');
			$this->say(null, 'cancel', self::url());
		}
		$this->say(0, 'logout', self::url());
		$this->say(0, 'logout', $from);
		fclose($pipes[0]);
		proc_close($watcher);
		array_map(fn (string $name) => unlink(self::$home . "/$name"), ['password', 'secret', 'key']);
		$this->assertNowhere($keys);
		$seen = (string) file_get_contents("$folder.processes");
		unlink("$folder.processes");
		$this->assertStringContainsString('restore', $seen);
		$this->assertNoneIn($seen, $keys, 'arguments or environment of a process');
	}

	private function say(?int $expected, string ...$words): void
	{
		[$code, , $text] = self::command(...$words);
		$expected === null || $this->assertSame($expected, $code, $text);
		self::$said .= $text;
	}

	/**
	 * @param list<string> $keys
	 *
	 * @return list<string> What must be nowhere.
	 */
	private function secrets(array $keys): array
	{
		$stock = self::$pair->hub('a');
		$tokens = json_decode(
			(new Hub(self::$pair, 'a'))->run("echo json_encode(get_config('testhub', 'tokens'));"),
			true,
		);
		$sessions = array_filter(explode("\n", (string) file_get_contents("$stock/sessions.issued")));
		$this->assertNotEmpty($tokens);
		$this->assertNotEmpty($sessions);

		return [
			self::PASSWORD,
			self::SECRET,
			base64_encode('alice:' . self::PASSWORD),
			base64_encode('filesync-test:' . self::SECRET),
			...array_map(strval(...), array_keys($tokens)),
			...array_values($sessions),
			...array_map(fn (string $key): string => substr($key, -64), $keys),
		];
	}

	/** @param list<string> $keys */
	private function assertNowhere(array $keys): void
	{
		$folder = self::$pair->folder;
		// What is of the imitation of a hub, or for the owner alone: keys under way and of log-ins.
		$but = ['sessions', 'sessions.issued', 'login.toml', 'restores.toml', 'password', 'secret', 'key'];
		$this->assertSame(
			['0600'],
			array_unique(array_map(
				fn (string $path): string => sprintf('%04o', fileperms($path) & 0777),
				glob(self::$home . '/.config/filesync/*') ?: [],
			)) ?: ['0600'],
		);
		$rows = [];
		foreach (['a', 'b'] as $name) {
			foreach (self::$pair->tables($name) as $table) {
				array_push($rows, ...self::$pair->rows($name, "SELECT * FROM $table"));
			}
		}
		$rows = array_filter($rows, fn (array $row): bool => ($row['cat'] ?? '') !== 'testhub');
		$this->assertGreaterThan(200, count($rows));
		$this->assertNoneIn(var_export($rows, true) . self::$said, $keys, 'tables, or what was said');
		$command = [
			'grep',
			'-rlaF',
			...array_map(fn (string $name): string => "--exclude=$name", [...$but, '*.sqlite*']),
			'--exclude-dir=sessions',
			'-f',
			'-',
			$folder,
		];
		$grep = proc_open($command, [['pipe', 'r'], ['pipe', 'w']], $pipes);
		fwrite($pipes[0], implode("\n", $this->secrets($keys)) . "\n");
		fclose($pipes[0]);
		$this->assertSame('', stream_get_contents($pipes[1]));
		$this->assertSame(1, proc_close($grep));
	}

	/**
	 * The text is not shown: it may hold what it should not.
	 *
	 * @param list<string> $keys
	 */
	private function assertNoneIn(string $text, array $keys, string $where): void
	{
		foreach ($this->secrets($keys) as $n => $secret) {
			$this->assertFalse(str_contains($text, $secret), "secret $n: $where");
		}
	}
}
