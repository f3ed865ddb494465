<?php

namespace FileSync\Addon;

if (! class_exists('App', false)) {
	exit;
}

/** A packet that asks for what no honest clone asks. The message says what, in words for the log. */
final class Refused extends \RuntimeException
{
}
