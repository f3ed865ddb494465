<?php

declare(strict_types=1);

require_once __DIR__ . '/ServedHub.php';
require_once __DIR__ . '/batch.php';

/**
 * The owner's command makes a set of a channel, on loopback and with 50 ms round trip. Peers: of a hub without filesync
 * rclone's copy of its WebDAV, rclone's check that reads every byte once more, and the export of each file by curl; of
 * one with filesync that copy alone, which brings neither posts nor access and proves nothing. All do four things at
 * once.
 *
 * CLI_FILES and CLI_BYTES make it smaller: 10,000 files of 2 GiB together. CLI_RUNS says how often, and then all
 * count; without it 5 times, after one that does not. CLI_ROWS='stock 50 ms,filesync 50 ms' measures only these.
 * COMMAND is the command: target/release/filesync.
 */
function cli(Bench $bench): void
{
	$command = getenv('COMMAND') ?: dirname(__DIR__) . '/target/release/filesync';
	foreach (['rclone', 'nginx', 'curl', $command] as $program) {
		if (exec('command -v ' . escapeshellarg($program)) === '') {
			$bench->missing('cli', 'comparison', "$program is missing");
			return;
		}
	}
	$files = (int) (getenv('CLI_FILES') ?: 10000);
	$bytes = intdiv((int) (getenv('CLI_BYTES') ?: 2 << 30), $files);
	$runs = getenv('CLI_RUNS') ? max(1, (int) getenv('CLI_RUNS')) : null;
	$input = sprintf('%d files, %d MiB', $files, intdiv($files * $bytes, 1 << 20));
	$folder = "$bench->folder/cli";
	mkdir($folder);
	$stock = new ServedHub($bench, "$folder/stock");
	$addon = ['--addon', dirname(__DIR__) . '/php', '--extension', $bench->extension];
	$door = new ServedHub($bench, "$folder/door", $addon);
	$door->command('util/addons', 'install', 'filesync');
	foreach ([$stock, $door] as $hub) {
		$hub->fill($files, $bytes);
	}
	$key = trim($door->in('echo FileSync\Addon\Door\Key::make(1, "backup");'));
	foreach (['0 ms' => 0, '50 ms' => 25] as $label => $ms) {
		$at = fn (ServedHub $hub) => $ms === 0 ? $hub->url : strtr(delayed($hub->url, $ms), [
				'https://localhost' => 'http://127.0.0.1',
			]);
		foreach ([
			'stock' => [$stock, 0.91, 'rclone copy && check --download && curl file/export'],
			'filesync' => [$door, $ms === 0 ? 3.0 : 6.0, 'rclone copy'],
		] as $kind => [$hub, $goal, $peer]) {
			if (getenv('CLI_ROWS') && ! in_array("$kind $label", explode(',', (string) getenv('CLI_ROWS')), true)) {
				continue;
			}
			$url = $at($hub);
			$home = "$folder/home-$kind-$ms";
			mkdir($home);
			$secret = $kind === 'stock' ? ServedHub::SECRET : $key;
			logIn($bench, $command, $home, "$url/channel/alice", $secret, $kind === 'stock');
			// Ours is the last: its set is looked at.
			$results = $bench->interleave(
				[
					'theirs' => copiedAndExported($bench, $hub, $url, $folder, $kind === 'stock'),
					'ours' => atHome($home, $command, 'backup', "$url/channel/alice", '--to', "$folder/set", '--quiet'),
				],
				function () use ($folder): void {
					exec("rm -rf $folder/set $folder/copy && mkdir $folder/copy && sync");
				},
				$runs,
			);
			$counted = json_decode((string) file_get_contents("$folder/set/set.json"), true)['counts'];
			if ([$counted['files'], $counted['bytes']] !== [$files, $files * $bytes]) {
				throw new RuntimeException('not everything is in the set');
			}
			$bench->row(
				'cli',
				"$kind, $input, $label",
				$results['ours']['seconds'],
				$results['theirs']['seconds'],
				$peer,
				's',
				$goal,
			);
		}
	}
}

/** Gives the command its key. */
function logIn(Bench $bench, string $command, string $home, string $url, string $secret, bool $isApp): void
{
	file_put_contents("$home/secret", "$secret\n");
	$key = $isApp ? ['--app', ServedHub::APP, '--secret-file', "$home/secret"] : ['--key-file', "$home/secret"];
	$bench->once('login', atHome($home, $command, 'login', $url, ...$key));
}

/** @return list<string> A command with a home of its own. */
function atHome(string $home, string ...$command): array
{
	return ['env', "HOME=$home", "XDG_CONFIG_HOME=$home/.config", ...$command];
}

/**
 * What brings the files without filesync; with `isWhole` it also reads them again, and exports each.
 *
 * @return list<string>
 */
function copiedAndExported(Bench $bench, ServedHub $hub, string $url, string $folder, bool $isWhole): array
{
	$password = trim($bench->once('rclone', ['rclone', 'obscure', ServedHub::PASSWORD]));
	$list = "$folder/exports-" . parse_url($url, PHP_URL_PORT);
	$lines = array_map(
		fn ($row) => "url = \"$url/api/z/1.0/file/export?file_id={$row['hash']}\"\noutput = \"$folder/copy/{$row['hash']}.json\"\n",
		$hub->rows('SELECT hash FROM attach'),
	);
	file_put_contents($list, implode('', $lines));
	$rclone = 'rclone --config "" --transfers 4 --checkers 4 --quiet';
	$steps = ["$rclone copy hub: $folder/copy/files"];
	if ($isWhole) {
		$steps[] = "$rclone check --download hub: $folder/copy/files";
		$login = '--user ' . escapeshellarg('alice:' . ServedHub::PASSWORD) . " --cookie ''";
		$steps[] = "curl --silent --no-progress-meter --fail --parallel --parallel-max 4 $login --config $list";
	}

	return [
		'env',
		'RCLONE_CONFIG_HUB_TYPE=webdav',
		'RCLONE_CONFIG_HUB_VENDOR=other',
		"RCLONE_CONFIG_HUB_URL=$url/dav/alice",
		'RCLONE_CONFIG_HUB_USER=alice',
		"RCLONE_CONFIG_HUB_PASS=$password",
		'sh',
		'-c',
		implode(' && ', [...$steps, "sync -f $folder/copy"]),
	];
}
