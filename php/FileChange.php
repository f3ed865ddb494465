<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/** Applies what a packet says about one file: name, place, access and categories at once, the bytes through the queue. */
final class FileChange
{
	public const ACL = ['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'];

	private const CLOCKS_DIFFER_SECONDS = 86400;
	private const COLUMN_END = 4294967295;

	/** Applies the last entry of a packet, which is a file. The folders above it are here. */
	public static function apply(array $channel, Packet $packet, string $root): void
	{
		for ($try = 0; $try < 3; $try++) {
			$again = false;
			$own = Store::attach((int) $channel['channel_id'], $packet->last['hash']);
			if ($own) {
				$own = self::applyMetadata($channel, $own, $packet);
			}
			if (self::needsBytes($channel, $own, $packet->last)) {
				$again = self::stage($channel, $packet, $root, $own, 0) === 'again';
			} elseif (isset($packet->photos[0])) {
				PhotoRow::write($channel, $own, $packet->photos[0], (int) $own['filesize'], null);
			}
			foreach ($packet->photos as $scale => $photo) {
				$present = $scale > 0 ? Store::photo((int) $channel['channel_id'], $packet->last['hash'], $scale) : null;
				if ($scale > 0 && self::scaleNeedsBytes($present, $photo)) {
					$again = self::stage($channel, $packet, $root, $present, $scale) === 'again' || $again;
				} elseif ($scale > 0 && $own) {
					PhotoRow::write($channel, $own, $photo, (int) $present['filesize'], null);
				}
			}
			if (! $again) {
				return;
			}
		}
		throw new Postponed('the file is being published', true);
	}

	/**
	 * Tells whether what a packet dates is older than what is here.
	 *
	 * A date of ours in the future says nothing: it would shut out all that comes after.
	 */
	public static function isOldNews(string $theirs, string $ours): bool
	{
		return $theirs < substr($ours, 0, 19) && $ours <= gmdate('Y-m-d H:i:s', Config::now() + self::CLOCKS_DIFFER_SECONDS);
	}

	/** Tells whether one name is the other, or its `name(N).ext` that a hub gave it among others. */
	public static function isNameOrVariant(string $ours, string $theirs): bool
	{
		return preg_replace('/\(\d+\)(?=(\.[^.]*)?$)/', '', $ours, 1) === preg_replace('/\(\d+\)(?=(\.[^.]*)?$)/', '', $theirs, 1);
	}

	/** Returns the columns of a new attach row that are the same for a file and a folder. */
	public static function columns(array $channel, array $row, array $place, string $name): array
	{
		return ['aid' => (int) $channel['channel_account_id'], 'uid' => (int) $channel['channel_id'], 'hash' => $row['hash'],
			'creator' => $row['creator'], 'filename' => $name, 'revision' => 0, 'folder' => $row['folder'], 'flags' => $row['flags'] & 0x7fffffff,
			'os_storage' => 1, 'os_path' => $place['os_path'], 'display_path' => $place['display_path'], 'content' => $place['content'],
			'created' => $row['created'], 'allow_cid' => $row['allow_cid'], 'allow_gid' => $row['allow_gid'], 'deny_cid' => $row['deny_cid'],
			'deny_gid' => $row['deny_gid']];
	}

	private static function applyMetadata(array $channel, array $own, Packet $packet): array
	{
		$last = $packet->last;
		$acl = array_intersect_key($last, array_flip(self::ACL));
		$isOldNews = self::isOldNews($last['edited'], $own['edited']);
		if ($isOldNews && array_filter(array_intersect_key($own, $acl))) {
			// A packet that comes late or again may narrow what is public, nothing else.
			return $own;
		}
		if (array_diff_assoc($acl, $own)) {
			Table::update('attach', $acl, ['id' => (int) $own['id']]);
		}
		foreach ($packet->photos as $scale => $photo) {
			Table::update('photo', array_intersect_key($photo, $acl), ['uid' => (int) $own['uid'], 'resource_id' => $own['hash'], 'imgscale' => $scale]);
		}
		if ($isOldNews) {
			return $own;
		}
		Store::setTerms((int) $own['uid'], (int) $own['id'], $last['term']);
		Relocation::apply($channel, $own, $last['folder'], self::nameFor($own, $last));

		return Store::attach((int) $own['uid'], $own['hash']) ?? throw new Postponed('the file went away', true);
	}

	/** Keeps our `name(N).ext` as long as the plain name is taken by another file of the folder. */
	private static function nameFor(array $own, array $last): string
	{
		if ($own['filename'] === $last['filename'] && $own['folder'] === $last['folder']) {
			return $own['filename'];
		}
		$free = Store::freeName((int) $own['uid'], $last['folder'], $own['hash'], $last['filename']);

		return $free !== $last['filename'] && $own['folder'] === $last['folder'] && self::isNameOrVariant($own['filename'], $last['filename'])
			? $own['filename'] : $free;
	}

	private static function needsBytes(array $channel, ?array $own, array $last): bool
	{
		if (! $own) {
			return true;
		}
		$facts = Store::facts(Store::pathOf($channel, $own));
		if (! $facts || $facts['size_bytes'] !== (int) $own['filesize']) {
			return true;
		}

		return self::isAnotherVersion($own, $last);
	}

	private static function scaleNeedsBytes(?array $own, array $photo): bool
	{
		if (! $own) {
			return true;
		}
		$facts = (int) $own['os_storage'] ? Store::facts(Store::photoPath((int) $own['id'])) : ['size_bytes' => (int) $own['filesize']];
		if (! $facts || $facts['size_bytes'] !== (int) $own['filesize']) {
			return true;
		}

		return self::isAnotherVersion($own, $photo);
	}

	private static function isAnotherVersion(array $own, array $theirs): bool
	{
		// A hub whose column is too narrow says its end for all that is larger.
		$isSameSize = $theirs['filesize'] === (int) $own['filesize'] || ($theirs['filesize'] === self::COLUMN_END && (int) $own['filesize'] > self::COLUMN_END);

		return (! $isSameSize || $theirs['edited'] !== substr($own['edited'], 0, 19))
			&& ! self::isOldNews($theirs['edited'], $own['edited']);
	}

	private static function stage(array $channel, Packet $packet, string $root, ?array $own, int $scale): string
	{
		$last = $packet->last;
		$photo = $packet->photos[$scale] ?? null;
		$sizeBytes = $scale ? $photo['filesize'] : $last['filesize'];
		$base = $scale ? ($own ? Store::photoPath((int) $own['id']) : null) : ($own ? Store::pathOf($channel, $own) : null);
		[$kind, $reason] = $scale ? ['', ''] : self::obstacle($channel, $last, (int) ($own['filesize'] ?? 0));

		return Queue::stage([
			'uid' => (int) $channel['channel_id'], 'hash' => $last['hash'], 'scale' => $scale, 'size_bytes' => $sizeBytes,
			'edited' => $scale ? $photo['edited'] : $last['edited'], 'mimetype' => $scale ? $photo['mimetype'] : $last['filetype'],
			'folder' => $last['folder'], 'origin' => $root, 'nick' => $packet->nick,
			'names' => json_encode([...array_column($packet->folders, 'filename'), $last['filename']]),
			'entry' => json_encode(['folders' => $packet->folders, 'attach' => $last, 'photo' => $photo] + ($scale || $packet->sha256 === '' ? [] : ['sha256' => $packet->sha256])),
			'base' => json_encode(Store::facts($base)), 'kind' => $kind, 'reason' => $reason,
		]);
	}

	/** Returns kind and reason why bytes of that size are not even asked for, or two empty strings. */
	private static function obstacle(array $channel, array $last, int $replaced): array
	{
		[$used, $limit] = Store::quota($channel);
		if ($limit !== null) {
			$used += Table::sum('filesync_transfer', 'size_bytes', ['uid' => (int) $channel['channel_id'], 'scale' => 0, 'state' => Queue::LIVE, 'hash <>' => $last['hash']]);
			if ($used - $replaced + $last['filesize'] > $limit) {
				return ['quota', "the account's storage limit of $limit bytes would be exceeded"];
			}
		}

		return ['', ''];
	}
}
