<?php

namespace FileSync\Addon\Peers;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\KnownDigests;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What is known here of some files that clones are told about: each table is read once, when it is first needed.
 *
 * @import-type Known from \FileSync\Addon\Order\Judge
 */
final class FilesHere
{
	/** @var ?array<string, Facts> By hash; only of files on disk, since others have their bytes with them. */
	private ?array $facts = null;
	private ?KnownDigests $digests = null;
	private array|false|null $introduction = false;
	/** @var ?array<string, Known> By hash. */
	private ?array $records = null;

	/** @param list<string> $hashes */
	public function __construct(private readonly Channel $channel, private readonly array $hashes) {}

	/** Returns the facts of one of the files. */
	public function facts(string $hash): Facts
	{
		return $this->onDisk()[$hash] ?? Facts::of($this->channel, $hash, 0);
	}

	/** Returns the digests of the files. */
	public function digests(): KnownDigests
	{
		return $this->digests ??= KnownDigests::of($this->channel->id, $this->wanted());
	}

	/** Computes unknown digests of the files that are on disk, and records them together; begins none too late. */
	public function computeDigests(int $msOfEach, float $untilMs): void
	{
		foreach (Runtime::extensionProblem() === null ? $this->onDisk() : [] as $facts) {
			$now = Clock::exact() * 1000;
			if ($now >= $untilMs) {
				break;
			}
			$this->digests()->get($facts, min($untilMs, $now + $msOfEach));
		}
		$this->digests()->save();
	}

	/** Returns what this hub says of itself at this moment, or null; see Peers::introduction(). */
	public function introduction(): ?array
	{
		if ($this->introduction === false) {
			$this->introduction = Peers::introduction();
		}

		return $this->introduction === null ? null : ['time' => Clock::now()] + $this->introduction;
	}

	/**
	 * Returns the record of one of the files, or null.
	 *
	 * @return ?Known
	 */
	public function record(string $hash): ?array
	{
		$this->records ??= Revisions::some($this->channel->id, $this->hashes);

		return $this->records[$hash] ?? null;
	}

	/** Tells whether an exported entry says what is recorded of its file, which did not change in between. */
	public function isOf(mixed $entry): bool
	{
		/** @var array{hash: string, term?: array, deleted?: int|numeric-string, ...}|false|null $row */
		$row = is_array($entry) && is_array($entry['attach'] ?? null) ? end($entry['attach']) : null;
		if (! $row || ! empty($row['deleted'])) {
			return false;
		}
		$prints = Revisions::prints($row, $row['term'] ?? []);
		$known = $this->record($row['hash'])['here'] ?? [];

		return array_intersect_key($known, $prints) == $prints;
	}

	/** @return array<string, Facts> By hash. */
	private function onDisk(): array
	{
		return $this->facts ??= Facts::ofMany($this->channel, $this->wanted());
	}

	/** @return array<string, array{hash: string, scale: int}> By hash. */
	private function wanted(): array
	{
		return array_combine(
			$this->hashes,
			array_map(fn (string $one): array => ['hash' => $one, 'scale' => 0], $this->hashes),
		);
	}
}
