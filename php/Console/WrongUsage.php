<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** A command line that is not understood. The message says why, and what can be written instead. */
final class WrongUsage extends \RuntimeException
{
	/** @param ?Verb $verb The verb whose usage helps; null if there is none, and all of the usage does. */
	public function __construct(string $message, public readonly ?Verb $verb = null)
	{
		parent::__construct($message);
	}
}
