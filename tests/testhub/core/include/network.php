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
 *
 * @return array{return_code: int, success: bool, header: string, body: string}
 */
function z_post_url($url, $params, $redirects = 0, $opts = []) {
	if (TestHub\Wire::$post) {
		return (TestHub\Wire::$post)($url, $params, $opts);
	}
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
	return ['return_code' => $code, 'success' => $code >= 200 && $code < 300, 'header' => '', 'body' => is_string($body) ? $body : ''];
}

/**
 * Fetches a page. Follows redirects, signed headers included, until it has seen eight.
 *
 * @return array{return_code: int, success: bool, header: string, body: string}
 */
function z_fetch_url($url, $binary = false, $redirects = 0, $opts = []) {
	if ($redirects > 8) {
		return ['return_code' => 0, 'success' => false, 'header' => '', 'body' => ''];
	}
	$ch = curl_init($url);
	curl_setopt_array($ch, [CURLOPT_HEADER => true, CURLOPT_RETURNTRANSFER => true, CURLOPT_ENCODING => '', CURLOPT_HTTPHEADER => $opts['headers'] ?? [],
		CURLOPT_TIMEOUT => $opts['timeout'] ?? 60, CURLOPT_USERAGENT => 'Mozilla/5.0 (compatible; zot)']);
	$answer = (string) curl_exec($ch);
	$code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
	$target = curl_getinfo($ch, CURLINFO_REDIRECT_URL);
	$header = substr($answer, 0, curl_getinfo($ch, CURLINFO_HEADER_SIZE));
	if ($target) {
		return z_fetch_url($target, $binary, $redirects + 1, $opts);
	}
	return ['return_code' => $code, 'success' => $code >= 200 && $code < 300, 'header' => $header, 'body' => substr($answer, strlen($header))];
}
