<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** A run was told to stop. What it has copied stays, and it goes on with the next call. */
final class Stopped extends \RuntimeException {}
