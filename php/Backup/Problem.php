<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** Why a set cannot be written or read: what is wrong and what helps, in words for the person who asked for it. */
final class Problem extends \RuntimeException
{
	public function __construct(
		/** In one word, for programs. */
		public readonly string $kind,
		string $words,
		/** Whether the same command goes on later. */
		public readonly bool $isTemporary = false,
		/** Whether something else must be asked for. */
		public readonly bool $isUsage = false,
		?\Throwable $previous = null,
	) {
		parent::__construct($words, 0, $previous);
	}

	/** Returns it for an error of the extension. */
	public static function of(\Throwable $e, string $folder): self
	{
		$text = $e->getMessage();

		return match (true) {
			$e instanceof self => $e,
			$e instanceof \FileSync\Exception\PeerBusyException => new self(
				'set_busy',
				"Somebody else writes the set in $folder: $text. Try again when that is over.",
				true,
				previous: $e,
			),
			$e instanceof \FileSync\Exception\StorageException => new self(
				'disk_short',
				"The disk is full or fails: $text. What the last run left is whole; the same command goes on.",
				true,
				previous: $e,
			),
			$e instanceof \FileSync\Exception\UnsupportedException => new self(
				'set_newer',
				"The set in $folder has a newer format than this filesync knows: $text. Update filesync.",
				previous: $e,
			),
			$e instanceof \FileSync\Exception\CorruptException => new self(
				'set_damaged',
				"The set in $folder is damaged: $text. `verify-set $folder` says what is whole. No run can build on"
				. ' it: move the folder away, and the same command makes a new set.',
				previous: $e,
			),
			$e instanceof \FileSync\Exception\NotFoundException && is_file("$folder/set.json") => new self(
				'not_in_set',
				"The set in $folder does not have it: $text",
				previous: $e,
			),
			$e instanceof \FileSync\Exception\NotFoundException => new self(
				'no_set',
				"There is no set in $folder: $text",
				previous: $e,
			),
			default => new self('failed', $text, previous: $e),
		};
	}
}
