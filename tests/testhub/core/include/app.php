<?php

/**
 * The request's global state, as far as addons and the hub's own modules look at it.
 */
class App {

	public static $config = [];
	public static $hooks = [];
	public static $plugins = [];
	public static $strings = [];
	public static $channel = null;
	public static $observer = null;
	public static $account = null;
	public static $module = '';
	public static $cmd = '';
	public static $query_string = '';
	public static $argv = [];
	public static $argc = 0;
	public static $install = false;
	public static $timezone = 'UTC';
	public static $page = ['title' => '', 'content' => ''];
	public static $module_loaded = false;
	public static $data = [];

	/** What this hub's clock shows where a test stopped it, in Unix seconds; 0: the computer's own time. */
	public static $clock = 0;

	private static $baseurl = '';

	public static function init() {
		self::$config = [];
		self::$hooks = [];
		self::$plugins = [];
		self::$channel = null;
		self::$observer = null;
		self::$account = null;
	}

	public static function set_baseurl($url) {
		self::$baseurl = rtrim($url, '/');
	}

	public static function get_baseurl() {
		return self::$baseurl;
	}

	/** Returns the host as hublocs carry it: with the port where there is one. */
	public static function get_hostname() {
		$port = parse_url(self::$baseurl, PHP_URL_PORT);
		return parse_url(self::$baseurl, PHP_URL_HOST) . ($port ? ':' . $port : '');
	}

	public static function get_channel() {
		return self::$channel;
	}

	public static function set_channel($channel) {
		self::$channel = $channel;
	}

	public static function get_observer() {
		return self::$observer;
	}

	public static function set_observer($xchan) {
		self::$observer = $xchan;
	}

	public static function get_account() {
		return self::$account;
	}

	/** Takes the request path apart: `getfile/x` gives module `getfile` and argv ['getfile', 'x']. */
	public static function set_path($path) {
		self::$cmd = trim($path, '/');
		self::$argv = self::$cmd === '' ? ['home'] : explode('/', self::$cmd);
		self::$argc = count(self::$argv);
		self::$module = str_replace('-', '_', self::$argv[0]);
	}
}

/** @return string */
function z_root() {
	return App::get_baseurl();
}

/** @return int */
function argc() {
	return App::$argc;
}

/** @return string */
function argv($n) {
	return App::$argv[$n] ?? '';
}

/** @return int|false */
function local_channel() {
	return App::$channel ? intval(App::$channel['channel_id']) : false;
}

/** @return string */
function get_observer_hash() {
	return App::$observer['xchan_hash'] ?? '';
}

/** @return never */
function killme() {
	exit;
}

/** @return never */
function goaway($url) {
	header('Location: ' . $url);
	killme();
}
