<?php

namespace Zotlabs\Lib;

/** Settings of a channel: table pconfig. */
class PConfig {

	public static function Get($uid, $family, $key, $default = false) {
		$rows = q("SELECT v FROM pconfig WHERE uid = %d AND cat = '%s' AND k = '%s'", intval($uid), dbesc($family), dbesc($key));
		if (!$rows) {
			return $default;
		}
		$value = $rows[0]['v'];
		return strncmp($value, 'json:', 5) === 0 ? json_decode(substr($value, 5), true) : $value;
	}

	public static function Set($uid, $family, $key, $value) {
		self::Delete($uid, $family, $key);
		q("INSERT INTO pconfig (uid, cat, k, v, updated) VALUES (%d, '%s', '%s', '%s', '%s')",
			intval($uid),
			dbesc($family),
			dbesc($key),
			dbesc(is_array($value) ? 'json:' . json_encode($value) : $value),
			dbesc(datetime_convert())
		);
		return $value;
	}

	public static function Delete($uid, $family, $key) {
		return q("DELETE FROM pconfig WHERE uid = %d AND cat = '%s' AND k = '%s'", intval($uid), dbesc($family), dbesc($key));
	}
}
