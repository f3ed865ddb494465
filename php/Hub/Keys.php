<?php

namespace FileSync\Addon\Hub;

use FileSync\Signer;

if (! class_exists('App', false)) {
	exit;
}

/** The keys of our channels, parsed once in a process. */
final class Keys
{
	/** @var array<int, Signer> */
	private static array $signers = [];

	/** Returns what signs posts for a channel. */
	public static function signer(Channel $channel): Signer
	{
		return self::$signers[$channel->id] ??= new Signer($channel->privateKey());
	}
}
