<?php

namespace FileSync\Addon;

if (! class_exists('App', false)) {
	exit;
}

/** A change that is in order but cannot be made now. The message says why. */
final class Postponed extends \RuntimeException
{
	/** @param bool $retry Whether a worker tries it again by itself, or it waits for a person. */
	public function __construct(string $message, public readonly bool $retry)
	{
		parent::__construct($message);
	}
}
