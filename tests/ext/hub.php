<?php

/**
 * The least hub that the extension's own tests need, served by `php -S`: no rows, no keys, one answer per hash.
 */

const BYTES = 300000;

function bytesOf(string $seed): string
{
	return substr(str_repeat(hash('sha256', $seed, true), intdiv(BYTES, 32) + 1), 0, BYTES);
}

if (PHP_SAPI !== 'cli-server') {
	return;
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path !== '/getfile') {
	http_response_code(401);
	exit;
}
switch ($_POST['resource']) {
	case 'page':
		header('Content-Type: text/html');
		exit('<!DOCTYPE html><html>not found</html>');
	case 'busy':
		http_response_code(503);
		header('Retry-After: 9');
		exit;
	case 'refused':
		http_response_code(403);
		exit;
	case 'stall':
		header('Content-Disposition: attachment; filename="x"');
		echo str_repeat('x', 100000);
		flush();
		sleep(30);
		exit;
	default:
		header('Content-Disposition: attachment; filename="x"');
		echo bytesOf($_POST['resource']);
}
