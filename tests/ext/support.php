<?php

/** What the extension's tests share: a hub to ask, a folder to fill, a way to show an exception. */

require_once __DIR__ . '/hub.php';

/** Starts the hub of hub.php and returns its root URL. */
function startHub(): string
{
	// Not one of those that connections are given.
	$lowest = (int) @file_get_contents('/proc/sys/net/ipv4/ip_local_port_range') ?: 32768;
	do {
		$free = @stream_socket_server(
			'tcp://127.0.0.1:' . ($port = random_int(max(1025, $lowest - 16000), $lowest - 1)),
		);
	} while (! $free);
	fclose($free);
	$null = ['file', '/dev/null', 'w'];
	$command = [PHP_BINARY, '-n', '-S', "127.0.0.1:$port", __DIR__ . '/hub.php'];
	$process = proc_open($command, [1 => $null, 2 => $null], $pipes, null, ['PHP_CLI_SERVER_WORKERS' => '4']);
	$owner = getmypid();
	register_shutdown_function(function () use ($process, $owner) {
		if (getmypid() === $owner) {
			// The server's children share its process group only with us: they end with their listening parent.
			$pid = proc_get_status($process)['pid'];
			exec("pkill -P $pid");
			proc_terminate($process);
		}
	});
	for ($tries = 0; $tries < 10000 && proc_get_status($process)['running']; $tries++) {
		if ($socket = @fsockopen('127.0.0.1', $port)) {
			fclose($socket);
			return "http://127.0.0.1:$port";
		}
		usleep(10000);
	}
	exit('the hub does not start');
}

/** Returns a new empty folder that goes away with the test. */
function newFolder(): string
{
	$folder = sys_get_temp_dir() . '/filesync-' . bin2hex(random_bytes(6));
	mkdir($folder);
	$owner = getmypid();
	register_shutdown_function(fn () => getmypid() === $owner && exec('rm -rf ' . escapeshellarg($folder)));
	return $folder;
}

/** Returns a channel's key, the same in every test of a process. */
function channelKey(): string
{
	static $pem = null;
	if ($pem === null) {
		openssl_pkey_export(openssl_pkey_new(['private_key_bits' => 2048]), $pem);
	}
	return $pem;
}

function newBatch(string $folder, array $more = []): FileSync\TransferBatch
{
	return new FileSync\TransferBatch(
		$more
		+ [
			'root' => $folder,
			'channel_hash' => 'channelhash',
			'key_id' => 'https://b.example/channel/alice',
			'private_key' => channelKey(),
			'allow_http' => true,
			'allow_private_addresses' => true,
		],
	);
}

function transfer(string $url, string $hash, array $more = []): array
{
	return $more
	+ [
		'name' => "$hash-0.1",
		'hash' => $hash,
		'scale' => 0,
		'size_bytes' => BYTES,
		'origins' => [['url' => $url, 'nick' => 'alice', 'path' => ['a', 'b.bin']]],
	];
}

/** Steps until all is reported; returns reports by name. */
function finish(FileSync\TransferBatch $batch): array
{
	$reports = [];
	while ($batch->pending()) {
		foreach ($batch->step(100) as $report) {
			$reports[$report['name']] = $report;
		}
	}
	ksort($reports);
	return $reports;
}

/** Prints what a call throws: class and message. */
function show(callable $call): void
{
	try {
		$call();
		echo "nothing thrown\n";
	} catch (FileSync\Exception\FileSyncException $e) {
		echo substr(get_class($e), 19), ': ', $e->getMessage(), "\n";
	}
}

function residentKilobytes(): int
{
	preg_match('/^VmRSS:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
	return (int) $found[1];
}
