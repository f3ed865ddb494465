<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Another hub has no permitted address. */
final class Forbidden extends \RuntimeException {}
