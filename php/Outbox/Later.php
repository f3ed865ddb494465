<?php

namespace FileSync\Addon\Outbox;

if (! class_exists('App', false)) {
	exit;
}

/** A follow-up that waits for something outside this hub, however often it is tried: no failure of the call. */
final class Later extends \RuntimeException
{
	/** @param ?string $body The body to go on with, null for the same. */
	public function __construct(
		string $message,
		public readonly int $seconds,
		public readonly ?string $body = null,
	) {
		parent::__construct($message);
	}
}
