<?php

namespace TestHub;

/**
 * The WebDAV server that hubs bring, where there is one: beneath `vendor/sabre` of the hub's tree that HUBZILLA_ROOT
 * names, or in the folder that SABRE names. Without it the test hub is one that lacks it.
 */
class Sabre
{
	const FOLDERS = [
		'Sabre\DAV\\' => 'sabre/dav/lib/DAV',
		'Sabre\Event\\' => 'sabre/event/lib',
		'Sabre\HTTP\\' => 'sabre/http/lib',
		'Sabre\Uri\\' => 'sabre/uri/lib',
		'Sabre\Xml\\' => 'sabre/xml/lib',
		'Psr\Log\\' => 'psr/log/src',
	];
	const FUNCTIONS = [
		'sabre/event/lib/coroutine.php',
		'sabre/event/lib/Loop/functions.php',
		'sabre/event/lib/Promise/functions.php',
		'sabre/http/lib/functions.php',
		'sabre/uri/lib/functions.php',
		'sabre/xml/lib/Deserializer/functions.php',
		'sabre/xml/lib/Serializer/functions.php',
	];

	/** Returns the folder that has it, null if there is none. */
	public static function folder(): ?string
	{
		foreach ([(string) getenv('SABRE'), getenv('HUBZILLA_ROOT') . '/vendor'] as $folder) {
			if ($folder !== '' && is_file("$folder/sabre/dav/lib/DAV/Server.php")) {
				return $folder;
			}
		}

		return null;
	}

	/** Has its classes found. */
	public static function load(): void
	{
		$vendor = self::folder();
		if ($vendor === null) {
			return;
		}
		spl_autoload_register(function (string $class) use ($vendor): void {
			foreach (self::FOLDERS as $prefix => $folder) {
				$file = strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
				foreach (str_starts_with($class, $prefix) ? ["$vendor/$folder/$file", "$vendor/psr/log/Psr/Log/$file"] : [] as $path) {
					if (is_file($path)) {
						require_once $path;
						return;
					}
				}
			}
		});
		foreach (self::FUNCTIONS as $file) {
			require_once "$vendor/$file";
		}
	}
}
