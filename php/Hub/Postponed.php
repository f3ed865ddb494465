<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** A valid change that cannot be made now. The message says why. */
final class Postponed extends \RuntimeException
{
	/**
	 * @param bool $retry    Whether a worker tries it again automatically; otherwise it waits for approval.
	 * @param bool $isForHub Whether it waits for the hub to change, however long that takes.
	 */
	public function __construct(
		string $message,
		public readonly bool $retry,
		public readonly bool $isForHub = false,
	) {
		parent::__construct($message);
	}
}
