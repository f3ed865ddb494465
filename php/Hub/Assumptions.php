<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What filesync takes for granted of the hub, and which of its parts depend on each: all that it calls, replaces,
 * extends or reads. AssumptionCheck looks whether it is so.
 *
 * Parts are named in one text; `every` means each, an empty one that all work without it.
 */
final class Assumptions
{
	public const PARTS = [
		'receiver',
		'sender',
		'posts',
		'photos',
		'serving',
		'comparison',
		'pages',
		'sets',
		'channels',
	];
	/** No part, and switched off by nothing here: the drop box itself looks whether the hub has a WebDAV server. */
	public const OTHERS = ['WebDAV'];

	public const LEAST_PHP = '8.1';

	/** Extensions of PHP: parts. */
	public const EXTENSIONS = [
		'curl' => 'serving posts comparison channels',
		'hash' => 'every',
		'json' => 'every',
		'mbstring' => 'every',
		'openssl' => 'every',
		'tokenizer' => 'every',
	];

	/**
	 * Those of the next that belong to an extension which a hub may do without.
	 *
	 * @var array<string, non-empty-string>
	 */
	public const OF_EXTENSION = ['imageflip' => 'gd'];

	/** Functions of PHP that an admin may have disabled: parts. */
	public const PHP_FUNCTIONS = [
		'curl_init' => 'serving posts comparison channels',
		'curl_setopt_array' => 'serving posts comparison channels',
		'curl_exec' => 'serving posts comparison channels',
		'debug_backtrace' => 'sender',
		'disk_free_space' => 'receiver',
		'flock' => 'receiver sender posts photos comparison',
		'fsync' => 'photos',
		'getimagesize' => 'photos',
		'glob' => 'every',
		'hash' => 'every',
		'imageflip' => '',
		'link' => 'receiver',
		'mb_scrub' => 'every',
		'openssl_sign' => 'posts serving comparison sets',
		'openssl_verify' => 'every',
		'register_shutdown_function' => 'sender',
		'rename' => 'receiver sender photos comparison',
	];

	/**
	 * Functions: where core declares it, its known parameters from the first on (several lists if hubs differ), parts,
	 * and perhaps
	 *
	 * `only`: it has these parameters and no others, because we replace it. `passed`: whatever follows is passed on.
	 * Otherwise we call it with all of these, so that what follows must be optional. `alike`: the names are a hint; if
	 * they differ the doctor tells, and no part is switched off. `absent`: hubs without it are served too; followed by
	 * a colon and a function, those that have that one instead, which newer ones may have too.
	 *
	 * A parameter with `&` before its name is one by which core gives something back.
	 *
	 * @var array<string, array{0: string, 1: string|list<string>, 2: string, 3?: string}>
	 */
	public const FUNCTIONS = [
		// Replaced, see overrides/hubzilla.php.
		'sync_files' => ['include/import.php', 'channel, files', 'receiver', 'only'],
		'sync_items' => ['include/import.php', 'channel, items, relocate', 'posts'],
		'import_items' => ['include/import.php', 'channel, items, sync, relocate', 'posts channels'],
		'import_channel_photo' => ['include/photo/photo_driver.php', 'photo, type, aid, uid', ''],
		'attach_export_data' => [
			'include/attach.php',
			'channel, resource_id, deleted',
			'receiver sender posts comparison channels',
			'passed',
		],
		'attach_delete' => ['include/attach.php', 'channel_id, resource', 'receiver sender', 'passed'],
		'attach_move' => ['include/attach.php', 'channel_id, resource_id, new_folder_hash', 'sender', 'passed'],
		'attach_change_permissions' => [
			'include/attach.php',
			'channel_id, resource, allow_cid, allow_gid, deny_cid, deny_gid, recurse, sync',
			'sender',
			'passed',
		],
		'fix_attached_permissions' => [
			'include/items.php',
			'uid, body',
			'sender',
			'passed absent:fix_attached_file_permissions',
		],
		'z_post_url' => ['include/network.php', 'url, params', '', 'passed'],
		'perm_is_allowed' => ['include/permissions.php', 'uid, observer_xchan, permission', 'sender', 'passed'],
		// Found among the callers of a hook.
		'attach_store' => ['include/attach.php', 'channel, observer_hash, options, arr', 'sender', 'passed'],
		'delete_item_lowlevel' => ['include/items.php', 'item', 'sender', 'passed'],
		// Called.
		'encode_item' => ['include/items.php', 'item, mirror', 'sets', 'passed'],
		'identity_basic_export' => ['include/channel.php', 'channel_id, sections', 'channels'],
		'menu_element' => ['include/menu.php', 'channel, menu', 'channels'],
		'translate_abook_perms_outbound' => ['include/perm_upgrade.php', '&abook', 'channels', 'absent'],
		'account_verify_password' => ['include/auth.php', 'login, pass', 'channels'],
		'get_item_elements' => ['include/items.php', 'x, allow_code', 'sets'],
		'item_store' => [
			'include/items.php',
			['arr, allow_exec, deliver, addAndSync', 'arr, allow_exec, deliver'],
			'sets',
		],
		'xchan_store_lowlevel' => ['include/xchan.php', 'arr', 'sets'],
		'get_default_profile_photo' => ['include/channel.php', 'size', 'sets'],
		'channel_codeallowed' => ['include/channel.php', 'channel_id', 'sets'],
		'drop_item' => ['include/items.php', ['id, interactive, stage', 'id, stage, force, uid'], 'posts'],
		'photo_factory' => ['include/photo/photo_driver.php', 'data, type', 'photos channels'],
		'photo_upload' => ['include/photos.php', 'channel, observer, args', 'photos'],
		'photo_new_resource' => ['include/text.php', '', 'channels'],
		'fix_attached_photo_permissions' => [
			'include/items.php',
			'uid, xchan_hash, body, str_contact_allow, str_group_allow, str_contact_deny, str_group_deny',
			'posts',
		],
		'list_attached_local_files' => [
			'include/items.php',
			'body',
			'sender',
			'absent:fix_attached_file_permissions',
		],
		'z_input_filter' => ['include/text.php', 's, type, allow_code', 'posts'],
		'channelx_by_n' => ['include/channel.php', 'id', 'every'],
		'channel_url' => ['include/channel.php', 'channel', 'every'],
		'service_class_fetch' => ['include/account.php', 'uid, property', 'receiver'],
		'get_pconfig' => ['include/config.php', 'uid, family, key, default', 'serving'],
		'uninstall_plugin' => ['include/plugin.php', 'plugin', 'pages', 'alike'],
		'base64url_decode' => ['include/text.php', 's', 'serving', 'alike'],
		'os_mkdir' => ['boot.php', 'path, mode, recursive', 'every'],
		'dbq' => ['include/dba/dba_driver.php', 'sql', 'every', 'alike'],
		'dbesc' => ['include/dba/dba_driver.php', 'str', 'every', 'alike'],
		'dbescbin' => ['include/dba/dba_driver.php', 'str', 'every', 'alike'],
		'dbunescbin' => ['include/dba/dba_driver.php', 'str', 'every', 'alike'],
		'db_columns' => ['include/dba/dba_driver.php', 'table', 'every', 'alike'],
		'logger' => ['include/text.php', 'msg, level, priority', 'every', 'alike'],
		't' => ['include/language.php', 's', 'every', 'alike'],
		'escape_tags' => ['include/text.php', 'string', 'every', 'alike'],
		'z_root' => ['boot.php', '', 'every'],
		'argc' => ['boot.php', '', 'sender serving pages'],
		'argv' => ['boot.php', 'x', 'sender serving pages', 'alike'],
		'local_channel' => ['boot.php', '', 'sender pages'],
		'get_account_id' => ['boot.php', '', 'channels'],
		'check_webbie' => ['include/text.php', 'arr', 'channels'],
		'change_channel' => ['include/security.php', 'change_channel', 'channels'],
		'killme' => ['boot.php', '', 'serving pages'],
		'notice' => ['boot.php', 's', 'pages', 'alike'],
		'goaway' => ['boot.php', 's', 'pages', 'alike'],
		'is_site_admin' => ['boot.php', '', 'pages'],
		'head_add_js' => ['include/plugin.php', 'src', 'pages', 'alike'],
		'get_markup_template' => ['include/plugin.php', 's, root', 'pages', 'alike'],
		'replace_macros' => ['include/text.php', 's, r', 'pages', 'alike'],
		'get_form_security_token' => ['include/security.php', 'typename', 'pages', 'alike'],
		'check_form_security_token' => ['include/security.php', 'typename, formname', 'pages'],
		'check_form_security_token_redirectOnErr' => ['include/security.php', 'err_redirect, typename', 'pages'],
		// An import in parts.
		'import_config' => ['include/import.php', 'channel, configs', 'channels'],
		'import_hublocs' => ['include/import.php', 'channel, hublocs, seize', 'channels'],
		'import_likes' => ['include/import.php', 'channel, likes', 'channels'],
		'import_objs' => ['include/import.php', 'channel, objs', 'channels'],
		'import_apps' => ['include/import.php', 'channel, apps', 'channels'],
		'import_sysapps' => ['include/import.php', 'channel, apps', 'channels'],
		'import_chatrooms' => ['include/import.php', 'channel, chatrooms', 'channels'],
		'import_events' => ['include/import.php', 'channel, events', 'channels'],
		'import_atoken' => ['include/import.php', 'channel, atokens', 'channels'],
		'import_menus' => ['include/import.php', 'channel, menus', 'channels'],
		'menu_add_item' => ['include/menu.php', 'menu_id, uid, arr', 'channels'],
		'atoken_xchan' => ['include/security.php', 'atoken', 'channels'],
		'atoken_create_xchan' => ['include/security.php', 'xchan', 'channels'],
		'account_service_class_fetch' => ['include/account.php', 'aid, property', 'channels'],
		'get_xconfig' => ['include/config.php', 'xchan, family, key', 'channels'],
		'import_xchan_photo' => ['include/photo/photo_driver.php', 'photo, xchan, thing', 'channels'],
		'cli_startup' => ['include/cli_startup.php', '', 'every'],
	];

	/**
	 * Methods of classes: known parameters, parts, and the words as for functions, or `object`: it is not static;
	 * `overridden`: ours has its name, takes nothing and declares nothing that it returns.
	 *
	 * @var array<string, array{0: string, 1: string, 2?: string}>
	 */
	public const METHODS = [
		'Zotlabs\Extend\Hook::register' => ['hook, file, function, version, priority', 'every'],
		'Zotlabs\Extend\Hook::unregister_by_file' => ['file', 'every'],
		'Zotlabs\Daemon\Master::Summon' => ['arr', 'every', 'alike'],
		'Zotlabs\Daemon\Thumbnail::run' => ['argc, argv', 'photos'],
		'Zotlabs\Lib\Config::Get' => ['family, key, default', 'every'],
		'Zotlabs\Lib\Config::Set' => ['family, key, value', 'every'],
		'Zotlabs\Lib\Config::Delete' => ['family, key', 'every'],
		'Zotlabs\Lib\Libsync::build_sync_packet' => ['uid, packet', 'sender'],
		// Rehearsals only.
		'Zotlabs\Lib\Libsync::process_channel_sync_delivery' => ['sender, arr, deliveries', ''],
		'Zotlabs\Daemon\Addon::run' => ['argc, argv', ''],
		'Zotlabs\Lib\Libzot::sign' => ['data, key', ''],
		'Zotlabs\Lib\Libzot::verify' => ['data, sig, key', 'every'],
		'Zotlabs\Lib\Libzot::zotinfo' => ['arr', ''],
		'Zotlabs\Lib\PConfig::Set' => ['uid, family, key, value', 'sets'],
		'App::set_observer' => ['xchan', ''],
		'App::set_channel' => ['channel', 'channels'],
		'Zotlabs\Storage\Directory::createFile' => ['name, data', '', 'object'],
		'Zotlabs\Storage\Directory::createDirectory' => ['name', '', 'object'],
		'Zotlabs\Storage\Directory::setName' => ['name', '', 'object'],
		'Zotlabs\Storage\Directory::moveInto' => ['targetName, sourcePath, sourceNode', '', 'object alike'],
		'Zotlabs\Storage\File::put' => ['data', '', 'object'],
		'Zotlabs\Storage\File::delete' => ['', '', 'object'],
		'Zotlabs\Web\HTTPSig::parse_sigheader' => ['header', 'serving'],
		'Zotlabs\Web\HTTPSig::verify' => ['data, key', 'serving'],
		'Zotlabs\Web\HTTPSig::create_sig' => ['head, prvkey, keyid, auth, alg', 'posts comparison'],
		'Zotlabs\Photo\PhotoDriver::is_valid' => ['', 'photos channels', 'object'],
		'Zotlabs\Photo\PhotoDriver::getWidth' => ['', 'photos channels', 'object'],
		'Zotlabs\Photo\PhotoDriver::getHeight' => ['', 'photos channels', 'object'],
		'Zotlabs\Photo\PhotoDriver::getImage' => ['', 'photos', 'object'],
		'Zotlabs\Photo\PhotoDriver::clearexif' => ['', 'photos', 'object'],
		'Zotlabs\Photo\PhotoDriver::exif' => ['filename', 'photos', 'object alike'],
		'Zotlabs\Photo\PhotoDriver::doScaleImage' => ['new_width, new_height', 'photos channels', 'object'],
		'Zotlabs\Photo\PhotoDriver::cropImage' => ['max, x, y, w, h', 'channels', 'object'],
		'Zotlabs\Photo\PhotoDriver::storeThumbnail' => ['arr, scale', 'channels', 'object'],
		'Zotlabs\Photo\PhotoDriver::rotate' => ['degrees', 'photos', 'object'],
		'Zotlabs\Photo\PhotoDriver::imageString' => ['', 'photos', 'object'],
		'Zotlabs\Web\Controller::__construct' => ['', 'pages', 'object absent'],
		'Zotlabs\Web\Controller::init' => ['', 'serving pages', 'only object overridden'],
		'Zotlabs\Web\Controller::post' => ['', 'serving pages', 'only object overridden'],
		'Zotlabs\Web\Controller::get' => ['', 'serving pages', 'only object overridden'],
		'Zotlabs\Module\Getfile::init' => ['', 'serving', 'only object overridden absent'],
		'Zotlabs\Module\Getfile::post' => ['', 'serving', 'only object overridden absent'],
		'Zotlabs\Module\Getfile::get' => ['', 'serving', 'only object overridden absent'],
		'Zotlabs\Module\Import::import_account' => ['account_id', 'channels', 'object'],
	];

	/** What is given for parameters of those, in the words of Types, if that is not text. By the parameter's name. */
	public const ARGUMENTS = [
		'args' => 'array',
		'argv' => 'array',
		'arr' => 'array',
		'channel' => 'array',
		'default' => 'any',
		'files' => 'array',
		'head' => 'array',
		'abook' => 'array',
		'item' => 'array',
		'items' => 'array',
		'menu' => 'array',
		'observer' => 'array',
		'packet' => 'array',
		'r' => 'array',
		'relocate' => 'array',
		'sections' => 'array',
		'sourceNode' => 'any',
		'value' => 'any',
	];

	/** What we do with the values of functions and methods, in the words of Types; of others we need none. */
	public const VALUES = [
		// Ours returns nothing in its place.
		'sync_files' => 'nothing',
		'attach_export_data' => 'array',
		'identity_basic_export' => 'array',
		'menu_element' => 'array',
		'account_verify_password' => 'something',
		'perm_is_allowed' => 'text',
		'photo_factory' => 'object',
		'photo_new_resource' => 'text',
		'list_attached_local_files' => 'array',
		'z_input_filter' => 'text',
		'channelx_by_n' => 'array',
		'channel_url' => 'text',
		'service_class_fetch' => 'text',
		'get_pconfig' => 'something',
		'base64url_decode' => 'text',
		'os_mkdir' => 'text',
		'dbq' => 'something',
		'dbesc' => 'text',
		'dbescbin' => 'text',
		'dbunescbin' => 'text',
		'db_columns' => 'array',
		't' => 'text',
		'escape_tags' => 'text',
		'z_root' => 'text',
		'argc' => 'text',
		'argv' => 'text',
		'local_channel' => 'text',
		'is_site_admin' => 'text',
		'get_markup_template' => 'text',
		'replace_macros' => 'text',
		'get_form_security_token' => 'text',
		'check_form_security_token' => 'text',
		'Zotlabs\Lib\Config::Get' => 'something',
		'Zotlabs\Web\HTTPSig::parse_sigheader' => 'array',
		'Zotlabs\Web\HTTPSig::verify' => 'array',
		'Zotlabs\Web\HTTPSig::create_sig' => 'array',
		'Zotlabs\Photo\PhotoDriver::is_valid' => 'text',
		'Zotlabs\Photo\PhotoDriver::storeThumbnail' => 'text',
		'Zotlabs\Photo\PhotoDriver::getWidth' => 'text',
		'Zotlabs\Photo\PhotoDriver::getHeight' => 'text',
		'Zotlabs\Photo\PhotoDriver::getImage' => 'something',
		'Zotlabs\Photo\PhotoDriver::imageString' => 'text',
	];

	/** What nothing of ours can do without, not even the look at the rest. See Ground. */
	public const GROUND = [
		'dbq',
		'dbesc',
		'dbescbin',
		'dbunescbin',
		'db_columns',
		'Zotlabs\Lib\Config::Get',
		'Zotlabs\Lib\Config::Set',
		'Zotlabs\Lib\Config::Delete',
	];

	/**
	 * Classes that we extend or use whole: parts, and where the file is if not where its name tells.
	 *
	 * @var array<string, array{0: string, 1?: string}>
	 */
	public const CLASSES = [
		'App' => ['every', 'boot.php'],
		'DBA' => ['every', 'include/dba/dba_driver.php'],
		'Zotlabs\Daemon\Master' => ['every'],
		'Zotlabs\Daemon\Addon' => [''],
		'Zotlabs\Daemon\Thumbnail' => ['photos'],
		'Zotlabs\Extend\Hook' => ['every'],
		'Zotlabs\Lib\Config' => ['every'],
		'Zotlabs\Lib\Libsync' => ['sender'],
		'Zotlabs\Lib\Libzot' => ['every'],
		'Zotlabs\Lib\PConfig' => ['sets'],
		'Zotlabs\Module\Getfile' => ['serving'],
		'Zotlabs\Module\Import' => ['channels'],
		'Zotlabs\Module\Profile_photo' => ['sender'],
		'Zotlabs\Photo\PhotoDriver' => ['photos channels'],
		'Zotlabs\Storage\BasicAuth' => [''],
		'Zotlabs\Storage\Directory' => [''],
		'Zotlabs\Storage\File' => [''],
		'Zotlabs\Web\Controller' => ['serving pages'],
		'Zotlabs\Web\HTTPSig' => ['posts serving comparison'],
		'Sabre\CalDAV\Backend\PDO' => ['WebDAV', 'vendor/sabre/dav/lib/CalDAV/Backend/PDO.php'],
		'Sabre\CalDAV\Xml\Property\ScheduleCalendarTransp' => [
			'WebDAV',
			'vendor/sabre/dav/lib/CalDAV/Xml/Property/ScheduleCalendarTransp.php',
		],
		'Sabre\CalDAV\Xml\Property\SupportedCalendarComponentSet' => [
			'WebDAV',
			'vendor/sabre/dav/lib/CalDAV/Xml/Property/SupportedCalendarComponentSet.php',
		],
		'Sabre\CardDAV\Backend\PDO' => ['WebDAV', 'vendor/sabre/dav/lib/CardDAV/Backend/PDO.php'],
		'Sabre\VObject\ParseException' => ['WebDAV', 'vendor/sabre/vobject/lib/ParseException.php'],
		'Sabre\DAV\Server' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Server.php'],
		'Sabre\DAV\Collection' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Collection.php'],
		'Sabre\DAV\File' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/File.php'],
		'Sabre\DAV\Exception' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Exception.php'],
		'Sabre\DAV\Exception\NotFound' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Exception/NotFound.php'],
		'Sabre\DAV\IMoveTarget' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/IMoveTarget.php'],
		'Sabre\DAV\INode' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/INode.php'],
		'Sabre\DAV\Locks\Backend\File' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Locks/Backend/File.php'],
		'Sabre\DAV\Locks\LockInfo' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Locks/LockInfo.php'],
		'Sabre\DAV\Locks\Plugin' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/Locks/Plugin.php'],
		'Sabre\DAV\PropPatch' => ['WebDAV', 'vendor/sabre/dav/lib/DAV/PropPatch.php'],
		'Sabre\HTTP\RequestInterface' => ['WebDAV', 'vendor/sabre/http/lib/RequestInterface.php'],
	];

	/** Those of them that we extend. */
	public const EXTENDED = [
		'Zotlabs\Module\Getfile',
		'Zotlabs\Web\Controller',
		'Sabre\DAV\Collection',
		'Sabre\DAV\File',
		'Sabre\DAV\Exception',
		'Sabre\DAV\Locks\Backend\File',
	];

	/**
	 * Properties and methods that classes of ours have besides: core's class that they extend must have none of that
	 * name. With parts, and the methods of core's class that they have: it must have no other abstract ones.
	 */
	public const OURS = [
		'Zotlabs\Module\Getfile' => ['$inner $answer $answerPost end delegate __call', 'serving', 'init post get'],
		'Zotlabs\Web\Controller' => ['end', 'serving pages', 'init post get'],
		'Sabre\DAV\Collection' => ['$node $tree $above child', 'WebDAV', 'getName getChildren'],
		'Sabre\DAV\File' => ['$node $tree $folder', 'WebDAV', 'getName'],
		'Sabre\DAV\Exception' => ['$status $headers of', 'WebDAV', ''],
	];

	/** Static properties: parts. */
	public const PROPERTIES = [
		'App::$account' => 'channels',
		'App::$config' => 'channels',
		'App::$hooks' => 'every',
		'App::$plugins' => 'pages',
		'App::$strings' => 'pages',
		'DBA::$dba' => 'every',
		'Sabre\DAV\Server::$exposeVersion' => 'WebDAV',
		'Sabre\DAV\Server::$streamMultiStatus' => 'WebDAV',
	];

	/** Constants: where core defines it, parts. */
	public const CONSTANTS = [
		'STD_VERSION' => ['boot.php', 'every'],
		'NULL_DATE' => ['include/dba/dba_driver.php', 'every'],
		'ACTIVE_DBTYPE' => ['include/dba/dba_driver.php', 'every'],
		'DBTYPE_POSTGRES' => ['boot.php', 'every'],
		'STORAGE_DEFAULT_PERMISSIONS' => ['boot.php', 'every'],
		'LOGGER_NORMAL' => ['boot.php', 'every'],
		'TERM_OBJ_FILE' => ['boot.php', 'every'],
		'TERM_OBJ_POST' => ['boot.php', 'posts sets'],
		'TERM_OBJ_APP' => ['boot.php', 'channels'],
		'PHOTO_NORMAL' => ['boot.php', 'every'],
		'PHOTO_PROFILE' => ['boot.php', 'every'],
		'PHOTO_COVER' => ['boot.php', 'every'],
		'PHOTO_XCHAN' => ['boot.php', 'channels'],
		'PHOTO_THING' => ['boot.php', 'channels'],
		'DROPITEM_NORMAL' => ['boot.php', 'posts'],
		'DROPITEM_PHASE1' => ['boot.php', 'posts'],
		'MENU_ITEM_ZID' => ['boot.php', 'channels'],
		'MENU_ITEM_NEWWIN' => ['boot.php', 'channels'],
		'MENU_ITEM_CHATROOM' => ['boot.php', 'channels'],
	];

	/**
	 * Hooks: which files of core call it (one of them is enough), parts.
	 *
	 * @var array<string, array{list<string>, string}>
	 */
	public const HOOKS = [
		'init_1' => [['boot.php'], 'every'],
		'photo_upload_begin' => [['include/attach.php'], 'sender'],
		'attach_delete' => [['include/attach.php'], 'sender'],
		'module_loaded' => [['Zotlabs/Web/Router.php', 'index.php'], 'sender serving pages'],
		'zotinfo' => [['Zotlabs/Lib/Libzot.php'], 'serving'],
		'import_xchan' => [['Zotlabs/Lib/Libzot.php'], 'serving'],
		'import_channel' => [['Zotlabs/Module/Import.php'], 'comparison channels'],
		'item_store_before' => [['include/items.php'], 'posts'],
		'item_store_update_before' => [['include/items.php'], 'posts'],
		'daemon_addon' => [['Zotlabs/Daemon/Addon.php'], 'every'],
		'cron' => [['Zotlabs/Daemon/Cronhooks.php', 'Zotlabs/Daemon/Cron.php'], 'every'],
		'cron_daily' => [['Zotlabs/Daemon/Cron_daily.php', 'Zotlabs/Daemon/Cron.php'], 'comparison'],
		'channel_remove' => [['include/channel.php'], 'every'],
		// Scratch channels only.
		'notifier_process' => [['Zotlabs/Daemon/Notifier.php'], ''],
		'queue_deliver' => [['Zotlabs/Lib/Queue.php'], ''],
		'local_dir_update' => [['Zotlabs/Lib/Libzotdir.php'], ''],
	];

	/** Keys that we read or change of the arrays which hooks are given. */
	public const GIVEN = [
		'attach_delete' => 'channel_id resource',
		'module_loaded' => 'module installed controller',
		'import_channel' => 'channel',
		'item_store_before' => 'item',
		'item_store_update_before' => 'item',
	];

	/**
	 * Files of core with the calls that we take over: functions by the parts that miss a call. PHP finds ours only if
	 * the file has its namespace, no `use function` for the name, and the call no backslash. `?`: hubs without the
	 * function have no such call.
	 */
	public const CALLS = [
		'Zotlabs/Lib/Libsync.php' => ['receiver' => 'sync_files', 'posts' => 'sync_items'],
		'Zotlabs/Lib/Libzot.php' => ['' => 'import_channel_photo z_post_url'],
		'Zotlabs/Daemon/File_importer.php' => ['receiver' => 'sync_files'],
		'Zotlabs/Daemon/Content_importer.php' => ['posts' => 'import_items'],
		'Zotlabs/Daemon/Importfile.php' => ['sender' => 'attach_export_data'],
		'Zotlabs/Storage/Directory.php' => [
			'sender' => 'attach_export_data attach_delete attach_move perm_is_allowed',
		],
		'Zotlabs/Storage/File.php' => ['sender' => 'attach_export_data attach_delete perm_is_allowed'],
		'Zotlabs/Module/Attach_edit.php' => [
			'sender' => 'attach_export_data attach_delete attach_move attach_change_permissions',
		],
		'Zotlabs/Module/Cover_photo.php' => ['sender' => 'attach_export_data'],
		'Zotlabs/Module/File_upload.php' => ['sender' => 'attach_export_data'],
		'Zotlabs/Module/Filestorage.php' => ['sender' => 'attach_export_data attach_delete attach_change_permissions'],
		'Zotlabs/Module/Import.php' => ['posts' => 'import_items'],
		'Zotlabs/Module/Import_items.php' => ['posts' => 'import_items'],
		'Zotlabs/Module/Item.php' => ['sender' => 'fix_attached_permissions?'],
		'Zotlabs/Module/Photos.php' => ['sender' => 'attach_export_data attach_delete attach_move'],
		'Zotlabs/Module/Profile_photo.php' => ['sender' => 'attach_export_data'],
		'Zotlabs/Module/Wall_attach.php' => ['sender' => 'attach_export_data'],
	];

	/** Calls that a process takes over only if it imports a part of an export. */
	public const CALLS_OF_IMPORT = ['Zotlabs\Module\import_xchan_photo'];

	/** A theme of newer hubs that calls functions of core in a namespace of its own, if it is installed. */
	public const THEME = 'view/theme/solidified';
	public const CALLS_OF_THEME = [
		'Theme\Solidified\Api\Handlers\import_items',
		'Theme\Solidified\Api\Handlers\import_channel_photo',
		'Theme\Solidified\Api\Handlers\attach_export_data',
		'Theme\Solidified\Api\Handlers\attach_delete',
		'Theme\Solidified\Api\Handlers\attach_move',
		'Theme\Solidified\Api\Handlers\attach_change_permissions',
		'Theme\Solidified\Api\Handlers\fix_attached_permissions',
	];

	/**
	 * Tables: columns with the characters that each must hold, on MariaDB and MySQL, then on PostgreSQL if that has
	 * fewer; then the parts that need them, and of tables that we write, the parts that write. `written`: only these
	 * need it.
	 *
	 * @var array<string, array{0: string, 1: string, 2?: string}>
	 */
	public const TABLES = [
		'attach' => [
			'id aid uid hash:191/64 creator:191/128 filename:191 filetype:128/64 filesize revision folder:191/64 flags is_dir'
				. ' is_photo os_storage os_path:65535 display_path:65535 content created edited allow_cid:65535 allow_gid:65535'
				. ' deny_cid:65535 deny_gid:65535',
			'every',
			'receiver',
		],
		'photo' => [
			'id aid uid xchan:191 resource_id:191 created edited expires title:191 description:65535 album:191 filename:191'
				. ' mimetype:128 height width filesize content imgscale photo_usage profile is_nsfw:written os_storage os_path:65535'
				. ' display_path:65535 photo_flags:written allow_cid:65535 allow_gid:65535 deny_cid:65535 deny_gid:65535',
			'receiver sender photos serving comparison sets',
			'receiver photos',
		],
		'item' => [
			'id uid mid:191 parent edited owner_xchan author_xchan:191 body:65535 summary:65535 plink:65535 obj:65535 target:65535'
				. ' attach:65535 html sig:65535 mimetype:64 resource_id:191 resource_type:16 allow_cid allow_gid deny_cid'
				. ' deny_gid item_deleted item_hidden item_pending_remove item_unseen item_verified obj_type comments_closed',
			'posts sets',
		],
		'term' => ['tid uid oid otype ttype term:191 url:191', 'receiver sender posts comparison sets', 'receiver'],
		'channel' => [
			'channel_id channel_account_id channel_address channel_guid channel_name channel_hash channel_pubkey'
				. ' channel_dirdate channel_prvkey channel_removed channel_system',
			'every',
		],
		'hubloc' => [
			'hubloc_id hubloc_addr hubloc_callback hubloc_connected hubloc_deleted hubloc_hash hubloc_id_url hubloc_network hubloc_url'
				. ' hubloc_url_sig',
			'every',
		],
		'outq' => ['outq_channel outq_created outq_delivered outq_notify outq_posturl', 'receiver comparison'],
		'xchan' => [
			'xchan_hash xchan_name xchan_addr xchan_url xchan_network xchan_photo_date xchan_photo_mimetype xchan_photo_l xchan_photo_m'
				. ' xchan_photo_s xchan_guid xchan_guid_sig xchan_pubkey',
			'receiver sets',
		],
		'iconfig' => ['id iid cat k v sharing', 'sets'],
		'pgrp' => ['id uid hash gname deleted', 'sets'],
		'addon' => ['aname installed tstamp plugin_admin', 'every'],
		'hook' => ['hook:32 file:32 fn:32', 'every'],
		'config' => ['cat:32 k:32 v:65535', 'every'],
	];

	/** Addresses of the API, for the owners' command and hubs without filesync: where core registers them, parts. */
	public const ENDPOINTS = [
		'api/z/1.0/channel/export/basic' => ['include/api_zot.php', ''],
		'api/z/1.0/item/export_page' => ['include/api_zot.php', ''],
		'api/z/1.0/file/export' => ['include/api_zot.php', ''],
		'api/z/1.0/files' => ['include/api_zot.php', ''],
		'api/z/1.0/filemeta' => ['include/api_zot.php', ''],
	];

	/** What core writes behind an addon's name to get functions that it calls: in which file, parts. */
	public const NAMED = [
		'_plugin_admin' => ['Zotlabs/Module/Admin/Addons.php', 'pages'],
		'_plugin_admin_post' => ['Zotlabs/Module/Admin/Addons.php', 'pages'],
	];

	/** @return list<string> The parts that a text of the table names. */
	public static function parts(string $text): array
	{
		return $text === 'every' ? self::PARTS : ($text === '' ? [] : explode(' ', $text));
	}

	/**
	 * Returns the functions that we define so that core's calls find them, with their namespaces.
	 *
	 * @return list<string>
	 */
	public static function overrides(): array
	{
		$functions = [];
		foreach (self::CALLS as $file => $names) {
			foreach (explode(' ', strtr(implode(' ', $names), ['?' => ''])) as $name) {
				$functions[strtr(dirname($file), '/', '\\') . "\\$name"] = true;
			}
		}

		return array_keys($functions);
	}

	/** Returns the parts that miss a call which one of those functions does not get. */
	public static function partsOfOverride(string $function): string
	{
		$name = substr((string) strrchr("\\$function", '\\'), 1);
		foreach (self::CALLS as $called) {
			foreach ($called as $parts => $names) {
				if (in_array($name, explode(' ', strtr($names, ['?' => ''])), true)) {
					return $parts;
				}
			}
		}

		return '';
	}
}
