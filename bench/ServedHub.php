<?php

declare(strict_types=1);

require_once __DIR__ . '/batch.php';

/** A test hub with one channel's files, behind nginx and PHP-FPM as a hub is. */
final class ServedHub
{
	public const PASSWORD = 'bench';
	public const APP = 'filesync-bench';
	public const SECRET = 'zxcvbnmasdfghjkl1234567890qwerty';
	private const WORKERS = 4;

	public readonly string $url;

	/**
	 * @param list<string> $options Of make-hub.php.
	 * @param int          $ms      So many milliseconds each way are between it and others.
	 */
	public function __construct(private Bench $bench, public readonly string $folder, array $options = [], int $ms = 0)
	{
		$port = Origin::freePort();
		$this->url = "http://127.0.0.1:$port";
		$make = dirname(__DIR__) . '/tests/testhub/bin/make-hub.php';
		$bench->once('make-hub', [PHP_BINARY, $make, $folder, '--url', $this->url, '--nick', 'alice', ...$options]);
		$this->in(
			"set_pconfig(\$channel['channel_id'], 'testhub', 'password', '"
			. self::PASSWORD
			. "');"
			. "set_config('testhub', 'apps', ['"
			. self::APP
			. "' => ['secret' => '"
			. self::SECRET
			. "', 'uid' => \$channel['channel_id']]]);",
		);
		$own = $ms === 0 ? $port : Origin::freePort();
		$this->serve($own);
		if ($ms > 0) {
			wire($port, $own, $ms);
		}
	}

	/** Gives the channel files of random bytes. */
	public function fill(int $files, int $bytes): void
	{
		$fill = __DIR__ . '/worker/set-fill.php';
		$this->bench->once('set-fill', [PHP_BINARY, $fill, $this->folder, 'fill', (string) $files, (string) $bytes]);
	}

	/** Runs code in the hub; returns what it prints. */
	public function in(string $code): string
	{
		$start = 'require "include/cli_startup.php"; cli_startup(); $channel = channelx_by_nick("alice"); ';

		return $this->bench->once('php', [self::bin(), $this->folder, PHP_BINARY, '-r', $start . $code]);
	}

	/** Runs a command of the hub. */
	public function command(string ...$words): string
	{
		return $this->bench->once($words[0], [self::bin(), $this->folder, PHP_BINARY, ...$words]);
	}

	/** Runs a command of the hub, however it ends. */
	public function run(string ...$words): void
	{
		$command = implode(' ', array_map(escapeshellarg(...), [self::bin(), $this->folder, PHP_BINARY, ...$words]));
		exec("$command >>" . escapeshellarg("$this->folder/command.log") . ' 2>&1');
	}

	/** Starts a command of the hub, and goes on. */
	public function start(string ...$words): void
	{
		$log = ['file', "$this->folder/command.log", 'a'];
		$command = [self::bin(), $this->folder, PHP_BINARY, ...$words];
		$process = proc_open($command, [['file', '/dev/null', 'r'], $log, $log], $pipes);
		register_shutdown_function(fn () => proc_terminate($process));
	}

	/** @return list<array<string, mixed>> Rows of the hub. */
	public function rows(string $sql): array
	{
		return (new PDO("sqlite:$this->folder/hub.sqlite"))->query($sql)
			->fetchAll(PDO::FETCH_ASSOC);
	}

	/**
	 * Returns its files, each with the names of its folders and its own.
	 *
	 * @return list<array{hash: string, size: int, edited: string, path: list<string>}>
	 */
	public function files(): array
	{
		$rows = $this->rows('SELECT hash, filesize, edited, display_path FROM attach WHERE is_dir = 0 ORDER BY id');

		return array_map(fn ($row) => [
			'hash' => $row['hash'],
			'size' => (int) $row['filesize'],
			'edited' => $row['edited'],
			'path' => explode('/', $row['display_path']),
		], $rows);
	}

	/**
	 * Returns the command that reads each file by WebDAV into a folder: one after the other over one connection,
	 * neither checked nor synced.
	 *
	 * @return list<string>
	 */
	public function readByCurl(string $target): array
	{
		$list = "$this->folder/curl.list";
		file_put_contents($list, implode('', array_map(
			fn ($file) => (
				"url = \"$this->url/dav/alice/"
				. implode('/', array_map(rawurlencode(...), $file['path']))
				. "\"\noutput = \"$target/{$file['hash']}\"\n"
			),
			$this->files(),
		)));

		return ['curl', '-sSf', '-u', 'alice:' . self::PASSWORD, '-K', $list];
	}

	/** Returns how many requests it was sent so far. */
	public function requests(): int
	{
		return (int) exec('wc -l <' . escapeshellarg("$this->folder/access.log"));
	}

	private static function bin(): string
	{
		return dirname(__DIR__) . '/tests/testhub/bin/in-hub';
	}

	private function serve(int $port): void
	{
		$isRoot = posix_getuid() === 0;
		$user = posix_getpwuid(posix_geteuid())['name'];
		file_put_contents("$this->folder/fpm.conf", implode("\n", [
			'[global]',
			"error_log = $this->folder/fpm.log",
			'daemonize = no',
			'[hub]',
			"listen = $this->folder/fpm.sock",
			...($isRoot ? ["user = $user", "group = $user"] : []),
			'pm = static',
			'pm.max_children = ' . self::WORKERS,
			'clear_env = no',
			'',
		]));
		$fpm = 'php-fpm' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
		$log = ['file', "$this->folder/fpm.log", 'a'];
		$process = proc_open(
			[self::bin(), $this->folder, $fpm, '-y', "$this->folder/fpm.conf", ...($isRoot ? ['-R'] : [])],
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
		);
		register_shutdown_function(fn () => proc_terminate($process));
		for ($tries = 0; ! file_exists("$this->folder/fpm.sock") && $tries < 500; $tries++) {
			usleep(20000);
		}
		$room = "$this->folder/nginx";
		mkdir($room);
		file_put_contents("$room/nginx.conf", $this->configuration($room, $port, $isRoot));
		// Its folder may be gone when it is ended.
		$nginx = proc_open(
			['nginx', '-p', $room, '-c', "$room/nginx.conf", '-g', 'daemon off;'],
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
		);
		register_shutdown_function(fn () => proc_terminate($nginx));
		for ($tries = 0; ! @fsockopen('127.0.0.1', $port) && $tries < 500; $tries++) {
			usleep(20000);
		}
	}

	private function configuration(string $room, int $port, bool $isRoot): string
	{
		$user = $isRoot ? 'user root;' : '';
		$parameters = '';
		foreach ([
			'SCRIPT_FILENAME' => "$this->folder/index.php",
			'SCRIPT_NAME' => '/index.php',
			'REQUEST_METHOD' => '$request_method',
			'REQUEST_URI' => '$request_uri',
			'QUERY_STRING' => '$query_string',
			'CONTENT_TYPE' => '$content_type',
			'CONTENT_LENGTH' => '$content_length',
			'SERVER_PROTOCOL' => '$server_protocol',
			'REMOTE_ADDR' => '$remote_addr',
			'HTTP_HOST' => '$http_host',
		] as $name => $value) {
			$parameters .= "fastcgi_param $name $value;\n";
		}

		return <<<CONF
			$user
			worker_processes 1;
			pid $room/nginx.pid;
			error_log $room/error.log;
			events { worker_connections 256; }
			http {
				access_log off;
				keepalive_requests 100000;
				client_max_body_size 20m;
				client_body_temp_path $room/body;
				fastcgi_temp_path $room/fastcgi;
				server {
					listen 127.0.0.1:$port;
					location / {
						$parameters
						fastcgi_pass unix:$this->folder/fpm.sock;
					}
				}
			}
			CONF;
	}
}
