<?php

/*
 * Imports one slice of an export into the hub whose root is the working folder; `cli.php import-dump` starts it. The
 * slice comes by standard input, see Import/Slice.php. With the argument `pictures` it fetches some of those that an
 * import left for later, see Import/Pictures.php.
 */

if (PHP_SAPI !== 'cli') {
	http_response_code(404);
	exit;
}
// After so many seconds whoever started this ends it, unless that process was killed before.
if (isset($argv[1]) && function_exists('pcntl_alarm')) {
	pcntl_alarm((int) $argv[1]);
}

set_include_path(implode(PATH_SEPARATOR, [(string) getcwd(), (string) get_include_path()]));
require_once 'include/cli_startup.php';
cli_startup();
require_once __DIR__ . '/filesync.php';
require_once __DIR__ . '/Hub/stand-ins.php';
$code = ($argv[1] ?? '') === 'pictures'
	? FileSync\Addon\Import\Pictures::inProcess(STDIN, STDOUT)
	: FileSync\Addon\Import\Child::run(STDIN);
exit($code);
