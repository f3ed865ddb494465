<?php

/**
 * Makes one hub with one channel, or with a clone of a channel that another hub has.
 *
 *     php make-hub.php <folder> --url http://127.0.0.1:PORT --nick alice [--clone-of <folder of another hub>]
 *                      [--extension <filesync.so>] [--addon <folder of the addon>] [--identity <file>] [--testhub 8|10]
 *
 * With --clone-of both hubs learn of each other (hublocs). --identity names a file that an identity was saved to, or is
 * to be saved to: making an RSA-4096 key takes a second or more.
 */

require_once dirname(__DIR__) . '/core/TestHub/Maker.php';

use TestHub\Maker;

list($folder, $options) = (function (array $arguments) {
	$options = [];
	for ($n = 1; ($n + 1) < count($arguments); $n += 2) {
		$options[ltrim($arguments[$n], '-')] = $arguments[$n + 1];
	}
	return [$arguments[0] ?? '', $options];
})(array_slice($argv, 1));
if ($folder === '' || ! isset($options['url'], $options['nick'])) {
	fwrite(
		STDERR,
		"usage: make-hub.php <folder> --url <url> --nick <nick> [--clone-of <folder>] [--extension <so>] [--addon <folder>] [--identity <file>] [--testhub 8|10]\n",
	);
	exit(2);
}

$identity_file = $options['identity'] ?? (isset($options['clone-of']) ? $options['clone-of'] . '/identity.json' : '');
if ($identity_file !== '' && is_file($identity_file)) {
	$identity = json_decode(file_get_contents($identity_file), true);
} else {
	$identity = Maker::identity($options['nick']);
}
if ($identity_file !== '' && ! is_file($identity_file)) {
	file_put_contents($identity_file, json_encode($identity));
}

$url = rtrim($options['url'], '/');
Maker::hub($folder, $url, $options['extension'] ?? '', (int) ($options['testhub'] ?? 0));
$folder = realpath($folder);
file_put_contents($folder . '/identity.json', json_encode($identity));
$peer = isset($options['clone-of']) ? realpath($options['clone-of']) : null;
if (isset($options['addon'])) {
	Maker::copyAddon($options['addon'], $folder);
}

Maker::enter($folder);
$channel = Maker::channel($identity, $options['nick']);
if ($peer) {
	$settings = json_decode(file_get_contents($peer . '/hub.json'), true);
	$database = TestHub\Databases::connect($settings['database']);
	Maker::hubloc(
		$identity,
		$settings['url'],
		$database->query('SELECT channel_address FROM channel LIMIT 1')->fetchColumn(),
		preg_match("/'(\d+\.[\d.]+)'/", file_get_contents($peer . '/boot.php'), $version) ? $version[1] : STD_VERSION,
	);
	$database = null;
	Maker::enter($peer);
	Maker::hubloc($identity, $url, $options['nick']);
}
echo 'hub ', $folder, ' at ', $url, ' with channel ', $options['nick'], "\n";
