<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The channels of this hub and the other hubs where they live, by what the channels have signed.
 *
 * @import-type HublocRow from Rows
 */
final class Clones
{
	/** Internal setting: hubs where a channel lived, as JSON. */
	private const HOMES = 'homes';
	/** So many of them. */
	public const MOST_HOMES = 32;

	/**
	 * Returns a channel of this hub with its keys, or null if it does not exist. Throws if that is unknown: a failed
	 * look-up must not look like a departure.
	 */
	public static function channel(int $channelId): ?Channel
	{
		$row = channelx_by_n($channelId) ?: null;
		if (is_array($row)) {
			return Channel::of($row);
		}
		if (Table::first('channel', ['channel_id' => $channelId, 'channel_removed' => 0], '', 'channel_id')) {
			throw new \RuntimeException('a channel cannot be read');
		}

		return null;
	}

	/** Returns the channel that core hands over with a packet if we take it in, or null. Throws like given(). */
	public static function receiving(mixed $row): ?Channel
	{
		$id = Channel::idOf($row);

		return is_array($row) && $id > 0 && Config::takesIn($id) ? Channel::of($row) : null;
	}

	/**
	 * Returns the channel that core hands over if we serve it, or null. Throws if the database does not answer.
	 *
	 * @param mixed   $row  Core's row of it.
	 * @param ?string $part The part of filesync that is to serve it; see Config::serves().
	 */
	public static function given(mixed $row, ?string $part = null): ?Channel
	{
		$id = Channel::idOf($row);

		return is_array($row) && $id > 0 && Config::serves($id, $part) ? Channel::of($row) : null;
	}

	/**
	 * Returns all channels of this hub with their keys, but for scratch channels.
	 *
	 * @return list<Channel>
	 */
	public static function channels(): array
	{
		$channels = array_map(self::channel(...), self::people(['channel_removed' => 0]));

		return array_values(array_filter($channels));
	}

	/** Returns the channel of this hub with an identity if we serve it, or null. */
	public static function served(string $channelHash): ?Channel
	{
		foreach ($channelHash === ''
			? []
			: Table::select(
				'channel',
				['channel_hash' => $channelHash, 'channel_removed' => 0],
				'channel_id',
				0,
				'channel_id, channel_hash',
			) as $row) {
			if ($row['channel_hash'] === $channelHash && Config::serves((int) $row['channel_id'])) {
				return self::channel((int) $row['channel_id']);
			}
		}

		return null;
	}

	/** Returns the served channel of an identity for the clone with a channel URL; null if either is unknown. */
	public static function requested(string $channelHash, string $keyId): ?Channel
	{
		$rows = Locations::read($channelHash, ['hubloc_id_url' => $keyId, 'hubloc_deleted' => 0]);
		$channel = $rows === [] ? null : self::served($channelHash);

		return $channel !== null && self::rootsBy($channel, $keyId, $rows) !== [] ? $channel : null;
	}

	/**
	 * Returns the root URLs of the hubs where a channel's page has a URL.
	 *
	 * @param list<HublocRow> $rows The hub's rows with that URL.
	 *
	 * @return list<string>
	 */
	private static function rootsBy(Channel $channel, string $keyId, array $rows): array
	{
		$signed = array_filter(
			Locations::signed($channel, $rows),
			fn ($row) => $row['hubloc_id_url'] === $keyId && Locations::isWithin($row),
		);

		return array_values(array_map(fn ($row) => rtrim($row['hubloc_url'], '/'), $signed));
	}

	/**
	 * Returns the ids of the channels that live here, but for scratch channels.
	 *
	 * @return list<int>
	 */
	public static function local(): array
	{
		return self::people(['channel_removed' => 0, 'channel_system' => 0]);
	}

	/** @return list<int> The ids of channels, but for scratch channels. */
	private static function people(array $where): array
	{
		$rows = Table::select('channel', $where, 'channel_id', 0, 'channel_id, channel_address');

		return array_map(
			fn ($row) => (int) $row['channel_id'],
			array_values(array_filter($rows, fn ($row) => ! Rehearsing::isNick($row['channel_address']))),
		);
	}

	/** Returns the channel of this hub with a nick, or null. */
	public static function byNick(string $nick): ?Channel
	{
		$row = Table::first('channel', ['channel_address' => $nick, 'channel_removed' => 0]);

		return $row ? Channel::of($row) : null;
	}

	/** Returns the channel of this hub with an identity as posts name their author, or null. */
	public static function byGuid(string $guid): ?Channel
	{
		$row = $guid === '' ? null : Table::first('channel', ['channel_guid' => $guid, 'channel_removed' => 0]);

		return $row && $row['channel_guid'] === $guid ? Channel::of($row) : null;
	}

	/** Returns the URL by which other hubs know this clone of a channel. */
	public static function ownUrl(Channel $channel): string
	{
		return channel_url($channel->row());
	}

	/** Returns the version that a hub last said it has, empty if unknown. */
	public static function version(string $url): string
	{
		return Table::lacking('site', ['site_version' => 1])
			? ''
			: (string) (Table::first('site', ['site_url' => $url], '', 'site_version')['site_version'] ?? '');
	}

	/** Tells whether this hub itself is reached without TLS; only then may other hubs be. */
	public static function isPlain(): bool
	{
		return str_starts_with(strtolower(z_root()), 'http://');
	}

	/**
	 * Returns the root URL of the clone that a fetch URL belongs to.
	 *
	 * @throws \FileSync\Addon\Hub\Refused The URL is not `<root>/getfile` of another hub where the channel lives.
	 */
	public static function originOf(Channel $channel, string $fetchUrl): string
	{
		if (! str_ends_with($fetchUrl, '/getfile')) {
			throw new \FileSync\Addon\Hub\Refused('the fetch URL is not a getfile address');
		}
		$root = self::normalise(substr($fetchUrl, 0, -strlen('/getfile')));
		foreach (self::others($channel) as $clone) {
			if ($root !== null && $root === self::normalise($clone['url'])) {
				return $clone['url'];
			}
		}
		throw new \FileSync\Addon\Hub\Refused('the fetch URL does not belong to any known clone of this channel');
	}

	/**
	 * Returns the root URL of the clone whose channel URL signs a request, null if it is not another clone of the
	 * channel.
	 */
	public static function rootOf(Channel $channel, string $keyId): ?string
	{
		$rows = Locations::read($channel->hash, ['hubloc_id_url' => $keyId, 'hubloc_deleted' => 0]);
		$named = self::rootsBy($channel, $keyId, $rows);
		$known = $named === [] ? [] : array_column(self::others($channel), 'url');

		return array_values(array_intersect($named, $known))[0] ?? null;
	}

	/**
	 * Returns every channel of this hub, but for scratch channels, with every other hub where it lives.
	 *
	 * @return list<array{uid: int, url: string}>
	 */
	public static function pairs(): array
	{
		$own = self::normalise(z_root());
		$pairs = [];
		foreach (Locations::ofAll(self::people(['channel_removed' => 0])) as ['uid' => $channelId, 'url' => $url]) {
			$root = self::normalise($url);
			if ($root !== null && $root !== $own) {
				$pairs["$channelId $root"] = ['uid' => $channelId, 'url' => rtrim($url, '/')];
			}
		}

		return array_values($pairs);
	}

	/**
	 * Returns the channels and hubs whose packets have waited for long.
	 *
	 * @return array<string, true> By channel id and normalised root URL.
	 */
	public static function unreached(int $seconds): array
	{
		$unreached = [];
		$where = ['outq_delivered' => 0, 'outq_created <' => gmdate('Y-m-d H:i:s', Clock::now() - $seconds)];
		foreach (Table::select('outq', $where, '', 0, 'DISTINCT outq_channel, outq_posturl') as $row) {
			$unreached[$row['outq_channel'] . ' ' . self::normalise(dirname($row['outq_posturl']))] = true;
		}

		return $unreached;
	}

	/**
	 * Returns the other hubs where the channel lives.
	 *
	 * @return list<array{url: string, nick: string}>
	 */
	public static function others(Channel $channel): array
	{
		return self::locations($channel, ['hubloc_deleted' => 0]);
	}

	/**
	 * Returns the other hubs where the channel lives or lived: posts still name the hubs it has left.
	 *
	 * @return list<array{url: string, nick: string}>
	 */
	public static function everywhere(Channel $channel): array
	{
		$homes = array_column(self::formerHomes($channel), null, 'url');

		return array_values(array_filter(
			array_column(self::locations($channel, []), null, 'url') + $homes,
			fn ($home) => self::isNick($home['nick']),
		));
	}

	/**
	 * Remembers a hub where the channel lived by its own signed word: an import need not bring its former locations,
	 * and its posts name them.
	 */
	public static function rememberHome(Channel $channel, string $url, string $nick): void
	{
		$root = self::normalise($url);
		$known = array_map(fn ($home) => self::normalise($home['url']), self::everywhere($channel));
		if (
			$root === null
			|| $root === self::normalise(z_root())
			|| ! self::isNick($nick)
			|| in_array($root, $known, true)
		) {
			return;
		}
		$homes = [...self::formerHomes($channel), ['url' => rtrim($url, '/'), 'nick' => $nick]];
		Config::set(
			self::HOMES,
			json_encode(array_slice($homes, -self::MOST_HOMES), JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR),
			self::scopeOfHomes($channel->id),
		);
	}

	/** Forgets a channel that leaves the hub. */
	public static function forget(int $channelId): void
	{
		Config::clear(self::HOMES, self::scopeOfHomes($channelId));
		$row = Table::first('channel', ['channel_id' => $channelId], '', 'channel_hash');
		if ($row !== null) {
			Locations::forget($row['channel_hash']);
		}
	}

	/** @return list<array{url: string, nick: string}> */
	private static function formerHomes(Channel $channel): array
	{
		/** @var list<array{url: string, nick: string}> */
		return json_decode(Config::get(self::HOMES, self::scopeOfHomes($channel->id)), true) ?? [];
	}

	private static function scopeOfHomes(int $channelId): string
	{
		return "homes:$channelId";
	}

	private static function isNick(string $nick): bool
	{
		return (bool) preg_match('/^[\p{L}\p{N}_-]+$/u', $nick);
	}

	/**
	 * @param array<string, int> $which
	 *
	 * @return list<array{url: string, nick: string}>
	 */
	private static function locations(Channel $channel, array $which): array
	{
		$clones = array_column(Rehearsing::clones($channel), null, 'url');
		$own = self::normalise(z_root());
		foreach (Locations::of($channel, $which) as $row) {
			$root = self::normalise($row['hubloc_url']);
			if ($root !== null && $root !== $own) {
				$clones[$root] = [
					'url' => rtrim($row['hubloc_url'], '/'),
					'nick' => strstr($row['hubloc_addr'], '@', true) ?: '',
				];
			}
		}

		return array_values($clones);
	}

	/** Returns when the hub last heard of another clone of a channel, as Unix seconds; 0 if never, or unknown. */
	public static function connected(Channel $channel, string $root): int
	{
		$dates = [];
		foreach (Locations::of($channel, ['hubloc_deleted' => 0]) as $row) {
			if (self::normalise($row['hubloc_url']) === self::normalise($root)) {
				$dates[] = (int) strtotime($row['hubloc_connected'] . ' UTC');
			}
		}

		return max([0, ...$dates]);
	}

	/** Tells whether a packet of a channel still waits for another hub. */
	public static function isSending(Channel $channel, string $root): bool
	{
		foreach (Table::select(
			'outq',
			['outq_channel' => $channel->id, 'outq_delivered' => 0],
			'',
			0,
			'DISTINCT outq_posturl',
		) as $row) {
			if (str_starts_with(self::normalise(dirname($row['outq_posturl'])) ?? '', $root)) {
				return true;
			}
		}

		return false;
	}

	/**
	 * Returns how many changes of a channel still wait for each other hub. Of packets, it counts at most the oldest
	 * thousand.
	 *
	 * @return array<string, int> By normalised root URL.
	 */
	public static function packetsWaiting(Channel $channel): array
	{
		$counts = [];
		$rows = Table::select(
			'outq',
			['outq_channel' => $channel->id, 'outq_delivered' => 0],
			'outq_created',
			1000,
			'outq_posturl',
		);
		foreach (self::others($channel) as $clone) {
			$root = self::normalise($clone['url']) ?? '';
			$counts[$root] =
				count(array_filter($rows, fn ($row) => str_starts_with(
					(self::normalise(dirname($row['outq_posturl'])) ?? '') . '/',
					"$root/",
				))) + Table::count('filesync_bulk', ['uid' => $channel->id, 'peer' => hash('sha256', $root)]);
		}

		return $counts;
	}

	/** Tells whether a root URL is that of this hub. */
	public static function isHere(string $url): bool
	{
		return self::normalise($url) === self::normalise(z_root());
	}

	/** Returns a root URL in normalised form, or null if it is invalid. */
	public static function normalise(string $url): ?string
	{
		$parts = parse_url($url);
		$scheme = strtolower($parts['scheme'] ?? '');
		if (
			! $parts
			|| ! in_array($scheme, ['http', 'https'], true)
			|| ! isset($parts['host'])
			|| isset($parts['user'])
			|| isset($parts['pass'])
			|| isset($parts['query'])
			|| isset($parts['fragment'])
		) {
			return null;
		}
		$port = $parts['port'] ?? ($scheme === 'https' ? 443 : 80);

		return $scheme . '://' . strtolower($parts['host']) . ':' . $port . rtrim($parts['path'] ?? '', '/');
	}
}
