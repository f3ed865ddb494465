<?php

namespace Zotlabs\Extend;

use App;

/** Rows of table hook. */
class Hook {

	public static function register($hook, $file, $function, $version = 1, $priority = 0) {
		$function = is_array($function) ? serialize($function) : $function;
		$key = [dbesc($hook), dbesc($file), dbesc($function)];
		$same = q("SELECT id FROM hook WHERE hook = '%s' AND file = '%s' AND fn = '%s' AND priority = %d AND hook_version = %d",
			...array_merge($key, [intval($priority), intval($version)])
		);
		if ($same) {
			return true;
		}
		q("DELETE FROM hook WHERE hook = '%s' AND file = '%s' AND fn = '%s'", ...$key);
		return q("INSERT INTO hook (hook, file, fn, priority, hook_version) VALUES ('%s', '%s', '%s', %d, %d)",
			...array_merge($key, [intval($priority), intval($version)])
		);
	}

	public static function register_array($file, $arr) {
		foreach ($arr as $hook => $function) {
			self::register($hook, $file, $function);
		}
	}

	public static function unregister($hook, $file, $function, $version = 1, $priority = 0) {
		$function = is_array($function) ? serialize($function) : $function;
		return q("DELETE FROM hook WHERE hook = '%s' AND file = '%s' AND fn = '%s' AND priority = %d AND hook_version = %d",
			dbesc($hook),
			dbesc($file),
			dbesc($function),
			intval($priority),
			intval($version)
		);
	}

	public static function unregister_by_file($file) {
		return q("DELETE FROM hook WHERE file = '%s'", dbesc($file));
	}

	public static function insert($hook, $function, $version = 0, $priority = 0) {
		App::$hooks[$hook][] = ['', is_array($function) ? serialize($function) : $function, $priority, $version];
	}
}
