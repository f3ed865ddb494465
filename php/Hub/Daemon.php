<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The hub's background processes. */
final class Daemon
{
	/** Starts a background job. The hub drops a job whose arguments equal a waiting one's, hence the token. */
	public static function summon(string $work = 'work'): void
	{
		\Zotlabs\Daemon\Master::Summon(['Addon', 'filesync', $work, Token::make()]);
	}
}
