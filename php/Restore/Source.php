<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Refused;
use FileSync\Exception\RefusedException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A set that is read for a restore to a channel: whose it is, what proves it, and its files.
 *
 * @import-type Said from Saved
 *
 * @type Facts = array{
 *     set: string, signed_by: string, is_list_whole: bool, is_cut_off: bool,
 *     run: ?string, first_run: ?string, refused: ?array{code: string, path: string, why: ?string},
 *     findings: list<array{code: string, path: string, why: ?string}>, list_sha256: ?string
 * }
 */
final class Source
{
	/** How many entries are in memory at once. */
	private const SOME = 512;
	private const LEAST_RATE = 65536;

	/** When as much time has passed as copying may take. */
	private float $freeAt = 0.0;

	private function __construct(
		private readonly Channel $channel,
		private readonly Choice $choice,
		private readonly \FileSync\SetRestore $set,
		/** The hash of its channel. */
		private readonly string $origin,
		/** Its channel's address, for people. */
		public readonly string $address,
		/** When it was made. */
		public readonly string $updated,
		/** The run that left what is read. */
		public readonly string $run,
		/** Whether its last run was cut off while it was put in place: then it is read as that run would leave it. */
		public readonly bool $isCutOff,
		/** `channel`, `nobody` or `other`: who signed it. */
		public readonly string $signedBy,
		/** Names the list of its files: another means that the set has changed. */
		public readonly string $list,
		/** @var list<array{code: string, path: string, why: ?string}> What is wrong with its lists. */
		public readonly array $findings,
		private readonly Admittance $admittance,
		/** @var list<array{url: string, nick: string}> Where the channel lived by then, as the set says. */
		private readonly array $homes,
		/** Most bytes that are copied in a second; 0: no limit. */
		private readonly int $rate,
		/** The channel's own files, where the set was sent here without what they have; null elsewhere. */
		public readonly ?OwnBytes $own,
	) {}

	/**
	 * Opens a set.
	 *
	 * @throws Problem It may not be restored to this channel.
	 */
	public static function open(string $folder, Channel $channel, Choice $choice): self
	{
		$of = $choice->trial->of ?? $channel;
		$isSent = Intake::holds($folder, $of);
		$path = $isSent ? Place::existing($folder) : Place::readable($folder);
		$rate = Config::number('bytes_per_second');
		$rate = $rate > 0 ? max(self::LEAST_RATE, $rate) : 0;
		try {
			$set = new \FileSync\SetRestore(
				$path,
				['public_key' => $of->publicKey]
				+ ($choice->at === null ? [] : ['at' => $choice->at])
				+ ($isSent ? ['by_digest' => Intake::BY_DIGEST] : [])
				+ ($rate ? ['bytes_per_second' => $rate] : []),
			);
		} catch (RefusedException $e) {
			throw self::refusal('set_refused', $e->getMessage(), '');
		}
		$facts = $set->facts();
		if ($facts['refused'] !== null) {
			throw self::refusal($facts['refused']['code'], $facts['refused']['path'], $facts['refused']['why'] ?? '');
		}
		if ($choice->at !== null && $facts['run'] === null) {
			throw new Problem(
				'no_run',
				"No run of this backup is as old as $choice->at"
				. ($facts['first_run'] === null ? '.' : ": what the run of {$facts['first_run']} left is the oldest."),
				isUsage: true,
			);
		}
		/** @var array<mixed> $about */
		$about = json_decode($facts['set'], true) ?? [];
		$said = is_array($about['channel'] ?? null) ? $about['channel'] : [];
		$isSigned = $facts['signed_by'] === 'channel';
		// The signature names the channel also where set.json is damaged.
		$origin = $isSigned ? $of->hash : self::text($said, 'hash');
		$address = self::address($said, $about);
		if ($origin !== $of->hash && ! $choice->asCopy) {
			throw new Problem(
				'set_other_channel',
				$choice->trial
					? "This set is of $address, not of $of->nick: a drill is of a channel's own set."
					: "This set is of $address, you are restoring to $channel->nick. `--as-copy` restores the files"
					. ' only, visible to you alone.',
			);
		}

		return new self(
			channel: $channel,
			choice: $choice,
			set: $set,
			origin: $origin,
			address: $address,
			updated: self::text($about, 'updated'),
			run: $facts['run'] ?? '',
			isCutOff: $facts['is_cut_off'],
			signedBy: $facts['signed_by'],
			list: $facts['list_sha256'] ?? '',
			findings: $facts['findings'],
			admittance: new Admittance($channel, $about['access_names'] ?? null),
			homes: self::homes($said, $about),
			rate: $rate,
			// What is tried is the set, and not what the channel has beside it.
			own: $isSent && $choice->trial === null ? new OwnBytes($channel) : null,
		);
	}

	/**
	 * Has the hub know where the channel lived when the set was made, if the channel's signature proves that: its posts
	 * name those hubs.
	 */
	public function rememberHomes(): void
	{
		$isWhole = ! in_array('set.json', array_column($this->findings, 'path'), true);
		if ($isWhole && $this->signedBy === 'channel' && ! $this->choice->isOfNewFiles()) {
			foreach ($this->homes as $home) {
				Clones::rememberHome($this->channel, $home['url'], $home['nick']);
			}
		}
	}

	/** Tells whether the channel's signature proves the set, or it was asked to be believed. */
	public function isTrusted(): bool
	{
		return $this->choice->isTrusted || $this->signedBy === 'channel';
	}

	/**
	 * Reads all files and folders, or only the folders.
	 *
	 * @param int $after Those before are not read: so many entries are over.
	 *
	 * @return \Generator<int, array<int, Saved|Unusable>> By how many entries are over then, each by its place among
	 *     them. Bytes can be staged of those that came last.
	 *
	 * @throws Problem The set breaks the rules.
	 */
	public function entries(int $after = 0, bool $onlyFolders = false): \Generator
	{
		$over = 0;
		try {
			while ($some = $this->set->next(self::SOME)) {
				$read = [];
				foreach ($some as $said) {
					if (++$over <= $after) {
						continue;
					}
					$entry = $onlyFolders && $said['kind'] !== 'folder' ? null : $this->read($said);
					if ($entry !== null) {
						$read[$over] = $entry;
					}
				}
				yield $over => $read;
			}
		} catch (RefusedException $e) {
			throw self::refusal(
				str_contains($e->getMessage(), 'path_refused') ? 'path_refused' : 'set_refused',
				$e->getMessage(),
				'',
			);
		}
	}

	/**
	 * Begins to copy bytes to a new file; null if it takes more than one step.
	 *
	 * @return ?array{size_bytes: int, sha256: string, is_clone: bool}
	 */
	public function stage(Saved $saved, int $scale, \FileSync\Store $store, string $path): ?array
	{
		$staged = $this->set->stage($saved->key, $scale, $store, $path);
		// The extension's steps keep to the rate.
		if ($this->rate > 0 && $staged && ! $staged['is_clone']) {
			$this->freeAt = max(Clock::exact(), $this->freeAt) + ($staged['size_bytes'] / $this->rate);
		}

		return $staged;
	}

	/** Returns how many seconds copying shall wait, so that many small files keep to bytes_per_second too. */
	public function waitSeconds(): int
	{
		return max(0, (int) floor($this->freeAt - Clock::exact()));
	}

	/** @return ?array{size_bytes: int, sha256: string, is_clone: bool} Null: call it again. */
	public function step(int $budgetMs): ?array
	{
		return $this->set->step($budgetMs);
	}

	/** Returns how many bytes of the file under way were copied. */
	public function stagedBytes(): int
	{
		return $this->set->stagedBytes();
	}

	/** Gives up the file under way. */
	public function abandon(): void
	{
		$this->set->abandon();
	}

	/** @param Said $said */
	private function read(array $said): Saved|Unusable|null
	{
		if ($said['proof'] === 'extra') {
			return null;
		}
		foreach ($said['parts'] as $n => $part) {
			if (
				! $part['is_found']
				&& ($this->choice->beforeBytes
				|| $this->own?->has($part['sha256'], $part['size_bytes']))
			) {
				$said['parts'][$n] = ['is_there' => true, 'is_found' => true] + $part;
			}
		}
		if ($said['metadata'] === null) {
			$decision = $said['proof'] === 'missing' ? Decision::Missing : Decision::Damaged;

			return new Unusable($said['hash'], $decision, $said['why'] ?? '');
		}
		$isTrusted = $this->choice->isTrusted || ($this->signedBy === 'channel' && $said['proof'] === 'listed');
		try {
			return Saved::read(
				$said,
				$this->channel,
				$this->origin,
				$isTrusted,
				$this->choice,
				$this->admittance,
				$this->choice->at === null ? $this->updated : min($this->updated, self::timeOf($this->run)),
			);
		} catch (Refused $e) {
			return new Unusable($said['hash'], Decision::Refused, $e->getMessage());
		}
	}

	/** Returns the time at which a run began. */
	private static function timeOf(string $run): string
	{
		return (string) preg_replace('/T(\d\d)(\d\d)(\d\d)Z$/D', 'T$1:$2:$3Z', $run);
	}

	private static function refusal(string $code, string $path, string $why): Problem
	{
		return new Problem(
			$code,
			$code === 'path_refused'
				? "The list names \"$path\". This set was made to do harm. Nothing was restored."
				: "This set breaks the rules that keep a reader safe: $path $why. Nothing was restored.",
		);
	}

	/**
	 * @param array<mixed> $said
	 * @param array<mixed> $about
	 */
	private static function address(array $said, array $about): string
	{
		$nick = self::text($said, 'nick');

		return $nick === ''
			? 'an unknown channel'
			: $nick . '@' . (string) parse_url(self::urlOf($about), PHP_URL_HOST);
	}

	/**
	 * @param array<mixed> $said
	 * @param array<mixed> $about
	 *
	 * @return list<array{url: string, nick: string}>
	 */
	private static function homes(array $said, array $about): array
	{
		$others = is_array($about['homes'] ?? null) ? array_slice($about['homes'], 0, Clones::MOST_HOMES) : [];

		return [
			['url' => self::urlOf($about), 'nick' => self::text($said, 'nick')],
			...array_map(
				fn (array $home) => ['url' => self::text($home, 'url'), 'nick' => self::text($home, 'nick')],
				array_values(array_filter($others, 'is_array')),
			),
		];
	}

	/** @param array<mixed> $about */
	private static function urlOf(array $about): string
	{
		return is_array($about['origin'] ?? null) ? self::text($about['origin'], 'url') : '';
	}

	/** @param array<mixed> $of */
	private static function text(array $of, string $key): string
	{
		return is_string($of[$key] ?? null) ? $of[$key] : '';
	}
}
