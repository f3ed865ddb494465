<?php

namespace FileSync\Addon\Rehearsal;

if (! class_exists('App', false)) {
	exit;
}

/** A step of a rehearsal cannot be tried here, and the hub is not to blame; the message says why. */
final class Untried extends \Exception {}
