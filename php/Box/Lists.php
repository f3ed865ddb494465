<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Finish;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\OwnBytes;

if (! class_exists('App', false)) {
	exit;
}

/** The lists of the set that is in the drop box: which of those that came fit each other, and what they name. */
final class Lists
{
	/** So many of each kind are looked at, the latest first. */
	private const MOST = 16;
	private const PAGE = 1000;

	private function __construct(
		private readonly Channel $channel,
		private readonly Session $session,
		private readonly Name $tags,
		private readonly Name $manifest,
		private readonly Name $set,
		private readonly ?Name $signature,
	) {}

	/** Returns those that fit each other, signed ones first; null: not all of them are here. */
	public static function of(Channel $channel, Session $session): ?self
	{
		$best = null;
		foreach (Name::latest($session, Kind::Tags, self::MOST) as $tags) {
			$manifest = self::named($session, Kind::Manifest, fn (Name $one) => $one->sha256 === $tags->says);
			$set = self::named($session, Kind::Set, fn (Name $one) => $one->sha256 === $tags->since);
			$signature = self::named($session, Kind::Signature, fn (Name $one) => $one->says === $tags->sha256);
			if ($manifest && $set && ($signature || ! $best)) {
				$best = new self($channel, $session, $tags, $manifest, $set, $signature);
				if ($signature) {
					break;
				}
			}
		}

		return $best;
	}

	/** @return array<string, string> Digests by name, as `Finish` takes them. */
	public function digests(): array
	{
		return (
			[Finish::TAGS => $this->tags->sha256]
			+ ($this->signature ? [Finish::SIGNATURE => $this->signature->sha256] : [])
		);
	}

	/** Tells whether the set was signed by its channel, and the signature has not come. */
	public function lacksSignature(): bool
	{
		return ! $this->signature && $this->set->says === 'channel';
	}

	/** Tells whether so many came as the list of files names: quick, where `isWhole` looks at each. */
	public function mayBeWhole(): bool
	{
		return Entry::count($this->session, true)['files'] >= (int) $this->manifest->says;
	}

	/** Tells whether all that they name is here, or is the channel's own. */
	public function isWhole(): bool
	{
		if ($this->lacksSignature()) {
			return false;
		}
		foreach ($this->missing() as $some) {
			if ($some !== []) {
				return false;
			}
		}

		return true;
	}

	/** @return \Generator<int, array<string, string>> What they name and is not here: paths by digest, page by page. */
	public function missing(): \Generator
	{
		$own = new OwnBytes($this->channel);
		foreach ([$this->tags, $this->manifest] as $list) {
			foreach (Content::listed($this->pathOf($list), self::PAGE) as $paths) {
				$digests = array_map('strval', array_keys($paths));
				foreach (Entry::among($this->session, $digests) as $entry) {
					if ($entry->isWhole) {
						unset($paths[$entry->sha256]);
					}
				}
				$lacking = array_map('strval', array_keys($paths));
				yield $lacking === [] ? [] : array_diff_key($paths, array_fill_keys($own->among($lacking), true));
			}
		}
	}

	private function pathOf(Name $list): string
	{
		return Intake::folder($this->channel->id, $this->session->id) . '/' . Intake::place($list->sha256);
	}

	/** @param \Closure(Name): bool $isIt */
	private static function named(Session $session, Kind $kind, \Closure $isIt): ?Name
	{
		foreach (Name::latest($session, $kind, self::MOST) as $one) {
			if ($isIt($one)) {
				return $one;
			}
		}

		return null;
	}
}
