<?php

/*
 * Runs a command as another user, for root: `php -n run-as.php UID GID USER HOME FOLDER COMMAND …` ends as the command
 * does.
 *
 * Nothing of root's goes along. The command gets an environment of its own (except the paths of PHP's settings), a
 * session without a terminal, its output through pipes, and no open file. The command itself enters the folder, so that
 * it enters only what that user may enter. On a terminal its control characters are replaced.
 */

if (PHP_SAPI !== 'cli') {
	http_response_code(404);
	exit;
}

$runAs = function (
	int $uid,
	int $gid,
	string $user,
	string $home,
	string $folder,
	array $command,
	array $environment = [],
): int {
	$descriptors = [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']];
	$open = $uid > 0 && ($gid > 0 || ($gid === 0 && $user !== '')) ? @scandir('/proc/self/fd') : false;
	if (! $open) {
		fwrite(
			STDERR,
			$uid > 0
				? "filesync: root's open files cannot be listed without /proc; run this as the hub's user: sudo -u\n"
				: "filesync: root must not run a hub\n",
		);
		return 1;
	}
	foreach (array_filter($open, fn ($one) => (int) $one > 2 && is_link("/proc/self/fd/$one")) as $one) {
		$descriptors[(int) $one] = ['file', '/dev/null', 'r'];
	}
	foreach (['PHP_INI_SCAN_DIR', 'PHPRC'] as $name) {
		getenv($name) === false || ($environment[$name] = getenv($name));
	}
	$environment += [
		'PATH' => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
		'HOME' => $home,
		'USER' => $user,
		'LOGNAME' => $user,
		'SHELL' => '/bin/sh',
	];
	$process = proc_open(
		array_merge([
			'setsid',
			'setpriv',
			"--reuid=$uid",
			"--regid=$gid",
			$user === '' ? '--clear-groups' : '--init-groups',
			'--pdeathsig=TERM',
			'--',
			'sh',
			'-c',
			'cd -- "$1" && shift && exec "$@"',
			'sh',
			$folder,
		], $command),
		$descriptors,
		$pipes,
		'/',
		$environment,
	);
	if (! $process) {
		return 1;
	}

	$to = [1 => STDOUT, 2 => STDERR];
	$held = [1 => '', 2 => ''];
	$isTerminal = array_map('stream_isatty', $to);
	$pass = function (int $n) use (&$pipes, &$held, $to, $isTerminal): void {
		$bytes = fread($pipes[$n], 65536);
		$isOver = $bytes === false || ($bytes === '' && feof($pipes[$n]));
		if ($isTerminal[$n]) {
			// The last byte may be half of a character.
			$bytes = $held[$n] . $bytes;
			$held[$n] = ! $isOver && str_ends_with($bytes, "\xc2") ? "\xc2" : '';
			$bytes = preg_replace(
				'/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]/',
				'?',
				$held[$n] === '' ? $bytes : substr($bytes, 0, -1),
			);
		}
		for ($left = (string) $bytes; $left !== '' && ! $isOver; $left = substr($left, $written)) {
			// The reader has gone: this tells the command.
			$written = @fwrite($to[$n], $left);
			$isOver = ! $written;
		}
		if ($isOver) {
			fclose($pipes[$n]);
			unset($pipes[$n]);
		}
	};
	array_walk($pipes, fn ($pipe) => stream_set_blocking($pipe, false));
	do {
		$status = proc_get_status($process);
		// Processes that the command left running may hold its output open: do not wait for them.
		for (
			$read = $pipes;
			$read && @stream_select($read, $none, $never, 0, $status['running'] ? 200000 : 0);
			$read = $pipes
		) {
			array_map($pass, array_keys($read));
		}
		$pipes || ! $status['running'] || usleep(20000);
	} while ($status['running']);

	return $status['signaled'] ? 128 + $status['termsig'] : $status['exitcode'];
};
if (realpath($_SERVER['SCRIPT_FILENAME']) !== __FILE__) {
	return $runAs;
}
if ($argc < 7) {
	fwrite(STDERR, "usage: php -n run-as.php UID GID USER HOME FOLDER COMMAND …\n");
	exit(2);
}
exit($runAs((int) $argv[1], (int) $argv[2], $argv[3], $argv[4], $argv[5], array_slice($argv, 6)));
