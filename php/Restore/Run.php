<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
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
	/** A job that ends so often without doing anything fails. */
	private const MOST_ATTEMPTS = 10;

	private readonly string $token;
	private readonly Elsewhere $elsewhere;
	private readonly Decider $decider;
	private int $doneBytes = 0;
	/** Of files that are proven and not yet published. */
	private int $stagedBytes = 0;
	private int $beatAt = 0;
	private string $name = '';
	private bool $isStopped = false;
	/** How many entries of the set were over when it was stopped. */
	private int $over = 0;
	/** Whether another process goes on where this one stops. */
	private bool $isSlice = false;
	private ?Underway $underway = null;
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
		$this->elsewhere = new Elsewhere($channel, $choice, $this->tell(...));
		$this->decider = new Decider($channel, $choice, $this->elsewhere, $this->tell(...));
	}

	/**
	 * Returns what would be done; nothing is written.
	 *
	 * @throws Problem The set may not be restored.
	 */
	public function plan(): Plan
	{
		return $this->count(new Progress(), null) ?? throw new Problem('stopped', 'It was stopped.', true);
	}

	/**
	 * Makes sure that every clone answered that was to be asked.
	 *
	 * @throws Problem
	 */
	public function needClones(): void
	{
		$this->elsewhere->open();
		$this->elsewhere->need();
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
		$this->needClones();
		$this->underway = Underway::begin($this->channel, $this->token, $this->folder, $this->choice, $plan);
		$progress = new Progress(Progress::FOLDERS);
		$why = $this->through($plan->list, $progress);
		if ($why) {
			throw $why;
		}

		return $progress->pass === Progress::END ? $progress->tally : null;
	}

	/**
	 * Goes on with a job until it is over, or this process must stop.
	 *
	 * @param \Closure(int): string $size Writes a number of bytes.
	 *
	 * @return bool False if another process is at it.
	 */
	public function goOn(\Closure $size): bool
	{
		$attempts = Job::of($this->channel->id)->attempts ?? 0;
		$underway = $this->underway = Underway::goOn($this->channel->id, $this->token);
		$job = Job::of($this->channel->id);
		if (! $underway || ! $job) {
			return false;
		}
		$this->isSlice = true;
		if ($attempts > self::MOST_ATTEMPTS) {
			$this->fail(new Problem(
				'failed',
				"It ended $attempts times without doing anything. The hub's log may say why.",
			));

			return true;
		}
		try {
			[$list, $progress, $plan] = [$job->list, $job->progress(), null];
			if ($progress->pass === Progress::PLAN) {
				$plan = $this->count($progress, $underway);
				if (! $plan) {
					$this->leave($progress);

					return true;
				}
				if ($job->state === JobState::Planning) {
					$underway->plan($plan, JobState::Planned);
					$underway->pause();

					return true;
				}
				$underway->plan($plan, $job->state);
				[$list, $progress] = [$plan->list, new Progress(Progress::FOLDERS)];
			}
			$this->needClones();
			if ($job->begun === 0) {
				// What was counted just now is not in the job that was read before.
				Plan::needRoomFor($this->channel, $plan?->bytes() ?? $job->planBytes, $size);
			}
		} catch (Problem $e) {
			$this->fail($e);

			return true;
		} catch (\Throwable $e) {
			$this->fail($this->unexpected($e));

			return true;
		}
		$underway->enter();
		$this->through($list, $progress);

		return true;
	}

	/**
	 * Restores folders and files from where it is.
	 *
	 * @return ?Problem Why it did not come to its end; null also if it was stopped.
	 */
	private function through(string $list, Progress $progress): ?Problem
	{
		$this->doneBytes = $progress->tally->bytes(...Decision::WORK);
		$why = null;
		try {
			$publish = new Publish($this->channel, $this->token, $this->tell(...));
			Kept::settle($this->channel->id);
			$publish->recover();
			$publish->publishVerified();
			while ($progress->pass !== Progress::END && ! $this->isStopped) {
				$this->pass($list, $progress, $publish);
			}
		} catch (FileSyncException|Problem $e) {
			$why = Problem::of($e, $this->folder);
		} catch (\Throwable $e) {
			$why = $this->isSlice ? $this->unexpected($e) : throw $e;
		} finally {
			Placing::clear($this->channel->id);
			$why === null ? $this->leave($progress) : $this->fail($why);
			Outbox::run($this->channel->id, Outbox::QUICK);
			// Previews take their time.
			Doorbell::ring();
		}

		return $why;
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

	/**
	 * Counts what would be done; nothing is written.
	 *
	 * @param ?Underway $job What is told how far it came, and asked whether it was cancelled.
	 *
	 * @return ?Plan Null if it was stopped before its end.
	 *
	 * @throws Problem The set may not be restored.
	 */
	private function count(Progress $progress, ?Underway $job): ?Plan
	{
		try {
			$source = Source::open($this->folder, $this->channel, $this->choice);
			$this->elsewhere->open();
			$isAll = $progress->entries === 0;
			foreach ($source->entries($progress->entries) as $over => $some) {
				$this->look($some);
				foreach ($some as $entry) {
					$this->consider($entry, $progress->tally);
				}
				$progress->entries = $over;
				$job?->note($progress);
				if ($job && $this->stopIfTold()) {
					return null;
				}
			}

			if ($isAll) {
				$this->elsewhere->complete();
			}

			return Plan::of($this->channel, $source, $progress->tally, $this->elsewhere);
		} catch (FileSyncException $e) {
			throw Problem::of($e, $this->folder);
		}
	}

	/** Leaves it to the next process, or ends it. */
	private function leave(Progress $progress): void
	{
		$isDone = $progress->pass === Progress::END;
		$this->underway?->note($progress, true);
		if ($this->isSlice && ! $isDone && ! $this->underway?->isCancelled()) {
			$this->underway?->pause();
		} else {
			$this->underway?->end($isDone ? JobState::Done : JobState::Stopped);
		}
	}

	/** Ends it, or lets it be tried again later. */
	private function fail(Problem $why): void
	{
		$job = Job::of($this->channel->id);
		if ($this->isSlice && $why->isTemporary && $job?->state->isUnderWay() && ! $this->underway?->isCancelled()) {
			$this->underway?->postpone($why);
		} else {
			$this->underway?->end($why->isTemporary && ! $this->isSlice ? JobState::Stopped : JobState::Failed, $why);
		}
	}

	/** Logs what nobody thought of; it may go away. */
	private function unexpected(\Throwable $e): Problem
	{
		Log::failure("the restore of channel {$this->channel->id}", $e);

		return new Problem('failed', $e->getMessage(), true, previous: $e);
	}

	private function consider(Saved|Unusable $entry, Tally $tally): void
	{
		$decision = $this->decide($entry);
		if ($decision !== null) {
			$tally->add(
				$decision,
				$entry,
				$decision === Decision::Refused ? 'something else is here in its place' : '',
			);
			if ($entry instanceof Saved && $decision === Decision::Replace) {
				$tally->displacedBytes += (int) (Store::attach($this->channel->id, $entry->hash)['filesize'] ?? 0);
			}
			if ($entry instanceof Saved && $decision->isWork()) {
				$tally->crops += count($this->decider->missingCrops($entry));
				$tally->categories += $decision === Decision::Mend ? $this->decider->missingCategories($entry) : 0;
				$tally->addLostCrops($entry, $this->decider->lostCrops($entry));
			}
			$this->posts($entry, $decision, $tally, true);
		}
	}

	/**
	 * Reads what is here of some entries, and asks the other clones about those that would come back.
	 *
	 * @param array<int, Saved|Unusable> $entries
	 */
	private function look(array $entries): void
	{
		$this->seen = $seen = $this->decider->over($entries);
		if ($this->elsewhere->isComplete()) {
			return;
		}
		$absent = [];
		foreach ($entries as $entry) {
			if (
				$entry instanceof Saved
				&& $this->choice->covers($entry->names, $entry->key)
				&& $seen->isAbsent($entry)
			) {
				$absent[] = $entry;
			}
		}
		$this->elsewhere->ask($absent);
	}

	/** Decides about an entry; null if it was not asked for. */
	private function decide(Saved|Unusable $entry): ?Decision
	{
		if ($entry instanceof Unusable) {
			return $entry->decision;
		}

		return $this->choice->covers($entry->names, $entry->key) ? ($this->seen ?? $this->decider)->of($entry) : null;
	}

	/** Goes through the set for folders, or for files. */
	private function pass(string $list, Progress $progress, Publish $publish): void
	{
		$source = Source::open($this->folder, $this->channel, $this->choice);
		if ($source->list !== $list) {
			throw new Problem('set_changed', 'The set was changed meanwhile; the same command goes on.', true);
		}
		$source->rememberHomes();
		$tally = $progress->tally;
		$areFolders = $progress->pass === Progress::FOLDERS;
		$placing = new Placing($this->channel, $source, $this->decider, $publish, $this->token, $this->tell(...));
		$scales = new Scales($this->channel, $this->token, $publish, $this);
		foreach ($source->entries($progress->entries, $areFolders) as $over => $some) {
			$entries = array_filter(
				$some,
				fn ($one) => ($one instanceof Saved && $one->isFolder) === $areFolders,
			);
			$this->look($entries);
			$this->elsewhere->need();
			$areFolders ? $this->folders($entries, $tally, $placing) : $this->files($entries, $tally, $placing);
			$tally->categories += $placing->addedCategories;
			$placing->addedCategories = 0;
			if (! $areFolders) {
				$scales->run();
			}
			if ($this->isStopped) {
				$progress->entries = $this->over;
				return;
			}
			$progress->entries = $over;
			$this->underway?->note($progress);
		}
		$progress->enter($progress->pass + 1);
		$this->underway?->note($progress, true);
	}

	/** @param array<int, Saved|Unusable> $entries By their places. */
	private function folders(array $entries, Tally $tally, Placing $placing): void
	{
		foreach ($entries as $place => $entry) {
			// Another process would not know which folders were made for what is beneath them.
			if ($this->stopIfTold(true)) {
				$this->over = $place - 1;
				break;
			}
			if ($entry instanceof Saved && $this->choice->covers($entry->names, $entry->key)) {
				try {
					$tally->add($placing->folder($entry), $entry);
				} catch (Postponed|Refused $e) {
					$tally->add(Decision::Refused, $entry, $e->getMessage());
				}
			}
		}
	}

	/** @param array<int, Saved|Unusable> $entries By their places. */
	private function files(array $entries, Tally $tally, Placing $placing): void
	{
		/** @var list<array{Saved, Decision, array<int, Staged>}> */
		$staged = [];
		$bytes = 0;
		foreach ($entries as $place => $entry) {
			if ($this->stopIfTold()) {
				$this->over = $place - 1;
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
			$tally->addLostCrops($entry, $placing->lostCrops + $this->decider->lostCrops($entry));
			$staged[] = [$entry, $decision, $parts];
			$bytes += array_sum(array_column($parts, 'size_bytes'));
			$this->stagedBytes += $entry->sizeBytes();
			$this->tell();
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
		$staged = Placing::inOrder($staged);
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
			$this->stagedBytes -= $entry->sizeBytes();
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

	/** @param bool $isWhole Whether another process cannot go on here. */
	private function stopIfTold(bool $isWhole = false): bool
	{
		return $this->isStopped =
			$this->isStopped
			|| $this->underway?->isCancelled()
			|| (! ($isWhole && $this->isSlice) && ($this->mustStop)());
	}

	private function tell(int $bytes = 0): void
	{
		if (Clock::now() >= $this->beatAt) {
			Queue::heartbeat($this->token);
			$this->beatAt = Clock::now() + self::BEAT_SECONDS;
		}
		$bytes += $this->doneBytes + $this->stagedBytes;
		$this->underway?->noteBytes($bytes);
		($this->progress)($bytes, $this->name);
	}
}
