<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Decides what becomes of each file and folder of a set, by what is here now. Nothing newer is overwritten, and what
 * was deleted stays deleted, unless that was asked for. It writes nothing.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 */
final class Decider
{
	private const STEP_MS = 2000;

	private readonly Categories $categories;
	private ?Here $here = null;
	private ?int $limit = null;

	/** @param \Closure(): void $beat Called during long reads. */
	public function __construct(
		private readonly Channel $channel,
		private readonly Choice $choice,
		private readonly Elsewhere $elsewhere,
		private readonly \Closure $beat,
	) {
		$this->categories = new Categories($channel);
	}

	/**
	 * Returns a decider that has read now what is here of some entries, and decides by that.
	 *
	 * @param array<int, Saved|Unusable> $entries
	 */
	public function over(array $entries): self
	{
		$other = clone $this;
		$other->limit = Config::numberFor('file_max_bytes', $this->channel->id);
		$other->here = Here::of(
			$this->channel,
			array_values(array_filter($entries, fn ($one) => $one instanceof Saved)),
		);

		return $other;
	}

	/** Decides about one. */
	public function of(Saved $saved): Decision
	{
		$here = $this->hereOf($saved);
		try {
			$isFolder = $here->isFolder($saved->hash);
			foreach ($saved->folders as $folder) {
				if ($here->isFolder($folder['hash']) === false) {
					return Decision::Refused;
				}
			}
		} catch (Refused) {
			return Decision::Refused;
		}
		if ($isFolder !== null && $isFolder !== $saved->isFolder) {
			return Decision::Refused;
		}
		if ($here->isArriving($saved)) {
			return Decision::Arriving;
		}
		$own = $isFolder === null ? null : Store::attach($this->channel->id, $saved->hash);

		return match (true) {
			$own !== null && $saved->isFolder => $this->categories->missing($saved, $own)
				? Decision::Mend
				: Decision::Here,
			$own !== null => $this->ofPresent($saved, $own),
			default => $this->ofAbsent($saved, $here),
		};
	}

	/** Tells whether nothing of it is here, so that it would come back. */
	public function isAbsent(Saved $saved): bool
	{
		try {
			return $this->hereOf($saved)->isFolder($saved->hash) === null && $this->of($saved) === Decision::Restore;
		} catch (Refused) {
			return false;
		}
	}

	/** Tells whether it was never here, and nothing is known of it. */
	public function isNew(Saved $saved): bool
	{
		return $this->hereOf($saved)->isNew($saved);
	}

	private function hereOf(Saved $saved): Here
	{
		return $this->here?->covers($saved) ? $this->here : Here::of($this->channel, [$saved]);
	}

	/**
	 * Returns the crops that the set has of a photo and that are missing here.
	 *
	 * @return list<int> Scales.
	 */
	public function missingCrops(Saved $saved): array
	{
		return array_values(array_filter(
			$this->lackingCrops($saved),
			fn ($scale) => $saved->parts[$scale]['is_found'],
		));
	}

	/** Returns how many crops a photo lacks here of which the set lacks the bytes, too. */
	public function lostCrops(Saved $saved): int
	{
		return count($this->lackingCrops($saved)) - count($this->missingCrops($saved));
	}

	/** @return list<int> The scales that are missing here and that the set names. */
	private function lackingCrops(Saved $saved): array
	{
		return array_values(array_filter(
			array_intersect(ScaleTable::CROPS, array_keys($saved->parts)),
			fn ($scale) => (
				isset($saved->photos[$scale])
				&& ! $this->isArriving($saved->hash, $scale)
				&& ! in_array(Facts::of($this->channel, $saved->hash, $scale)->state, ['whole', 'partial'], true)
			),
		));
	}

	/** Returns how many categories the set has of what is here, and are missing. */
	public function missingCategories(Saved $saved): int
	{
		$own = Store::attach($this->channel->id, $saved->hash);

		return $own ? count($this->categories->missing($saved, $own)) : 0;
	}

	private function isArriving(string $hash, int $scale): bool
	{
		return in_array(Queue::find($this->channel->id, $hash, $scale)?->state, Queue::LIVE, true);
	}

	private function ofAbsent(Saved $saved, Here $here): Decision
	{
		$isDeleted = self::isDeletedSince($saved, $here) || $this->elsewhere->isDeleted($saved);
		if ($isDeleted && ! $this->choice->mayRevive) {
			return Decision::Deleted;
		}
		if (! $isDeleted && $this->elsewhere->isNewer($saved)) {
			return Decision::Newer;
		}
		// Of what was here and vanished, a delete would have been noticed.
		$saved->isUntraced =
			! $isDeleted
			&& ! $saved->isFolder
			&& ! $saved->isCopy
			&& ($here->file($saved)['state'] ?? '') !== 'here'
			&& ! $this->elsewhere->has($saved);
		$fault = $saved->isFolder ? null : self::fault($saved) ?? $this->limit($saved);

		return $fault ?? ($isDeleted ? Decision::Revive : Decision::Restore);
	}

	/** @param AttachRow $own */
	private function ofPresent(Saved $saved, array $own): Decision
	{
		$facts = Facts::of($this->channel, $saved->hash, 0);
		$part = $saved->parts[0] ?? null;
		if ($part === null) {
			return $facts->state === 'whole' ? Decision::Here : Decision::NoBytes;
		}
		if ($facts->state !== 'whole') {
			$isThat =
				(int) $own['filesize'] === $part['size_bytes']
				&& substr($own['edited'], 0, 19) === $saved->row['edited'];

			return self::fault($saved) ?? ($isThat ? Decision::Mend : $this->replaced($saved));
		}
		if ($facts->sizeBytes !== $part['size_bytes'] || $this->digest($facts) !== $part['sha256']) {
			return $this->replaced($saved);
		}

		return $this->missingCrops($saved) !== [] || $this->categories->missing($saved, $own) !== []
			? Decision::Mend
			: Decision::Here;
	}

	private function replaced(Saved $saved): Decision
	{
		return $this->choice->mayReplace
			? self::fault($saved) ?? $this->limit($saved) ?? Decision::Replace
			: Decision::Differs;
	}

	/**
	 * Tells whether a delete that is known here has seen what the set has, or, if its tombstone has ended, was made on
	 * that day or later.
	 */
	private static function isDeletedSince(Saved $saved, Here $here): bool
	{
		$file = $here->file($saved);
		$day = $here->goneOn($saved);

		return $file && in_array($file['state'], ['gone', 'going'], true)
			? $saved->isSeenBy($file['gone'])
			: $day !== null && $day >= $saved->day;
	}

	private static function fault(Saved $saved): ?Decision
	{
		$part = $saved->parts[0] ?? null;

		return match (true) {
			$part === null => Decision::NoBytes,
			! $part['is_found'] => Decision::Missing,
			! $part['is_there'] && $saved->isTrusted => Decision::Damaged,
			default => null,
		};
	}

	private function limit(Saved $saved): ?Decision
	{
		$limit = $this->limit ?? Config::numberFor('file_max_bytes', $this->channel->id);

		return $limit && $saved->sizeBytes() > $limit ? Decision::TooLarge : null;
	}

	private function digest(Facts $facts): string
	{
		if ($facts->content !== null) {
			return hash('sha256', $facts->content);
		}
		$stat = $facts->stat();
		$known = $stat ? Digests::known($facts->channelId(), $facts->hash, 0, $stat) : null;
		if (! $stat || $known !== null) {
			return $known ?? '';
		}
		[$root, $path] = $facts->rootAndPath();
		$digest = new \FileSync\FileDigest(new \FileSync\Store($root), $path);
		while (! $digest->step(self::STEP_MS)) {
			($this->beat)();
		}

		return $digest->sha256();
	}
}
