<?php

/** Signs item bodies: on one core, on all, and with PHP's own function. */

declare(strict_types=1);

require __DIR__ . '/turns.php';

[, $runs, $path, $cores] = $argv;
$pem = file_get_contents($path);
$bodies = array_map(fn ($number) => "body $number " . str_repeat('text ', 200), range(1, 1000));
$signer = new FileSync\Signer($pem);
$key = openssl_pkey_get_private($pem);
turns((int) $runs, count($bodies), [
	'ours' => $cores === 'all'
		? fn () => $signer->signAll($bodies)
		: function () use ($signer, $bodies) {
			foreach ($bodies as $body) {
				$signer->sign($body);
			}
		},
	'openssl' => function () use ($key, $bodies) {
		foreach ($bodies as $body) {
			openssl_sign($body, $signature, $key, 'sha256');
			$sig = 'sha256.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '=');
		}
	},
]);
