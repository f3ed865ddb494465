<?php

namespace FileSync\Addon\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A transfer as it was read: the bytes of one file, or of one scale of a photo, that are wanted here. Queue reads and
 * changes the rows.
 *
 * Its texts are decoded when they are asked for: many transfers are read at once, and an entry can hold a megabyte.
 *
 * @import-type TransferRow from \FileSync\Addon\Hub\Rows
 * @import-type Columns from Wanted
 * @import-type FileEntry from Wanted
 * @import-type Scale from ScaleEntry
 *
 * @type Facts = array{device: int, inode: int, size_bytes: int, mtime_ns: int, ctime_ns: int}
 * @type Intent = array{
 *     target: string, live: ?Facts, partial?: ?Facts, live_sha256: ?string, same: bool, had_row: bool, both?: bool,
 *     is_plain?: bool, conflict?: string
 * }
 * @type Result = array{
 *     origin?: ?string, rung?: ?string, proof?: list<string>, announced_bytes?: int, priority?: int,
 *     last_resort?: array{
 *         calls?: int, rounds?: int, kind?: string, reason?: string, temporary?: bool, told?: ?string
 *     }
 * }
 */
final class Transfer
{
	/** The way of bytes that came from a backup set on this hub's machine. */
	public const FROM_SET = 'set';

	private function __construct(
		public readonly string $id,
		public readonly int $channelId,
		public readonly string $hash,
		/** 0: the file itself. */
		public readonly int $scale,
		/** Which version of the bytes this is: a newer packet makes the next one. */
		public readonly int $generation,
		/** One of TransferState. */
		public readonly string $state,
		/** Whose it is; empty: nobody's. */
		public readonly string $token,
		/** How often it was tried. */
		public readonly int $attempts,
		public readonly int $priority,
		/** The size as a hub stated it last; see announcedBytes(). */
		public readonly int $sizeBytes,
		/** The date of the bytes. */
		public readonly string $edited,
		public readonly string $mimetype,
		/** The root URL of the clone that announced them; empty if they are made here. */
		public readonly string $origin,
		/** The channel's nick there. */
		public readonly string $nick,
		/** The digest of the received bytes, empty before. */
		public readonly string $sha256,
		/** Why it waits or is parked, as a word, and as a text. */
		public readonly string $kind,
		public readonly string $reason,
		/** The entry as its row has it. */
		public readonly string $entryText,
		/** The intent as its row has it. */
		public readonly string $intentText,
		private readonly string $names,
		private readonly string $pending,
		private readonly string $result,
	) {}

	/**
	 * Reads a row of the table.
	 *
	 * @param TransferRow $row
	 */
	public static function of(array $row): self
	{
		return new self(
			id: $row['id'],
			channelId: (int) $row['uid'],
			hash: $row['hash'],
			scale: (int) $row['scale'],
			generation: (int) $row['generation'],
			state: $row['state'],
			token: $row['token'],
			attempts: (int) $row['attempts'],
			priority: (int) $row['priority'],
			sizeBytes: (int) $row['size_bytes'],
			edited: $row['edited'],
			mimetype: $row['mimetype'],
			origin: $row['origin'],
			nick: $row['nick'],
			sha256: $row['sha256'],
			kind: $row['kind'],
			reason: $row['reason'],
			entryText: $row['entry'],
			intentText: $row['intent'],
			names: $row['names'],
			pending: $row['pending'],
			result: $row['result'],
		);
	}

	/** Returns the base name of the partial file of a transfer. */
	public static function partialOf(string $hash, int $scale, int $generation): string
	{
		return "$hash-$scale.$generation";
	}

	/** Returns the base name of its partial file. */
	public function partialName(): string
	{
		return self::partialOf($this->hash, $this->scale, $this->generation);
	}

	/**
	 * Returns what publishing a file needs to know.
	 *
	 * @return FileEntry
	 */
	public function fileEntry(): array
	{
		return Wanted::decode($this->entryText);
	}

	/**
	 * Returns what publishing a scale needs to know.
	 *
	 * @return Scale
	 */
	public function scaleEntry(): array
	{
		return ScaleEntry::decode($this->entryText);
	}

	/** Returns the digest that a clone stated for the file, empty if none did. */
	public function toldDigest(): string
	{
		return $this->fileEntry()['sha256'] ?? '';
	}

	/** Returns the size of the file, or of a scale's file, in its packet. */
	public function fileBytes(): int
	{
		return $this->fileEntry()['attach']['filesize'];
	}

	/**
	 * Returns the columns of the newer version that arrived while this one is being published; null if none did.
	 *
	 * @return ?Columns
	 */
	public function pending(): ?array
	{
		/** @var ?Columns */
		return $this->pending === '' ? null : json_decode($this->pending, true);
	}

	/**
	 * Returns how its publish goes on; null if none has begun.
	 *
	 * @return ?Intent
	 */
	public function intent(): ?array
	{
		/** @var ?Intent */
		return json_decode($this->intentText, true);
	}

	/**
	 * Returns the names of the folders above, and of the file.
	 *
	 * @return list<string>
	 */
	public function names(): array
	{
		/** @var list<string> */
		return json_decode($this->names, true);
	}

	/**
	 * Returns what is noted beside it: how the bytes came, a size that a hub stated, what the last resort did.
	 *
	 * @return Result
	 */
	public function result(): array
	{
		return self::decode($this->result);
	}

	/** Tells whether its bytes came from a backup set, and not from another clone. */
	public function isFromSet(): bool
	{
		return ($this->result()['rung'] ?? '') === self::FROM_SET;
	}

	/** Returns the size announced by its packet; a hub may have stated more since. */
	public function announcedBytes(): int
	{
		return $this->announcedAgain()['size_bytes'] ?? $this->sizeBytes;
	}

	/** Returns the priority that follows from the announced size. */
	public function announcedPriority(): int
	{
		return $this->announcedAgain()['priority'] ?? $this->priority;
	}

	/**
	 * Returns the columns that make it what its packet announced, if a hub has stated another size since.
	 *
	 * @return array{size_bytes?: int, priority?: int, result?: string}
	 */
	public function announcedAgain(): array
	{
		return self::announcedIn($this->result, $this->priority);
	}

	/**
	 * Does what announcedAgain() does for two columns of a row.
	 *
	 * @return array{size_bytes?: int, priority?: int, result?: string}
	 */
	public static function announcedIn(string $result, int $priority): array
	{
		$noted = self::decode($result);
		$others = $noted;
		unset($others['announced_bytes'], $others['priority']);

		return (
			isset($noted['announced_bytes'])
				? [
					'size_bytes' => $noted['announced_bytes'],
					'priority' => $noted['priority'] ?? $priority,
					'result' => $others === [] ? '' : json_encode($others, JSON_THROW_ON_ERROR),
				]
				: []
		);
	}

	/** @return Result */
	private static function decode(string $result): array
	{
		return self::noted(json_decode($result, true));
	}

	/** @return Result */
	private static function noted(mixed $result): array
	{
		/** @var Result */
		return is_array($result) ? $result : [];
	}
}
