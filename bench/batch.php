<?php

declare(strict_types=1);

/**
 * Receive 40 files of a photo's size over TLS, on loopback and with 50 ms round trip. Ours: tickets, digests, sync,
 * each put in place. Peer: a request and a connection each, one after the other, as a stock receiver does; it neither
 * checks nor syncs.
 */
function batch(Bench $bench): void
{
	$count = 40;
	$origin = new Origin("$bench->folder/batch", array_fill(0, $count, 4 << 20));
	$key = "$bench->folder/channel.pem";
	exec("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out $key 2>/dev/null");
	$target = "$bench->folder/target";
	if (exec(PHP_BINARY . ' -r ' . escapeshellarg('echo extension_loaded("curl") ? 1 : 0;')) !== '1') {
		$bench->missing('batch', 'one after another', 'PHP has no curl extension');
		return;
	}
	foreach (['0 ms' => $origin->tls, '50 ms' => delayed($origin->tls, 25)] as $label => $url) {
		$results = $bench->interleave([
			'ours' => $bench->php(
				'worker/batch.php',
				$target,
				$url,
				(string) $count,
				(string) (4 << 20),
				$key,
				$origin->certificate,
			),
			'stock' => [
				PHP_BINARY,
				'-d',
				'memory_limit=64M',
				__DIR__ . '/worker/one-by-one.php',
				$target,
				$url,
				(string) $count,
				$origin->certificate,
			],
		], function () use ($target) {
			exec("rm -rf $target && mkdir $target && sync");
		});
		$facts = json_decode($results['ours']['output'], true);
		$bench->row(
			'batch',
			"$count × 4 MiB, $label",
			$count / $results['ours']['seconds'],
			$count / $results['stock']['seconds'],
			'one by one, no digest, no sync',
			'files/s',
			$label === '0 ms' ? null : 5.0,
			$facts['native_mib'],
		);
	}
}

/** Starts a wire of so many milliseconds each way in front of a server; returns the URL to use. */
function delayed(string $url, int $ms): string
{
	$port = Origin::freePort();
	wire($port, (int) parse_url($url, PHP_URL_PORT), $ms);

	return "https://localhost:$port";
}

/** Starts a wire of so many milliseconds each way from a port to a server's, which runs. */
function wire(int $port, int $target, int $ms): void
{
	$process = proc_open(
		[
			PHP_BINARY,
			'-n',
			__DIR__ . '/worker/delay.php',
			(string) $port,
			(string) $target,
			(string) $ms,
		],
		[],
		$pipes,
	);
	register_shutdown_function(fn () => proc_terminate($process));
	for ($tries = 0; ! @fsockopen('127.0.0.1', $port) && $tries < 100; $tries++) {
		usleep(20000);
	}
}
