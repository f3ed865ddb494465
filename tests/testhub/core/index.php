<?php

/**
 * The front door of a test hub: every request that PHP's web server gets.
 */

require_once 'boot.php';

TestHub\Answer::log();
sys_boot();
TestHub\Login::resume();
App::set_path(rawurldecode(strtok($_SERVER['REQUEST_URI'], '?')));

if (App::$module === 'spa' && TESTHUB >= 10) {
	require_once __DIR__ . '/view/theme/solidified/mod/spa.php';
}
$class = 'Zotlabs\\Module\\' . ucfirst(strtolower(App::$module));
$loaded = ['module' => App::$module, 'installed' => class_exists($class), 'controller' => class_exists($class) ? new $class() : null];
call_hooks('module_loaded', $loaded);
if (!$loaded['installed']) {
	TestHub\Answer::page(App::$module === 'home' ? 200 : 404);
}
$loaded['controller']->init();
$method = strtolower($_SERVER['REQUEST_METHOD']);
if ($method === 'post' || (TESTHUB >= 10 && in_array($method, ['put', 'delete']) && method_exists($loaded['controller'], $method))) {
	$loaded['controller']->$method();
}
TestHub\Answer::body((string) $loaded['controller']->get());
