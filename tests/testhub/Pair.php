<?php

namespace TestHub;

require_once __DIR__ . '/core/TestHub/Maker.php';
require_once __DIR__ . '/core/TestHub/Databases.php';
require_once __DIR__ . '/core/TestHub/Faults.php';

/**
 * Two hubs on loopback with a channel cloned on both, as tests and the demo drive them: all in processes of their own.
 */
final class Pair
{
	/** Seconds to wait for what must come, however slow the machine is; only what is broken takes so long. */
	const PATIENCE = 300;

	/** @var string folder that holds both hubs */
	public $folder;

	/** @var string[] URLs by name, `a` and `b` */
	public $urls = [];

	/** @var string[] nicks by name */
	public $nicks;

	private $servers = [];

	/**
	 * Makes the hubs; they are not served yet.
	 *
	 * @param array{
	 *     addon?: string,
	 *     extension?: string,
	 *     both?: bool,
	 *     nicks?: array<string, string>,
	 *     testhub?: array<string, int>,
	 * } $options `addon` and `extension` are for hub b, with `both` for hub a too; `testhub` is what each imitates, by
	 *     name
	 */
	public function __construct(string $folder, array $options = [])
	{
		$this->folder = $folder;
		$this->nicks = ($options['nicks'] ?? []) + ['a' => 'alice', 'b' => 'alice'];
		foreach (['a', 'b'] as $name) {
			$this->urls[$name] = 'http://127.0.0.1:' . self::freePort();
		}
		$more = [];
		foreach (['addon', 'extension'] as $option) {
			if (! empty($options[$option])) {
				array_push($more, '--' . $option, $options[$option]);
			}
		}
		$imitating = fn ($name) => isset($options['testhub'][$name]) ? ['--testhub', $options['testhub'][$name]] : [];
		$this->make('a', [...$imitating('a'), ...(empty($options['both']) ? [] : $more)]);
		$this->make('b', ['--clone-of', $this->hub('a'), ...$imitating('b'), ...$more]);
		foreach (empty($options['addon']) ? [] : (empty($options['both']) ? ['b'] : ['a', 'b']) as $name) {
			$this->addon($name, 'install');
		}
	}

	/** Installs or uninstalls the addon on a hub, as its admin does. */
	public function addon(string $name, string $verb): void
	{
		self::run([__DIR__ . '/bin/in-hub', $this->hub($name), PHP_BINARY, 'util/addons', $verb, 'filesync']);
	}

	/** Runs the addon's command on a hub and returns what it prints. */
	public function command(string $name, string ...$words): string
	{
		return implode("\n", self::run(array_merge([
			__DIR__ . '/bin/in-hub',
			$this->hub($name),
			PHP_BINARY,
			'addon/filesync/cli.php',
		], $words), false));
	}

	/** Returns the folder of hub `a` or `b`. */
	public function hub(string $name): string
	{
		return $this->folder . '/' . $name;
	}

	/** Starts the web server of a hub and waits until it answers. */
	public function serve(string $name): void
	{
		// Whoever counts requests may be before the first.
		touch($this->hub($name) . '/access.log');
		$log = ['file', '/dev/null', 'a'];
		$this->servers[$name] = proc_open(
			[__DIR__ . '/bin/serve', $this->hub($name)],
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
		);
		for (
			$end = microtime(true) + self::PATIENCE;
			microtime(true) < $end && proc_get_status($this->servers[$name])['running'];
		) {
			$socket = @fsockopen('127.0.0.1', parse_url($this->urls[$name], PHP_URL_PORT), $code, $message, 1);
			if ($socket) {
				fclose($socket);
				return;
			}
			usleep(20000);
		}
		throw new \RuntimeException('the web server of hub ' . $name . ' does not start');
	}

	/** Kills the web server of a hub at once, open connections and all; returns once nothing listens there. */
	public function cut(string $name): void
	{
		if (isset($this->servers[$name])) {
			posix_kill(-proc_get_status($this->servers[$name])['pid'], SIGKILL);
			proc_close($this->servers[$name]);
			unset($this->servers[$name]);
			// Its workers may live a moment longer, and a server that is started then finds its port taken.
			$port = parse_url($this->urls[$name], PHP_URL_PORT);
			for (
				$end = microtime(true) + self::PATIENCE;
				microtime(true) < $end && ($socket = @fsockopen('127.0.0.1', $port, $code, $message, 1));
				usleep(10000)
			) {
				fclose($socket);
			}
		}
	}

	/** Ends both web servers and every worker that still runs in a hub of this pair. */
	public function stop(): void
	{
		array_map([$this, 'cut'], array_keys($this->servers));
		foreach (['a', 'b'] as $name) {
			foreach (self::processesIn($this->hub($name)) as $pid) {
				posix_kill($pid, SIGKILL);
			}
			Databases::remove(realpath($this->hub($name)));
		}
	}

	/** Uploads files on a hub, as its owner does, and returns what the hub says: file, hash, display_path. */
	public function upload(string $name, string $folder, array $files): array
	{
		$lines = self::run(array_merge([
			__DIR__ . '/bin/in-hub',
			$this->hub($name),
			PHP_BINARY,
			__DIR__ . '/bin/upload.php',
			$this->hub($name),
			$this->nicks[$name],
			$folder,
		], $files));
		return array_map(function ($line) {
			return json_decode($line, true);
		}, $lines);
	}

	/** Puts faults in force on a hub; an empty list ends all. */
	public function faults(string $name, array $rules): void
	{
		Faults::write($this->hub($name), $rules);
	}

	/**
	 * Says whether a hub still works at something: jobs waiting or being done, packets on their way, a worker that has
	 * yet to say what its last job changed.
	 */
	public function isBusy(string $name): bool
	{
		return (
			$this->rows($name, 'SELECT workerq_id FROM workerq')
			|| $this->rows(
				$name,
				"SELECT outq_hash FROM outq WHERE outq_scheduled <= '" . gmdate('Y-m-d H:i:s', time() + 60) . "'",
			)
			|| self::processesIn($this->hub($name), 'Zotlabs/Daemon/')
		);
	}

	/** Reads from a hub's database. */
	public function rows(string $name, string $sql): array
	{
		return array_map(
			function ($row) {
				return array_map([Databases::class, 'bytes'], $row);
			},
			$this->database($name)
				->query($sql)
				->fetchAll(\PDO::FETCH_ASSOC),
		);
	}

	/** Changes a hub's database behind its back. */
	public function execute(string $name, string $sql): void
	{
		$this->database($name)->exec($sql);
	}

	/** Returns the tables of a hub. */
	public function tables(string $name): array
	{
		return Databases::tables($this->database($name), $this->dsn($name));
	}

	private function database(string $name): \PDO
	{
		return Databases::connect($this->dsn($name));
	}

	private function dsn(string $name): string
	{
		return json_decode(file_get_contents($this->hub($name) . '/hub.json'), true)['database'];
	}

	/** Returns what a hub noted of each request. */
	public function accesses(string $name): array
	{
		return array_map(function ($line) {
			return json_decode($line, true);
		}, file($this->hub($name) . '/access.log'));
	}

	/** Waits until neither hub is busy. */
	public function settle(): void
	{
		for ($end = microtime(true) + self::PATIENCE; microtime(true) < $end; usleep(50000)) {
			if (! $this->isBusy('a') && ! $this->isBusy('b') && ! $this->isBusy('a')) {
				return;
			}
		}
		throw new \RuntimeException('the hubs do not come to rest');
	}

	/** Waits until something is so; throws with what each hub with filesync misses and logged last if it never is. */
	public function until(callable $isSo): void
	{
		for ($end = microtime(true) + self::PATIENCE; microtime(true) < $end; usleep(50000)) {
			clearstatcache();
			if ($isSo()) {
				return;
			}
		}
		$words = 'not within ' . self::PATIENCE . ' seconds';
		foreach (array_filter(['a', 'b'], fn ($name) => is_dir($this->hub($name) . '/addon/filesync')) as $name) {
			$words .=
				"\nhub $name misses:\n"
				. $this->command($name, 'missing')
				. "\nand logged last:\n"
				. implode('', array_slice(@file($this->hub($name) . '/hub.log') ?: [], -5));
		}
		throw new \RuntimeException($words);
	}

	/** Runs a command and returns its lines; throws with its output if it fails. */
	public static function run(array $command, bool $check = true): array
	{
		exec(implode(' ', array_map('escapeshellarg', $command)) . ' 2>&1', $lines, $status);
		if ($check && $status !== 0) {
			throw new \RuntimeException(implode(' ', $command) . " failed:\n" . implode("\n", $lines));
		}
		return $lines;
	}

	private function make(string $name, array $more): void
	{
		self::run(array_merge([
			PHP_BINARY,
			__DIR__ . '/bin/make-hub.php',
			$this->hub($name),
			'--url',
			$this->urls[$name],
			'--nick',
			$this->nicks[$name],
		], $more));
	}

	/** Returns the processes whose working directory is a folder, or those of them whose command line holds a word. */
	private static function processesIn(string $folder, string $word = ''): array
	{
		$folder = realpath($folder);
		return array_filter(array_map('basename', glob('/proc/[0-9]*') ?: []), function ($pid) use ($folder, $word) {
			return (
				$pid != getmypid()
				&& @readlink('/proc/' . $pid . '/cwd') === $folder
				&& ($word === '' || strpos((string) @file_get_contents('/proc/' . $pid . '/cmdline'), $word) !== false)
			);
		});
	}

	/**
	 * Returns a port that nothing listens on and that no connection is given before the server starts: those come from
	 * higher up.
	 */
	private static function freePort(): int
	{
		$lowest = (int) @file_get_contents('/proc/sys/net/ipv4/ip_local_port_range') ?: 32768;
		do {
			$socket = @stream_socket_server(
				'tcp://127.0.0.1:' . ($port = random_int(max(1025, $lowest - 16000), $lowest - 1)),
			);
		} while (! $socket);
		fclose($socket);
		return $port;
	}
}
