<?php

// The hub names German in two ways.

if (! class_exists('App', false)) {
	exit;
}

require __DIR__ . '/../de/hstrings.php';
