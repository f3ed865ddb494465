<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/** Picks, bounded in number and bytes: those that come first in the order of the seed, and those that are needed. */
final class Chosen
{
	/** @var \SplMaxHeap<array{int, Pick}> The last in the order are the first to go. */
	private readonly \SplMaxHeap $heap;
	/** @var array<string, Pick> */
	private array $needed = [];
	private int $bytes = 0;
	/** Files that were added, and for which no bytes were left. */
	public int $leftOut = 0;

	public function __construct(
		private readonly int $mostBytes,
		private readonly int $mostFiles,
	) {
		/** @var \SplMaxHeap<array{int, Pick}> */
		$this->heap = new \SplMaxHeap();
	}

	/** Adds one; others go if they are too many together. */
	public function add(Pick $pick): void
	{
		$this->heap->insert([$pick->rank, $pick]);
		$this->bytes += $pick->bytes;
		$this->shrink();
	}

	/** Adds one that stays. */
	public function need(Pick $pick): void
	{
		if (! isset($this->needed[$pick->hash])) {
			$this->needed[$pick->hash] = $pick;
			$this->bytes += $pick->bytes;
			$this->shrink();
		}
	}

	/** @return list<Pick> */
	public function picks(): array
	{
		$picks = $this->needed;
		foreach (clone $this->heap as [, $pick]) {
			$picks[$pick->hash] = $pick;
		}

		return array_values($picks);
	}

	private function shrink(): void
	{
		while (
			($this->bytes > $this->mostBytes
			|| (count($this->heap) + count($this->needed)) > $this->mostFiles)
			&& ! $this->heap->isEmpty()
		) {
			[, $pick] = $this->heap->extract();
			$this->bytes -= $pick->bytes;
			$this->leftOut += $pick->isFolder || isset($this->needed[$pick->hash]) ? 0 : 1;
		}
	}
}
