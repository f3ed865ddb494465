<?php

// The addon's command as the hub's user has it, for tests that root runs: their hubs are root's own, and root runs
// nothing of a hub through cli.php itself.

set_include_path(getcwd() . PATH_SEPARATOR . get_include_path());
require_once 'include/cli_startup.php';
cli_startup();
require_once 'addon/filesync/filesync.php';
exit(FileSync\Addon\Console\Command::run(array_slice($argv, 1)));
