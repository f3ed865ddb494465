<?php

/**
 * A hub whose reading door lies: run by `php -S`. The environment names the lie and has the channel's public key.
 *
 * It shows a small file and a large one, `small.txt` and `large.bin`, and of the whole channel one post.
 */

require_once __DIR__ . '/../testhub/Doorstep.php';

use TestHub\Doorstep;

$lie = (string) getenv('LIE');
$path = (string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$bytes = ['small-1' => 'a small file', 'large-1' => str_repeat('large ', 400000)];
$row = fn (string $hash, string $name) => [
	'hash' => $hash,
	'filename' => $name,
	'edited' => '2024-05-01 10:00:00',
	'folder' => '',
];
$metadata = fn (string $hash) => [
	'kind' => 'file',
	'hash' => $hash,
	'attach' => [$row($hash, $hash === 'small-1' ? 'small.txt' : 'large.bin')],
];
$told = fn (string $hash) => [
	'hash' => $hash,
	'metadata' => $metadata($lie === 'foreign' ? 'other-1' : $hash),
	'parts' => [
		['role' => 'original', 'size' => strlen($bytes[$hash]), 'sha256' => hash('sha256', $bytes[$hash])],
		['role' => 'crop', 'scale' => 2, 'mimetype' => 'x', 'size' => 1, 'sha256' => hash('sha256', 'x')],
		['role' => 'of later', 'size' => 1, 'sha256' => hash('sha256', 'x')],
	],
	'lacks' => [],
];
$listed = fn (string $hash) => [
	'hash' => $hash,
	'print' => substr(hash('sha256', json_encode($metadata($hash))), 0, 32),
	'size' => strlen($bytes[$hash] ?? ''),
	'names' => [$hash],
];
$say = function (array $said): void {
	header('Content-Type: application/json');
	echo json_encode($said);
};
$send = function (string $bytes): void {
	header('Content-Type: application/octet-stream');
	echo $bytes;
};
$asked = json_decode((string) file_get_contents('php://input'), true) ?? [];

if ($lie === 'page' && str_starts_with($path, '/filesync/v1/set/')) {
	header('Content-Type: text/html');
	echo '<html>Welcome</html>';

	return;
}
match (true) {
	$path === '/api/z/1.0/version' => $send('"8.9.3"'),
	$path === '/filesync/v1' => $say([
		'filesync' => '0.2.0',
		'protocol' => ['oldest' => $lie === 'newer' ? 2 : 1, 'newest' => 9],
		'reading_door' => 'open',
	]),
	$path === '/filesync/v1/set' => $say([
		'channel' => [
			'nick' => 'alice',
			'name' => 'Alice',
			'hash' => $lie === 'no hash' ? "chan\nnel" : 'channel',
			'guid' => 'g',
			'key' => $lie === 'no key' ? '-----BEGIN PUBLIC KEY-----' : getenv('PUBLIC_KEY'),
			'url' => $lie === 'no address' ? null : 'http://x/channel/alice',
		],
		'origin' => ['url' => 'http://x', 'software' => 'hubzilla', 'filesync' => '0.2.0'],
		'contents' => ['files'],
		'access_names' => new stdClass(),
		'lacks' => [],
		'files' => 2,
		'bytes' => 1,
	]),
	$path === '/filesync/v1/set/files' => $say([
		'files' => array_map($listed, [
			'small-1',
			'large-1',
			...($lie === 'traversal' ? ['../../escaped', '/etc/passwd', str_repeat('x', 65)] : []),
		]),
		'after' => $lie === 'endless' ? 7 : null,
	]),
	$path === '/filesync/v1/set/metadata' => $say(
		$lie === 'silent'
			? ['files' => [], 'left' => $asked['hashes']]
			: [
				'files' => [
					...array_map($told, array_values(array_intersect($asked['hashes'], array_keys($bytes)))),
					...($lie === 'traversal' ? [['hash' => '../../escaped'] + $told('small-1')] : []),
				],
				'left' => [],
			],
	),
	$path === '/filesync/v1/set/pack' => $send(Doorstep::tar(match ($lie) {
		'other names' => [hash('sha256', 'something else') => $bytes['small-1']],
		'other bytes' => [hash('sha256', 'not asked for') => 'not asked for'],
		default => [hash('sha256', $bytes['small-1']) => $bytes['small-1']],
	})),
	str_starts_with($path, '/filesync/v1/set/bytes/') => $send(
		$lie === 'other bytes' ? strrev($bytes['large-1']) : $bytes['large-1'],
	),
	$path === '/login' => header('Set-Cookie: PHPSESSID=abc'),
	$path === '/filesync/v1/channel/pass' => $say(['pass' => $lie === 'no pass' ? "fsp\n" : 'fsp_1']),
	$path === '/filesync/v1/channel' => $say([
		'channel' => ['hash' => $lie === 'whole of another' ? 'other' : 'channel'],
		'kinds' => [$lie === 'kind that climbs' ? '../../escaped' : 'posts' => 1],
	]),
	$path === '/filesync/v1/channel/identity' => $say([
		'channel' => [
			'channel_hash' => $lie === 'another identity' ? 'other' : 'channel',
			'channel_prvkey' => 'the key',
		],
	]),
	str_starts_with($path, '/filesync/v1/channel/rows/') => $say(match (true) {
		$asked === [] => [
			'rows' => [
				[
					'id' => 1,
					'file' => $lie === 'row that climbs' ? '../../escaped' : '2024-05',
					'print' => str_repeat('a', 32),
				],
			],
			'after' => $lie === 'endless rows' ? 0 : null,
		],
		$lie === 'silent rows' => ['rows' => [], 'left' => $asked['ids']],
		default => [
			'rows' => [
				[
					'id' => 1,
					'file' => '2024-05',
					'print' => str_repeat('a', 32),
					'row' => $lie === 'row of no object' ? [1] : ['message_id' => 'm1', 'body' => "a\nb"],
				],
			],
			'left' => [],
		],
	}),
	default => http_response_code(404),
};
