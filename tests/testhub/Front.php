<?php

namespace TestHub;

require_once __DIR__ . '/Fpm.php';
require_once __DIR__ . '/Pair.php';

/** What admins put before a hub, at the hub's own address: nginx with PHP-FPM, or Apache with mod_php. */
final class Front
{
	/** @var array<string, resource> Processes by name, each the leader of a group. */
	private array $processes = [];
	private readonly string $address;
	private readonly string $folder;

	/**
	 * Prepares it.
	 *
	 * @param array<string, string> $settings Of PHP.
	 * @param list<string>          $extra    Lines for the web server's configuration.
	 */
	private function __construct(
		private readonly string $hub,
		string $url,
		private readonly array $settings,
		private readonly array $extra,
	) {
		$this->address = substr((string) strstr($url, '//'), 2);
		$this->folder = "$hub.front";
		Pair::run(['mkdir', '-p', "$this->folder/tmp"]);
	}

	/**
	 * Starts nginx and PHP-FPM with four workers.
	 *
	 * @param array<string, string> $settings
	 * @param list<string>          $extra
	 */
	public static function nginx(string $hub, string $url, array $settings = [], array $extra = []): self
	{
		$front = new self($hub, $url, $settings, $extra);
		$front->writeFpm();
		$front->writeNginx();
		$front->start();

		return $front;
	}

	/**
	 * Starts Apache with mod_php.
	 *
	 * @param string                $root     Where Debian's packages apache2-bin and libapache2-mod-php were unpacked.
	 * @param array<string, string> $settings
	 */
	public static function apache(string $root, string $hub, string $url, array $settings = []): self
	{
		$front = new self($hub, $url, $settings, []);
		$front->writeApache($root);
		$front->start();

		return $front;
	}

	/** Tells whether Apache and its PHP are there. */
	public static function hasApache(string $root): bool
	{
		return is_executable("$root/usr/sbin/apache2") && is_file("$root/usr/lib/apache2/modules/" . self::modPhp());
	}

	/**
	 * Starts what was stopped or killed, and waits until it answers.
	 *
	 * @param list<string> $by A command that starts each process.
	 */
	public function start(array $by = []): void
	{
		foreach (glob("$this->folder/*.command") ?: [] as $file) {
			$log = ['file', "$this->folder/log", 'a'];
			$this->processes[basename($file, '.command')] = proc_open(
				[
					'setsid',
					...$by,
					__DIR__ . '/bin/in-hub',
					$this->hub,
					...json_decode((string) file_get_contents($file), true),
				],
				[['file', '/dev/null', 'r'], $log, $log],
				$pipes,
			);
		}
		for ($end = microtime(true) + Pair::PATIENCE; microtime(true) < $end; usleep(20000)) {
			$answer = @file_get_contents("http://$this->address/filesync/v1", false, stream_context_create(['http' => [
				'ignore_errors' => true,
			]]));
			if (str_contains((string) $answer, '"protocol"')) {
				return;
			}
		}
		throw new \RuntimeException('the front does not answer: ' . file_get_contents("$this->folder/log"));
	}

	/** Has PHP-FPM replace its workers at once, as `systemctl reload` does. */
	public function reload(): void
	{
		proc_terminate($this->processes['fpm'], SIGUSR2);
	}

	/** @return list<int> The processes that answer. */
	public function workers(): array
	{
		$pid = proc_get_status($this->processes['fpm'])['pid'];
		$children = trim((string) @file_get_contents("/proc/$pid/task/$pid/children"));

		return $children === '' ? [] : array_map(intval(...), explode(' ', $children));
	}

	/**
	 * Kills all of it and starts it again.
	 *
	 * @param list<string> $by As `start`.
	 */
	public function reboot(array $by = []): void
	{
		$this->kill();
		$this->start($by);
	}

	/** Kills all of it at once, and all that works in the hub. */
	public function kill(): void
	{
		foreach ($this->processes as $process) {
			posix_kill(-proc_get_status($process)['pid'], SIGKILL);
			proc_close($process);
		}
		$this->processes = [];
		@unlink("$this->folder/fpm.sock");
		foreach (glob('/proc/[0-9]*') ?: [] as $process) {
			if (@readlink("$process/cwd") === realpath($this->hub) && basename($process) !== (string) getmypid()) {
				posix_kill((int) basename($process), SIGKILL);
			}
		}
	}

	public function stop(): void
	{
		$this->kill();
		Pair::run(['rm', '-rf', $this->folder]);
	}

	/** @param list<string> $command */
	private function runs(string $name, array $command): void
	{
		file_put_contents("$this->folder/$name.command", json_encode($command));
	}

	private function writeFpm(): void
	{
		$version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
		file_put_contents("$this->folder/fpm.conf", implode("\n", [
			'[global]',
			"error_log = $this->folder/log",
			'daemonize = no',
			'[hub]',
			"listen = $this->folder/fpm.sock",
			...(posix_geteuid() === 0 ? ['user = root', 'group = root'] : []),
			'pm = static',
			'pm.max_children = 4',
			// TESTHUB_VERSION and others that the hub asks for.
			'clear_env = no',
			'',
		]));
		$settings = array_map(fn ($name, $value) => "-d$name=$value", array_keys($this->settings), $this->settings);
		$this->runs('fpm', [
			Fpm::program($version),
			...(posix_geteuid() === 0 ? ['-R'] : []),
			...$settings,
			'-y',
			"$this->folder/fpm.conf",
		]);
	}

	private function writeNginx(): void
	{
		$lines = implode("\n", $this->extra);
		$user = posix_geteuid() === 0 ? 'user root;' : '';
		$temporary = implode("\n", array_map(
			fn ($name) => "{$name}_temp_path $this->folder/tmp/$name;",
			['client_body', 'fastcgi', 'proxy', 'uwsgi', 'scgi'],
		));
		file_put_contents("$this->folder/nginx.conf", <<<NGINX
			$user
			daemon off;
			worker_processes 1;
			pid $this->folder/nginx.pid;
			error_log $this->folder/nginx.log;
			events { worker_connections 256; }
			http {
				access_log off;
				$temporary
				server {
					listen $this->address;
					client_max_body_size 20m;
					$lines
					location / {
						include /etc/nginx/fastcgi_params;
						fastcgi_param SCRIPT_NAME /index.php;
						fastcgi_param SCRIPT_FILENAME $this->hub/index.php;
						fastcgi_pass unix:$this->folder/fpm.sock;
					}
				}
			}
			NGINX);
		$this->runs('nginx', ['/usr/sbin/nginx', '-e', "$this->folder/nginx.log", '-c', "$this->folder/nginx.conf"]);
	}

	private function writeApache(string $root): void
	{
		$load = [];
		foreach (['mpm_prefork', 'authz_core', 'dir', 'mime', 'rewrite', 'env'] as $name) {
			$load[] = "LoadModule {$name}_module $root/usr/lib/apache2/modules/mod_$name.so";
		}
		$load[] = "LoadModule php_module $root/usr/lib/apache2/modules/" . self::modPhp();
		foreach ($this->settings as $name => $value) {
			$load[] = "php_admin_value $name \"$value\"";
		}
		$lines = implode("\n", $load);
		$user = posix_geteuid() === 0 ? "User www-data\nGroup www-data" : '';
		file_put_contents("$this->folder/apache.conf", <<<APACHE
			ServerRoot $this->folder
			ServerName localhost
			PidFile $this->folder/apache.pid
			DefaultRuntimeDir $this->folder
			Mutex file:$this->folder default
			ErrorLog $this->folder/log
			$lines
			$user
			Listen $this->address
			TypesConfig /etc/mime.types
			StartServers 4
			MaxRequestWorkers 8
			DocumentRoot $this->hub
			<FilesMatch "\\.php$">
				SetHandler application/x-httpd-php
			</FilesMatch>
			<Directory $this->hub>
				Require all granted
				CGIPassAuth On
				RewriteEngine On
				RewriteCond %{REQUEST_URI} !^/index\\.php
				RewriteRule ^ index.php [END]
			</Directory>
			APACHE);
		$libraries = implode(':', glob("$root/usr/lib/*-linux-gnu") ?: []);
		$this->runs('apache', [
			'env',
			"LD_LIBRARY_PATH=$libraries",
			// Its PHP has no settings of its own; it gets those of the command line, with their extensions.
			'PHP_INI_SCAN_DIR=' . PHP_CONFIG_FILE_SCAN_DIR . ":$this->hub/php.d",
			"$root/usr/sbin/apache2",
			'-DFOREGROUND',
			'-f',
			"$this->folder/apache.conf",
		]);
	}

	private static function modPhp(): string
	{
		return 'libphp' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION . '.so';
	}
}
