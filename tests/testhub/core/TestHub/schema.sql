-- The hub's tables as SQLite has them. As on a hub: no unique keys beyond the primary one (config and pconfig excepted),
-- and text columns without a default, so that an insert has to name them.

CREATE TABLE attach (id INTEGER PRIMARY KEY, aid INT NOT NULL DEFAULT 0, uid INT NOT NULL DEFAULT 0, hash TEXT NOT NULL DEFAULT '', creator TEXT NOT NULL DEFAULT '',
	filename TEXT NOT NULL DEFAULT '', filetype TEXT NOT NULL DEFAULT '', filesize INT NOT NULL DEFAULT 0, revision INT NOT NULL DEFAULT 0, folder TEXT NOT NULL DEFAULT '',
	flags INT NOT NULL DEFAULT 0, is_dir INT NOT NULL DEFAULT 0, is_photo INT NOT NULL DEFAULT 0, os_storage INT NOT NULL DEFAULT 0, os_path TEXT NOT NULL, display_path TEXT NOT NULL,
	content BLOB NOT NULL, created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', edited TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	allow_cid TEXT NOT NULL, allow_gid TEXT NOT NULL, deny_cid TEXT NOT NULL, deny_gid TEXT NOT NULL);
CREATE INDEX attach_hash ON attach (hash);
CREATE INDEX attach_folder ON attach (folder);

CREATE TABLE photo (id INTEGER PRIMARY KEY, aid INT NOT NULL DEFAULT 0, uid INT NOT NULL DEFAULT 0, xchan TEXT NOT NULL DEFAULT '', resource_id TEXT NOT NULL DEFAULT '',
	created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', edited TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', expires TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	title TEXT NOT NULL DEFAULT '', description TEXT NOT NULL, album TEXT NOT NULL DEFAULT '', filename TEXT NOT NULL DEFAULT '', mimetype TEXT NOT NULL DEFAULT 'image/jpeg',
	height INT NOT NULL DEFAULT 0, width INT NOT NULL DEFAULT 0, filesize INT NOT NULL DEFAULT 0, content BLOB NOT NULL, imgscale INT NOT NULL DEFAULT 0,
	photo_usage INT NOT NULL DEFAULT 0, profile INT NOT NULL DEFAULT 0, is_nsfw INT NOT NULL DEFAULT 0, os_storage INT NOT NULL DEFAULT 0, os_path TEXT NOT NULL, display_path TEXT NOT NULL,
	photo_flags INT NOT NULL DEFAULT 0, allow_cid TEXT NOT NULL, allow_gid TEXT NOT NULL, deny_cid TEXT NOT NULL, deny_gid TEXT NOT NULL);
CREATE INDEX photo_resource ON photo (resource_id);

CREATE TABLE item (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL DEFAULT '', mid TEXT NOT NULL DEFAULT '', aid INT NOT NULL DEFAULT 0, uid INT NOT NULL DEFAULT 0,
	parent INT NOT NULL DEFAULT 0, parent_mid TEXT NOT NULL DEFAULT '', thr_parent TEXT NOT NULL DEFAULT '',
	created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', edited TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', expires TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	commented TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', received TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', changed TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	comments_closed TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', owner_xchan TEXT NOT NULL DEFAULT '', author_xchan TEXT NOT NULL DEFAULT '', source_xchan TEXT NOT NULL DEFAULT '',
	mimetype TEXT NOT NULL DEFAULT '', title TEXT NOT NULL, summary TEXT NOT NULL, body TEXT NOT NULL, html TEXT NOT NULL, app TEXT NOT NULL DEFAULT '', lang TEXT NOT NULL DEFAULT '',
	revision INT NOT NULL DEFAULT 0, verb TEXT NOT NULL DEFAULT '', obj_type TEXT NOT NULL DEFAULT '', obj TEXT NOT NULL, tgt_type TEXT NOT NULL DEFAULT '', target TEXT NOT NULL,
	layout_mid TEXT NOT NULL DEFAULT '', postopts TEXT NOT NULL, route TEXT NOT NULL, llink TEXT NOT NULL, plink TEXT NOT NULL,
	resource_id TEXT NOT NULL DEFAULT '', resource_type TEXT NOT NULL DEFAULT '', attach TEXT NOT NULL, sig TEXT NOT NULL, location TEXT NOT NULL DEFAULT '', coord TEXT NOT NULL DEFAULT '',
	public_policy TEXT NOT NULL DEFAULT '', comment_policy TEXT NOT NULL DEFAULT '', allow_cid TEXT NOT NULL, allow_gid TEXT NOT NULL, deny_cid TEXT NOT NULL, deny_gid TEXT NOT NULL,
	item_restrict INT NOT NULL DEFAULT 0, item_flags INT NOT NULL DEFAULT 0, item_private INT NOT NULL DEFAULT 0, item_origin INT NOT NULL DEFAULT 0, item_unseen INT NOT NULL DEFAULT 0,
	item_starred INT NOT NULL DEFAULT 0, item_uplink INT NOT NULL DEFAULT 0, item_consensus INT NOT NULL DEFAULT 0, item_wall INT NOT NULL DEFAULT 0, item_thread_top INT NOT NULL DEFAULT 0,
	item_notshown INT NOT NULL DEFAULT 0, item_nsfw INT NOT NULL DEFAULT 0, item_relay INT NOT NULL DEFAULT 0, item_mentionsme INT NOT NULL DEFAULT 0, item_nocomment INT NOT NULL DEFAULT 0,
	item_obscured INT NOT NULL DEFAULT 0, item_verified INT NOT NULL DEFAULT 0, item_retained INT NOT NULL DEFAULT 0, item_rss INT NOT NULL DEFAULT 0, item_deleted INT NOT NULL DEFAULT 0,
	item_type INT NOT NULL DEFAULT 0, item_hidden INT NOT NULL DEFAULT 0, item_unpublished INT NOT NULL DEFAULT 0, item_delayed INT NOT NULL DEFAULT 0,
	item_pending_remove INT NOT NULL DEFAULT 0, item_blocked INT NOT NULL DEFAULT 0);
CREATE INDEX item_mid ON item (mid);
CREATE INDEX item_resource ON item (resource_id);

CREATE TABLE term (tid INTEGER PRIMARY KEY, aid INT NOT NULL DEFAULT 0, uid INT NOT NULL DEFAULT 0, oid INT NOT NULL DEFAULT 0, otype INT NOT NULL DEFAULT 0, ttype INT NOT NULL DEFAULT 0,
	term TEXT NOT NULL DEFAULT '', url TEXT NOT NULL DEFAULT '', imgurl TEXT NOT NULL DEFAULT '', term_hash TEXT NOT NULL DEFAULT '', parent_hash TEXT NOT NULL DEFAULT '');
CREATE INDEX term_oid ON term (oid);

CREATE TABLE channel (channel_id INTEGER PRIMARY KEY, channel_account_id INT NOT NULL DEFAULT 0, channel_primary INT NOT NULL DEFAULT 0, channel_name TEXT NOT NULL DEFAULT '',
	channel_address TEXT NOT NULL DEFAULT '', channel_guid TEXT NOT NULL DEFAULT '', channel_guid_sig TEXT NOT NULL, channel_hash TEXT NOT NULL DEFAULT '',
	channel_portable_id TEXT NOT NULL DEFAULT '', channel_timezone TEXT NOT NULL DEFAULT 'UTC', channel_location TEXT NOT NULL DEFAULT '', channel_theme TEXT NOT NULL DEFAULT '',
	channel_startpage TEXT NOT NULL DEFAULT '', channel_pubkey TEXT NOT NULL, channel_prvkey TEXT NOT NULL, channel_notifyflags INT NOT NULL DEFAULT 65535, channel_pageflags INT NOT NULL DEFAULT 0,
	channel_deleted TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', channel_active TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', channel_default_group TEXT NOT NULL DEFAULT '',
	channel_allow_cid TEXT NOT NULL, channel_allow_gid TEXT NOT NULL, channel_deny_cid TEXT NOT NULL, channel_deny_gid TEXT NOT NULL,
	channel_removed INT NOT NULL DEFAULT 0, channel_system INT NOT NULL DEFAULT 0, channel_moved TEXT NOT NULL DEFAULT '', channel_dirdate TEXT NOT NULL DEFAULT '', channel_password TEXT NOT NULL, channel_salt TEXT NOT NULL);

CREATE TABLE account (account_id INTEGER PRIMARY KEY, account_parent INT NOT NULL DEFAULT 0, account_default_channel INT NOT NULL DEFAULT 0, account_salt TEXT NOT NULL DEFAULT '',
	account_password TEXT NOT NULL DEFAULT '', account_email TEXT NOT NULL DEFAULT '', account_language TEXT NOT NULL DEFAULT 'en', account_created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	account_flags INT NOT NULL DEFAULT 0, account_roles INT NOT NULL DEFAULT 0, account_expires TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', account_service_class TEXT NOT NULL DEFAULT '',
	account_level INT NOT NULL DEFAULT 0);

CREATE TABLE xchan (xchan_hash TEXT PRIMARY KEY NOT NULL, xchan_guid TEXT NOT NULL DEFAULT '', xchan_guid_sig TEXT NOT NULL, xchan_pubkey TEXT NOT NULL, xchan_photo_mimetype TEXT NOT NULL DEFAULT 'image/jpeg',
	xchan_photo_l TEXT NOT NULL DEFAULT '', xchan_photo_m TEXT NOT NULL DEFAULT '', xchan_photo_s TEXT NOT NULL DEFAULT '', xchan_addr TEXT NOT NULL DEFAULT '', xchan_url TEXT NOT NULL DEFAULT '',
	xchan_name TEXT NOT NULL DEFAULT '', xchan_network TEXT NOT NULL DEFAULT '', xchan_flags INT NOT NULL DEFAULT 0, xchan_photo_date TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	xchan_name_date TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', xchan_hidden INT NOT NULL DEFAULT 0, xchan_orphan INT NOT NULL DEFAULT 0, xchan_deleted INT NOT NULL DEFAULT 0);

CREATE TABLE hubloc (hubloc_id INTEGER PRIMARY KEY, hubloc_guid TEXT NOT NULL DEFAULT '', hubloc_guid_sig TEXT NOT NULL, hubloc_id_url TEXT NOT NULL DEFAULT '', hubloc_hash TEXT NOT NULL DEFAULT '',
	hubloc_addr TEXT NOT NULL DEFAULT '', hubloc_network TEXT NOT NULL DEFAULT '', hubloc_flags INT NOT NULL DEFAULT 0, hubloc_status INT NOT NULL DEFAULT 0, hubloc_url TEXT NOT NULL DEFAULT '',
	hubloc_url_sig TEXT NOT NULL, hubloc_site_id TEXT NOT NULL DEFAULT '', hubloc_host TEXT NOT NULL DEFAULT '', hubloc_callback TEXT NOT NULL DEFAULT '', hubloc_connect TEXT NOT NULL DEFAULT '',
	hubloc_sitekey TEXT NOT NULL, hubloc_updated TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', hubloc_connected TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	hubloc_primary INT NOT NULL DEFAULT 0, hubloc_orphancheck INT NOT NULL DEFAULT 0, hubloc_error INT NOT NULL DEFAULT 0, hubloc_deleted INT NOT NULL DEFAULT 0);

-- What else belongs to a channel.
CREATE TABLE profile (id INTEGER PRIMARY KEY, profile_guid TEXT NOT NULL DEFAULT '', aid INT NOT NULL DEFAULT 0, uid INT NOT NULL DEFAULT 0, profile_name TEXT NOT NULL DEFAULT '',
	is_default INT NOT NULL DEFAULT 0, publish INT NOT NULL DEFAULT 0, fullname TEXT NOT NULL DEFAULT '', about TEXT NOT NULL, photo TEXT NOT NULL DEFAULT '', thumb TEXT NOT NULL DEFAULT '');
CREATE TABLE abook (abook_id INTEGER PRIMARY KEY, abook_account INT NOT NULL DEFAULT 0, abook_channel INT NOT NULL DEFAULT 0, abook_xchan TEXT NOT NULL DEFAULT '', abook_my_perms INT NOT NULL DEFAULT 0,
	abook_closeness INT NOT NULL DEFAULT 99, abook_created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', abook_updated TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', abook_self INT NOT NULL DEFAULT 0,
	abook_incl TEXT NOT NULL, abook_excl TEXT NOT NULL, abook_instance TEXT NOT NULL);
CREATE TABLE abconfig (id INTEGER PRIMARY KEY, chan INT NOT NULL DEFAULT 0, xchan TEXT NOT NULL DEFAULT '', cat TEXT NOT NULL DEFAULT '', k TEXT NOT NULL DEFAULT '', v TEXT NOT NULL);
CREATE TABLE pgrp (id INTEGER PRIMARY KEY, hash TEXT NOT NULL DEFAULT '', uid INT NOT NULL DEFAULT 0, visible INT NOT NULL DEFAULT 0, deleted INT NOT NULL DEFAULT 0, gname TEXT NOT NULL DEFAULT '');
CREATE TABLE pgrp_member (id INTEGER PRIMARY KEY, uid INT NOT NULL DEFAULT 0, gid INT NOT NULL DEFAULT 0, xchan TEXT NOT NULL DEFAULT '');
CREATE TABLE app (id INTEGER PRIMARY KEY, app_id TEXT NOT NULL DEFAULT '', app_author TEXT NOT NULL DEFAULT '', app_name TEXT NOT NULL DEFAULT '', app_channel INT NOT NULL DEFAULT 0);
CREATE TABLE menu (menu_id INTEGER PRIMARY KEY, menu_channel_id INT NOT NULL DEFAULT 0, menu_name TEXT NOT NULL DEFAULT '', menu_desc TEXT NOT NULL DEFAULT '');
CREATE TABLE menu_item (mitem_id INTEGER PRIMARY KEY, mitem_menu_id INT NOT NULL DEFAULT 0, mitem_channel_id INT NOT NULL DEFAULT 0, mitem_link TEXT NOT NULL DEFAULT '', mitem_desc TEXT NOT NULL DEFAULT '', mitem_order INT NOT NULL DEFAULT 0);
CREATE TABLE chatroom (cr_id INTEGER PRIMARY KEY, cr_aid INT NOT NULL DEFAULT 0, cr_uid INT NOT NULL DEFAULT 0, cr_name TEXT NOT NULL DEFAULT '', cr_created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00');
CREATE TABLE calendars (id INTEGER PRIMARY KEY, synctoken INT NOT NULL DEFAULT 1, components TEXT NOT NULL DEFAULT '');
CREATE TABLE calendarinstances (id INTEGER PRIMARY KEY, calendarid INT NOT NULL DEFAULT 0, principaluri TEXT NOT NULL DEFAULT '', access INT NOT NULL DEFAULT 1, displayname TEXT NOT NULL DEFAULT '', uri TEXT NOT NULL DEFAULT '');
CREATE TABLE calendarobjects (id INTEGER PRIMARY KEY, calendardata BLOB NOT NULL, uri TEXT NOT NULL DEFAULT '', calendarid INT NOT NULL DEFAULT 0, size INT NOT NULL DEFAULT 0);
CREATE TABLE dreport (dreport_id INTEGER PRIMARY KEY, dreport_channel INT NOT NULL DEFAULT 0, dreport_mid TEXT NOT NULL DEFAULT '', dreport_xchan TEXT NOT NULL DEFAULT '', dreport_queue TEXT NOT NULL DEFAULT '');
CREATE TABLE notify (id INTEGER PRIMARY KEY, hash TEXT NOT NULL DEFAULT '', aid INT NOT NULL DEFAULT 0, uid INT NOT NULL DEFAULT 0, msg TEXT NOT NULL);
CREATE TABLE updates (ud_id INTEGER PRIMARY KEY, ud_hash TEXT NOT NULL DEFAULT '', ud_addr TEXT NOT NULL DEFAULT '');

CREATE TABLE site (site_url TEXT PRIMARY KEY NOT NULL, site_access INT NOT NULL DEFAULT 0, site_flags INT NOT NULL DEFAULT 0, site_update TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	site_valid INT NOT NULL DEFAULT 0, site_dead INT NOT NULL DEFAULT 0, site_type INT NOT NULL DEFAULT 0, site_project TEXT NOT NULL DEFAULT '', site_version TEXT NOT NULL DEFAULT '', site_crypto TEXT NOT NULL);

CREATE TABLE config (id INTEGER PRIMARY KEY, cat TEXT NOT NULL DEFAULT '', k TEXT NOT NULL DEFAULT '', v TEXT NOT NULL, UNIQUE (cat, k));
CREATE TABLE pconfig (id INTEGER PRIMARY KEY, uid INT NOT NULL DEFAULT 0, cat TEXT NOT NULL DEFAULT '', k TEXT NOT NULL DEFAULT '', v TEXT NOT NULL,
	updated TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', UNIQUE (uid, cat, k));
CREATE TABLE iconfig (id INTEGER PRIMARY KEY, iid INT NOT NULL DEFAULT 0, cat TEXT NOT NULL DEFAULT '', k TEXT NOT NULL DEFAULT '', v TEXT NOT NULL, sharing INT NOT NULL DEFAULT 0);
CREATE TABLE hook (id INTEGER PRIMARY KEY, hook TEXT NOT NULL DEFAULT '', file TEXT NOT NULL DEFAULT '', fn TEXT NOT NULL DEFAULT '', priority INT NOT NULL DEFAULT 0, hook_version INT NOT NULL DEFAULT 0);
CREATE TABLE addon (id INTEGER PRIMARY KEY, aname TEXT NOT NULL DEFAULT '', version TEXT NOT NULL DEFAULT '', installed INT NOT NULL DEFAULT 0, hidden INT NOT NULL DEFAULT 0,
	tstamp INT NOT NULL DEFAULT 0, plugin_admin INT NOT NULL DEFAULT 0);

CREATE TABLE outq (outq_number INTEGER PRIMARY KEY AUTOINCREMENT, outq_hash TEXT NOT NULL DEFAULT '', outq_account INT NOT NULL DEFAULT 0, outq_channel INT NOT NULL DEFAULT 0, outq_driver TEXT NOT NULL DEFAULT '', outq_posturl TEXT NOT NULL DEFAULT '',
	outq_async INT NOT NULL DEFAULT 0, outq_delivered INT NOT NULL DEFAULT 0, outq_created TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', outq_updated TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	outq_scheduled TEXT NOT NULL DEFAULT '0001-01-01 00:00:00', outq_notify TEXT NOT NULL, outq_msg TEXT NOT NULL, outq_priority INT NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX outq_by_hash ON outq (outq_hash);
CREATE TABLE workerq (workerq_id INTEGER PRIMARY KEY AUTOINCREMENT, workerq_priority INT, workerq_reservationid TEXT DEFAULT NULL, workerq_processtimeout TEXT NOT NULL DEFAULT '0001-01-01 00:00:00',
	workerq_data TEXT, workerq_uuid TEXT NOT NULL DEFAULT '', workerq_cmd TEXT NOT NULL DEFAULT '');
