<?php

/**
 * The class of hubs that proves documents: from the hub's tree that HUBZILLA_ROOT names, if it has it, else that of the
 * test hub. What it calls of a hub is in this file.
 */

define('ATOM_TIME', 'Y-m-d\TH:i:s\Z');

function datetime_convert($from, $to, $when, $format)
{
	return gmdate($format);
}

function channel_url($channel)
{
	return 'https://a.example/channel/' . $channel['channel_address'];
}

function logger($message) {}

$tests = dirname(__DIR__) . '/testhub/core';
require_once "$tests/TestHub/Base58.php";
require_once "$tests/TestHub/Jcs.php";
$root = is_file(getenv('HUBZILLA_ROOT') . '/Zotlabs/Lib/JcsEddsa2022.php') ? getenv('HUBZILLA_ROOT') : $tests;
spl_autoload_register(function ($class) use ($root) {
	$name = basename(strtr($class, '\\', '/'));
	foreach ([
		"$root/Zotlabs/Lib/$name.php",
		"$root/vendor/mmccook/php-json-canonicalization-scheme/src/$name.php",
	] as $file) {
		is_file($file) && (require_once $file);
	}
});

/** Base58 is not what is judged: the hub's own needs further extensions of PHP. */
final class HubBase58
{
	public function encode($bytes)
	{
		return TestHub\Base58::encode($bytes);
	}

	public function decode($text)
	{
		return TestHub\Base58::decode($text);
	}
}

class_alias(HubBase58::class, 'StephenHill\Base58');
