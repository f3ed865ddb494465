<?php
/*
 * The admin's command: php addon/filesync/cli.php <verb>, run from the hub's root or anywhere as the hub's user; root becomes that user.
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
	// What root makes the hub may not touch: go on as who runs the hub.
	$owner = function_exists('posix_geteuid') && posix_geteuid() === 0 ? (int) @fileowner('store') : 0;
	if ($owner !== 0) {
		$user = posix_getpwuid($owner) ?: ['name' => '', 'gid' => (int) filegroup('store')];
		if (! (($user['name'] === '' || posix_initgroups($user['name'], $user['gid'])) && posix_setgid($user['gid']) && posix_setuid($owner))) {
			fwrite(STDERR, "filesync: root could not become the owner of the folder store (user $owner): " . posix_strerror(posix_get_last_error()) . "; run this as that user\n");
			exit(1);
		}
	}
	set_include_path(getcwd() . PATH_SEPARATOR . get_include_path());
	require_once 'include/cli_startup.php';
	cli_startup();
	require_once __DIR__ . '/filesync.php';
	exit(FileSync\Addon\Command::run(array_slice($argv, 1)));
})($argv);
