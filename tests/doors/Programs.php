<?php

namespace Doors;

/** Real programs for folders, each with a set and a drop box. */
final class Programs
{
	private const PATIENCE = 300;

	public function __construct(private readonly Hub $hub) {}

	/** @return array{int, string} Exit code and output. */
	public static function run(array $command, array $environment = [], ?string $input = null): array
	{
		$out = tempnam(sys_get_temp_dir(), 'doors');
		$process = proc_open(
			$command,
			[['pipe', 'r'], ['file', $out, 'w'], ['file', $out, 'a']],
			$pipes,
			null,
			$environment + getenv(),
		);
		fwrite($pipes[0], (string) $input);
		fclose($pipes[0]);
		$code = proc_close($process);
		$said = (string) file_get_contents($out);
		unlink($out);

		return [$code, $said];
	}

	/** Runs a command until a third of the set has come, and kills it. */
	private function killed(array $command, array $environment, ?string $input = null): void
	{
		$in = tmpfile();
		fwrite($in, (string) $input);
		rewind($in);
		$nowhere = ['file', '/dev/null', 'w'];
		$process = proc_open($command, [$in, $nowhere, $nowhere], $pipes, null, $environment + getenv());
		$third = intdiv(count($this->hub->files()), 3);
		for ($end = microtime(true) + self::PATIENCE; $this->hub->came() < $third;) {
			if (microtime(true) > $end || ! proc_get_status($process)['running']) {
				throw new \RuntimeException("$command[0] ended before it was killed");
			}
			usleep(20000);
		}
		proc_terminate($process, 9);
		proc_close($process);
	}

	/** Tells whether a program is there. */
	public static function has(string $program): bool
	{
		return self::run(['which', $program])[0] === 0 || is_executable("/usr/sbin/$program");
	}

	/** Copies the set with rclone; returns exit code, and how many files it sent, -1 if it does not say. */
	public function rclone(string $to, ?float $killedAfter = null): array
	{
		$environment = [
			'RCLONE_CONFIG' => '/dev/null',
			'RCLONE_CONFIG_BOX_TYPE' => 'webdav',
			'RCLONE_CONFIG_BOX_URL' => $this->hub->box(),
			'RCLONE_CONFIG_BOX_VENDOR' => 'other',
			'RCLONE_CONFIG_BOX_USER' => 'alice',
			'RCLONE_CONFIG_BOX_PASS' => trim(self::run(['rclone', 'obscure', '-'], [], $this->hub->password)[1]),
		];
		$command = [
			'rclone',
			'copy',
			$this->hub->set,
			"box:$to",
			'--exclude',
			'.lock',
			'--stats',
			'0',
			'-v',
			'--low-level-retries',
			'3',
		];
		if ($killedAfter !== null) {
			$command = [
				'timeout',
				'-s',
				'KILL',
				(string) $killedAfter,
				...$command,
				'--bwlimit',
				'2M',
				'--transfers',
				'2',
			];
		}
		[$code, $said] = self::run($command, $environment);

		return [
			$code,
			substr_count($said, ': Copied (new)') + substr_count($said, ': Copied (replaced existing)'),
			$said,
		];
	}

	/**
	 * Sends all files of the set flat, with the program's own commands on its input, after one that is killed in the
	 * middle.
	 */
	public function cadaver(): array
	{
		$home = "{$this->hub->folder}/cadaver";
		@mkdir($home);
		$host = parse_url($this->hub->box(), PHP_URL_HOST);
		file_put_contents("$home/.netrc", "machine $host\nlogin alice\npassword {$this->hub->password}\n");
		chmod("$home/.netrc", 0600);
		$lines = ['mkcol backup', 'cd backup'];
		foreach ($this->hub->files() as $n => $path) {
			copy("{$this->hub->set}/$path", "$home/$n.bin");
			$lines[] = "put $home/$n.bin";
		}
		$lines[] = 'ls';

		$command = ['cadaver', $this->hub->box()];
		$input = implode("\n", $lines) . "\nquit\n";
		$this->killed($command, ['HOME' => $home], $input);

		return self::run($command, ['HOME' => $home], $input);
	}

	/** Sends all files with the library webdav4, after one that is killed in the middle; null if it cannot be had. */
	public function webdav4(): ?array
	{
		$venv = sys_get_temp_dir() . '/filesync-webdav4';
		if (! is_file("$venv/bin/python")) {
			[$code] = self::run(['python3', '-m', 'venv', $venv]);
			if ($code !== 0 || self::run(["$venv/bin/pip", 'install', '--quiet', 'webdav4==0.11.0'])[0] !== 0) {
				self::run(['rm', '-rf', $venv]);

				return null;
			}
		}

		$command = ["$venv/bin/python", __DIR__ . '/with-webdav4.py', $this->hub->box(), $this->hub->set];
		$this->killed($command, ['PASSWORD' => $this->hub->password]);

		return self::run($command, ['PASSWORD' => $this->hub->password]);
	}

	/**
	 * Copies the set to the mounted drop box, after a mount that is killed in the middle; null where nothing can be
	 * mounted.
	 */
	public function davfs2(): ?array
	{
		if (posix_geteuid() !== 0 || ! self::has('mount.davfs') || ! @fopen('/dev/fuse', 'r+')) {
			return null;
		}
		$work = sys_get_temp_dir() . '/davfs-' . getmypid();
		foreach (['', '/mount', '/cache', '/home'] as $folder) {
			@mkdir("$work$folder");
			// It gives up being root, and has its copies there.
			chmod("$work$folder", $folder === '/cache' ? 0777 : 0755);
		}
		file_put_contents("$work/secrets", "\"{$this->hub->box()}\" alice \"{$this->hub->password}\"\n");
		chmod("$work/secrets", 0600);
		file_put_contents(
			"$work/conf",
			"secrets $work/secrets\ncache_dir $work/cache\nuse_locks 1\ndelay_upload 0\nask_auth 0\n",
		);
		$mount = ['mount.davfs', '-o', "conf=$work/conf", $this->hub->box(), "$work/mount"];
		[$code, $said] = self::run($mount, ['HOME' => "$work/home"]);
		if ($code !== 0) {
			return null;
		}
		$copy = [
			'sh',
			'-c',
			'cd "$1" && find . -type d ! -name . | while read -r d; do mkdir -p "$2/$d" || exit 1; done'
				. ' && find . -type f ! -name .lock -print0 | xargs -0 -I{} cp {} "$2/{}"',
			'sh',
			$this->hub->set,
		];
		$this->killed([...$copy, "$work/mount"], []);
		// The program itself runs behind the mount; it wrote down its number.
		$number = '/run/mount.davfs/' . strtr(ltrim("$work/mount", '/'), '/', '-') . '.pid';
		posix_kill((int) file_get_contents($number), 9);
		self::run(['umount', '-l', "$work/mount"]);
		// It wants that said before it mounts again.
		unlink($number);
		[$code, $said] = self::run($mount, ['HOME' => "$work/home"]);
		if ($code !== 0) {
			return [$code, $said];
		}
		try {
			// To another folder: on some kernels it cannot list what is there already.
			mkdir("$work/mount/again");
			[$code, $copied] = self::run([...$copy, "$work/mount/again"]);
		} finally {
			// It waits until all is sent.
			[$ended, $words] = self::run(['timeout', (string) self::PATIENCE, 'umount', "$work/mount"]);
			self::run(['rm', '-rf', '--one-file-system', $work]);
		}

		return [$code ?: $ended, $said . $copied . $words];
	}
}
