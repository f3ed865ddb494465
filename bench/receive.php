<?php

declare(strict_types=1);

/**
 * Receive one file over loopback: digest, sync, publish by rename. Peers: curl with sync, which hashes nothing; PHP
 * with hash_update. What the disk takes at most is a row, too: the same bytes copied by dd.
 */
function receive(Bench $bench): void
{
	$files = ['1 MiB' => 1 << 20, '64 MiB' => 64 << 20, '1 GiB' => 1 << 30];
	$origin = new Origin($bench->folder, $files);
	$key = "$bench->folder/channel.pem";
	exec("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out $key 2>/dev/null");
	$target = "$bench->folder/target";
	$hasCurlExtension = exec(PHP_BINARY . ' -r ' . escapeshellarg('echo extension_loaded("curl") ? 1 : 0;')) === '1';
	foreach (array_keys($files) as $number => $label) {
		foreach (['plain' => $origin->plain, 'TLS' => $origin->tls] as $wire => $url) {
			$mib = $files[$label] / (1 << 20);
			$source = "$url/dav/alice/" . Origin::nameOf($number);
			$commands = [
				'ours' => $bench->php(
					'worker/receive.php',
					$target,
					$url,
					(string) $number,
					(string) $files[$label],
					$key,
					$origin->certificate,
				),
				'curl' => [
					'sh',
					'-c',
					'curl -sS --cacert "$1" -o "$2" "$3" && sync -d "$2"',
					'sh',
					$origin->certificate,
					"$target/f",
					$source,
				],
			];
			if ($files[$label] >= (1 << 30)) {
				$path = "$bench->folder/www/dav/alice/" . Origin::nameOf($number);
				$commands['dd'] = ['dd', "if=$path", "of=$target/f", 'bs=1M', 'conv=fdatasync', 'status=none'];
			}
			if ($hasCurlExtension) {
				$commands['php'] = [
					PHP_BINARY,
					'-d',
					'memory_limit=32M',
					__DIR__ . '/worker/php-stream.php',
					"$target/f",
					$source,
					$origin->certificate,
				];
			}
			$results = $bench->interleave($commands, function () use ($target) {
				exec("rm -rf $target && mkdir $target && sync");
			});
			$facts = json_decode($results['ours']['output'], true);
			$ours = $mib / $results['ours']['seconds'];
			$bench->row(
				'receive',
				"$label $wire",
				$ours,
				$mib / $results['curl']['seconds'],
				'curl && sync -d, no digest',
				'MiB/s',
				$files[$label] < (1 << 30) ? null : ($wire === 'TLS' ? 0.97 : 0.9),
				$facts['native_mib'],
			);
			if (isset($results['dd'])) {
				$dd = $mib / $results['dd']['seconds'];
				$bench->row(
					'receive',
					"$label $wire",
					$ours,
					$dd,
					'dd conv=fdatasync',
					'MiB/s',
					null,
					$facts['native_mib'],
				);
			}
			if ($hasCurlExtension) {
				$bench->row(
					'receive',
					"$label $wire",
					$ours,
					$mib / $results['php']['seconds'],
					'PHP curl + hash_update',
					'MiB/s',
					$files[$label] < (1 << 30) ? null : 3.0,
					$facts['native_mib'],
				);
			} else {
				$bench->missing('receive', 'PHP curl + hash_update', 'PHP has no curl extension');
			}
			$bench->row(
				'memory',
				"$label $wire",
				$facts['native_mib'],
				null,
				'above idle',
				'MiB',
				16.0,
				$facts['native_mib'],
			);
			$bench->row('php heap', "$label $wire", $facts['php_mib'], null, 'growth', 'MiB', 0.5);
		}
	}
}
