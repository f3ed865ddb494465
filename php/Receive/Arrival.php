<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Offer;
use FileSync\Addon\Order\Ruling;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Judges a packet about a file or folder: compares what it offers with what is here.
 *
 * @import-type Known from Judge
 * @import-type Attach from Offer
 * @import-type Seen from Vector
 *
 * @type Group = array{vector: Seen, by: string, at: string, edited?: string, name?: string}
 * @type Revision = array{bytes: Group, place: Group, access: Group}
 */
final class Arrival
{
	/**
	 * Judges a packet. It changes neither the file nor its record; only that a hub knows more of our changes than we do
	 * is noted (Site).
	 *
	 * @param Known   $file     As Revisions::notice() returned it.
	 * @param ?Attach $accepted Our row with `term`; for a file that is still to arrive, the last accepted row.
	 */
	public static function judge(Channel $channel, array $file, ?array $accepted, Packet $packet, string $root): Ruling
	{
		$offer = self::offer($channel, $file, $accepted, $packet, Clones::normalise($root) ?? $root);
		$pairs = self::pairs($file, $offer);
		$component = $pairs !== [] || ! $accepted ? Site::noticeEach($channel->id, $pairs) : '';

		return Ruling::on($file, $accepted, $offer, $accepted ? '' : $component, $channel->hash);
	}

	/**
	 * Does what judge() does for packets about files of which nothing is known here.
	 *
	 * @param array<string, Packet> $packets
	 * @param array<string, string> $roots
	 *
	 * @return array<string, Ruling> By the keys of the packets.
	 */
	public static function judgeUnknown(Channel $channel, array $packets, array $roots): array
	{
		$files = $offers = $pairs = [];
		foreach ($packets as $key => $packet) {
			$files[$key] = Revisions::unknown($channel->id, $packet->last['hash'] ?? '');
			$hub = Clones::normalise($roots[$key]) ?? $roots[$key];
			$offers[$key] = self::offer($channel, $files[$key], null, $packet, $hub);
			array_push($pairs, ...self::pairs($files[$key], $offers[$key]));
		}
		$component = $packets === [] ? '' : Site::noticeEach($channel->id, $pairs);
		$rulings = [];
		foreach ($offers as $key => $offer) {
			$rulings[$key] = Ruling::on($files[$key], null, $offer, $component, $channel->hash);
		}

		return $rulings;
	}

	/**
	 * Returns what the values of an offer have seen, each with what ours have.
	 *
	 * @param Known $file
	 *
	 * @return list<array{Seen, Seen}>
	 */
	private static function pairs(array $file, Offer $offer): array
	{
		$pairs = [];
		foreach ($offer->isVersioned() ? $offer->values : [] as $group => $theirs) {
			$pairs[] = [$theirs['vector'], Vector::join($file[$group]['vector'], $file['gone'])];
		}

		return $pairs;
	}

	/**
	 * Tells whether a hub that sends no vectors knows a file as it is here. A hub that never reported changes of the
	 * file is believed, such as for a file that is older than filesync here.
	 *
	 * @param Known $file
	 */
	public static function knowsAll(Channel $channel, array $file, string $hub): bool
	{
		$had = self::had($channel, $file, $hub);
		foreach (Judge::GROUPS as $group) {
			if (! array_key_exists($group, $had) && $file[$group]['by'] === '') {
				continue;
			}
			$present = [$file[$group]['print'], $group === 'bytes' ? $file['wanted']['print'] ?? '' : ''];
			if (! isset($had[$group]) || ! in_array($had[$group], $present, true)) {
				return false;
			}
		}

		return true;
	}

	/**
	 * Reads what a packet offers for a file.
	 *
	 * @param Known   $file
	 * @param ?Attach $accepted
	 */
	private static function offer(Channel $channel, array $file, ?array $accepted, Packet $packet, string $hub): Offer
	{
		/** @var Attach $row By Packet. */
		$row = $packet->last;
		/** @var ?Revision $revision By SiblingReader. */
		$revision = $packet->order['revision'];
		$ours = Judge::newest($file);
		$prints = self::prints($row, $revision, $ours['print']);
		if ($revision === null && self::isOurPlace($row, $file['place']['print'])) {
			$prints['place'] = $file['place']['print'];
		}
		if ($prints['bytes'] === strtok($ours['print'], '#')) {
			$isOther = isset($accepted['content']) && self::hasOtherDigest($channel, $file, $packet->sha256);
			$prints['bytes'] = $isOther ? $prints['bytes'] . '#' . substr($packet->sha256, 0, 16) : $ours['print'];
		}
		$known = Vector::join(Revisions::seen($file), $file['gone']);
		$values = [];
		foreach (Judge::GROUPS as $group) {
			$told = $revision[$group] ?? ['vector' => [], 'by' => '', 'at' => (string) parse_url($hub, PHP_URL_HOST)];
			$vector = Vector::credible($told['vector'], $known);
			$known = Vector::join($known, $vector);
			$values[$group] = [
				'print' => $prints[$group],
				'edited' => $told['edited'] ?? $row['edited'],
				'vector' => $vector,
				'by' => $told['by'],
				'at' => $told['at'],
			];
		}
		if ($revision !== null) {
			$seen = Vector::join(
				$revision['bytes']['vector'],
				$revision['place']['vector'],
				$revision['access']['vector'],
			);

			return new Offer($hub, $row, $values, Vector::credible($seen, $known));
		}
		$secondsBefore = self::secondsBefore($row['edited'], $ours['edited']);

		return new Offer($hub, $row, $values, null, self::had($channel, $file, $hub), $secondsBefore);
	}

	/**
	 * Returns the fingerprint of each group in a packet.
	 *
	 * @param Attach    $row
	 * @param ?Revision $revision
	 * @param string    $ours     The fingerprint of the bytes that the file is to have here.
	 *
	 * @return array{bytes: string, place: string, access: string}
	 */
	private static function prints(array $row, ?array $revision, string $ours): array
	{
		$row['filename'] = $revision['place']['name'] ?? $row['filename'];
		$row['edited'] = $revision['bytes']['edited'] ?? $row['edited'];
		if ($row['filesize'] === Bounds::COLUMN_END && (int) $ours > Bounds::COLUMN_END) {
			// A hub whose column is too narrow sends the column's maximum for every larger file.
			$row['filesize'] = (int) $ours;
		}

		/** @var array{bytes: string, place: string, access: string} $prints */
		$prints = Revisions::prints($row, $row['term']);

		return $prints;
	}

	/**
	 * A stock hub may call a file `name(N)` that we sent as `name`: that does not count as a rename.
	 *
	 * @param Attach $row
	 * @param string $place The fingerprint of our place.
	 */
	private static function isOurPlace(array $row, string $place): bool
	{
		[$folder, $name] = explode("\n", $place . "\n", 3);

		return $row['folder'] === $folder && AttachRow::isNameOrVariant($name, $row['filename']);
	}

	/**
	 * Tells whether the bytes here surely have another digest.
	 *
	 * @param Known $file
	 */
	private static function hasOtherDigest(Channel $channel, array $file, string $sha256): bool
	{
		if ($sha256 === '' || ! $file['facts']) {
			return false;
		}
		$stat = Facts::of($channel, $file['hash'], 0)->stat();
		$ours = $stat ? Digests::known($channel->id, $file['hash'], 0, $stat) : null;

		return $ours !== null && $ours !== $sha256;
	}

	/**
	 * Returns by how much their bytes are dated before ours. It ignores a date of ours in the future, which would shut
	 * out every later change.
	 */
	private static function secondsBefore(string $theirs, string $ours): int
	{
		$isSane = $ours <= gmdate('Y-m-d H:i:s', Clock::now() + 86400);

		return $isSane ? max(0, (int) strtotime(($ours ?: $theirs) . ' UTC') - (int) strtotime($theirs . ' UTC')) : 0;
	}

	/**
	 * Returns the value of each group that a hub last sent, or that we sent and it surely received: null if that is
	 * uncertain.
	 *
	 * @param Known $file
	 *
	 * @return array<?string>
	 */
	private static function had(Channel $channel, array $file, string $hub): array
	{
		$peer = $file['peers'][$hub] ?? [];
		$isSending = array_filter(array_column($peer, 'sent')) !== [] && Clones::isSending($channel, $hub);

		return array_map(fn ($known) => $isSending && ! empty($known['sent']) ? null : $known['print'], $peer);
	}
}
