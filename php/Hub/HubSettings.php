<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Config as HubConfig;

if (! class_exists('App', false)) {
	exit;
}

/** The hub's own settings. */
final class HubSettings
{
	/** Returns the program with which the hub starts PHP for itself. */
	public static function php(): string
	{
		/** @var mixed $program */
		$program = HubConfig::Get('system', 'phpbin');

		return is_string($program) && $program !== '' ? $program : 'php';
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
