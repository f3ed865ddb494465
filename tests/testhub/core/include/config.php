<?php

/** Says whether this hub has a defect of stock hubs; config category `testhub` switches some off. */
function stock_defect($name) {
	return !intval(get_config('testhub', 'without_' . $name, 0));
}

function get_config($family, $key, $default = false) {
	return Zotlabs\Lib\Config::Get($family, $key, $default);
}

function set_config($family, $key, $value) {
	return Zotlabs\Lib\Config::Set($family, $key, $value);
}

function del_config($family, $key) {
	return Zotlabs\Lib\Config::Delete($family, $key);
}

function get_pconfig($uid, $family, $key, $default = false) {
	return Zotlabs\Lib\PConfig::Get($uid, $family, $key, $default);
}

/** Nobody sets one here. */
function get_xconfig($xchan, $family, $key, $default = false) {
	return $default;
}

function set_pconfig($uid, $family, $key, $value) {
	return Zotlabs\Lib\PConfig::Set($uid, $family, $key, $value);
}

function del_pconfig($uid, $family, $key) {
	return Zotlabs\Lib\PConfig::Delete($uid, $family, $key);
}
