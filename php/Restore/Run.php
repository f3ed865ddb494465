<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Posts\SetPosts;
use FileSync\Addon\Publish\Publish;
use FileSync\Addon\Publish\Scales;
use FileSync\Addon\Publish\Slice;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Exception\CorruptException;
use FileSync\Exception\FileSyncException;
use FileSync\Exception\NotFoundException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Restores a set to a channel: counts what is to be done before the first byte, and then does exactly that. Killed at
 * any instant, the same call goes on.
 *
 * @import-type Staged from Placing
 */
final class Run implements Slice
{
	/** Bytes that are staged before they are published together. */
	private const TOGETHER_BYTES = 128 << 20;
	private const BEAT_SECONDS = 10;

	private readonly string $token;
	private readonly Decider $decider;
	private int $doneBytes = 0;
	private int $beatAt = 0;
	private string $name = '';
	private bool $isStopped = false;
	private ?SetPosts $posts = null;
	/** Has read what is here of the entries at hand. */
	private ?Decider $seen = null;

	/**
	 * @param \Closure(): bool        $mustStop Asked between files.
	 * @param \Closure(int, string): void $progress Called now and then with the restored bytes, and a name.
	 */
	public function __construct(
		private readonly Channel $channel,
		private readonly string $folder,
		private readonly Choice $choice,
		private readonly \Closure $mustStop,
		private readonly \Closure $progress,
	) {
		$this->token = Token::make();
		$this->decider = new Decider($channel, $choice, $this->tell(...));
	}

	/**
	 * Returns what would be done; nothing is written.
	 *
	 * @throws Problem The set may not be restored.
	 */
	public function plan(): Plan
	{
		try {
			$source = Source::open($this->folder, $this->channel, $this->choice);
			$tally = new Tally();
			foreach ($source->entries() as $some) {
				$this->seen = $this->decider->over($some);
				foreach ($some as $entry) {
					$this->count($entry, $tally);
				}
			}

			return Plan::of($this->channel, $source, $tally);
		} catch (FileSyncException $e) {
			throw Problem::of($e, $this->folder);
		}
	}

	/**
	 * Does what a plan says.
	 *
	 * @return ?Tally What was done; null if it was stopped.
	 *
	 * @throws Problem
	 */
	public function work(Plan $plan): ?Tally
	{
		$underway = Underway::begin($this->channel, $this->token);
		try {
			$publish = new Publish($this->channel, $this->token, $this->tell(...));
			Kept::settle($this->channel->id);
			$publish->recover();
			$publish->publishVerified();
			$tally = new Tally();
			// Folders first: what is beneath them may be less certain than they are.
			$this->pass($plan, $tally, $publish, true);
			$this->pass($plan, $tally, $publish, false);
		} catch (FileSyncException $e) {
			throw Problem::of($e, $this->folder);
		} finally {
			Placing::clear($this->channel->id);
			$underway->end();
			Outbox::run($this->channel->id, Outbox::QUICK);
			// Previews take their time.
			Doorbell::ring();
		}

		return $this->isStopped ? null : $tally;
	}

	/** Tells whether it was told to stop. */
	public function isOver(): bool
	{
		return $this->isStopped;
	}

	/** Tells whether it was told to stop. */
	public function isTurnOver(): bool
	{
		return $this->isStopped;
	}

	/** Others do not wait for a restore. */
	public function doOthersWait(): bool
	{
		return false;
	}

	/** Keeps what is being published. */
	public function beat(int $channelId): void
	{
		$this->tell();
	}

	private function count(Saved|Unusable $entry, Tally $tally): void
	{
		$decision = $this->decide($entry);
		if ($decision !== null) {
			$tally->add(
				$decision,
				$entry,
				$decision === Decision::Refused ? 'something else is here in its place' : '',
			);
			if ($entry instanceof Saved && $decision->isWork()) {
				$tally->crops += count($this->decider->missingCrops($entry));
			}
			$this->posts($entry, $decision, $tally, true);
		}
	}

	/** Decides about an entry; null if it was not asked for. */
	private function decide(Saved|Unusable $entry): ?Decision
	{
		if ($entry instanceof Unusable) {
			return $entry->decision;
		}

		return $this->choice->covers($entry->names) ? ($this->seen ?? $this->decider)->of($entry) : null;
	}

	private function pass(Plan $plan, Tally $tally, Publish $publish, bool $areFolders): void
	{
		$source = Source::open($this->folder, $this->channel, $this->choice);
		if ($source->list !== $plan->list) {
			throw new Problem('set_changed', 'The set was changed meanwhile; the same command goes on.', true);
		}
		$placing = new Placing($this->channel, $source, $this->decider, $publish, $this->token, $this->tell(...));
		$scales = new Scales($this->channel, $this->token, $publish, $this);
		foreach ($source->entries($areFolders) as $some) {
			$entries = array_values(array_filter(
				$some,
				fn ($one) => ($one instanceof Saved && $one->isFolder) === $areFolders,
			));
			$areFolders ? $this->folders($entries, $tally, $placing) : $this->files($entries, $tally, $placing);
			if (! $areFolders) {
				$scales->run();
			}
			if ($this->isStopped) {
				return;
			}
		}
	}

	/** @param list<Saved|Unusable> $entries */
	private function folders(array $entries, Tally $tally, Placing $placing): void
	{
		foreach ($entries as $entry) {
			if ($entry instanceof Saved && $this->choice->covers($entry->names) && ! $this->stopIfTold()) {
				try {
					$tally->add($placing->folder($entry), $entry);
				} catch (Postponed|Refused $e) {
					$tally->add(Decision::Refused, $entry, $e->getMessage());
				}
			}
		}
	}

	/** @param list<Saved|Unusable> $entries */
	private function files(array $entries, Tally $tally, Placing $placing): void
	{
		/** @var list<array{Saved, Decision, array<int, Staged>}> */
		$staged = [];
		$bytes = 0;
		$this->seen = $this->decider->over($entries);
		foreach ($entries as $entry) {
			if ($this->stopIfTold()) {
				break;
			}
			$decision = $this->decide($entry);
			if ($decision === null) {
				continue;
			}
			if (! $entry instanceof Saved || ! $decision->isWork()) {
				$tally->add(
					$decision,
					$entry,
					$decision === Decision::Refused ? 'something else is here in its place' : '',
				);
				$this->posts($entry, $decision, $tally);
				continue;
			}
			$this->name = $entry->name();
			try {
				$parts = $placing->stage($entry, $decision);
			} catch (CorruptException|NotFoundException $e) {
				$isMissing = $e instanceof NotFoundException;
				$tally->add($isMissing ? Decision::Missing : Decision::Damaged, $entry);
				continue;
			}
			$staged[] = [$entry, $decision, $parts];
			$bytes += array_sum(array_column($parts, 'size_bytes'));
			if ($bytes >= self::TOGETHER_BYTES) {
				$this->place($staged, $tally, $placing);
				[$staged, $bytes] = [[], 0];
			}
		}
		$this->place($staged, $tally, $placing);
	}

	/** @param list<array{Saved, Decision, array<int, Staged>}> $staged */
	private function place(array $staged, Tally $tally, Placing $placing): void
	{
		if ($staged === []) {
			return;
		}
		$done = $placing->together($staged);
		foreach ($staged as $n => [$entry, $decision, $parts]) {
			try {
				[$outcome, $why] = $done[$n] ?? $placing->file($entry, $decision, $parts);
				$tally->add($outcome->isWork() ? $decision : $outcome, $entry, $why);
				if ($outcome->isWork()) {
					$tally->crops += count(array_diff_key($parts, [0 => true]));
					$this->posts($entry, $decision, $tally);
				}
			} catch (Postponed|Refused $e) {
				$tally->add(Decision::Refused, $entry, $e->getMessage());
			}
			$this->doneBytes += $entry->sizeBytes();
			$this->tell();
		}
	}

	/** Restores the posts of a file that is here. */
	private function posts(Saved|Unusable $entry, Decision $decision, Tally $tally, bool $isDry = false): void
	{
		$items =
			$entry instanceof Saved && ($decision->isWork() || $decision === Decision::Here)
				? $entry->items()
				: [];
		if ($items === [] || ! $entry instanceof Saved || ! Parts::has(Parts::POSTS)) {
			return;
		}
		if ($decision === Decision::Revive && ! $isDry) {
			Items::forgetDropped($this->channel->id, $items);
		}
		$this->posts ??= new SetPosts($this->channel);
		$tally->addPosts($this->posts->restore($entry->hash, $items, $isDry));
	}

	private function stopIfTold(): bool
	{
		return $this->isStopped = $this->isStopped || ($this->mustStop)();
	}

	private function tell(int $bytes = 0): void
	{
		if (Clock::now() >= $this->beatAt) {
			Queue::heartbeat($this->token);
			$this->beatAt = Clock::now() + self::BEAT_SECONDS;
		}
		($this->progress)($this->doneBytes + $bytes, $this->name);
	}
}
