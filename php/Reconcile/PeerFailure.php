<?php

namespace FileSync\Addon\Reconcile;

if (! class_exists('App', false)) {
	exit;
}

/** Another clone did not answer a request as agreed. */
final class PeerFailure extends \RuntimeException
{
	public function __construct(
		string $message,
		/** @var string The error that it named, empty if none. */
		public readonly string $error = '',
		/** @var bool Whether it does not speak filesync, or not what was asked. */
		public readonly bool $isStock = false,
		/** @var ?int Seconds after which it wants to be asked again. */
		public readonly ?int $retryAfter = null,
	) {
		parent::__construct($message);
	}
}
