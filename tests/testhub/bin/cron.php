<?php

// Does what a hub's crontab does: php cron.php <hub folder> [daily]

chdir($argv[1]);
require_once 'include/cli_startup.php';
cli_startup();
Zotlabs\Daemon\Cron::run($argc - 1, array_slice($argv, 1));
