<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Another hub has no address at which it may be asked. */
final class Forbidden extends \RuntimeException
{
}
