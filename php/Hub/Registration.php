<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The hub's registration of this addon: its name among the installed ones, its row, its hooks. */
final class Registration
{
	private const FILE = 'addon/filesync/filesync.php';

	/** Returns the missing parts of the registration. */
	public static function missing(): array
	{
		$missing = [];
		if (! self::isListed()) {
			$missing[] = t('it is not switched on');
		}
		$row = Table::first('addon', ['aname' => 'filesync']);
		if (! $row || ! (int) $row['installed']) {
			$missing[] = t('it is not installed');
		} elseif (! (int) $row['plugin_admin']) {
			$missing[] = t('its page for the admin');
		}

		return [...$missing, ...array_map(fn ($hook) => sprintf(t('hook %s'), $hook), self::missingHooks())];
	}

	/** Returns the time of the main file when the hub registered it, 0 if it did not. */
	public static function installedAt(): int
	{
		return (int) (Table::first('addon', ['aname' => 'filesync'], '', 'tstamp')['tstamp'] ?? 0);
	}

	/**
	 * Registers missing hooks while the addon is switched on; returns their names.
	 *
	 * The hub drops a hook whose file is missing for a moment, and all hooks when it scans for addons while one is
	 * being installed.
	 */
	public static function mend(): array
	{
		$hooks = self::isListed() && self::installedAt() ? self::missingHooks() : [];
		foreach ($hooks as $hook) {
			\Zotlabs\Extend\Hook::register($hook, self::FILE, filesync_hooks()[$hook], 1, 0);
		}

		return $hooks;
	}

	/** Removes the addon from the hub's list as the hub's own tool does. Tables and files stay. */
	public static function remove(): void
	{
		Core::load('include/plugin.php');
		$names = array_diff(self::listed(), ['filesync']);
		uninstall_plugin('filesync');
		\App::$plugins = array_values($names);
		\Zotlabs\Lib\Config::Set('system', 'addon', implode(', ', $names));
	}

	/** Returns the names of the other installed addons. */
	public static function others(): array
	{
		return array_column(
			Table::select('addon', ['installed' => 1, 'aname <>' => 'filesync'], 'aname', 0, 'aname'),
			'aname',
		);
	}

	private static function isListed(): bool
	{
		return in_array('filesync', self::listed(), true);
	}

	/** Returns the names of the addons that the hub's admin switched on. */
	private static function listed(): array
	{
		return array_values(array_filter(
			array_map('trim', explode(',', (string) \Zotlabs\Lib\Config::Get('system', 'addon', ''))),
			'strlen',
		));
	}

	private static function missingHooks(): array
	{
		$known = [];
		foreach (Table::select('hook', ['file' => self::FILE], '', 0, 'hook, fn') as $row) {
			$known[$row['hook']][] = $row['fn'];
		}

		return array_keys(array_filter(
			filesync_hooks(),
			fn ($function, $hook) => ! in_array($function, $known[$hook] ?? [], true),
			ARRAY_FILTER_USE_BOTH,
		));
	}
}
