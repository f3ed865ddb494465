<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Keys;
use FileSync\Addon\Hub\Web;
use FileSync\Exception\FileSyncException;
use FileSync\Exception\LimitException;
use FileSync\Exception\NotFoundException;
use FileSync\Exception\StorageException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * One run that brings a channel's set up to date, while the channel changes.
 *
 * What is new to the set is read twice: its rows, then its bytes, then its rows again. If those are the same, name and
 * bytes belonged together at the moment between. If not, it is read again; what changes every time keeps the version
 * that the set has, and is listed as failed.
 *
 * @type Outcome = array{
 *     hash: string, what: string, why: ?string, copied_bytes: int, cloned_bytes: int, size_bytes: int,
 *     sha256: ?string
 * }
 */
final class Run
{
	/** How often a file is read again at once, and then once more at the end. */
	private const TRIES = 3;
	private const ROUNDS = 5;
	/** How long to wait for what changes. */
	private const SETTLE_SECONDS = 2;
	private const STEP_MS = 500;
	private const SOME = 100;
	private const LARGEST_CROP = 16 << 20;

	private readonly Entries $entries;
	private readonly Source $source;
	private ?\FileSync\Set $set = null;
	/** @var ?\Closure(): bool */
	private ?\Closure $mustStop = null;
	private bool $atOnce = false;
	private ?Notes $notes = null;
	private int $doneBytes = 0;
	/** @var array<string, true> What a check found damaged in the set, by hash. */
	private array $damaged = [];

	/**
	 * @param string    $folder   See Place::writable().
	 * @param array{headroom_bytes?: int, bytes_per_second?: int} $limits As the extension takes them.
	 * @param ?\Closure $progress Called now and then with the bytes that were looked at, and a name.
	 */
	public function __construct(
		private readonly Channel $channel,
		private readonly string $folder,
		private readonly array $limits,
		private readonly Exclusion $exclusion,
		private readonly ?\Closure $progress = null,
	) {
		$this->entries = new Entries($channel);
		$this->source = new Source($channel);
	}

	/**
	 * Works until it is over, or is told to stop.
	 *
	 * @param \Closure(): bool $mustStop Asked between files.
	 * @param bool $atOnce Whether it is asked within a file too, whose bytes are then copied again.
	 *
	 * @return ?Result Null if the run is not over: call again, in any process.
	 *
	 * @throws Problem
	 */
	public function work(\Closure $mustStop, bool $atOnce = false): ?Result
	{
		[$this->mustStop, $this->atOnce] = [$mustStop, $atOnce];
		try {
			return $this->do();
		} catch (Stopped) {
			return null;
		} catch (FileSyncException $e) {
			throw Problem::of($e, $this->folder);
		} finally {
			$this->source->drop();
			$this->set?->close();
			$this->set = null;
		}
	}

	private function do(): Result
	{
		$startedAt = Clock::exact();
		$set = $this->set = new \FileSync\Set($this->folder, $this->limits);
		[$isContinued, $after] = $this->begin($set);
		$this->damaged = Damage::of($this->channel->id, $this->folder);
		foreach ($this->entries->pages($after) as $after => $entries) {
			$this->addAll($entries);
			$set->checkpoint($this->cursor($after));
			$this->stopIfTold();
		}
		$this->addAgain();
		$notes = $this->notes();
		$this->lack(...$this->exclusion->lacks());
		foreach (LonelyPhotos::of($this->channel) as $lack) {
			$notes->lack($lack);
		}
		$prepared = $set->prepare(Description::of($this->channel, $notes->lacks()), true);
		$set->commit(Keys::signSet($this->channel, $prepared['message']));
		$result = Result::of(
			$prepared,
			$notes->lacks(),
			Clock::exact() - $startedAt,
			$isContinued,
		);
		$notes->remove();
		Damage::mended($this->channel->id, $this->folder);

		return $result;
	}

	/** @return array{bool, int} Whether it goes on with an earlier run, and after which row. */
	private function begin(\FileSync\Set $set): array
	{
		$how = ['from' => Web::root(), 'by' => 'hub', 'channel_hash' => $this->channel->hash];
		$begun = $set->begin($how);
		/** @var array{after?: int, notes?: int} */
		$cursor = json_decode($begun['cursor'] ?? '', true) ?? [];
		$this->notes = Notes::open($this->channel->id, $this->folder, $begun['run'], $cursor['notes'] ?? 0);
		if ($this->notes === null) {
			// Somebody else's notes, or lost ones: everything is looked at again.
			$cursor = [];
			$this->notes = Notes::open($this->channel->id, $this->folder, $begun['run'], 0);
		}

		return [$begun['continued'], $cursor['after'] ?? 0];
	}

	private function notes(): Notes
	{
		return $this->notes ?? throw new \LogicException('no run has begun');
	}

	private function set(): \FileSync\Set
	{
		return $this->set ?? throw new \LogicException('no run has begun');
	}

	private function cursor(int $after): string
	{
		return json_encode(['after' => $after, 'notes' => $this->notes()->length()], JSON_THROW_ON_ERROR);
	}

	/**
	 * Adds some files and folders; notes those that changed each time.
	 *
	 * @param list<Entry> $entries
	 */
	private function addAll(array $entries): void
	{
		foreach (array_chunk($entries, self::SOME) as $some) {
			for ($n = 0; $some !== [] && $n < self::TRIES; $n++) {
				$some = $this->addOnce($some);
			}
			foreach ($some as $entry) {
				$this->notes()->again($entry->hash);
			}
		}
	}

	/** Reads again, after a while, what changed each time. */
	private function addAgain(): void
	{
		$hashes = $this->notes()->toReadAgain();
		for ($round = 1; $hashes !== [] && $round <= self::ROUNDS; $round++) {
			Clock::wait(self::SETTLE_SECONDS);
			$left = [];
			foreach (array_chunk($hashes, self::SOME) as $some) {
				foreach ($this->addOnce(array_values($this->entries->of($some)), $round === self::ROUNDS) as $entry) {
					$left[] = $entry->hash;
				}
			}
			$hashes = $left;
		}
	}

	/**
	 * Adds some files and folders.
	 *
	 * @param list<Entry> $entries
	 * @param bool $isLast Whether those that change again are given up.
	 *
	 * @return list<Entry> Those that must be read again, as they are now.
	 */
	private function addOnce(array $entries, bool $isLast = false): array
	{
		/** @var array<string, array{Entry, Added}> */
		$unsure = [];
		foreach ($entries as $entry) {
			if ($this->exclusion->covers($entry->names)) {
				continue;
			}
			$this->stopIfTold();
			$this->tell($entry->names[count($entry->names) - 1]);
			$added = $this->add($entry);
			$this->source->drop();
			$this->doneBytes += $entry->sizeBytes;
			if ($added->isCertain) {
				$this->lack(...$added->lacks);
			} else {
				$unsure["$entry->hash."] = [$entry, $added];
			}
		}
		$now = $this->entries->of(array_map(fn ($one) => $one[0]->hash, array_values($unsure)));
		$again = [];
		foreach ($unsure as [$entry, $added]) {
			$present = $now[$entry->hash] ?? null;
			$isSame = $present?->metadata === $entry->metadata;
			if ($present === null) {
				// Deleted since: what was read of it may never have been true.
				if ($added->isIn) {
					$this->set()->keep($entry->hash, 'vanished');
				}
			} elseif ($added->isIn && $isSame) {
				$this->lack(...$added->lacks);
			} elseif ($isLast || ($isSame && ! $added->isIn && ! $added->isPassing)) {
				$this->giveUp($present, $added->why === '' ? 'changed_while_read' : $added->why);
			} else {
				$again[] = $present;
			}
		}

		return $again;
	}

	private function add(Entry $entry): Added
	{
		$bytes = [];
		if (! $entry->isFolder) {
			$path = $this->source->original($entry);
			if ($path === null) {
				return Added::not('no_bytes');
			}
			if (Source::sizeOf($path) !== $entry->sizeBytes) {
				return Source::isYoung($path) ? Added::later('size_differs') : Added::not('size_differs');
			}
			$bytes['original'] = $path;
		}
		[$crops, $lacks] = $this->crops($entry);
		try {
			$outcome = $this->copy($entry, $bytes + ($crops ? ['crops' => $crops] : []));
		} catch (NotFoundException) {
			return Added::later('no_bytes');
		} catch (LimitException) {
			return Added::not('too_large');
		} catch (StorageException $e) {
			if (isset($bytes['original']) && ! is_readable('/' . $bytes['original'])) {
				return Added::not('unreadable');
			}
			throw $e;
		}
		if ($outcome['what'] === 'kept') {
			return Added::later($outcome['why'] ?? 'changed_while_read');
		}
		// A row that is older or newer than its bytes.
		if (isset($bytes['original']) && $outcome['size_bytes'] !== $entry->sizeBytes) {
			return Added::later('size_differs');
		}

		return Added::in($outcome['what'] === 'unchanged', [...$entry->lacks, ...$lacks]);
	}

	/**
	 * @param array{original?: string, crops?: list<array{scale: int, mimetype: string, path: string}>, again?: bool}
	 *     $bytes
	 *
	 * @return Outcome
	 */
	private function copy(Entry $entry, array $bytes): array
	{
		$name = $entry->names[count($entry->names) - 1];
		$bytes += isset($this->damaged[$entry->hash]) ? ['again' => true] : [];
		$outcome = $this->set()->add($entry->metadata, $this->source->store, $bytes);
		while ($outcome === null) {
			$this->tell($name, $this->set()->progress()['offset_bytes'] ?? 0);
			if ($this->atOnce) {
				$this->stopIfTold();
			}
			$outcome = $this->set()->step(self::STEP_MS);
		}

		return $outcome;
	}

	/** @return array{list<array{scale: int, mimetype: string, path: string}>, list<Lack>} */
	private function crops(Entry $entry): array
	{
		$crops = $lacks = [];
		foreach ($entry->crops as $crop) {
			$path = $this->source->crop($crop);
			if ($path === null || Source::sizeOf($path) > self::LARGEST_CROP) {
				$lacks[] = Lack::ofCrop($entry, $crop->scale, $path === null ? 'no_bytes' : 'too_large');
			} else {
				$crops[] = ['scale' => $crop->scale, 'mimetype' => $crop->mimetype, 'path' => $path];
			}
		}

		return [$crops, $lacks];
	}

	/** Leaves a file as the set has it; if it has none, takes what the hub has of it. */
	private function giveUp(Entry $entry, string $why): void
	{
		$isKept = $this->set()->keep($entry->hash, $why);
		if (! $isKept && in_array($why, ['no_bytes', 'size_differs', 'unreadable'], true)) {
			$path = $why === 'size_differs' ? $this->source->original($entry) : null;
			$this->copy($entry, $path === null ? [] : ['original' => $path]);
			$this->source->drop();
		}
		$this->lack(...$entry->lacks, ...[Lack::ofFile($entry, $why, $isKept)]);
	}

	/** @throws Stopped */
	private function stopIfTold(): void
	{
		if ($this->mustStop && ($this->mustStop)()) {
			throw new Stopped();
		}
	}

	private function lack(Lack ...$lacks): void
	{
		foreach ($lacks as $lack) {
			$this->notes()->lack($lack);
		}
	}

	private function tell(string $name, int $offset = 0): void
	{
		if ($this->progress) {
			($this->progress)($this->doneBytes + $offset, $name);
		}
	}
}
