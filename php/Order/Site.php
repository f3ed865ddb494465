<?php

namespace FileSync\Addon\Order;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * This hub's own component in version vectors.
 *
 * It is drawn at installation, and anew when another hub has seen more changes of ours than we know: then we were restored from
 * a backup, and counting on would give two changes one name.
 */
final class Site
{
	private const ID = 'component';

	/** Returns the component that our changes count under. */
	public static function component(): string
	{
		if (! $row = Table::first('filesync_setting', ['id' => self::ID])) {
			Table::tryInsert('filesync_setting', ['id' => self::ID, 'scope' => 'site', 'name' => self::ID, 'value' => bin2hex(random_bytes(8))]);
			$row = Table::first('filesync_setting', ['id' => self::ID]);
		}

		return $row['value'];
	}

	/** Begins to count under a new component if another hub knows more of our changes than we do. */
	public static function notice(array $theirs, array $ours): void
	{
		$component = self::component();
		if (($theirs[$component] ?? 0) > ($ours[$component] ?? 0)) {
			Config::log('another hub knows changes of ours that we do not: this hub was restored from a backup and counts anew');
			Table::update('filesync_setting', ['value' => bin2hex(random_bytes(8))], ['id' => self::ID, 'value' => $component]);
		}
	}
}
