<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Send\FolderMove;
use FileSync\Addon\Storage\AttachRow;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Applies a packet about folders. Folders before the last entry are created if missing, and never changed.
 *
 * @import-type Known from Judge
 * @import-type Attach from \FileSync\Addon\Order\Offer
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 */
final class FolderChange
{
	/**
	 * Checks everything that could make the entry invalid, before anything is written.
	 *
	 * @throws Refused
	 */
	public static function check(Channel $channel, Packet $packet): void
	{
		foreach ([...$packet->folders, $packet->last] as $row) {
			$own = Store::attach($channel->id, $row['hash']);
			if ($own && (bool) (int) $own['is_dir'] !== (bool) $row['is_dir']) {
				throw new Refused('a folder and a file have the same hash');
			}
		}
	}

	/**
	 * Creates the missing folders of a chain, each beneath our own folder of the previous one.
	 *
	 * @param list<Attach> $folders
	 */
	public static function createMissing(Channel $channel, array $folders): void
	{
		foreach ($folders as $folder) {
			$own = Store::attach($channel->id, $folder['hash']);
			if ($own) {
				self::ensureOnDisk($channel, $own);
				continue;
			}
			self::create($channel, $folder);
			if ((Revisions::find($channel->id, $folder['hash'])['state'] ?? '') === 'gone') {
				// It was deleted and is needed again: that is a change of ours, which the others must be told.
				Revisions::notice($channel, $folder['hash'], true);
				Announcement::answer($channel->id, $folder['hash'], false);
			}
		}
	}

	/** Applies a packet about a folder. */
	public static function apply(Channel $channel, Packet $packet, string $root): void
	{
		$channelId = $channel->id;
		$hash = $packet->last['hash'];
		/** @var Known $file */
		$file = Revisions::notice($channel, $hash);
		$own = Store::attach($channelId, $hash);
		/** @var ?Attach $accepted */
		$accepted = $own ? $own + ['term' => Revisions::terms($own)] : null;
		$ruling = Arrival::judge($channel, $file, $accepted, $packet, $root);
		if (! $own && $ruling->isOfTheDead()) {
			Announcement::answer($channelId, $hash, true);
			return;
		}
		$file = $ruling->file;
		$row = $ruling->row;
		if (! $own) {
			self::create($channel, $row);
		} else {
			self::ensureOnDisk($channel, $own);
			$access = array_intersect_key($row, array_flip(Access::LISTS));
			if (array_diff_assoc($access, $own)) {
				Table::update('attach', $access, ['id' => (int) $own['id']]);
			}
			Store::setTerms($channelId, (int) $own['id'], $row['term']);
			$isMove =
				$ruling->place->verdict->isTheirs()
				&& (
					$own['folder'] !== $row['folder']
					|| ! AttachRow::isNameOrVariant($own['filename'], $row['filename'])
				);
			if ($isMove && FolderMove::opensRing($channel, $own, $row['folder'])) {
				// Two hubs moved two folders into each other: every clone moves this one to the root instead.
				$row['folder'] = '';
				$file['place'] = Judge::changed(
					$file['place'],
					"\n" . $row['filename'],
					$row['edited'],
					Site::component($channelId),
					Revisions::host(),
				);
				Announcement::answer($channelId, $hash, false);
			}
			if ($isMove) {
				FolderMove::apply(
					$channel,
					$own,
					$row['folder'],
					Store::freeName($channelId, $row['folder'], $hash, $row['filename']),
				);
			}
		}
		Revisions::settle($channel, ['bytes' => Judge::settled($file), 'wanted' => []] + $file);
		if ($ruling->deservesAnswer() || $ruling->isOurChange()) {
			Announcement::answer($channelId, $hash, false);
		}
	}

	/** @param Attach $folder */
	private static function create(Channel $channel, array $folder): void
	{
		$channelId = $channel->id;
		$name = Store::freeName($channelId, $folder['folder'], $folder['hash'], $folder['filename']);
		$place = Store::place($channel, $folder['folder'], $folder['hash'], $name) ?? throw new Postponed(
				'the folder above is missing here',
				true,
			);
		self::makeOnDisk($place['content']);
		Table::insert(
			'attach',
			AttachRow::columns($channel, $folder, $place, $name) + AttachRow::folder($folder['edited']),
		);
		$own = Store::attach($channelId, $folder['hash']);
		Store::setTerms($channelId, (int) $own['id'], $folder['term']);
	}

	/** @param AttachRow $own */
	private static function ensureOnDisk(Channel $channel, array $own): void
	{
		$path = Store::pathOf($channel, $own);
		if ($path !== null) {
			self::makeOnDisk($path);
		}
	}

	private static function makeOnDisk(string $path): void
	{
		Store::refuseLinks($path);
		if (! is_dir($path) && ! Core::makeFolder($path) && ! is_dir($path)) {
			throw new Postponed('a folder cannot be created on disk', true);
		}
	}
}
