<?php

declare(strict_types=1);

require_once __DIR__ . '/relocate.php';

/** Sign 1,000 items with RSA-4096. Peer: PHP's openssl_sign with a key that is parsed once. */
function sign(Bench $bench): void
{
	$key = "$bench->folder/sign.pem";
	exec("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out $key 2>/dev/null");
	inProcess(
		$bench,
		'sign',
		'1,000 items, 1 core',
		'worker/sign.php',
		[$key, 'one'],
		['openssl' => ['openssl_sign, key object', 2.8]],
	);
	inProcess(
		$bench,
		'sign',
		'1,000 items, all',
		'worker/sign.php',
		[$key, 'all'],
		['openssl' => ['openssl_sign, key object', 2.8]],
	);
}
