<?php

namespace FileSync\Addon\Peers;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Overrides;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Version;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Our records of the other hubs where our channels live: whether they speak filesync, how they were reached, and with
 * what success.
 *
 * All records expire. A hub that gains or loses filesync is noticed with the next packet or the next transfer, whose
 * stock ways stay open: a wrong record costs one small request.
 *
 * @import-type PeerRow from \FileSync\Addon\Hub\Rows
 */
final class Peers
{
	/** The features of this version, with the parts that each needs; other hubs ignore unknown ones. */
	private const FEATURES = [
		'ticket' => [Parts::SERVING],
		'range' => [Parts::SERVING],
		'pack' => [Parts::SERVING],
		'inventory' => [Parts::SERVING, Parts::COMPARISON],
		'bulk' => [Parts::SERVING, Parts::RECEIVER],
	];

	private const YES_SECONDS = 604800;
	private const NOTED_SECONDS = 60;
	private const NO_SECONDS = 86400;
	private const NO_LONGER_SECONDS = 600;
	private const HEARSAY_SECONDS = 3600;
	/** A hub's limit is remembered between two batches; a wrong one is gone within hours. */
	private const PIECE_SECONDS = 10800;

	/** Tells whether this process can give and redeem tickets. */
	public static function canServe(): bool
	{
		return function_exists('FileSync\send_file');
	}

	/** Returns our description of ourselves; null while this process cannot serve, or the hub receives without us. */
	public static function introduction(): ?array
	{
		return ! self::canServe() || ! Overrides::isReceiver() || ! Parts::has(Parts::RECEIVER)
			? null
			: [
				'v' => Version::SIBLING,
				'version' => Runtime::version(),
				'features' => self::offered(),
				'time' => Clock::now(),
			] + (Parts::has(Parts::SERVING) ? ['endpoint' => Web::root() . '/getfile/ticket'] : []);
	}

	/**
	 * Returns what answers to signed requests say of this hub.
	 *
	 * @return array{version: string, features: list<string>}
	 */
	public static function itself(): array
	{
		return ['version' => Runtime::version(), 'features' => self::offered()];
	}

	/** @return list<string> The features that this hub offers. */
	public static function offered(): array
	{
		return array_keys(array_filter(
			self::FEATURES,
			fn ($parts) => array_filter($parts, Parts::has(...)) === $parts,
		));
	}

	/** Tells whether every other hub of a channel is known to speak filesync. */
	public static function allSpeak(Channel $channel): bool
	{
		foreach (Clones::others($channel) as $clone) {
			if (! self::speaks($clone['url'])) {
				return false;
			}
		}

		return true;
	}

	/** Tells whether a hub is known to speak filesync. */
	public static function speaks(string $url): bool
	{
		return (Table::first('filesync_peer', ['id' => self::id($url)], '', 'speaks')['speaks'] ?? '') === 'yes';
	}

	/**
	 * Tells whether a hub offers a feature: also false if it is not known to speak filesync, null if nothing is known
	 * about it.
	 */
	public static function offers(string $url, string $feature): ?bool
	{
		return self::offersBy(self::read($url), $feature);
	}

	/** @param ?PeerRow $row */
	private static function offersBy(?array $row, string $feature): ?bool
	{
		if (! $row || (int) $row['known_until'] <= Clock::now()) {
			return null;
		}

		return $row['speaks'] === 'yes' && in_array($feature, explode(' ', $row['features']), true);
	}

	/** Tells whether a hub takes changes of many files at once; null if nothing is known about it. */
	public static function takesBulk(string $url): ?bool
	{
		$row = self::read($url);
		$isRefused = (int) ($row['bulk_refused_until'] ?? 0) >= Clock::now();

		return $isRefused ? false : self::offersBy($row, 'bulk');
	}

	/** Notes that a hub does not take changes of many files at once. */
	public static function refusesBulk(string $url): void
	{
		self::write($url, ['bulk_refused_until' => Clock::now() + self::NO_SECONDS]);
	}

	/** Records what a hub said of itself in its own answer to a signed request. */
	public static function answered(string $url, array $said): void
	{
		$features = self::features($said['features'] ?? null);
		if ($features) {
			self::write($url, self::speaking($said['version'] ?? null, $features));
		}
	}

	/** Tells whether the last attempt to read from a hub could not reach it. */
	public static function isFailing(string $url): bool
	{
		return (int) (self::read($url)['failures'] ?? 0) > 0;
	}

	/** Returns when bytes were last read from a hub, as Unix seconds; 0 if never. */
	public static function lastReached(string $url): int
	{
		return (int) (self::read($url)['last_ok'] ?? 0);
	}

	/**
	 * Records the description of a hub in a packet or request, if one of our channels lives there. The channel signed
	 * it, not that hub: so it is believed if nothing is known, and a hub known not to speak filesync is asked again. It
	 * never removes knowledge.
	 */
	public static function hear(string $url, mixed $said): void
	{
		$root = Clones::normalise($url);
		if (
			$root === null
			|| ! is_array($said)
			|| ! is_int($said['v'] ?? null)
			|| ! is_string($said['endpoint'] ?? null)
			|| Clones::normalise($said['endpoint']) !== $root . '/getfile/ticket'
		) {
			return;
		}
		$features = self::features($said['features'] ?? null);
		if ($said['v'] !== Version::SIBLING || ! in_array('ticket', $features, true)) {
			// Only a hub's own answers prove that it does not speak filesync.
			return;
		}
		$row = self::read($url);
		if ($row && (int) $row['known_until'] > Clock::now()) {
			$until = $row['speaks'] === 'yes' ? Clock::now() + self::YES_SECONDS : 0;
			// Many packets come in a minute.
			if ($until === 0 || abs($until - (int) $row['known_until']) >= self::NOTED_SECONDS) {
				self::write($url, ['known_until' => $until]);
			}
			return;
		}
		self::write($url, self::speaking($said['version'] ?? null, $features));
	}

	/**
	 * Reads an unverified description of a hub. Its only effect, at most once an hour, is to end the time during which
	 * the hub is not asked because it did not speak filesync: then that hub itself is asked.
	 */
	public static function hearsay(mixed $info): void
	{
		$url = is_array($info) && isset($info['filesync']) && is_array($info['site'] ?? null)
			? $info['site']['url'] ?? null
			: null;
		$row = is_string($url) && strlen($url) <= 255 && mb_check_encoding($url, 'UTF-8') ? self::read($url) : null;
		$now = Clock::now();
		if (
			$row
			&& $row['speaks'] === 'no'
			&& (int) $row['known_until'] > $now
			&& (int) $row['known_until'] <= ($now + self::NO_SECONDS - self::HEARSAY_SECONDS)
		) {
			self::write($url, ['known_until' => 0]);
		}
	}

	/**
	 * Tells whether a hub may be asked for tickets: if it gives them, or nothing is known about it. A refusal is
	 * remembered for a day, or ten minutes.
	 */
	public static function mayAsk(string $url): bool
	{
		$row = self::read($url);

		return ! $row || $row['speaks'] === 'yes' || (int) $row['known_until'] <= Clock::now();
	}

	/** Tells whether a hub's /dav may be read from: no admin forbade it, and it was not refused recently. */
	public static function mayUseDav(string $url): bool
	{
		return (
			Config::get('dav_allowed') !== '0'
			&& Config::get('dav_allowed', 'peer:' . $url) !== '0'
			&& (int) (self::read($url)['dav_refused_until'] ?? 0) < Clock::now()
		);
	}

	/** Returns the longest range that a hub's connection is known to survive, in bytes; 0 for any. */
	public static function pieceBytes(string $url): int
	{
		$row = self::read($url);

		return $row && (int) $row['piece_until'] > Clock::now() ? (int) $row['piece_bytes'] : 0;
	}

	/**
	 * Returns hubs in the order of asking: the given order, but unreachable ones last.
	 *
	 * @template T of array{url: string, ...}
	 *
	 * @param list<T> $clones
	 *
	 * @return list<T>
	 */
	public static function byHealth(array $clones): array
	{
		$ranked = array_map(
			function ($clone, $n) {
				$row = self::read($clone['url']);
				$isFailing = $row && (int) $row['last_failed'] > (int) $row['last_ok'];

				return [$isFailing ? (int) $row['failures'] : 0, $n, $clone];
			},
			$clones,
			array_keys($clones),
		);
		sort($ranked);

		return array_column($ranked, 2);
	}

	/**
	 * Records what a batch of transfers has learnt about a hub.
	 *
	 * @param array   $origin From TransferBatch::origins().
	 * @param ?string $rung   The last rung that delivered bytes from it, if any.
	 */
	public static function learn(array $origin, ?string $rung): void
	{
		$now = Clock::now();
		$row = self::read($origin['url']);
		$set = [];
		$gaveBytes = ! empty($origin['received_bytes']) || $rung !== null;
		// A forbidden way was not refused again. A hub that gives a channel nothing at all says nothing about the ways
		// of other channels.
		if ($origin['dav'] === 'refused' && $gaveBytes && self::mayUseDav($origin['url'])) {
			Log::write("reads from {$origin['url']} without /dav for a day: " . ($origin['reason'] ?? ''));
			$set['dav_refused_until'] = $now + self::NO_SECONDS;
		}
		$filesync = $origin['filesync'] ?? 'untried';
		if ($filesync === 'open') {
			$set += self::speaking($origin['version'] ?? null, self::features($origin['features'] ?? null));
		} elseif ($filesync === 'refused' && isset($origin['filesync_reason'])) {
			// A hub that spoke it before may be in the middle of an upgrade.
			$seconds = ($row['version'] ?? '') === '' ? self::NO_SECONDS : self::NO_LONGER_SECONDS;
			$reason = mb_substr((string) $origin['filesync_reason'], 0, 1000);
			if (($row['speaks'] ?? '') === 'yes') {
				Log::write("reads from {$origin['url']} as from a stock hub for $seconds seconds: $reason");
			}
			$set += ['speaks' => 'no', 'known_until' => $now + $seconds, 'reason' => $reason];
		}
		if (isset($origin['skew_seconds'])) {
			$set['skew_seconds'] = (int) $origin['skew_seconds'];
		}
		// A limit that the batch was given is not news: it keeps its expiry. A limit that no longer exists is dropped
		// at once.
		if (
			array_key_exists('piece_bytes', $origin)
			&& (int) $origin['piece_bytes'] !== self::pieceBytes($origin['url'])
		) {
			$set += [
				'piece_bytes' => (int) $origin['piece_bytes'],
				'piece_until' => $origin['piece_bytes'] ? $now + self::PIECE_SECONDS : 0,
			];
		}
		if ($gaveBytes) {
			$set += ['last_ok' => $now, 'failures' => 0];
		} elseif (! empty($origin['failures'])) {
			$set += [
				'last_failed' => $now,
				'failures' => min(1000000, (int) ($row['failures'] ?? 0) + (int) $origin['failures']),
			];
		}
		$set += $rung === null ? [] : ['rung' => $rung];
		if ($set) {
			self::write($origin['url'], $set);
		}
	}

	/** Returns the records of all hubs, for people. */
	public static function report(): array
	{
		$now = Clock::now();

		return array_map(
			fn ($row) => [
				'url' => $row['url'],
				'filesync' => (int) $row['known_until'] > $now ? $row['speaks'] : 'unknown',
				'version' => $row['version'] === '' ? null : $row['version'],
				'features' => $row['features'] === '' ? [] : explode(' ', $row['features']),
				'reason' => $row['reason'],
				'skew_seconds' => (int) $row['skew_seconds'],
				'dav_refused_until' => self::date(
					(int) $row['dav_refused_until'] > $now ? (int) $row['dav_refused_until'] : 0,
				),
				'piece_bytes' => (int) $row['piece_until'] > $now ? (int) $row['piece_bytes'] : 0,
				'last_success' => self::date((int) $row['last_ok']),
				'last_failure' => self::date((int) $row['last_failed']),
				'failures' => (int) $row['failures'],
				'rung' => $row['rung'] === '' ? null : $row['rung'],
			],
			Table::select('filesync_peer', [], 'url', 200),
		);
	}

	/** Forgets hubs without any news or transfer for a long time. */
	public static function prune(): void
	{
		Table::delete('filesync_peer', ['updated <' => Clock::now() - (90 * 86400)]);
	}

	/**
	 * @param list<string> $features
	 *
	 * @return array{speaks: string, known_until: int, version: string, features: string, reason: string}
	 */
	private static function speaking(mixed $version, array $features): array
	{
		return [
			'speaks' => 'yes',
			'known_until' => Clock::now() + self::YES_SECONDS,
			'version' => self::version($version),
			'features' => implode(' ', $features),
			'reason' => '',
		];
	}

	/** @return ?PeerRow */
	private static function read(string $url): ?array
	{
		return Table::first('filesync_peer', ['id' => self::id($url)]);
	}

	private static function write(string $url, array $set): void
	{
		Table::tryUpsert('filesync_peer', ['id' => self::id($url)], ['updated' => Clock::now()] + $set, [
			'url' => $url,
			'speaks' => '',
			'known_until' => 0,
			'version' => '',
			'features' => '',
			'reason' => '',
			'dav_refused_until' => 0,
			'piece_bytes' => 0,
			'piece_until' => 0,
			'skew_seconds' => 0,
			'last_ok' => 0,
			'last_failed' => 0,
			'failures' => 0,
			'rung' => '',
			'bulk_refused_until' => 0,
		]);
	}

	/** @return list<string> */
	private static function features(mixed $said): array
	{
		$names = array_filter(
			array_filter(is_array($said) ? $said : [], is_string(...)),
			fn ($name) => (bool) preg_match('/^[a-z0-9_.-]{1,32}$/D', $name),
		);

		return array_slice(array_values(array_unique($names)), 0, 16);
	}

	private static function version(mixed $said): string
	{
		return is_string($said) && preg_match('/^[A-Za-z0-9.+-]{1,32}$/D', $said) ? $said : '';
	}

	/** Returns what names a hub in our tables. */
	public static function id(string $url): string
	{
		return hash('sha256', Clones::normalise($url) ?? $url);
	}

	private static function date(int $time): ?string
	{
		return $time ? gmdate('Y-m-d H:i:s', $time) : null;
	}
}
