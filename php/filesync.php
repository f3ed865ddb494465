<?php

/**
 * Name: filesync
 * Description: Verified file sync between the clones of a channel: a file is shown once its bytes are here and were checked.
 * Version: 0.2.0-dev.8
 * Author: filesync contributors
 * Maintainer: filesync contributors
 * MinVersion: 7.8
 * MinPHPVersion: 8.1
 */

/*
 * The hub includes this file in every request, so it is small, depends on nothing, and lets no error escape.
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

/** Returns this addon's hooks, with the function that serves each. */
function filesync_hooks()
{
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
		'notifier_process' => 'filesync_notifier_process',
		'queue_deliver' => 'filesync_queue_deliver',
		'local_dir_update' => 'filesync_local_dir_update',
	];
}

/**
 * Registers the hooks, migrates the tables, and looks whether the hub is as we know hubs. The hub calls it at install
 * and after every change of this file.
 */
function filesync_load()
{
	foreach (filesync_hooks() as $hook => $function) {
		Zotlabs\Extend\Hook::register($hook, 'addon/filesync/filesync.php', $function, 1, 0);
	}
	try {
		FileSync\Addon\Schema\Migrations::run();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('migrating the tables', $e);
	}
	try {
		FileSync\Addon\Hub\Activation::move();
		FileSync\Addon\Hub\Look::again();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('looking at the hub', $e);
	}
}

/**
 * Unregisters every hook. Tables and data stay, so that filesync continues where it stopped when it is loaded again.
 */
function filesync_unload()
{
	Zotlabs\Extend\Hook::unregister_by_file('addon/filesync/filesync.php');
}

/** Defines the overrides before core can call the original functions. Runs many times in one process. */
function filesync_init_1(&$unused = null)
{
	try {
		FileSync\Addon\Hub\Overrides::begun();
		if (filesync_has_ground() && ! filesync_is_passive()) {
			FileSync\Addon\Hub\Overrides::define(FileSync\Addon\Hub\Look::failedFunctions());
		} elseif (PHP_SAPI === 'cli' && filesync_has_ground()) {
			FileSync\Addon\Hub\Overrides::refuse(FileSync\Addon\Hub\Look::failedFunctions());
		}
		foreach (filesync_hooks() as $hook => $function) {
			if (! in_array($function, array_column(App::$hooks[$hook] ?? [], 1), true)) {
				Zotlabs\Extend\Hook::register($hook, 'addon/filesync/filesync.php', $function, 1, 0);
			}
		}
	} catch (Throwable $e) {
		error_log('filesync: ' . $e->getMessage());
	}
}

/**
 * Notices versions of the hub, PHP and filesync that were not here before, and tells whether filesync leaves this hub
 * alone. In doubt it does not: a packet could go to core meanwhile.
 */
function filesync_is_passive(): bool
{
	try {
		return FileSync\Addon\Hub\Activation::begin() === FileSync\Addon\Hub\Standing::Passive;
	} catch (Throwable $e) {
		error_log('filesync: ' . $e->getMessage());
		return false;
	}
}

/** Notices deleted files, whoever deletes them. Of one that is deleted with its post core tells the clones itself. */
function filesync_attach_delete(&$arr)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		FileSync\Addon\Send\Watch::deleted(
			(int) ($arr['channel_id'] ?? 0),
			(string) ($arr['resource'] ?? ''),
			in_array(
				'delete_item_lowlevel',
				array_column(debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 12), 'function'),
				true,
			),
		);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('a delete about to be sent', $e);
	}
}

/**
 * Prepares requests that change files; answers requests for files before the hub's own controller, or leaves them to
 * it; serves /filesync; takes exports that are given to the hub's own page.
 */
function filesync_module_loaded(&$module)
{
	if (! is_array($module)) {
		return;
	}
	try {
		FileSync\Addon\Send\Watch::beginRequest((string) ($module['module'] ?? ''));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('a request that changes files', $e);
	}
	if (($module['module'] ?? '') === 'filesync' && is_file(__DIR__ . '/Mod_Filesync.php') && filesync_has_pages()) {
		// Not through the hub's own list of routes: some versions lose entries there.
		try {
			require_once __DIR__ . '/Mod_Filesync.php';
			$module['controller'] = new Zotlabs\Module\Filesync();
			$module['installed'] = true;
		} catch (Throwable $e) {
			FileSync\Addon\Hub\Log::failure('making the page for the owner', $e);
		}
	}
	if (in_array($module['module'] ?? '', ['import', 'import_items'], true)) {
		try {
			$module['controller'] = FileSync\Addon\Import\Upload::wrapped(
				(string) $module['module'],
				$module['controller'] ?? null,
			);
		} catch (Throwable $e) {
			FileSync\Addon\Hub\Log::failure('wrapping the controller of the page for imports', $e);
		}
	}
	if (($module['module'] ?? '') !== 'getfile') {
		return;
	}
	try {
		FileSync\Addon\Serve\Serve::wrap($module);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('wrapping the controller of getfile', $e);
	}
}

/** Tells whether this hub has what nothing of ours can do without. */
function filesync_has_ground(): bool
{
	try {
		return FileSync\Addon\Hub\Ground::lacks() === [];
	} catch (Throwable $e) {
		error_log('filesync: ' . $e->getMessage());
		return false;
	}
}

/** Tells whether our pages can be shown on this hub. */
function filesync_has_pages(): bool
{
	try {
		return FileSync\Addon\Hub\Parts::has(FileSync\Addon\Hub\Parts::PAGES);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('looking at the hub', $e);
		return false;
	}
}

/** Adds to the hub's description of itself that it speaks filesync. */
function filesync_zotinfo(&$info)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		$introduction = FileSync\Addon\Hub\Config::get('enabled') === '0'
			? null
			: FileSync\Addon\Peers\Peers::introduction();
		if ($introduction && is_array($info)) {
			$info['filesync'] = $introduction;
		}
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('describing this hub', $e);
	}
}

/** Reads another hub's description, before anybody verified it. */
function filesync_import_xchan(&$info)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		FileSync\Addon\Peers\Peers::hearsay($info);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('reading a description of another hub', $e);
	}
}

/**
 * A channel was cloned to this hub: filesync now compares it with its other hubs, file by file, whatever happens to the
 * hub's own import.
 */
function filesync_import_channel(&$info)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		FileSync\Addon\Reconcile\Reconcile::request((int) ($info['channel']['channel_id'] ?? 0));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('importing a channel', $e);
	}
}

/** Notes that a file is about to be stored, and keeps core from sending it: we send it, once. */
function filesync_photo_upload_begin(&$arr)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		FileSync\Addon\Send\Watch::beforeStore($arr);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('a change about to be sent', $e);
	}
}

/** Gives the channel's own posts from another clone this hub's URLs and a valid signature. */
function filesync_item_store_before(&$data)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		FileSync\Addon\Posts\ItemRelocation::beforeStore($data);
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('relocating a post', $e);
	}
}

/** Runs one slice of background work. Every addon receives every job: ours have names. */
function filesync_daemon_addon(&$argv)
{
	if (! is_array($argv) || ($argv[1] ?? '') !== 'filesync') {
		return;
	}
	try {
		match ($argv[2] ?? '') {
			'rehearse' => FileSync\Addon\Rehearsal\Summons::answer(),
			FileSync\Addon\Hub\Rehearsing::JOB => FileSync\Addon\Hub\Rehearsing::hear((string) ($argv[3] ?? '')),
			default => FileSync\Addon\Work\Worker::daemon((string) ($argv[2] ?? '')),
		};
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('background work', $e);
	}
}

/** Restarts dead workers, and starts due retries. */
function filesync_cron(&$date)
{
	try {
		FileSync\Addon\Work\Housekeeping::often();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('cron', $e);
	}
}

/** Removes everything past its age or size limit. */
function filesync_cron_daily(&$date)
{
	try {
		FileSync\Addon\Work\Housekeeping::daily();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('daily cron', $e);
	}
}

/** Forgets a channel that leaves this hub. */
function filesync_channel_remove(&$channel)
{
	try {
		FileSync\Addon\Hub\Begun::leave((int) ($channel['channel_id'] ?? 0));
		FileSync\Addon\Work\Housekeeping::forgetChannel((int) ($channel['channel_id'] ?? 0));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('removing a channel', $e);
	}
}

/** Keeps the hub from telling anybody about a channel that filesync made to try itself. */
function filesync_notifier_process(&$notice)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		if (is_array($notice)) {
			$notice = FileSync\Addon\Hub\Rehearsing::refuseNotice($notice);
		}
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('refusing a notice', $e);
	}
}

/** Keeps the hub from delivering anything for such a channel. */
function filesync_queue_deliver(&$delivery)
{
	if (! filesync_has_ground()) {
		return;
	}
	try {
		if (is_array($delivery)) {
			$delivery = FileSync\Addon\Hub\Rehearsing::refuseDelivery($delivery);
		}
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('refusing a delivery', $e);
	}
}

/** Keeps such a channel out of a directory that the hub keeps itself: the job that would list it ends. */
function filesync_local_dir_update(&$listing)
{
	if (! filesync_has_ground()) {
		return;
	}
	$isRefused = false;
	try {
		$isRefused =
			is_array($listing) && FileSync\Addon\Hub\Rehearsing::refusesListing((int) ($listing['channel_id'] ?? 0));
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('refusing a listing', $e);
	}
	if ($isRefused) {
		// The hub asks nobody whether it may go on.
		exit;
	}
}

/** Shows the admin's page: /admin/addons/filesync. */
function filesync_plugin_admin(&$html)
{
	try {
		require_once __DIR__ . '/Hub/stand-ins.php';
		// The texts of our own are all that surely can be shown.
		$html .= filesync_has_pages()
			? FileSync\Addon\Page\AdminPage::show()
			: htmlspecialchars((string) FileSync\Addon\Hub\Parts::problems());
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('the page for the admin', $e);
		$html .= htmlspecialchars(t('filesync cannot show this page now. The log of this hub says why.'));
	}
}

/** Processes the form of that page. */
function filesync_plugin_admin_post()
{
	try {
		require_once __DIR__ . '/Hub/stand-ins.php';
		FileSync\Addon\Page\AdminPage::take();
	} catch (Throwable $e) {
		FileSync\Addon\Hub\Log::failure('the form of the page for the admin', $e);
		notice(t('filesync could not process this. The log of this hub says why.') . "\n");
	}
}
