<?php

/*
 * Reads what `strace -f -y` wrote of root's command and says what a process of uid 0 did with files that others may
 * write:
 *
 *     read-trace.php TRACE --others FOLDER … --own FOLDER … [--typed PATH]
 *
 * --others: folders where others may write; uid 0 may open, run or change nothing there. --own: folders where uid 0
 *   may change something; nowhere else. --typed: the path of a script that root named itself, which is read only if it
 *   is a file of root's. Prints each breach, at the end how much was looked at. Exit status 1 if there was one.
 */

$file = $argv[1];
$places = ['--others' => [], '--own' => [], '--typed' => []];
foreach (array_slice($argv, 2) as $word) {
	isset($places[$word]) ? ($list = $word) : ($places[$list][] = rtrim($word, '/'));
}
$within = fn (string $path, array $folders) => (bool) array_filter(
	$folders,
	fn ($folder) => $path === $folder || str_starts_with($path, "$folder/"),
);

/** Splits the arguments of a call at the commas that are outside of texts and brackets. */
function arguments(string $text): array
{
	preg_match_all('/(?:"(?:[^"\\\\]|\\\\.)*"(?:\.\.\.)?|<[^>]*>|\[[^\]]*\]|\{[^}]*\}|[^,"<\[{])+/', $text, $found);

	return array_map('trim', $found[0]);
}

$state = []; // uid and folder of each process
$pending = []; // the first half of calls that another process's line came between
$breaches = [];
$count = ['processes' => 0, 'became another' => 0, 'opened by root' => 0, 'changed by root' => 0, 'run by root' => 0];
// Where the paths of a call stand; a folder's descriptor stands before them in calls that end in "at".
$changing = [
	'creat' => [0],
	'chmod' => [0],
	'fchmod' => [0],
	'fchmodat' => [1],
	'fchmodat2' => [1],
	'chown' => [0],
	'lchown' => [0],
	'fchown' => [0],
	'fchownat' => [1],
	'rename' => [0, 1],
	'renameat' => [1, 3],
	'renameat2' => [1, 3],
	'link' => [0, 1],
	'linkat' => [1, 3],
	'symlink' => [1],
	'symlinkat' => [2],
	'unlink' => [0],
	'unlinkat' => [1],
	'rmdir' => [0],
	'mkdir' => [0],
	'mkdirat' => [1],
	'mknod' => [0],
	'mknodat' => [1],
	'truncate' => [0],
	'utime' => [0],
	'utimes' => [0],
	'utimensat' => [1],
	'futimesat' => [1],
	'setxattr' => [0],
	'lsetxattr' => [0],
	'removexattr' => [0],
	'mount' => [1],
];
$first = null;
// The line of a child may come before that of the call that made it: who makes whom is known beforehand.
$parents = [];
foreach (new SplFileObject($file) as $line) {
	if (preg_match('/^(\d+)\s+(?:<\.\.\. )?(?:clone3?|v?fork)(?:\(| resumed>).*\)\s+= (\d+)/', (string) $line, $is)) {
		$parents[(int) $is[2]] ??= (int) $is[1];
	}
}

foreach (new SplFileObject($file) as $line) {
	if (! preg_match('/^(\d+)\s+(.*)$/s', rtrim((string) $line), $is)) {
		continue;
	}
	[, $pid, $said] = $is;
	$pid = (int) $pid;
	if (! isset($state[$pid])) {
		$first ??= $pid;
		$parent = $parents[$pid] ?? null;
		if ($pid !== $first && ! isset($state[$parent])) {
			$breaches[] = 'whose child process ' . $pid . ' is cannot be told';
		}
		$state[$pid] = $pid === $first ? ['uid' => 0, 'cwd' => getcwd()] : $state[$parent] ?? $state[$first];
		$count['processes']++;
	}
	if (str_ends_with($said, '<unfinished ...>')) {
		$pending[$pid] = substr($said, 0, -strlen('<unfinished ...>'));
		continue;
	}
	if (preg_match('/^<\.\.\. \w+ resumed>(.*)$/s', $said, $rest)) {
		$said = ($pending[$pid] ?? '') . $rest[1];
		unset($pending[$pid]);
	}
	if (! preg_match('/^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)(?:<(.*?)>)?(.*)$/s', $said, $call)) {
		continue;
	}
	[, $name, $arguments, $result, $opened] = $call;
	$me = &$state[$pid];
	$isDone = $result !== '?' && (int) $result >= 0;

	if (in_array($name, ['clone', 'clone3', 'fork', 'vfork'], true)) {
		// Threads have numbers of their own too.
		if ($isDone && (int) $result > 0 && ! isset($state[(int) $result])) {
			$state[(int) $result] = $me;
			$count['processes']++;
		}
		continue;
	}
	$given = arguments($arguments);
	if (preg_match('/^set(res|re|e|fs)?uid$/', $name) && $isDone) {
		$uid = (int) $given[in_array($name, ['setresuid', 'setreuid'], true) ? 1 : 0];
		if ($uid >= 0 && $uid < 4294967295) {
			$count['became another'] += (int) ($me['uid'] === 0 && $uid !== 0);
			$me['uid'] = $uid;
		}
		continue;
	}
	$absolute = function (int $at) use ($given, &$me): string {
		$text = $given[$at] ?? '';
		if (preg_match('/^\d+<(.*)>$/s', $text, $descriptor)) {
			return $descriptor[1];
		}
		$path = stripcslashes(trim($text, '"'));
		$from = $at > 0 && preg_match('/^(?:AT_FDCWD|\d+)<(.*)>$/s', $given[$at - 1], $folder)
			? stripcslashes($folder[1])
			: $me['cwd'];
		$path = str_starts_with($path, '/') ? $path : "$from/$path";
		$parts = [];
		foreach (explode('/', $path) as $part) {
			$part === '..' ? array_pop($parts) : $part === '' || $part === '.' || ($parts[] = $part);
		}

		return '/' . implode('/', $parts);
	};
	if ($name === 'chdir' || $name === 'fchdir') {
		$isDone && ($me['cwd'] = $absolute(0));
		continue;
	}
	if ($me['uid'] !== 0) {
		continue;
	}
	$breach = function (string $what, string $path) use (&$breaches, $name, $arguments, $result): void {
		$breaches[] = "uid 0 $what $path: $name($arguments) = $result";
	};

	if ($name === 'open' || $name === 'openat' || $name === 'openat2') {
		$at = $name === 'open' ? 0 : 1;
		$path = $absolute($at);
		$mayChange = (bool) preg_match('/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/', $arguments);
		$real = $opened === '' ? $path : preg_replace('/ \(deleted\)$/', '', stripcslashes($opened));
		$count['opened by root'] += (int) $isDone;
		// A name that others may change counts wherever it leads, and where it leads counts.
		if (
			$within($real, $places['--others'])
			&& $isDone
			|| ($within($path, $places['--others'])
			&& ($isDone
			|| $mayChange)
			&& ! in_array($path, $places['--typed'], true))
		) {
			$breach($mayChange ? 'opens to write' : 'opens', $real);
		} elseif ($mayChange && ! preg_match('#^/dev/(null|tty|pts/)|^/proc/#', $path)) {
			$count['changed by root']++;
			$within($path, $places['--own']) && $within($real, $places['--own'])
				|| $breach('writes outside, to', $real);
		}
	} elseif (($name === 'execve' || $name === 'execveat') && $isDone) {
		$path = $absolute($name === 'execve' ? 0 : 1);
		$count['run by root']++;
		if ($within($path, $places['--others']) || $within((string) realpath($path), $places['--others'])) {
			$breach('runs', $path);
		}
	} elseif (isset($changing[$name])) {
		foreach ($changing[$name] as $at) {
			$path = $absolute($at);
			$count['changed by root']++;
			$within($path, $places['--own']) && ! $within($path, $places['--others'])
				|| preg_match('#^/dev/(null|tty|pts/)|^/proc/|^(pipe|socket):#', $path)
				|| $breach('changes', $path);
		}
	}
}
if (! $count['processes'] || ! $count['run by root']) {
	$breaches[] = 'the trace says nothing';
}
foreach ($breaches as $breach) {
	echo 'BREACH ', $breach, "\n";
}
echo json_encode($count), "\n";
exit($breaches ? 1 : 0);
