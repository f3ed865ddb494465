<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The hub versions that we were tested with, and their differences. Unknown versions keep their own behaviour. */
final class Family
{
	private const OLDEST = '7.8';
	private const TOO_NEW = '8.10';

	/** Core's functions that we take over: where they are defined, and the parameters that we know. */
	private const FILES = ['include/attach.php', 'include/import.php', 'include/items.php', 'include/channel.php'];
	private const FUNCTIONS = [
		'sync_files' => ['channel', 'files'],
		'sync_items' => ['channel', 'items', 'relocate'],
		'import_items' => ['channel', 'items', 'sync', 'relocate'],
		'import_channel_photo' => ['photo', 'type', 'aid', 'uid'],
		'attach_export_data' => ['channel', 'resource_id', 'deleted'],
		'attach_delete' => ['channel_id', 'resource'],
		'attach_move' => ['channel_id', 'resource_id', 'new_folder_hash'],
		'attach_change_permissions' => [
			'channel_id',
			'resource',
			'allow_cid',
			'allow_gid',
			'deny_cid',
			'deny_gid',
			'recurse',
			'sync',
		],
		'fix_attached_permissions' => ['uid', 'body'],
		'perm_is_allowed' => ['uid', 'observer_xchan', 'permission'],
	];
	private const OVERRIDES = [
		'Zotlabs\Lib\sync_files',
		'Zotlabs\Lib\sync_items',
		'Zotlabs\Lib\import_channel_photo',
		'Zotlabs\Daemon\sync_files',
		'Zotlabs\Daemon\import_items',
		'Zotlabs\Daemon\attach_export_data',
		'Zotlabs\Storage\attach_export_data',
		'Zotlabs\Storage\perm_is_allowed',
		'Zotlabs\Storage\attach_delete',
		'Zotlabs\Storage\attach_move',
		'Zotlabs\Module\import_items',
		'Zotlabs\Module\attach_export_data',
		'Zotlabs\Module\attach_delete',
		'Zotlabs\Module\attach_move',
		'Zotlabs\Module\attach_change_permissions',
		'Zotlabs\Module\fix_attached_permissions',
	];

	/** A theme that calls core's functions in a namespace of its own, where it is installed; and those functions. */
	private const THEME = 'view/theme/solidified';
	private const OVERRIDES_OF_THEME = [
		'Theme\Solidified\Api\Handlers\import_items',
		'Theme\Solidified\Api\Handlers\import_channel_photo',
		'Theme\Solidified\Api\Handlers\attach_export_data',
		'Theme\Solidified\Api\Handlers\attach_delete',
		'Theme\Solidified\Api\Handlers\attach_move',
		'Theme\Solidified\Api\Handlers\attach_change_permissions',
		'Theme\Solidified\Api\Handlers\fix_attached_permissions',
	];

	/** Tells whether we may take over calls of this hub's version. */
	public static function isKnown(): bool
	{
		return defined('STD_VERSION') && self::knowsVersion(STD_VERSION);
	}

	/** Tells whether we know a version number. */
	public static function knowsVersion(string $version): bool
	{
		return (
			(bool) preg_match('/^\d+\.\d+/', $version)
			&& version_compare($version, self::OLDEST, '>=')
			&& version_compare($version, self::TOO_NEW, '<')
		);
	}

	/** Returns why filesync stays passive on this hub, or null if it does not. */
	public static function problem(): ?string
	{
		$version = self::version();
		if (! self::isKnown()) {
			return sprintf(t('filesync does not know Hubzilla %s and stays passive'), $version);
		}
		foreach (self::FILES as $file) {
			require_once $file;
		}
		$changed = array_filter(
			array_keys(self::FUNCTIONS),
			fn ($function) => function_exists("\\$function") && ! self::isAsExpected($function),
		);

		return $changed
			? sprintf(
				t('Hubzilla %1$s has changed %2$s; filesync stays passive there'),
				$version,
				implode(', ', $changed),
			)
			: null;
	}

	/** Tells whether a function of core that we take over still accepts our arguments. */
	public static function isAsExpected(string $function): bool
	{
		static $known = [];
		if (! isset($known[$function]) && function_exists("\\$function")) {
			$names = array_map(
				fn ($parameter) => $parameter->getName(),
				(new \ReflectionFunction("\\$function"))->getParameters(),
			);
			// A function that we replace entirely must have no further parameters; one that we pass calls on to may.
			$known[$function] =
				($function === 'sync_files' ? $names : array_slice($names, 0, count(self::FUNCTIONS[$function])))
					=== self::FUNCTIONS[$function];
		}

		return $known[$function] ?? true;
	}

	/** Returns the overrides that are not ours: another addon was first, or the file is missing. */
	public static function lostOverrides(): array
	{
		$others = [];
		foreach ([...self::OVERRIDES, ...(self::hasTheme() ? self::OVERRIDES_OF_THEME : [])] as $function) {
			if (
				! function_exists($function)
				|| ! str_ends_with(
					strtr((string) (new \ReflectionFunction($function))->getFileName(), '\\', '/'),
					'/overrides/hubzilla.php',
				)
			) {
				$others[] = $function;
			}
		}

		return $others;
	}

	/** Tells whether the theme is installed that changes files in the hub's stead. */
	public static function hasTheme(): bool
	{
		return is_dir(self::THEME);
	}

	/** Tells whether core's own function still has the signature of the one that we replace. */
	public static function hasExpectedReceiver(): bool
	{
		self::loadImport();

		return function_exists('\sync_files') && self::isAsExpected('sync_files');
	}

	/** Loads core's import functions, which not every caller has loaded. */
	public static function loadImport(): void
	{
		require_once 'include/import.php';
	}

	/** Passes files to core's own receiver. */
	public static function receiveStock(array $channel, mixed $files): mixed
	{
		self::loadImport();

		return Reception::quietly((int) ($channel['channel_id'] ?? 0), fn () => \sync_files($channel, $files));
	}

	/** Tells whether the hub's database is PostgreSQL. */
	public static function isPostgres(): bool
	{
		return defined('DBTYPE_POSTGRES') && defined('ACTIVE_DBTYPE') && ACTIVE_DBTYPE === DBTYPE_POSTGRES;
	}

	/**
	 * Returns the largest file size that the hub's tables can hold, in bytes; the column holds it for every larger
	 * file.
	 */
	public static function largestFileBytes(): int
	{
		return self::isPostgres() ? PHP_INT_MAX : Bounds::COLUMN_END;
	}

	/** Returns the version of the hub. */
	public static function version(): string
	{
		return defined('STD_VERSION') ? STD_VERSION : 'unknown';
	}

	/** Returns a file size as the hub's tables can hold it. */
	public static function sizeColumn(int $sizeBytes): int
	{
		return min($sizeBytes, self::largestFileBytes());
	}
}
