<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Protocol\Packet;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A file or folder of a set, checked like one in a packet.
 *
 * What is not proven comes for its owner alone: without access lists, categories, posts and versions.
 *
 * @import-type Attach from Packet
 * @import-type Photo from Packet
 * @import-type Revision from \FileSync\Addon\Protocol\SiblingReader
 *
 * @type Part = array{
 *     scale: int, mimetype: string, size_bytes: int, sha256: string, is_there: bool, is_found: bool
 * }
 * @type Said = array{
 *     hash: string, proof: string, kind: string, metadata: ?string, parts: list<Part>, posts: int, why: ?string
 * }
 */
final class Saved
{
	/** Whether it is on no hub, and no hub knows what became of it: it may have been lost or deleted. */
	public bool $isUntraced = false;

	/** How deep its metadata is at most, and a little more. */
	private const DEPTH = 80;

	/**
	 * @param list<Attach>      $folders
	 * @param Attach            $row
	 * @param array<int, Photo> $photos
	 * @param ?Revision         $revision
	 * @param array<int, Part>  $parts
	 * @param list<string>      $names
	 */
	private function __construct(
		/** Its hash in the set. */
		public readonly string $key,
		/** Its hash here. */
		public readonly string $hash,
		public readonly bool $isFolder,
		/** Its folders from the root down. */
		public readonly array $folders,
		/** Its own row. */
		public readonly array $row,
		/** Its photo rows by scale. */
		public readonly array $photos,
		/** What its values have seen; null if that is unknown. */
		public readonly ?array $revision,
		/** Its bytes by scale. */
		public readonly array $parts,
		/** What has its posts; empty unless they may be believed. */
		private readonly string $metadata,
		/** How many posts the set has of it. */
		public readonly int $posts,
		/** The names of its folders from the root down, and its own. */
		public readonly array $names,
		/** Whether its access, posts and versions are proven, or believed. */
		public readonly bool $isTrusted,
		/** Whether it becomes another file of another channel. */
		public readonly bool $isCopy,
		/** Whether its access is without links that the set has, because their posts are not here. */
		public readonly bool $lostLinks,
		/** @var array<string> The groups in its access lists that are not here: their names, by hash. */
		public readonly array $unknownGroups,
		/** The day on which the set found it on its hub (2026-08-20); empty if nothing proves that. */
		public readonly string $day,
	) {}

	/**
	 * Reads what the extension says of one.
	 *
	 * @param Said   $said
	 * @param string $origin    The hash of the set's channel.
	 * @param bool   $isTrusted Whether what is not only bytes, names and folders may be believed.
	 * @param Choice $choice    What was asked for: whether it becomes another file, for the channel alone; or is tried.
	 * @param string $found     When the set found it on its hub, as the set says.
	 *
	 * @throws Refused
	 */
	public static function read(
		array $said,
		Channel $channel,
		string $origin,
		bool $isTrusted,
		Choice $choice,
		Admittance $admittance,
		string $found,
	): self {
		/** @var array<mixed>|null $metadata */
		$metadata = json_decode($said['metadata'] ?? '', true, self::DEPTH);
		$packet = Packet::saved($metadata ?? throw new Refused('its metadata cannot be read'));
		$isTrusted = $isTrusted && ! $choice->asCopy;
		$isTrial = $choice->trial !== null;
		$parts = array_column($said['parts'], null, 'scale');
		/** @var Attach $last */
		$last = $packet->last;
		$saved = self::own($last, $channel, $origin, $isTrusted, $choice);
		$row = $admittance->withoutLostLinks($saved);
		$isFolder = (bool) $row['is_dir'];
		if ($isFolder !== ($said['kind'] === 'folder') || $last['hash'] !== $said['hash']) {
			throw new Refused('its rows are not of what it says that it is');
		}
		$row['filesize'] = $parts[0]['size_bytes'] ?? $row['filesize'];
		$photos = array_map(
			fn (array $photo): array => $admittance->withoutLostLinks(
				['xchan' => $channel->hash, 'resource_id' => $row['hash']]
				+ ($isTrusted ? [] : self::forOwner($channel) + ['photo_usage' => 0, 'profile' => 0])
				+ ($isTrial ? Trial::moved($photo, $channel, $origin) : $photo),
			),
			$packet->photos,
		);

		return new self(
			key: $last['hash'],
			hash: $row['hash'],
			isFolder: $isFolder,
			folders: array_map(
				fn (array $folder): array => $admittance->withoutLostLinks(
					self::own($folder, $channel, $origin, $isTrusted, $choice),
				),
				$packet->folders,
			),
			row: $row,
			photos: $photos,
			revision: $isTrusted ? $packet->order['revision'] : null,
			parts: $parts,
			metadata: $isTrusted && ! $isTrial && $said['posts'] > 0 ? $said['metadata'] ?? '' : '',
			posts: $isTrial ? 0 : $said['posts'],
			names: [...array_column($packet->folders, 'filename'), $last['filename']],
			isTrusted: $isTrusted,
			isCopy: $choice->asCopy,
			lostLinks: $row['allow_cid'] !== $saved['allow_cid'] || $row['allow_gid'] !== $saved['allow_gid'],
			unknownGroups: $admittance->unknownGroups($row),
			day: $isTrusted && preg_match('/^\d{4}-\d\d-\d\d/', $found) ? substr($found, 0, 10) : '',
		);
	}

	/**
	 * Returns its posts, as hubs export them; none unless they may be believed. Decoded each time: those of many files
	 * would not fit into memory.
	 *
	 * @return list<mixed>
	 */
	public function items(): array
	{
		/** @var array{item?: list<mixed>}|null $metadata */
		$metadata = $this->metadata === '' ? null : json_decode($this->metadata, true, self::DEPTH);

		return array_values($metadata['item'] ?? []);
	}

	/**
	 * Tells whether a delete has seen what the set has.
	 *
	 * @param array<array-key, int> $gone What the delete has seen; empty if that is unknown.
	 */
	public function isSeenBy(array $gone): bool
	{
		if ($this->revision === null || $gone === []) {
			return true;
		}
		$seen = Vector::credible(
			Vector::join(
				$this->revision['bytes']['vector'],
				$this->revision['place']['vector'],
				$this->revision['access']['vector'],
			),
			$gone,
		);

		return in_array(Vector::compare($seen, $gone), ['before', 'equal'], true);
	}

	/** Returns its name for people. */
	public function name(): string
	{
		return implode('/', $this->names);
	}

	/** Returns the number of its own bytes. */
	public function sizeBytes(): int
	{
		return $this->parts[0]['size_bytes'] ?? 0;
	}

	/**
	 * Returns a row as it is to be here.
	 *
	 * @param Attach $row
	 *
	 * @return Attach
	 */
	private static function own(array $row, Channel $channel, string $origin, bool $isTrusted, Choice $choice): array
	{
		if ($choice->asCopy) {
			$row['hash'] = self::copyOf($channel, $row['hash']);
			$row['folder'] = $row['folder'] === '' ? '' : self::copyOf($channel, $row['folder']);
		} elseif ($choice->trial) {
			$row['hash'] = Trial::hashOn($channel, $row['hash']);
			$row['folder'] = Trial::hashOn($channel, $row['folder']);
			$row = Trial::moved($row, $channel, $origin);
		}
		if (! $isTrusted) {
			$row = self::forOwner($channel) + ['term' => [], 'flags' => 0, 'creator' => $channel->hash] + $row;
		}

		return $row['creator'] === $origin ? ['creator' => $channel->hash] + $row : $row;
	}

	/**
	 * Returns the access of the owner alone.
	 *
	 * @return array{allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string}
	 */
	private static function forOwner(Channel $channel): array
	{
		return ['allow_cid' => "<$channel->hash>", 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];
	}

	/** Returns the hash that a file of another channel gets here: the same each time. */
	private static function copyOf(Channel $channel, string $hash): string
	{
		$digest = substr(hash('sha1', $channel->hash . "\n" . $hash), 0, 32);
		$digest[12] = '5';
		$digest[16] = dechex(((int) hexdec($digest[16]) & 3) | 8);

		return implode('-', [
			substr($digest, 0, 8),
			substr($digest, 8, 4),
			substr($digest, 12, 4),
			substr($digest, 16, 4),
			substr($digest, 20),
		]);
	}
}
