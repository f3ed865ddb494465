<?php

require_once __DIR__ . '/Restores.php';
require_once __DIR__ . '/../testhub/Front.php';

use Cli\Restores;
use PHPUnit\Framework\TestCase;
use TestHub\Front;

/**
 * Restores to and backups of a hub that is not left in peace: its PHP-FPM is reloaded every two seconds, its processes
 * are killed, it is killed whole and comes up again after a reboot. Each goes on to its end, and all is equal.
 *
 * Environment COMMAND names the command, EXTENSION the extension. nginx and PHP-FPM are needed.
 */
final class UnrestTest extends TestCase
{
	use Restores;

	private const SIZE = 24 << 20;
	private static Front $front;
	private static string $back;

	public static function setUpBeforeClass(): void
	{
		self::begin(sys_get_temp_dir() . '/filesync-unrest-' . getmypid(), ['large' => [1, self::SIZE]]);
		self::$way->stop();
		self::$back = self::$door->pair->folder . '/back';
		self::$door->pair->cut('b');
		self::$front = Front::nginx(
			self::$door->hub,
			self::$door->pair->urls['b'],
			['sys_temp_dir' => self::temporary()],
			['fastcgi_request_buffering off;'],
		);
	}

	public static function tearDownAfterClass(): void
	{
		self::$front->stop();
		self::$door->close();
	}

	protected function setUp(): void
	{
		$this->cron();
		self::startOver();
	}

	/** The address of the channel; nothing stands on the way. */
	private static function url(): string
	{
		return self::$door->pair->urls['b'] . '/channel/alice';
	}

	/** Where the hub's PHP puts bodies. */
	private static function temporary(): string
	{
		$folder = self::$door->pair->folder . '/php';
		is_dir($folder) || mkdir($folder);

		return $folder;
	}

	public function test_php_fpm_is_reloaded_every_two_seconds(): void
	{
		$this->bothGoOn(fn () => self::$front->reload(), 2, 1);
	}

	public function test_the_hub_is_killed_and_comes_up_after_a_reboot(): void
	{
		$this->bothGoOn(fn () => self::$front->reboot(self::afterReboot()), 3, 2);
	}

	public function test_the_owner_s_computer_is_switched_off_and_comes_up(): void
	{
		$words = self::restoring('', '--key-file', self::$home . '/key');
		$process = self::start(self::$home . '/log', ...[...$words, '--limit', '3M']);
		$this->assertTrue(self::killOnce(fn () => self::arrived() > (8 << 20), $process));
		[$code, $text] = $this->whileCronRuns(self::afterReboot(), ...self::restoring());
		$this->assertSame(0, $code, $text);
		$this->assertEqual();

		$this->useBackupKey();
		$process = self::start(self::$home . '/log', 'backup', self::url(), '--to', self::$back, '--limit', '3M');
		$isLong = fn () => max([0, ...array_map(filesize(...), glob(self::$back . '/.partial/work/*.partial') ?: [])])
		> (8 << 20);
		$this->assertTrue(self::killOnce(function () use ($isLong): bool {
			clearstatcache();

			return $isLong();
		}, $process));
		[$code, $text] = $this->whileCronRuns(self::afterReboot(), 'backup', self::url(), '--to', self::$back);
		$this->assertSame(0, $code, $text);
		$this->assertBackIsEqual();
	}

	public function test_the_copy_of_a_body_that_a_killed_worker_leaves_is_taken_away(): void
	{
		$key = self::$door->makeKey();
		$session = self::$door->begin();
		$bytes = random_bytes(4 << 20);
		$upload = self::$door->create($session, $bytes);
		$stranger = self::temporary() . '/phpAbCdEf';
		file_put_contents($stranger, 'of another program');
		$parts = parse_url($upload);
		$socket = stream_socket_client("tcp://{$parts['host']}:{$parts['port']}");
		fwrite($socket, implode("\r\n", [
			"PATCH {$parts['path']} HTTP/1.1",
			"Host: {$parts['host']}:{$parts['port']}",
			"Filesync-Key: $key",
			'Tus-Resumable: 1.0.0',
			'Content-Type: application/offset+octet-stream',
			'Upload-Offset: 0',
			'Content-Length: ' . strlen($bytes),
			'',
			substr($bytes, 0, 3 << 20),
		]));
		// It is killed while it reads.
		$copies = [];
		for ($end = microtime(true) + 60; $copies === [] && microtime(true) < $end; usleep(10000)) {
			foreach (self::$front->workers() as $worker) {
				foreach (glob("/proc/$worker/fd/*") ?: [] as $open) {
					$path = (string) @readlink($open);
					if (dirname($path) === self::temporary()) {
						$copies[$path] = $worker;
					}
				}
			}
		}
		$this->assertCount(1, $copies);
		$copy = array_key_first($copies);
		$notes = fn (): array => glob(self::sessions() . '/body-*') ?: [];
		for ($end = microtime(true) + 60; $notes() === [] && microtime(true) < $end; usleep(10000)) {
		}
		posix_kill($copies[$copy], SIGKILL);
		fclose($socket);
		$this->assertCount(1, $notes());
		self::$door->inHub('FileSync\Addon\Work\Housekeeping::often();');
		$this->assertFileExists($copy, 'a request may still need it');
		touch($notes()[0], time() - 7200);
		touch($copy, time() - 7200);
		self::$door->inHub('FileSync\Addon\Work\Housekeeping::often();');
		$this->assertFileDoesNotExist($copy);
		$this->assertSame([], $notes());
		$this->assertFileExists($stranger);
		// What was told to be there is, and the rest can be sent.
		$offset = (int) self::$door->offset($upload);
		$this->assertSame(204, self::$door->patch($upload, $offset, substr($bytes, $offset))['status']);
		$this->assertContains(basename($upload), array_map(basename(...), self::$door->onDisk($session)));
	}

	private function bothGoOn(\Closure $disturb, int $after, int $growth): void
	{
		$this->goesOn($disturb, $after, $growth, ...self::restoring('', '--key-file', self::$home . '/key'));
		$this->assertEqual();
		$this->useBackupKey();
		$this->goesOn($disturb, $after, $growth, 'backup', self::url(), '--to', self::$back);
		$this->assertBackIsEqual();
	}

	/**
	 * Disturbs the hub after some seconds, and again each time after so many times as many, until the command has ended
	 * with 0; where it does not, it says that it goes on later.
	 */
	private function goesOn(\Closure $disturb, int $after, int $growth, string ...$words): void
	{
		$log = self::$home . '/log';
		$count = 0;
		$end = microtime(true) + 240;
		for ($run = 0; $run < 10; $run++) {
			@unlink($log);
			// Slow enough to be disturbed, and at last not any more.
			$process = self::start($log, ...$words, ...['--limit', $run < 5 ? '3M' : '1G']);
			$next = microtime(true) + $after;
			while (($status = proc_get_status($process))['running']) {
				microtime(true) < $end || proc_terminate($process, SIGKILL);
				if (microtime(true) > $next && $run < 5) {
					$disturb();
					// What ended with the hub's processes, cron begins again.
					$this->cron();
					$count++;
					$after *= $growth;
					$next = microtime(true) + $after;
				}
				usleep(20000);
			}
			proc_close($process);
			$text = (string) file_get_contents($log);
			$this->assertContains($status['exitcode'], [0, 75], $text);
			if ($status['exitcode'] === 0) {
				break;
			}
			$this->assertStringContainsString('"error":"hub_unreachable"', $text);
			$this->cron();
		}
		$this->assertSame(0, $status['exitcode'], $text);
		$this->assertGreaterThan(1, $count);
	}

	/**
	 * @param list<string> $by What begins the command.
	 *
	 * @return array{int, string} Exit code, and what was said.
	 */
	private function whileCronRuns(array $by, string ...$words): array
	{
		$said = ['file', self::$home . '/log', 'w'];
		$process = self::open($by, [['file', '/dev/null', 'r'], $said, $said], $pipes, ...$words, ...['--json']);
		$end = microtime(true) + 240;
		while (($status = proc_get_status($process))['running']) {
			microtime(true) < $end || proc_terminate($process, SIGKILL);
			$this->cron();
			sleep(1);
		}
		proc_close($process);

		return [$status['exitcode'], (string) file_get_contents(self::$home . '/log')];
	}

	/** Does what cron does once the leases of processes that are gone have ended. */
	private function cron(): void
	{
		self::$door->pair->execute('b', 'UPDATE filesync_transfer SET lease_until = 0');
		self::$door->pair->execute('b', 'UPDATE filesync_lease SET expires = 0');
		$inHub = [__DIR__ . '/../testhub/bin/in-hub', self::$door->hub, PHP_BINARY];
		TestHub\Pair::run([...$inHub, __DIR__ . '/../testhub/bin/cron.php', self::$door->hub]);
	}

	/** What begins a process as after a reboot: the kernel says another boot id. */
	private static function afterReboot(): array
	{
		if (posix_geteuid() !== 0) {
			return [];
		}
		$id = self::file('boot-id', implode('-', str_split(bin2hex(random_bytes(16)), 8)) . "\n");

		return ['unshare', '-m', 'sh', '-c', "mount --bind $id /proc/sys/kernel/random/boot_id && exec \"\$@\"", 'sh'];
	}

	/** The folder of each session, as glob has it. */
	private static function sessions(): string
	{
		return self::$door->hub . '/store/[[]data[]]/filesync/1/upload/*';
	}

	/** How much of the largest file is on the hub and not whole. */
	private static function arrived(): int
	{
		clearstatcache();

		return max([0, ...array_map(filesize(...), glob(self::sessions() . '/partial/*') ?: [])]);
	}

	private function useBackupKey(): void
	{
		TestHub\Pair::run(['rm', '-rf', self::$back]);
		$key = self::$door->makeKey(1, 'backup');
		self::succeed('login', self::url(), '--key-file', self::file('backup-key', "$key\n"));
	}

	private function assertBackIsEqual(): void
	{
		$set = escapeshellarg(self::$back);
		exec("cd $set && sha256sum --check --strict --quiet manifest-sha256.txt", $output, $status);
		$this->assertSame([0, []], [$status, $output]);
		$files = [];
		foreach (glob(self::$back . '/data/metadata/*/*.json') ?: [] as $path) {
			$metadata = json_decode((string) file_get_contents($path), true);
			foreach ($metadata['parts'] ?? [] as $part) {
				if ($part['role'] === 'original') {
					$files[$metadata['hash']] = $part['sha256'];
				}
			}
		}
		ksort($files);
		$this->assertSame(array_map(fn (array $file) => $file[1], self::$files), $files);
	}
}
