<?php

// A request for tickets as this clone makes it, for actions that misuse one. Included after boot.php.

/** Returns the body of a request for tickets; `$change` replaces facts in it. */
function ticket_body(array $channel, array $files, array $change = []): string
{
	return json_encode(
		$change
		+ [
			'filesync' => 2,
			'channel' => $channel['channel_hash'],
			'key_id' => z_root() . '/channel/' . $channel['channel_address'],
			'time' => time(),
			'nonce' => bin2hex(random_bytes(16)),
			'files' => $files,
		],
		JSON_UNESCAPED_SLASHES,
	);
}

/** Returns the text that a request to a hub signs, without the byte before it. */
function ticket_text(string $root, string $body): string
{
	$path = parse_url($root, PHP_URL_PATH) . '/getfile/ticket';
	$host = parse_url($root, PHP_URL_HOST);

	return "filesync 2 ticket\nPOST\n$path\n$host\n" . hash('sha256', $body);
}

/** Returns the headers of a request with its right signature. */
function ticket_headers(array $channel, string $root, string $body): array
{
	openssl_sign("\xFF" . ticket_text($root, $body), $bytes, $channel['channel_prvkey'], OPENSSL_ALGO_SHA512);

	return signed_headers('sha512.' . rtrim(strtr(base64_encode($bytes), '+/', '-_'), '='));
}

/** Returns the headers of a request with any signature. */
function signed_headers(string $signature): array
{
	return ['Content-Type: application/json', "Filesync-Signature: $signature"];
}

/** Asks a hub of the layout; returns status and body of its answer. */
function exchange(string $url, array $options): array
{
	$curl = curl_init($url);
	curl_setopt_array(
		$curl,
		$options + [CURLOPT_RETURNTRANSFER => true, CURLOPT_CAINFO => realpath('library/cacert.pem')],
	);
	$answer = (string) curl_exec($curl);

	return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $answer];
}
