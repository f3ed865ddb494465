<?php

/**
 * The front door of a test hub: every request that PHP's web server gets.
 */

require_once 'boot.php';

TestHub\Answer::log();
sys_boot();
TestHub\Login::resume();
App::set_path(rawurldecode(strtok($_SERVER['REQUEST_URI'], '?')));

$class = 'Zotlabs\\Module\\' . ucfirst(strtolower(App::$module));
$loaded = ['module' => App::$module, 'installed' => class_exists($class), 'controller' => class_exists($class) ? new $class() : null];
call_hooks('module_loaded', $loaded);
if (!$loaded['installed']) {
	TestHub\Answer::page(App::$module === 'home' ? 200 : 404);
}
$loaded['controller']->init();
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
	$loaded['controller']->post();
}
TestHub\Answer::body((string) $loaded['controller']->get());
