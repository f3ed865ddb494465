<?php

function json_return_and_die($x, $content_type = 'application/json') {
	$body = json_encode($x);
	header('Content-Type: ' . $content_type);
	header('Content-Length: ' . strlen($body));
	echo $body;
	killme();
}

/**
 * Posts as a stock hub does: into a file where `filep` is given, and successful by the status alone, even if the body
 * broke off or is an error page.
 */
function z_post_url($url, $params, $redirects = 0, $opts = []) {
	$ch = curl_init($url);
	$options = [
		CURLOPT_POST => true,
		CURLOPT_POSTFIELDS => $params,
		CURLOPT_USERAGENT => 'Mozilla/5.0 (compatible; zot)',
		CURLOPT_ENCODING => '',
		CURLOPT_HTTPHEADER => array_merge($opts['headers'] ?? [], ['Expect:']),
		CURLOPT_RETURNTRANSFER => empty($opts['filep']),
	];
	if (!empty($opts['filep'])) {
		$options[CURLOPT_FILE] = $opts['filep'];
	}
	curl_setopt_array($ch, $options);
	$body = curl_exec($ch);
	$code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
	curl_close($ch);
	return ['return_code' => $code, 'success' => $code >= 200 && $code < 300, 'header' => '', 'body' => is_string($body) ? $body : ''];
}
