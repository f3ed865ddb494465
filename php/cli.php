<?php
/*
 * The admin's command: php addon/filesync/cli.php <verb>, run from the hub's root or anywhere as the hub's user.
 */

if (PHP_SAPI !== 'cli') {
	http_response_code(404);
	exit;
}

(function (array $argv): void {
	$script = $argv[0][0] === '/' ? $argv[0] : getcwd() . '/' . $argv[0];
	foreach ([getcwd(), dirname($script, 3), dirname(__DIR__, 2)] as $root) {
		if (is_file($root . '/include/cli_startup.php')) {
			chdir($root);
			break;
		}
	}
	if (! is_file('include/cli_startup.php')) {
		fwrite(STDERR, "filesync: this is not beneath a hub; run it from the hub's root\n");
		exit(2);
	}
	set_include_path(getcwd() . PATH_SEPARATOR . get_include_path());
	require_once 'include/cli_startup.php';
	cli_startup();
	require_once __DIR__ . '/filesync.php';
	exit(FileSync\Addon\Command::run(array_slice($argv, 1)));
})($argv);
