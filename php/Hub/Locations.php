<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Libzot;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Where channels of this hub live, by the hub's rows of it. Others than the channel can bring such a row here, by an
 * import for instance; so a row counts only if the channel's own key signed the address that it names.
 *
 * What a signature proved is remembered by key, address and signature, in this process and in our settings: a request
 * finds it with the rows, and verifies nothing.
 *
 * @import-type HublocRow from Rows
 */
final class Locations
{
	public const NETWORK = 'zot6';

	/** Internal setting: which rows of a channel were found signed, and which not, as JSON. */
	private const FOUND = 'locations';
	/** So many of each kind are remembered of a channel; and in a process, of all. */
	private const MOST = 1000;
	private const MOST_IN_PROCESS = 20000;
	/** Of so many channels at once. */
	private const CHANNELS = 200;
	private const COLUMNS = 'hubloc_id, hubloc_hash, hubloc_url, hubloc_url_sig, hubloc_id_url, hubloc_addr, hubloc_connected';

	/** @var array<string, bool> Whether a row is signed, by what it was found by. */
	private static array $found = [];

	/**
	 * Returns the rows that say where a channel lives, or lived, and that it signed.
	 *
	 * @param array<string, int|string> $which
	 *
	 * @return list<HublocRow>
	 */
	public static function of(Channel $channel, array $which = []): array
	{
		return self::signed($channel, self::read($channel->hash, $which));
	}

	/**
	 * Returns all rows that say where a channel lives, or lived: anybody may have brought them here.
	 *
	 * @param array<string, int|string> $which
	 *
	 * @return list<HublocRow>
	 */
	public static function read(string $channelHash, array $which): array
	{
		$setting = self::settingOf($channelHash);

		/** @var list<HublocRow> */
		return Table::rows(
			"hubloc LEFT JOIN filesync_setting ON filesync_setting.id = '$setting'",
			['hubloc_hash' => $channelHash, 'hubloc_network' => self::NETWORK] + $which,
			'hubloc_id',
			0,
			self::COLUMNS . ', value',
		);
	}

	/**
	 * Returns those of a channel's rows that it signed.
	 *
	 * @param list<HublocRow> $rows As read() gives them.
	 *
	 * @return list<HublocRow>
	 */
	public static function signed(Channel $channel, array $rows): array
	{
		return array_values(array_intersect_key($rows, array_filter(self::judged($channel, $rows))));
	}

	/**
	 * Returns the rows that say that a channel lives somewhere, and that it did not sign.
	 *
	 * @return list<HublocRow>
	 */
	public static function unsigned(Channel $channel): array
	{
		$rows = self::read($channel->hash, ['hubloc_deleted' => 0]);

		return array_values(array_diff_key($rows, array_filter(self::judged($channel, $rows))));
	}

	/**
	 * Returns the addresses of the hubs where channels live, with the numbers of the channels.
	 *
	 * @param list<int> $channelIds
	 *
	 * @return \Generator<int, array{uid: int, url: string}>
	 */
	public static function ofAll(array $channelIds): \Generator
	{
		foreach (array_chunk($channelIds, self::CHANNELS) as $some) {
			$rows = Table::rows(
				'hubloc JOIN channel ON hubloc_hash = channel_hash',
				['channel_id' => $some, 'hubloc_deleted' => 0, 'hubloc_network' => self::NETWORK],
				'channel_id, hubloc_id',
				0,
				'channel_id, channel_hash, channel_pubkey, ' . self::COLUMNS,
			);
			$ofChannel = [];
			foreach ($rows as $row) {
				$ofChannel[(int) $row['channel_id']][] = $row;
			}
			$noted = self::noted(array_map(fn ($row) => (string) $row['channel_hash'], $rows));
			foreach ($ofChannel as $channelId => $rows) {
				$hash = (string) $rows[0]['channel_hash'];
				$key = (string) $rows[0]['channel_pubkey'];
				foreach (array_keys(
					self::judge($hash, $key, $rows, $noted[self::settingOf($hash)] ?? ''),
					true,
				) as $n) {
					yield ['uid' => $channelId, 'url' => (string) $rows[$n]['hubloc_url']];
				}
			}
		}
	}

	/**
	 * Tells whether a row names no other hub than the one whose address is signed: as the place of the channel's page,
	 * and as that to which the hub sends.
	 */
	public static function isWithin(array $row): bool
	{
		$text = fn (string $key): string => is_string($row[$key] ?? null) ? $row[$key] : '';
		$root = rtrim($text('hubloc_url'), '/') . '/';

		return (
			($text('hubloc_id_url') === '' || str_starts_with($text('hubloc_id_url'), $root))
			&& ($text('hubloc_callback') === '' || str_starts_with($text('hubloc_callback'), $root))
		);
	}

	/** Verifies by the hub's own function that a key signed an address. */
	public static function isSigned(string $url, string $signature, string $publicKey): bool
	{
		if ($url === '' || $signature === '' || $publicKey === '') {
			return false;
		}
		// Hubs of long ago did not write the name of the digest before it.
		$signature = str_contains($signature, '.') ? $signature : "sha256.$signature";

		return @Libzot::verify($url, $signature, $publicKey) === true;
	}

	/** Forgets what is remembered of a channel. */
	public static function forget(string $channelHash): void
	{
		Table::delete('filesync_setting', ['id' => self::settingOf($channelHash)]);
	}

	/**
	 * @param list<HublocRow> $rows
	 *
	 * @return list<bool>
	 */
	private static function judged(Channel $channel, array $rows): array
	{
		return self::judge($channel->hash, $channel->publicKey, $rows, (string) ($rows[0]['value'] ?? ''));
	}

	/**
	 * @param list<string> $channelHashes
	 *
	 * @return array<string, string> What is remembered of channels, by the key of the setting.
	 */
	private static function noted(array $channelHashes): array
	{
		$ids = array_map(self::settingOf(...), array_values(array_unique($channelHashes)));
		$noted = [];
		foreach ($ids === [] ? [] : Table::select('filesync_setting', ['id' => $ids], '', 0, 'id, value') as $row) {
			$noted[$row['id']] = $row['value'];
		}

		return $noted;
	}

	/**
	 * Tells of each row whether the channel signed it, and remembers that.
	 *
	 * @param list<array> $rows
	 * @param string      $noted What is remembered of the channel.
	 *
	 * @return list<bool>
	 */
	private static function judge(string $channelHash, string $publicKey, array $rows, string $noted): array
	{
		$known = self::decoded($noted);
		if (count(self::$found) > self::MOST_IN_PROCESS) {
			self::$found = [];
		}
		$new = $isSigned = [];
		foreach ($rows as $row) {
			[$url, $signature] = [(string) $row['hubloc_url'], (string) $row['hubloc_url_sig']];
			$by = self::digest($publicKey, $url, $signature);
			if (! isset(self::$found[$by]) && ! isset($known[$by])) {
				$new[$by] = self::isSigned($url, $signature, $publicKey);
			}
			self::$found[$by] ??= $known[$by] ?? $new[$by];
			// A database may find a hash by other spellings of it.
			$isSigned[] = self::$found[$by] && $row['hubloc_hash'] === $channelHash;
		}
		if ($new !== []) {
			self::remember($channelHash, $known + $new);
		}

		return $isSigned;
	}

	/** @return array<string, bool> */
	private static function decoded(string $noted): array
	{
		/** @var ?array<string, int> */
		$known = json_decode($noted, true);

		return array_map(boolval(...), $known ?? []);
	}

	/** @param array<string, bool> $found */
	private static function remember(string $channelHash, array $found): void
	{
		$signed = array_filter($found);
		$kept = array_slice($signed, -self::MOST) + array_slice(array_diff_key($found, $signed), -self::MOST);
		Config::set(
			self::FOUND,
			json_encode(array_map(intval(...), $kept), JSON_THROW_ON_ERROR | JSON_FORCE_OBJECT),
			self::scope($channelHash),
		);
	}

	private static function digest(string $publicKey, string $url, string $signature): string
	{
		$bytes = hash('sha256', hash('sha256', $publicKey) . hash('sha256', $url) . $signature, true);

		return strtr(base64_encode(substr($bytes, 0, 18)), '+/', '-_');
	}

	private static function settingOf(string $channelHash): string
	{
		return Settings::id(self::scope($channelHash), self::FOUND);
	}

	private static function scope(string $channelHash): string
	{
		return 'locations:' . hash('sha256', $channelHash);
	}
}
