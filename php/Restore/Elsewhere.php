<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\OriginApi;
use FileSync\Addon\Hub\OriginFiles;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Peers\CloneCall;
use FileSync\Addon\Peers\PeerFailure;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Reconcile\Brief;
use FileSync\Addon\Reconcile\Intake;
use FileSync\Addon\Reconcile\InventoryRequest;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Inventory;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What the channel's other clones know of the files of a set: what was deleted or changed there since. It is asked
 * before anything is decided, and changes nothing here or there; the comparison at the end of a restore does that.
 *
 * A clone without filesync tells what it has; what it lacks tells nothing. Answers about many files are in native
 * memory.
 */
final class Elsewhere
{
	private const DELETED = 'd';
	private const NEWER = 'n';
	private const THERE = 't';
	/** How often a clone is asked again that asks for a short wait. */
	private const TRIES = 6;
	private const MOST_WAIT_SECONDS = 10;

	private bool $isOpen = false;
	/** @var list<AskedClone> */
	private array $clones = [];
	/** @var array<string, true> The answers about the files that were asked for last. */
	private array $latest = [];
	/** All answers; they can be looked up once it is sealed. */
	private Inventory $answers;
	private bool $isComplete = false;
	private bool $isAnythingKnown = false;
	private bool $isAnythingListed = false;
	/** What the clones without filesync have. */
	private Inventory $listed;

	/** @param \Closure(): void $beat Called between requests. */
	public function __construct(
		private readonly Channel $channel,
		private readonly Choice $choice,
		private readonly \Closure $beat,
	) {
		$this->answers = new Inventory();
		$this->listed = new Inventory();
	}

	/**
	 * Finds out which clones answer. Nobody is asked about new files.
	 *
	 * @throws Problem A clone that is to be left out is unknown.
	 */
	public function open(): void
	{
		if ($this->isOpen) {
			return;
		}
		$urls = [];
		foreach ($this->choice->isOfNewFiles() ? [] : Clones::others($this->channel) as $other) {
			$urls[] = $other['url'];
		}
		$without = [];
		foreach ($this->choice->isOfNewFiles() ? [] : $this->choice->without as $word) {
			$without[] = self::named($word, $urls);
		}
		$compared = Reconcile::last($this->channel);
		foreach ($urls as $url) {
			$contacts = [
				Peers::lastReached($url),
				Clones::connected($this->channel, $url),
				$compared[Clones::normalise($url) ?? $url]['at'] ?? 0,
			];
			$clone = new AskedClone($url, max($contacts), in_array($url, $without, true));
			$clone->isStock = Peers::offers($url, 'inventory') === false;
			if (! $clone->isLeftOut) {
				$this->reach($clone);
			}
			$this->clones[] = $clone;
		}
		$this->listed->seal();
		$this->isOpen = true;
	}

	/**
	 * Asks about files and folders of which nothing is here. What was answered before may be forgotten.
	 *
	 * @param list<Saved> $some
	 */
	public function ask(array $some): void
	{
		if ($this->isComplete) {
			return;
		}
		$this->latest = [];
		foreach (array_chunk($some, InventoryRequest::MOST_ENTRIES) as $chunk) {
			foreach ($this->clones as $clone) {
				if ($clone->answers() && ! $clone->isStock) {
					try {
						$this->askClone($clone, $chunk);
					} catch (PeerFailure $e) {
						$clone->failure = $e->getMessage();
					}
				}
			}
		}
	}

	/** Ends asking: from now on all answers are known. */
	public function complete(): void
	{
		$this->answers->seal();
		[$this->isComplete, $this->latest] = [true, []];
	}

	/** Tells whether all is known that will be asked for. */
	public function isComplete(): bool
	{
		return $this->isComplete;
	}

	/** Tells whether a clone deleted a file or folder after the set saw it. */
	public function isDeleted(Saved $saved): bool
	{
		return $this->knows(self::DELETED, $saved->hash);
	}

	/** Tells whether a clone has newer bytes of a file. */
	public function isNewer(Saved $saved): bool
	{
		return $this->knows(self::NEWER, $saved->hash);
	}

	/** Tells whether a clone has a file. */
	public function has(Saved $saved): bool
	{
		return (
			$this->knows(self::THERE, $saved->hash)
			|| $this->isAnythingListed
			&& $this->isOpen
			&& $this->listed->find(self::keyOf($saved->hash)) !== null
		);
	}

	/**
	 * Returns the channel's other clones.
	 *
	 * @return list<AskedClone>
	 */
	public function clones(): array
	{
		return $this->clones;
	}

	/**
	 * Makes sure that every clone answers that is not left out.
	 *
	 * @throws Problem
	 */
	public function need(): void
	{
		$away = array_values(array_filter($this->clones(), fn ($clone) => $clone->failure !== ''));
		if ($away === []) {
			return;
		}
		$names = array_map(fn ($clone) => $clone->name(), $away);
		$each = array_map(fn ($clone) => "{$clone->name()} ({$clone->contact()}: $clone->failure)", $away);
		throw new Problem(
			'clone_unreachable',
			implode(', ', $each)
			. ' cannot say what was deleted there. Try again when it answers, or go on with '
			. implode(' ', array_map(fn ($name) => "`--without $name`", $names))
			. ': then what was deleted there comes back here until it is there again.',
			true,
		);
	}

	/**
	 * Returns the clone that a word names: by its host, or by its URL.
	 *
	 * @param list<string> $urls
	 */
	private static function named(string $word, array $urls): string
	{
		$word = rtrim($word, '/');
		$isUrl = (bool) preg_match('#^https?://#i', $word);
		$found = array_values(array_filter($urls, fn ($url) => (
			$isUrl
				? Clones::normalise($url) === Clones::normalise($word)
				: in_array(
					strtolower($word),
					[
						strtolower((string) parse_url($url, PHP_URL_HOST)),
						strtolower((new AskedClone($url, 0, false))->name()),
					],
					true,
				)
		)));
		if (count($found) === 1) {
			return $found[0];
		}
		$known = $urls === []
			? 'it lives on no other hub'
			: 'it lives on ' . implode(', ', $urls);
		throw new Problem(
			'unknown_hub',
			$found === []
				? "The channel does not live on \"$word\": $known."
				: "\"$word\" may be each of " . implode(', ', $found) . '. Give the URL.',
			isUsage: true,
		);
	}

	private function reach(AskedClone $clone): void
	{
		try {
			if (! $clone->isStock) {
				try {
					$this->request($clone, []);
					return;
				} catch (PeerFailure $e) {
					$e->isStock || throw $e;
					$clone->isStock = true;
				}
			}
			$this->list($clone);
		} catch (\RuntimeException $e) {
			$clone->failure = $e->getMessage();
		}
	}

	/** Reads what a clone without filesync has. */
	private function list(AskedClone $clone): void
	{
		if (! OriginApi::isAllowed($clone->url)) {
			throw new PeerFailure('reading its API is forbidden here (dav_allowed)');
		}
		for ($cursor = OriginFiles::BEGIN; $cursor !== null;) {
			[$rows, $cursor] = OriginFiles::next($this->channel, $clone->url, $cursor);
			foreach ($rows as $row) {
				if (is_string($row['hash']) && preg_match(Bounds::HASH, $row['hash'])) {
					$this->isAnythingListed = true;
					$this->listed->add($row['hash'], '', '');
				}
			}
			($this->beat)();
		}
	}

	/** @param list<Saved> $some */
	private function askClone(AskedClone $clone, array $some): void
	{
		$asked = [];
		foreach ($some as $saved) {
			$asked[$saved->hash] = $saved;
		}
		while ($asked !== []) {
			$before = count($asked);
			foreach ($this->request($clone, array_map(strval(...), array_keys($asked))) as [$hash, $brief]) {
				if (isset($asked[$hash])) {
					if ($brief) {
						$this->note($asked[$hash], $brief);
					}
					unset($asked[$hash]);
				}
			}
			if (count($asked) === $before) {
				throw new PeerFailure('it answers nothing about the files that it was asked for');
			}
			($this->beat)();
		}
	}

	/**
	 * Asks a clone about files, or only whether it answers.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<array{string, ?Brief}> Hash, and what it knows of the file.
	 *
	 * @throws PeerFailure
	 */
	private function request(AskedClone $clone, array $hashes): array
	{
		$call = new CloneCall($this->channel, $clone->url, 'inventory');
		$said = [];
		for ($try = 1; $said === []; $try++) {
			try {
				$said = $call->ask(['do' => 'entries', 'hashes' => $hashes, 'brief' => true]);
			} catch (PeerFailure $e) {
				if ($e->retryAfter === null || $try === self::TRIES) {
					throw $e;
				}
				Clock::wait(min(self::MOST_WAIT_SECONDS, $e->retryAfter));
				($this->beat)();
			}
		}
		$answers = [];
		$entries = is_array($said['entries'] ?? null) ? $said['entries'] : [];
		foreach (array_filter($entries, is_array(...)) as $one) {
			if (is_string($one['for'] ?? null)) {
				$entry = is_array($one['entry'] ?? null) ? $one['entry'] : null;
				$answers[] = [
					$one['for'],
					$entry === null
						? Brief::read($one['brief'] ?? null)
						: self::briefOf($clone, $one['for'], $entry),
				];
			}
		}

		return $answers;
	}

	/**
	 * Returns what an earlier version says at length.
	 *
	 * @param array<mixed> $entry
	 */
	private static function briefOf(AskedClone $clone, string $hash, array $entry): ?Brief
	{
		try {
			$packet = Packet::read($entry);
		} catch (Refused) {
			return null;
		}
		$last = $packet->last;
		if (! Intake::isFrom($clone->url, $entry) || ($last['hash'] ?? $packet->deletes[0] ?? '') !== $hash) {
			return null;
		}

		return Brief::read(
			$last === null
				? ['gone' => $packet->order['gone'] ?? []]
				: [
					'size_bytes' => $last['filesize'],
					'edited' => substr($last['edited'], 0, 19),
					'sha256' => $packet->sha256,
					'seen' => $packet->order['revision']['bytes']['vector'] ?? [],
				],
		);
	}

	/** Notes what a clone says of a file. */
	private function note(Saved $saved, Brief $brief): void
	{
		if ($brief->isThere) {
			$this->remember(self::THERE, $saved->hash);
			if (self::hasNewer($brief, $saved)) {
				$this->remember(self::NEWER, $saved->hash);
			}
		} elseif ($brief->gone === null ? $brief->goneOn >= $saved->day : $saved->isSeenBy($brief->gone)) {
			$this->remember(self::DELETED, $saved->hash);
		}
	}

	private static function hasNewer(Brief $brief, Saved $saved): bool
	{
		$part = $saved->parts[0] ?? null;
		if ($part === null || $saved->isFolder) {
			return false;
		}
		$isSame = $brief->sha256 === ''
			? $brief->sizeBytes === $part['size_bytes'] && $brief->edited === $saved->row['edited']
			: $brief->sha256 === $part['sha256'];
		$relation = Vector::compare($brief->seen, $saved->revision['bytes']['vector'] ?? []);

		return (
			! $isSame
			&& ($relation === 'after' || ($relation === 'equal' && $brief->edited > $saved->row['edited']))
		);
	}

	private function remember(string $what, string $hash): void
	{
		$this->isAnythingKnown = true;
		$name = self::answerOf($what, $hash);
		if (! isset($this->latest[$name])) {
			$this->latest[$name] = true;
			$this->answers->add($name, '', '');
		}
	}

	private function knows(string $what, string $hash): bool
	{
		if (! $this->isAnythingKnown) {
			return false;
		}
		$name = self::answerOf($what, $hash);

		return isset($this->latest[$name]) || $this->isComplete && $this->answers->find(self::keyOf($name)) !== null;
	}

	private static function answerOf(string $what, string $hash): string
	{
		return $what . substr(hash('sha256', $hash), 0, 40);
	}

	private static function keyOf(string $name): string
	{
		return substr(Inventory::id($name, '', ''), 0, 16);
	}
}
