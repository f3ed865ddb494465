<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Which database the hub has. */
final class Database
{
	/** Tells whether it is PostgreSQL. */
	public static function isPostgres(): bool
	{
		return defined('DBTYPE_POSTGRES') && defined('ACTIVE_DBTYPE') && ACTIVE_DBTYPE === DBTYPE_POSTGRES;
	}
}
