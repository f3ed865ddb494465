<?php

// Stands in for a call that the addon makes just before it sends, and ends the process as a crash does. See
// prepend.php.
namespace FileSync\Addon\Send;

function chdir(string $folder): bool
{
	if (@unlink(\dirname(__DIR__) . '/kill-before-send')) {
		\posix_kill(\getmypid(), SIGKILL);
	}
	return \chdir($folder);
}
