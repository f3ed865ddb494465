<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Rows of an export that say where people live. The hub's own import believes them, and so would everybody on this hub
 * who writes to these people. Here, whoever lives somewhere must have signed that; and of others than the channel that
 * is imported, nothing that the hub knows already is changed.
 *
 * @import-type AnyRow from Rows
 */
final class ImportedLocations
{
	/** Networks whose people sign where they live. */
	private const SIGNING = ['zot6', 'nomad'];
	/** In one statement. */
	private const AT_ONCE = 200;

	/**
	 * Stores them.
	 *
	 * @param list<array> $rows
	 *
	 * @return int How many were refused, since nobody signed them.
	 */
	public static function store(Channel $channel, array $rows, bool $isPrimary): int
	{
		$refused = 0;
		$good = [];
		foreach (array_chunk($rows, self::AT_ONCE) as $some) {
			$hashes = array_values(array_unique(array_map(fn ($row) => self::text($row, 'hubloc_hash'), $some)));
			$here = self::channels($hashes);
			$known = self::known($hashes);
			$people = self::people($hashes);
			foreach ($some as $row) {
				$hash = self::text($row, 'hubloc_hash');
				$isOwn = $hash === $channel->hash;
				if (
					! $isOwn
					&& self::isKnown($row, $here, $known)
					|| $isOwn
					&& Clones::isHere(self::text($row, 'hubloc_url'))
				) {
					continue;
				}
				self::isSound($row, $people[$hash] ?? null) ? ($good[] = $row) : $refused++;
			}
		}
		if ($good !== []) {
			\import_hublocs($channel->row(), $good, $isPrimary);
		}

		return $refused;
	}

	/**
	 * Tells whether the hub knows better: it is somebody of this hub, or somebody whom the hub knows there already.
	 *
	 * @param array<string, true>                $here
	 * @param array<string, array<string, true>> $known
	 */
	private static function isKnown(array $row, array $here, array $known): bool
	{
		$hash = strtolower(self::text($row, 'hubloc_hash'));
		$places = $known[$hash] ?? [];

		return (
			isset($here[$hash])
			|| isset($places[self::place(self::text($row, 'hubloc_url'))])
			|| $places !== []
			&& ! self::signs(self::text($row, 'hubloc_network'))
		);
	}

	/** @param ?AnyRow $person Who lives there. */
	private static function isSound(array $row, ?array $person): bool
	{
		if ($person === null) {
			return false;
		}
		if (! self::signs((string) $person['xchan_network'])) {
			// There is no proof, and nothing of ours is for them.
			return ! self::signs(self::text($row, 'hubloc_network'));
		}

		return (
			self::signs(self::text($row, 'hubloc_network'))
			&& Locations::isWithin($row)
			&& Locations::isSigned(
				self::text($row, 'hubloc_url'),
				self::text($row, 'hubloc_url_sig'),
				(string) $person['xchan_pubkey'],
			)
		);
	}

	private static function signs(string $network): bool
	{
		return in_array($network, self::SIGNING, true);
	}

	/**
	 * Returns which identities have a channel on this hub.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, true>
	 */
	private static function channels(array $hashes): array
	{
		$rows = Table::select('channel', ['channel_hash' => $hashes, 'channel_removed' => 0], '', 0, 'channel_hash');

		return array_fill_keys(array_map(fn ($row) => strtolower($row['channel_hash']), $rows), true);
	}

	/**
	 * Returns where this hub says that identities live, or lived.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, array<string, true>>
	 */
	private static function known(array $hashes): array
	{
		$known = [];
		foreach (Table::select('hubloc', ['hubloc_hash' => $hashes], '', 0, 'hubloc_hash, hubloc_url') as $row) {
			$known[strtolower($row['hubloc_hash'])][self::place($row['hubloc_url'])] = true;
		}

		return $known;
	}

	/**
	 * Returns people whom this hub knows, by identity.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, AnyRow>
	 */
	private static function people(array $hashes): array
	{
		$people = [];
		$columns = 'xchan_hash, xchan_network, xchan_pubkey';
		foreach (Table::rows('xchan', ['xchan_hash' => $hashes], '', 0, $columns) as $row) {
			$people[(string) $row['xchan_hash']] = $row;
		}

		return $people;
	}

	private static function place(string $url): string
	{
		return Clones::normalise($url) ?? strtolower(rtrim($url, '/'));
	}

	private static function text(array $row, string $key): string
	{
		return is_string($row[$key] ?? null) ? $row[$key] : '';
	}
}
