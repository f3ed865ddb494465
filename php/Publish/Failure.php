<?php

namespace FileSync\Addon\Publish;

if (! class_exists('App', false)) {
	exit;
}

/** Why a transfer of the engine failed, with what decides how it continues. */
final class Failure
{
	private function __construct(
		/** A class name of `FileSync\Exception` without `Exception`. */
		public readonly string $kind,
		public readonly string $message,
		public readonly bool $isTemporary,
		public readonly ?int $retryAfterSeconds,
		/** Whether the wait is not to count as an attempt: the hub asked for a short one. */
		public readonly bool $isOnlyWait,
		/** The fewest bytes that any hub states which could give the file, if they are more than wanted. */
		public readonly ?int $statedBytes,
		/** How much disk space the file needs, if there is not enough for it. */
		public readonly ?int $neededBytes,
		/** The date of the hub's row, if it is older than the packet that announced the file. */
		public readonly ?string $olderEdited,
		/** The hub that was asked; empty if none was. */
		public readonly string $hub,
	) {}

	/**
	 * Reads the error of a report; the stub of the extension describes it.
	 *
	 * @param array{kind: string, temporary: bool, message: string, retry_after_seconds: ?int, facts: array<string,
	 *     string>} $error
	 */
	public static function of(array $error): self
	{
		$facts = $error['facts'];

		return new self(
			$error['kind'],
			$error['message'],
			$error['temporary'],
			$error['retry_after_seconds'],
			isset($facts['wait_is_no_failure']),
			isset($facts['stated_bytes']) ? (int) $facts['stated_bytes'] : null,
			$error['kind'] === 'Storage' && isset($facts['needed_bytes']) ? (int) $facts['needed_bytes'] : null,
			$facts['older_edited'] ?? null,
			$facts['hub'] ?? '',
		);
	}
}
