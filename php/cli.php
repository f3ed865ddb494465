<?php

/*
 * The admin's command: sudo -u <hub user> php addon/filesync/cli.php <verb>, in the hub's root. `--hub DIR` names a hub
 * elsewhere.
 *
 * Root runs no code of a hub: this starts again as the owner of the hub's folder store, or says why it cannot. For
 * root, the hub is the one that contains this file, links followed.
 */

if (PHP_SAPI !== 'cli') {
	http_response_code(404);
	exit;
}

(function (array $argv): void {
	$end = function (int $status, string $text): never {
		fwrite(STDERR, "filesync: $text\n");
		exit($status);
	};
	$words = [];
	$named = null;
	for ($given = array_slice($argv, 1); $given;) {
		$word = array_shift($given);
		if ($word === '--hub') {
			$named = array_shift($given) ?? $end(2, '--hub needs the folder of a hub');
		} elseif (str_starts_with($word, '--hub=')) {
			$named = substr($word, 6);
		} else {
			$words[] = $word;
		}
	}
	$uid = function_exists('posix_geteuid') ? posix_geteuid() : @fileowner('/proc/self/');
	$isRoot = $uid === 0 || $uid === false;
	$script = $argv[0][0] === '/' ? $argv[0] : getcwd() . '/' . $argv[0];
	$places = match (true) {
		$named !== null => [$named],
		$isRoot => [dirname(__DIR__, 2)],
		default => [dirname($script, 3), dirname(__DIR__, 2)],
	};
	// The target of a path, and the folders of the links on the way, each examined only once: somebody who may change
	// one could redirect it between two looks.
	$look = function (string $path): array {
		[$at, $links] = ['', []];
		for ($left = explode('/', str_starts_with($path, '/') ? $path : getcwd() . "/$path"); $left;) {
			$part = array_shift($left);
			if ($part === '..') {
				$at = preg_replace('~/[^/]*$~', '', $at);
			} elseif ($part !== '' && $part !== '.') {
				$target = @readlink("$at/$part");
				if ($target === false) {
					$at .= "/$part";
				} elseif (($links[] = $at ?: '/') && count($links) > 40) {
					return ['', []];
				} else {
					$at = str_starts_with($target, '/') ? '' : $at;
					$left = [...explode('/', $target), ...$left];
				}
			}
		}
		return [$at ?: '/', $links];
	};
	[$place, $links] = $named !== null && $isRoot ? $look($named) : [null, []];
	$hubs = array_filter(
		$place === null ? array_map('realpath', $places) : [$place],
		fn ($place) => $place !== false && is_file($place . '/include/cli_startup.php'),
	);
	$root = reset($hubs);
	if ($root === false) {
		$end(
			2,
			$named === null
				? __FILE__
				. ' is not inside a hub'
				. (
					$isRoot
						? ', and root looks nowhere else; run it in the hub\'s root: sudo -u <hub user> php addon/filesync/cli.php'
						: ''
				)
				. '; or name the hub: --hub <the folder of its index.php>'
				: "$named is not the root of a hub: include/cli_startup.php is missing there",
		);
	}

	if ($isRoot) {
		// The first of a path and the folders above it that anybody but root (or root and that user) may change.
		$loose = function (string $path, int $user = 0): ?string {
			for (clearstatcache();; $path = dirname($path)) {
				$is = @lstat($path);
				$isOpen = ! $is || ($is['mode'] & ($user ? 0002 : 0022) && ! ($user && $is['mode'] & 01000));
				if ($isOpen || ($is['mode'] & 0170000) === 0120000 || ! in_array($is['uid'], [0, $user], true)) {
					return $path;
				}
				if ($path === '/') {
					return null;
				}
			}
		};
		foreach ($links as $folder) {
			$loose($folder) === null
			|| $end(
				1,
				"root does not run this: in $folder is a link to $root that users other than root may change; name the folder itself: --hub $root",
			);
		}
		[$user, $why] = (function () use ($root, $loose): array {
			$store = "$root/store";
			if (! function_exists('posix_getpwuid')) {
				return [null, 'PHP lacks the functions posix_*'];
			}
			if (is_link($store)) {
				if (lstat($store)['uid'] !== 0 || $loose($root) !== null) {
					return [null, "$store is a link that users other than root may change"];
				}
				$store = (string) realpath($store);
			}
			$is = @lstat($store);
			if (! $is || ! is_dir($store)) {
				return [null, "the folder $root/store, whose owner runs the hub, is missing"];
			}
			if ($is['uid'] === 0) {
				return [null, "$store belongs to root, so the hub's user is unknown"];
			}
			$user = posix_getpwuid($is['uid'])
			?: ['name' => '', 'uid' => $is['uid'], 'gid' => $is['gid'], 'dir' => '/'];
			if ($user['name'] === '' && $user['gid'] === 0) {
				return [
					null,
					"$store belongs to user {$user['uid']}, which this machine does not know, and to root's group",
				];
			}
			$changed = $loose(dirname($store), $user['uid']) ?? $loose($root, $user['uid']);

			return (
				$changed === null
					? [$user, null]
					: [null, "$store belongs to user {$user['uid']}, and somebody else may change $changed"]
			);
		})();
		// Only root's files are run before that.
		$changed = $loose(__FILE__) ?? $loose(__DIR__ . '/run-as.php');
		$changed === null || ($why = "users other than root may change $changed");
		$why === null
		|| $end(
			1,
			"root does not run this: $why. Run it as the hub's user: sudo -u "
			. ($user['name'] ?? '' ?: '<hub user>')
			. ' php '
			. __FILE__
			. ' '
				. implode(' ', array_slice($argv, 1)),
		);

		// PHP's own options: everything before the script.
		$line = explode("\0", substr((string) @file_get_contents('/proc/self/cmdline'), 0, -1));
		$before = array_slice($line, 1, max(0, count($line) - count($argv) - 1));
		if (array_slice($line, 1 + count($before)) !== $argv) {
			$before = [];
		}
		$terminal = stream_isatty(STDERR)
			? ['FILESYNC_TERMINAL' => '1', 'COLUMNS' => (string) (int) (getenv('COLUMNS') ?: 80)]
			: [];
		$runAs = require __DIR__ . '/run-as.php';
		exit($runAs(
			$user['uid'],
			$user['gid'],
			$user['name'],
			$user['dir'],
			$root,
			array_merge([PHP_BINARY], $before, [__FILE__, "--hub=$root"], $words),
			$terminal,
		));
	}
	chdir($root);
	set_include_path(getcwd() . PATH_SEPARATOR . get_include_path());
	require_once 'include/cli_startup.php';
	cli_startup();
	require_once __DIR__ . '/filesync.php';
	/** @var list<string> $words */
	exit(FileSync\Addon\Console\Command::run($words));
})($argv);
