<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Makes names that nobody can guess and nobody else has. */
final class Token
{
	/** Returns 32 random hex digits. */
	public static function make(): string
	{
		return bin2hex(random_bytes(16));
	}
}
