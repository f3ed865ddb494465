<?php

namespace FileSync\Addon\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Bytes that a packet, a check or a repair asks the queue for.
 *
 * @import-type Attach from \FileSync\Addon\Protocol\Packet
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 * @import-type Scale from ScaleEntry
 * @import-type Wanted from \FileSync\Addon\Order\Ruling as Revision
 *
 * @type FileEntry = array{
 *     folders: list<Attach>, attach: Attach, photo: ?Photo, sha256?: string, revision?: ?Revision
 * }
 * @type Columns = array{
 *     uid: int, hash: string, scale: int, size_bytes: int, edited: string, mimetype: string, folder: string,
 *     origin: string, nick: string, names: string, entry: string, base: string, kind: string, reason: string,
 *     state?: string, priority?: int
 * }
 */
final class Wanted
{
	/** The priority of files found missing: current changes come first. */
	public const LATE = 100;

	/**
	 * @param string       $origin   The root URL of the clone that announced them; empty if they are made here.
	 * @param string       $nick     The channel's nick there.
	 * @param list<string> $names    The names of the folders above, and of the file.
	 * @param FileEntry|Scale $entry What publishing needs to know; for a scale see ScaleEntry.
	 * @param ?array{inode: int, size_bytes: int, mtime: int} $base The facts of the present bytes, null if there are
	 *     none.
	 * @param string       $kind     Parks the transfer at once, for this reason; empty: nothing is in its way.
	 * @param bool         $isToMake Whether Scales makes the bytes from the photo instead.
	 * @param bool         $isLate   Whether all others go first.
	 */
	public function __construct(
		public readonly int $channelId,
		public readonly string $hash,
		public readonly int $scale,
		public readonly int $sizeBytes,
		public readonly string $edited,
		public readonly string $mimetype,
		public readonly string $folder,
		public readonly string $origin,
		public readonly string $nick,
		public readonly array $names,
		public readonly array $entry,
		public readonly ?array $base = null,
		public readonly string $kind = '',
		public readonly string $reason = '',
		public readonly bool $isToMake = false,
		public readonly bool $isLate = false,
	) {}

	/**
	 * Returns the entry of a file from its text.
	 *
	 * @return FileEntry
	 */
	public static function decode(string $text): array
	{
		/** @var FileEntry */
		return json_decode($text, true);
	}

	/**
	 * Returns the columns of the transfer's row that they decide.
	 *
	 * @return Columns
	 */
	public function columns(): array
	{
		return (
			[
				'uid' => $this->channelId,
				'hash' => $this->hash,
				'scale' => $this->scale,
				'size_bytes' => $this->sizeBytes,
				'edited' => $this->edited,
				'mimetype' => $this->mimetype,
				'folder' => $this->folder,
				'origin' => $this->origin,
				'nick' => $this->nick,
				'names' => json_encode($this->names, JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR),
				'entry' => json_encode($this->entry, JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR),
				'base' => json_encode($this->base, JSON_THROW_ON_ERROR),
				'kind' => $this->kind,
				'reason' => $this->reason,
			]
			+ ($this->isToMake ? ['state' => TransferState::TO_MAKE] : [])
			+ ($this->isLate ? ['priority' => self::LATE] : [])
		);
	}
}
