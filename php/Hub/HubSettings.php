<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Config as HubConfig;

if (! class_exists('App', false)) {
	exit;
}

/** The hub's own settings. */
final class HubSettings
{
	/** Returns the PHP by which the hub starts its own processes. */
	public static function php(): string
	{
		/** @var mixed */
		$php = HubConfig::Get('system', 'phpbin', 'php');
		/** @var array<string, array<string, mixed>> */
		$config = \App::$config;
		/** @var mixed */
		$named = $config['system']['php_path'] ?? '';

		return match (true) {
			$php === 'php' && is_string($named) && $named !== '' => $named,
			is_string($php) && $php !== '' => $php,
			default => 'php',
		};
	}

	/** Lets this process see another value of a setting of the system. */
	public static function override(string $name, string $value): void
	{
		// Core reads the table once, before it looks for what is in memory.
		HubConfig::Get('system', $name);
		/** @var array<string, array<string, mixed>> */
		$config = \App::$config;
		$config['system'] = [$name => $value] + ($config['system'] ?? []);
		\App::$config = $config;
	}
}
