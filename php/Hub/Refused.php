<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** A packet or request that cannot be accepted, now or later. The message says why. */
final class Refused extends \RuntimeException {}
