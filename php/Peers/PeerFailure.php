<?php

namespace FileSync\Addon\Peers;

if (! class_exists('App', false)) {
	exit;
}

/** Another clone did not answer a request as agreed. */
final class PeerFailure extends \RuntimeException
{
	public function __construct(
		string $message,
		/** @var string The error that it reported, empty if none. */
		public readonly string $error = '',
		/** @var bool Whether it does not speak filesync, or does not support the request. */
		public readonly bool $isStock = false,
		/** @var ?int Seconds until it accepts the next request. */
		public readonly ?int $retryAfter = null,
		/** @var int The status of its answer, 0 if there was none. */
		public readonly int $status = 0,
	) {
		parent::__construct($message);
	}
}
