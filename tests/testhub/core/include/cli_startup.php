<?php

require_once 'boot.php';

/** Boots a process that is not a web request. */
function cli_startup() {
	sys_boot();
}
