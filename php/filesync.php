<?php
/**
 * Name: filesync
 * Description: Verified file sync between the clones of a channel: a file is shown once its bytes are here and were checked.
 * Version: 0.1.0
 * Author: filesync contributors
 * Maintainer: filesync contributors
 * MinVersion: 7.8
 * MinPHPVersion: 8.1
 */

/*
 * The hub includes this file in every request, so it stays small, needs nothing, and lets no error out.
 * Functions that the hub calls are named filesync_*; everything else lives in FileSync\Addon and is loaded when used.
 */

if (! class_exists('App', false)) {
	return;
}

spl_autoload_register(function ($class) {
	if (str_starts_with($class, 'FileSync\\Addon\\')) {
		$file = __DIR__ . '/' . strtr(substr($class, 15), '\\', '/') . '.php';
		if (is_file($file)) {
			require_once $file;
		}
	}
});

/** Returns the hooks this addon lives on, with the function that serves each. */
function filesync_hooks() {
	return [
		'init_1' => 'filesync_init_1',
		'photo_upload_begin' => 'filesync_photo_upload_begin',
		'attach_delete' => 'filesync_attach_delete',
		'module_loaded' => 'filesync_module_loaded',
		'zotinfo' => 'filesync_zotinfo',
		'import_xchan' => 'filesync_import_xchan',
		'import_channel' => 'filesync_import_channel',
		'item_store_before' => 'filesync_item_store_before',
		'item_store_update_before' => 'filesync_item_store_before',
		'daemon_addon' => 'filesync_daemon_addon',
		'cron' => 'filesync_cron',
		'cron_daily' => 'filesync_cron_daily',
		'channel_remove' => 'filesync_channel_remove',
	];
}

/** Registers the hooks and brings the tables up to date. The hub calls it at install and after every change of this file. */
function filesync_load() {
	foreach (filesync_hooks() as $hook => $function) {
		Zotlabs\Extend\Hook::register($hook, 'addon/filesync/filesync.php', $function, 1, 0);
	}
	try {
		FileSync\Addon\Schema\Migrations::run();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('bringing the tables up to date', $e);
	}
}

/** Leaves every hook. Tables and data stay, so that loading again goes on where it stopped. */
function filesync_unload() {
	Zotlabs\Extend\Hook::unregister_by_file('addon/filesync/filesync.php');
}

/** Defines the overrides before core can call what they override. Runs many times in one process. */
function filesync_init_1(&$unused = null) {
	try {
		$overrides = __DIR__ . '/overrides/hubzilla.php';
		// A file that is not there cannot be caught.
		if (FileSync\Addon\Hub\Family::isKnown() && is_file($overrides)) {
			require_once $overrides;
		}
		foreach (filesync_hooks() as $hook => $function) {
			if (! array_filter(App::$hooks[$hook] ?? [], fn ($known) => $known[1] === $function)) {
				Zotlabs\Extend\Hook::register($hook, 'addon/filesync/filesync.php', $function, 1, 0);
			}
		}
	} catch (Throwable $e) {
		error_log('filesync: ' . $e->getMessage());
	}
}

/** Hears of files that go with their post: the one delete for which core calls attach_delete itself and sends it. */
function filesync_attach_delete(&$arr) {
	try {
		if (in_array('delete_item_lowlevel', array_column(debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 12), 'function'), true)) {
			FileSync\Addon\Outgoing::deletedWithPost((int) ($arr['channel_id'] ?? 0), (string) ($arr['resource'] ?? ''));
		}
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('a delete about to be sent', $e);
	}
}

/** Begins for requests that change files; answers requests for files before the hub's own controller, or lets it; serves /filesync. */
function filesync_module_loaded(&$module) {
	try {
		FileSync\Addon\Outgoing::beginRequest((string) ($module['module'] ?? ''));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('a request that changes files', $e);
	}
	if (($module['module'] ?? '') === 'filesync' && is_file(__DIR__ . '/Mod_Filesync.php')) {
		// Not by the hub's own list of routes: some versions lose what is registered there.
		require_once __DIR__ . '/Mod_Filesync.php';
		$module['installed'] = true;
		$module['controller'] = new Zotlabs\Module\Filesync();
	}
	if (($module['module'] ?? '') !== 'getfile') {
		return;
	}
	try {
		FileSync\Addon\Serve::wrap($module);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('wrapping the controller of getfile', $e);
	}
}

/** Says in the hub's description of itself that it speaks filesync. */
function filesync_zotinfo(&$info) {
	try {
		$introduction = FileSync\Addon\Hub\Config::get('enabled') === '0' ? null : FileSync\Addon\Peers::introduction();
		if ($introduction && is_array($info)) {
			$info['filesync'] = $introduction;
		}
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('describing this hub', $e);
	}
}

/** Hears what is said of another hub, before anybody verified it. */
function filesync_import_xchan(&$info) {
	try {
		FileSync\Addon\Peers::hearsay($info);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('reading a description of another hub', $e);
	}
}

/** A channel was cloned to this hub: what it has elsewhere is looked for now, whatever becomes of the hub's own import, file by file. */
function filesync_import_channel(&$info) {
	try {
		FileSync\Addon\Reconcile::request((int) ($info['channel']['channel_id'] ?? 0));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('a channel that was imported', $e);
	}
}

/** Notes that a file is about to be stored, and keeps core from sending it: we do, once. */
function filesync_photo_upload_begin(&$arr) {
	try {
		FileSync\Addon\Outgoing::beforeStore($arr);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('a change about to be sent', $e);
	}
}

/** Gives our own posts from another clone this hub's URLs and a valid signature. */
function filesync_item_store_before(&$data) {
	try {
		FileSync\Addon\ItemRelocation::beforeStore($data);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('relocating a post', $e);
	}
}

/** Runs one slice of background work. Every addon gets every job: ours are named. */
function filesync_daemon_addon(&$argv) {
	if (($argv[1] ?? '') !== 'filesync') {
		return;
	}
	try {
		FileSync\Addon\Worker::daemon((string) ($argv[2] ?? ''));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('background work', $e);
	}
}

/** Wakes workers that died or whose retries are due. */
function filesync_cron(&$date) {
	try {
		FileSync\Addon\Housekeeping::often();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('cron', $e);
	}
}

/** Removes what is past its age or size bound. */
function filesync_cron_daily(&$date) {
	try {
		FileSync\Addon\Housekeeping::daily();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('daily cron', $e);
	}
}

/** Forgets a channel that leaves this hub. */
function filesync_channel_remove(&$channel) {
	try {
		FileSync\Addon\Housekeeping::forgetChannel((int) ($channel['channel_id'] ?? 0));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('removing a channel', $e);
	}
}

/** Shows the admin how things stand: /admin/addons/filesync. */
function filesync_plugin_admin(&$html) {
	try {
		$html .= FileSync\Addon\AdminPage::show();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('the page for the admin', $e);
		$html .= htmlspecialchars(t('filesync cannot show this page now. The log of this hub says why.'));
	}
}

/** Takes what the admin sent from there. */
function filesync_plugin_admin_post() {
	try {
		FileSync\Addon\AdminPage::take();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Config::logFailure('what the admin sent', $e);
		notice(t('filesync could not process this. The log of this hub says why.') . "\n");
	}
}
