<?php

/**
 * The test hub: what a hub offers to an addon, small and on SQLite, under the hub's own names.
 *
 * Every process of a hub (web, worker, command) includes boot.php, and that this file, with the hub's folder as working
 * directory and then calls sys_boot(). What is imitated and what is not: tests/testhub/README.md.
 */

define('ZOT_REVISION', '6.0');
define('DB_UPDATE_VERSION', TESTHUB < 10 ? 1259 : 1265);
define('PROJECT_BASE', getcwd());
define('EMPTY_STR', '');
define('NULL_DATE', '0001-01-01 00:00:00');
define('ATOM_TIME', 'Y-m-d\TH:i:s\Z');
define('STORAGE_DEFAULT_PERMISSIONS', 0770);

define('LOGGER_NORMAL', 0);
define('LOGGER_TRACE', 1);
define('LOGGER_DEBUG', 2);
define('LOGGER_DATA', 3);
define('LOGGER_ALL', 4);

define('PHOTO_NORMAL', 0x0000);
define('PHOTO_PROFILE', 0x0001);
define('PHOTO_XCHAN', 0x0002);
define('PHOTO_THING', 0x0004);
define('PHOTO_COVER', 0x0010);
define('PHOTO_CACHE', 0x0020);
foreach (['ORIG', '1024', '640', '320', 'PROFILE_300', 'PROFILE_80', 'PROFILE_48', 'COVER_1200', 'COVER_850', 'COVER_425'] as $scale => $name) {
	define('PHOTO_RES_' . $name, $scale);
}

define('ATTACH_FLAG_DIR', 0x0001);
define('ATTACH_FLAG_OS', 0x0002);

define('TERM_HASHTAG', 1);
define('TERM_MENTION', 2);
define('TERM_CATEGORY', 3);
define('TERM_FILE', 5);
define('TERM_OBJ_POST', 1);
define('TERM_OBJ_FILE', 2);
define('TERM_OBJ_APP', 7);

define('MENU_ITEM_ZID', 0x0001);
define('MENU_ITEM_NEWWIN', 0x0002);
define('MENU_ITEM_CHATROOM', 0x0004);

define('DROPITEM_NORMAL', 0);
define('DROPITEM_PHASE1', 1);
define('DROPITEM_PHASE2', 2);

define('ACCOUNT_ROLE_ADMIN', 0x1000);

if (TESTHUB >= 10) {
	define('MAX_FILENAME_LENGTH', 191);
	define('MAX_FOLDER_LENGTH', 64);
}

define('DBTYPE_MYSQL', 0);
define('DBTYPE_POSTGRES', 1);

spl_autoload_register(function ($class) {
	$file = __DIR__ . '/' . str_replace('\\', '/', $class) . '.php';
	if (preg_match('/^(Zotlabs|TestHub)\\\\/', $class) && is_file($file)) {
		require_once $file;
	} elseif (preg_match('/^(HttpSignature|GuzzleHttp)\\\\/', $class) && TESTHUB >= 10 && is_file($file)) {
		require_once $file;
	} elseif (preg_match('/^Theme\\\\Solidified\\\\(.+)/', $class, $m) && TESTHUB >= 10) {
		require_once __DIR__ . '/view/theme/solidified/' . str_replace('\\', '/', $m[1]) . '.php';
	}
});

TestHub\Sabre::load();

require_once __DIR__ . '/include/dba/dba_driver.php';
if (TESTHUB >= 10) {
	require_once __DIR__ . '/include/dba/dba_transaction.php';
}
require_once __DIR__ . '/include/app.php';
require_once __DIR__ . '/include/config.php';
require_once __DIR__ . '/include/datetime.php';
require_once __DIR__ . '/include/text.php';
require_once __DIR__ . '/include/network.php';
require_once __DIR__ . '/include/plugin.php';
require_once __DIR__ . '/include/security.php';
require_once __DIR__ . '/include/channel.php';
require_once __DIR__ . '/include/account.php';
require_once __DIR__ . '/include/taxonomy.php';
require_once __DIR__ . '/include/attach.php';
require_once __DIR__ . '/include/photos.php';
require_once __DIR__ . '/include/items.php';
require_once __DIR__ . '/include/menu.php';
// Functions that take other arguments on the one than on the other, or that only one has.
foreach (glob(__DIR__ . '/include/' . TESTHUB . '/*.php') as $file) {
	require_once $file;
}

/**
 * Boots a process of the hub in the working directory: settings, database, hooks, hook init_1.
 *
 * A hub boots several times in one process (each daemon job does); so does this one.
 */
function sys_boot() {
	App::init();
	$settings = json_decode((string) @file_get_contents('hub.json'), true);
	if (!is_array($settings)) {
		throw new RuntimeException('there is no test hub in ' . getcwd());
	}
	// That of PHP-FPM runs no scripts.
	$php = PHP_SAPI === 'fpm-fcgi' ? PHP_BINDIR . '/php' : PHP_BINARY;
	App::$config['system'] = ['baseurl' => $settings['url'], 'php_path' => $php];
	App::set_baseurl($settings['url']);
	date_default_timezone_set('UTC');

	DBA::open($settings['database']);
	Zotlabs\Lib\Config::Load('system');
	TestHub\ProcessLog::start();
	load_hooks();
	call_hooks('init_1');
}
