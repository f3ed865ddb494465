<?php

/**
 * Works on one hub as what clones differ by comes about: `php drift.php <hub folder> <verb> <JSON>`, run by in-hub.
 *
 *     fill     {"seed", "files"}: the same files on every hub, as they were there before filesync
 *     change   {"seed", "count", "kinds"}: random changes by their owner, or behind the hub's back; no packet leaves
 *     rows     prints what is shown, and the digest of each file on disk
 *     damage   {"seed", "count"}: bytes change on disk, as a failing one does it; prints the hashes
 *     clear    forgets what waits to be sent and done
 */

[, $hub, $verb] = $argv;
$what = json_decode($argv[3] ?? '{}', true);
chdir($hub);
require_once 'include/cli_startup.php';
cli_startup();
is_dir('addon/filesync') && (require_once 'addon/filesync/filesync.php');
require_once __DIR__ . '/../converge/pages.php';
call_hooks('init_1');
$channel = q('SELECT * FROM channel LIMIT 1')[0];
$channel = channelx_by_n($channel['channel_id']);
mt_srand(crc32(json_encode($what) . $verb));

/** Returns a hash that is the same on every hub. */
function hash_of(string $what): string
{
	$hex = md5($what);

	return implode('-', [
		substr($hex, 0, 8),
		substr($hex, 8, 4),
		substr($hex, 12, 4),
		substr($hex, 16, 4),
		substr($hex, 20),
	]);
}

function fill(array $channel, int $seed, int $files): void
{
	$own = [
		'uid' => $channel['channel_id'],
		'aid' => $channel['channel_account_id'],
		'creator' => $channel['channel_hash'],
		'os_storage' => 1,
		'created' => '2024-05-01 10:00:00',
		'allow_cid' => '',
		'allow_gid' => '',
		'deny_cid' => '',
		'deny_gid' => '',
	];
	$folders = [];
	dbq('BEGIN');
	for ($n = 0; $n < max(1, intdiv($files, 50)); $n++) {
		$above = $n % 3
			? $folders[mt_rand(0, count($folders) - 1)]
			: ['hash' => '', 'os_path' => '', 'display_path' => ''];
		$hash = hash_of("folder $seed $n");
		$folder = [
			'hash' => $hash,
			'os_path' => ltrim("{$above['os_path']}/$hash", '/'),
			'display_path' => ltrim("{$above['display_path']}/folder $n", '/'),
		];
		$folders[] = $folder;
		create_table_from_array(
			'attach',
			$own
			+ $folder
			+ [
				'filename' => "folder $n",
				'folder' => $above['hash'],
				'is_dir' => 1,
				'filetype' => 'multipart/mixed',
				'filesize' => 0,
				'edited' => '2024-05-01 10:00:00',
				'content' => "store/{$channel['channel_address']}/{$folder['os_path']}",
			],
		);
		@mkdir("store/{$channel['channel_address']}/{$folder['os_path']}", 0770, true);
	}
	for ($n = 0; $n < $files; $n++) {
		$hash = hash_of("file $seed $n");
		$folder = $folders[mt_rand(0, count($folders) - 1)];
		$path = "store/{$channel['channel_address']}/{$folder['os_path']}/$hash";
		$bytes = "file $n of seed $seed " . str_repeat(chr(97 + ($n % 26)), ($n * 37) % 3000);
		file_put_contents($path, $bytes);
		touch($path, time() - 86400);
		create_table_from_array(
			'attach',
			$own
			+ [
				'hash' => $hash,
				'filename' => "file $n.txt",
				'folder' => $folder['hash'],
				'os_path' => "{$folder['os_path']}/$hash",
				'display_path' => "{$folder['display_path']}/file $n.txt",
				'filetype' => 'text/plain',
				'filesize' => strlen($bytes),
				'edited' => sprintf('2024-06-%02d 12:%02d:00', ($n % 28) + 1, $n % 60),
				'content' => $path,
			],
		);
	}
	dbq('COMMIT');
}

/** Returns a random file that lies in a folder. */
function some_file(): array
{
	$rows = dbq("SELECT * FROM attach WHERE is_dir = 0 AND folder <> '' ORDER BY hash");

	return $rows[mt_rand(0, count($rows) - 1)];
}

/** Removes a row and its file without announcing it. */
function vanish(array $row): void
{
	q('DELETE FROM attach WHERE id = %d', intval($row['id']));
	@unlink(dbunescbin($row['content']));
}

/** Changes bytes, size and date in a way that no hook hears of. */
function rewrite(array $row, string $bytes): void
{
	file_put_contents(dbunescbin($row['content']), $bytes);
	q(
		"UPDATE attach SET filesize = %d, edited = '%s' WHERE id = %d",
		strlen($bytes),
		dbesc(gmdate('Y-m-d H:i:s', time() - mt_rand(100, 9999))),
		intval($row['id']),
	);
}

function picture(): string
{
	$picture = imagecreatetruecolor(700, 500);
	imagefilledellipse($picture, mt_rand(0, 700), mt_rand(0, 500), 300, 200, mt_rand(0, 0xffffff));
	ob_start();
	imagejpeg($picture);

	return ob_get_clean();
}

function change(array $channel, array $what): void
{
	$kinds = $what['kinds'];
	for ($n = 0; $n < $what['count']; $n++) {
		$kind = $kinds[$n % count($kinds)];
		$do = [
			'op' => $kind,
			'seed' => mt_rand(),
			'name' => "new $n " . mt_rand() . ($kind === 'mkdir' ? '' : '.txt'),
			'bytes' => "bytes $n of {$what['seed']} " . str_repeat('y', mt_rand(0, 900)),
			'list' => ['<x>', '<y>', '<x><y>'][mt_rand(0, 2)],
			'terms' => [['trip', 'home'], ['work']][mt_rand(0, 1)],
		];
		if ($kind === 'vanish') {
			vanish(some_file());
		} elseif ($kind === 'rewrite') {
			rewrite(some_file(), $do['bytes']);
		} else {
			$do = $kind === 'photo' ? ['op' => 'create', 'name' => "picture $n.jpg", 'bytes' => picture()] + $do : $do;
			Converge\Pages::act($channel, $do + (isset($what['hash']) ? ['hash' => $what['hash']] : []));
		}
		class_exists(FileSync\Addon\Send\Intentions::class) && FileSync\Addon\Send\Intentions::flush();
	}
	clear();
}

function clear(): void
{
	dbq('DELETE FROM outq');
	dbq('DELETE FROM workerq');
	class_exists(FileSync\Addon\Send\Intentions::class)
		&& dbq("DELETE FROM filesync_outbox WHERE kind IN ('announce', 'deleted')");
}

function rows(): array
{
	$terms = [];
	foreach (dbq('SELECT oid, term FROM term WHERE otype = 2 ORDER BY term') ?: [] as $term) {
		$terms[$term['oid']][] = $term['term'];
	}
	$rows = [];
	foreach (dbq('SELECT * FROM attach ORDER BY id') as $row) {
		$path = dbunescbin($row['content']);
		$rows[$row['hash']] = [
			'name' => preg_replace('/(\(\d+\))+(?=(\.[^.]*)?$)/', '', $row['filename']),
			'folder' => $row['folder'],
			'is_dir' => (int) $row['is_dir'],
			'size' => (int) $row['filesize'],
			'access' => [$row['allow_cid'], $row['allow_gid'], $row['deny_cid'], $row['deny_gid']],
			'terms' => $terms[$row['id']] ?? [],
			'sha256' => (int) $row['is_dir']
				? (is_dir($path) ? 'folder' : 'absent')
				: (is_file($path) ? hash_file('sha256', $path) : 'absent'),
		];
	}

	return $rows;
}

/** Flips a bit, cuts the end off, or fills it with zeros; what a disk does leaves the times as they were. */
function damage(int $count): array
{
	$rows = dbq('SELECT * FROM attach WHERE is_dir = 0 AND filesize > 200 ORDER BY hash');
	$damaged = [];
	for ($n = 0; $n < $count && $rows; $n++) {
		[$row] = array_splice($rows, mt_rand(0, count($rows) - 1), 1);
		$path = dbunescbin($row['content']);
		$bytes = file_get_contents($path);
		$time = filemtime($path);
		$damaged[$row['hash']] = ['flip', 'cut', 'zeros'][$n % 3];
		if (($n % 3) === 0) {
			$at = mt_rand(0, strlen($bytes) - 1);
			$bytes[$at] = chr(ord($bytes[$at]) ^ (1 << mt_rand(0, 7)));
		} else {
			$rest = intdiv(strlen($bytes), 2);
			$bytes = substr($bytes, 0, $rest) . (($n % 3) === 1 ? '' : str_repeat("\0", strlen($bytes) - $rest));
		}
		file_put_contents($path, $bytes);
		touch($path, $time);
	}

	return $damaged;
}

echo
	json_encode(match ($verb) {
		'fill' => fill($channel, $what['seed'], $what['files']),
		'change' => change($channel, $what),
		'rows' => rows(),
		'damage' => damage($what['count']),
		'clear' => clear(),
	}),
	"\n"
;
