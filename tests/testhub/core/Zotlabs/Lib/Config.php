<?php

namespace Zotlabs\Lib;

use App;

/**
 * Settings of the hub: table config, cached per process, arrays as `json:` text.
 *
 * Keeps one trait of hubs that bites addons: an array that was set in this process reads back as the default.
 */
class Config {

	public static function Load($family) {
		if (isset(App::$config[$family]['config_loaded'])) {
			return;
		}
		foreach (q("SELECT k, v FROM config WHERE cat = '%s'", dbesc($family)) ?: [] as $row) {
			App::$config[$family][$row['k']] = $row['v'];
		}
		App::$config[$family]['config_loaded'] = true;
	}

	public static function Get($family, $key, $default = false) {
		self::Load($family);
		$value = App::$config[$family][$key] ?? null;
		if ($value === null || is_array($value)) {
			return $default;
		}
		return strncmp((string) $value, 'json:', 5) === 0 ? json_decode(substr($value, 5), true) : $value;
	}

	public static function Set($family, $key, $value) {
		$stored = is_array($value) ? 'json:' . json_encode($value) : (is_bool($value) ? intval($value) : $value);
		if (q("SELECT id FROM config WHERE cat = '%s' AND k = '%s'", dbesc($family), dbesc($key))) {
			$done = q("UPDATE config SET v = '%s' WHERE cat = '%s' AND k = '%s'", dbesc($stored), dbesc($family), dbesc($key));
		} else {
			$done = q("INSERT INTO config (cat, k, v) VALUES ('%s', '%s', '%s')", dbesc($family), dbesc($key), dbesc($stored));
		}
		if (!$done) {
			return $done;
		}
		self::Load($family);
		App::$config[$family][$key] = $value;
		return $value;
	}

	public static function Delete($family, $key) {
		unset(App::$config[$family][$key]);
		return q("DELETE FROM config WHERE cat = '%s' AND k = '%s'", dbesc($family), dbesc($key));
	}
}
