<?php

/**
 * Hooks and addons as on a hub: callbacks are rows of table hook, included by file and called by name; a callback that
 * is not callable loses its row.
 */

function load_hooks() {
	App::$hooks = [];
	foreach (dbq('SELECT * FROM hook ORDER BY priority DESC, id') ?: [] as $row) {
		App::$hooks[$row['hook']][] = [$row['file'], $row['fn'], $row['priority'], $row['hook_version']];
	}
}

function call_hooks($name, &$data = null) {
	foreach (App::$hooks[$name] ?? [] as $hook) {
		list($file, $function) = $hook;
		if ($file) {
			@include_once $file;
		}
		if (preg_match('/^a:\d+:{.*}$/s', $function)) {
			$callback = unserialize($function, ['allowed_classes' => false]);
		} else {
			$callback = strpos($function, '::') ? explode('::', $function) : $function;
		}
		if (is_callable($callback)) {
			$callback($data);
		} else {
			logger('hook callback removed: ' . $name . ' ' . $file . ' ' . $function);
			q("DELETE FROM hook WHERE hook = '%s' AND file = '%s' AND fn = '%s'", dbesc($name), dbesc($file), dbesc($function));
		}
	}
}

function register_hook($hook, $file, $function, $priority = 0) {
	return Zotlabs\Extend\Hook::register($hook, $file, $function, 0, $priority);
}

/** Runs `<addon>_<step>` if the addon has it. As on a hub only Exception is caught: an Error goes through. */
function addon_step($addon, $step) {
	$file = 'addon/' . $addon . '/' . $addon . '.php';
	if (!file_exists($file)) {
		return false;
	}
	include_once $file;
	$function = $addon . '_' . $step;
	if (!function_exists($function)) {
		return false;
	}
	try {
		$function();
	} catch (Exception $e) {
		logger('Addons: ' . $function . ' failed: ' . $e->getMessage());
		return false;
	}
	return true;
}

function install_plugin($addon) {
	$file = 'addon/' . $addon . '/' . $addon . '.php';
	if (!file_exists($file)) {
		return false;
	}
	addon_step($addon, 'install');
	if (!q("SELECT id FROM addon WHERE aname = '%s'", dbesc($addon))) {
		q("INSERT INTO addon (aname, installed, tstamp, plugin_admin) VALUES ('%s', 1, %d, %d)",
			dbesc($addon),
			filemtime($file),
			function_exists($addon . '_plugin_admin') ? 1 : 0
		);
	}
	return load_plugin($addon);
}

/** @return bool */
function load_plugin($addon) {
	return addon_step($addon, 'load');
}

function unload_plugin($addon) {
	return addon_step($addon, 'unload');
}

function uninstall_plugin($addon) {
	unload_plugin($addon);
	addon_step($addon, 'uninstall');
	q("DELETE FROM addon WHERE aname = '%s'", dbesc($addon));
}

/** @return bool */
function plugin_is_installed($addon) {
	return (bool) q("SELECT id FROM addon WHERE aname = '%s' AND installed = 1", dbesc($addon));
}

/** Reloads addons whose main file has changed since they were loaded. Only cron does this. */
function reload_plugins() {
	foreach (dbq('SELECT * FROM addon WHERE installed = 1') ?: [] as $row) {
		$changed = @filemtime('addon/' . $row['aname'] . '/' . $row['aname'] . '.php');
		if ($changed && $changed != $row['tstamp']) {
			unload_plugin($row['aname']);
			load_plugin($row['aname']);
			q('UPDATE addon SET tstamp = %d WHERE id = %d', intval($changed), intval($row['id']));
		}
	}
}
