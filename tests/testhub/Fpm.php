<?php

namespace TestHub;

require_once __DIR__ . '/Pair.php';

/** One worker of PHP-FPM that serves a hub and is never replaced, and what a web server sends it. */
final class Fpm
{
	private const BEGIN = 1;
	private const END = 3;
	private const PARAMS = 4;
	private const STDIN = 5;
	private const STDOUT = 6;
	private const RESPONDER = 1;

	/** @var resource */
	private $process;
	private string $socket;

	/**
	 * Starts it and waits until it listens.
	 *
	 * @param string                $hub      The hub's folder.
	 * @param string                $url      The hub's URL, which is not served otherwise.
	 * @param array<string, string> $settings Of PHP.
	 */
	public function __construct(
		private readonly string $hub,
		private readonly string $url,
		array $settings = [],
	) {
		$this->socket = "$hub/fpm.sock";
		$user = posix_getpwuid(posix_geteuid())['name'];
		$group = posix_getgrgid(posix_getegid())['name'];
		file_put_contents("$hub/fpm.conf", implode("\n", [
			'[global]',
			"error_log = $hub/fpm.log",
			'daemonize = no',
			'[hub]',
			"listen = $this->socket",
			...(posix_geteuid() === 0 ? ["user = $user", "group = $group"] : []),
			'pm = static',
			// TESTHUB_VERSION and others that the hub asks for.
			'clear_env = no',
			'pm.max_children = 1',
			'pm.max_requests = 0',
			'',
		]));
		$version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
		$command = [__DIR__ . '/bin/in-hub', $hub, self::program($version), '-y', "$hub/fpm.conf"];
		foreach ($settings as $name => $value) {
			array_push($command, '-d', "$name=$value");
		}
		$log = ['file', "$hub/fpm.log", 'a'];
		$this->process = proc_open(
			posix_geteuid() === 0 ? [...$command, '-R'] : $command,
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
		);
		for ($end = microtime(true) + Pair::PATIENCE; ! file_exists($this->socket) || $this->worker() === null;) {
			if (microtime(true) > $end || ! proc_get_status($this->process)['running']) {
				throw new \RuntimeException('PHP-FPM does not start: ' . file_get_contents("$hub/fpm.log"));
			}
			usleep(20000);
		}
	}

	/** Ends it. */
	public function stop(): void
	{
		proc_terminate($this->process);
		proc_close($this->process);
		@unlink($this->socket);
	}

	/** Returns the process that answers. */
	public function worker(): ?int
	{
		$pid = proc_get_status($this->process)['pid'];
		$children = trim((string) @file_get_contents("/proc/$pid/task/$pid/children"));

		return $children === '' ? null : (int) $children;
	}

	/**
	 * Asks as a browser or another hub does.
	 *
	 * @param array<string, string> $headers
	 *
	 * @return array{status: int, headers: array<string, string>, body: string}
	 */
	public function ask(
		string $method,
		string $path,
		array $headers = [],
		string $body = '',
		string $script = 'index.php',
	): array {
		$values = [
			'SCRIPT_FILENAME' => "$this->hub/$script",
			'SCRIPT_NAME' => "/$script",
			'REQUEST_METHOD' => $method,
			'REQUEST_URI' => $path,
			'QUERY_STRING' => (string) parse_url($path, PHP_URL_QUERY),
			'SERVER_PROTOCOL' => 'HTTP/1.1',
			'REMOTE_ADDR' => '127.0.0.1',
			'HTTP_HOST' => substr((string) strstr($this->url, '//'), 2),
			'CONTENT_TYPE' => $headers['Content-Type'] ?? '',
			'CONTENT_LENGTH' => $headers['Content-Length'] ?? (string) strlen($body),
		];
		foreach ($headers as $name => $value) {
			$values['HTTP_' . strtr(strtoupper($name), '-', '_')] = $value;
		}
		$packed = '';
		foreach ($values as $name => $value) {
			$packed .= pack('NN', strlen($name) | 0x80000000, strlen($value) | 0x80000000) . $name . $value;
		}
		$socket = stream_socket_client("unix://$this->socket");
		stream_set_timeout($socket, Pair::PATIENCE);
		$sent =
			self::record(self::BEGIN, pack('nCx5', self::RESPONDER, 0))
			. self::records(self::PARAMS, $packed)
			. self::records(self::STDIN, $body);
		for ($at = 0; $at < strlen($sent); $at += $count) {
			$count = (int) fwrite($socket, substr($sent, $at, 65536));
		}
		$answer = '';
		do {
			$head = unpack('Cversion/Ctype/nid/nlength/Cpadding', (string) stream_get_contents($socket, 8));
			if (! $head) {
				throw new \RuntimeException(
					"$method $path is not answered: " . file_get_contents("$this->hub/fpm.log"),
				);
			}
			$content = $head['length'] ? stream_get_contents($socket, $head['length']) : '';
			$head['padding'] && stream_get_contents($socket, $head['padding']);
			$head['type'] === self::STDOUT && ($answer .= $content);
		} while ($head['type'] !== self::END);
		// Until the worker has closed the connection too.
		stream_get_contents($socket);
		[$lines, $text] = explode("\r\n\r\n", $answer, 2) + [1 => ''];
		$found = [];
		foreach (explode("\r\n", $lines) as $line) {
			[$name, $value] = explode(': ', $line, 2) + [1 => ''];
			$found[strtolower($name)] = $value;
		}

		return ['status' => (int) ($found['status'] ?? 200), 'headers' => $found, 'body' => $text];
	}

	/** Returns the path of PHP-FPM. */
	public static function program(string $version): string
	{
		foreach (["/usr/sbin/php-fpm$version", dirname(PHP_BINARY, 2) . '/sbin/php-fpm'] as $path) {
			if (is_executable($path)) {
				return $path;
			}
		}
		throw new \RuntimeException("PHP-FPM $version is missing");
	}

	private static function record(int $type, string $content): string
	{
		return pack('CCnnCx', 1, $type, 1, strlen($content), 0) . $content;
	}

	private static function records(int $type, string $bytes): string
	{
		return (
			implode('', array_map(
				fn ($piece) => self::record($type, $piece),
				$bytes === '' ? [] : str_split($bytes, 32768),
			)) . self::record($type, '')
		);
	}
}
