<?php

declare(strict_types=1);

require_once __DIR__ . '/relocate.php';

/**
 * Sign 1,000 items with RSA-4096. The bound is what a good library does on this processor: `openssl speed rsa4096`, on
 * one core and on all. Beside it PHP's openssl_sign with a key that is parsed once, on one.
 */
function sign(Bench $bench): void
{
	$key = "$bench->folder/sign.pem";
	exec("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out $key 2>/dev/null");
	$cores = max(1, (int) exec('nproc'));
	foreach (['1 core' => ['one', 1], 'all' => ['all', $cores]] as $label => [$how, $count]) {
		$before = speedOfOpenssl($count);
		$rates = ratesInProcess($bench, 'worker/sign.php', [$key, $how]);
		$bound = ($before + speedOfOpenssl($count)) / 2;
		$input = "1,000 items, $label";
		$memory = $rates['memory_mib'];
		$bench->row('sign', $input, $rates['ours'], $bound, "openssl speed, $label", 'items/s', 0.98, $memory);
		$bench->row(
			'sign',
			$input,
			$rates['ours'],
			$rates['openssl'],
			'openssl_sign, key object',
			'items/s',
			null,
			$memory,
		);
	}
}

/** Returns how many signatures a second so many processes of OpenSSL make. */
function speedOfOpenssl(int $processes): float
{
	exec("openssl speed -seconds 3 -mr -multi $processes rsa4096 2>/dev/null", $lines);
	$found = preg_grep('/^\+F2:\d+:4096:/', $lines) ?: [];
	$last = explode(':', (string) end($found));

	return (float) ($last[3] ?? 0);
}
