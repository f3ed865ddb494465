<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Drill\Wish;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A drill of a set that is sent, while it is under way: what was asked for, which sample was chosen, how far it is.
 *
 * @import-type Facts from \FileSync\Addon\Drill\Needed
 */
final class Trying
{
	/**
	 * @param ?Facts $sample
	 */
	public function __construct(
		public readonly int $percent = Wish::PERCENT,
		public readonly string $seed = '',
		/** Whether access and categories are believed that no signature of the channel proves. */
		public readonly bool $isTrusted = false,
		/** Null: none was chosen. */
		public readonly ?array $sample = null,
		/** How often a process was at it and ended without a word. */
		public readonly int $attempts = 0,
		/** Restored bytes; those that were compared count once more. */
		public readonly int $doneBytes = 0,
		/** Whether the set's access holds: it is proven, or believed. */
		public readonly bool $hasAccess = false,
		/** Until when it may be read, in Unix seconds; 0: it cannot be read. */
		public readonly int $readUntil = 0,
		/** The token of the process that is at it; empty: none is. */
		public readonly string $by = '',
	) {}

	/** Reads what text() wrote. */
	public static function read(string $text): self
	{
		/**
		 * @var array{
		 *     percent?: int, seed?: string, trust?: bool, sample?: ?Facts, attempts?: int, done_bytes?: int,
		 *     has_access?: bool, read_until?: int, by?: string
		 * } $said
		 */
		$said = json_decode($text, true) ?? [];

		return new self(
			$said['percent'] ?? Wish::PERCENT,
			$said['seed'] ?? '',
			$said['trust'] ?? false,
			$said['sample'] ?? null,
			$said['attempts'] ?? 0,
			$said['done_bytes'] ?? 0,
			$said['has_access'] ?? false,
			$said['read_until'] ?? 0,
			$said['by'] ?? '',
		);
	}

	/** Writes what read() reads. */
	public function text(): string
	{
		return json_encode([
			'percent' => $this->percent,
			'seed' => $this->seed,
			'trust' => $this->isTrusted,
			'sample' => $this->sample,
			'attempts' => $this->attempts,
			'done_bytes' => $this->doneBytes,
			'has_access' => $this->hasAccess,
			'read_until' => $this->readUntil,
			'by' => $this->by,
		], JSON_THROW_ON_ERROR);
	}

	/** Returns how much of it is done in the hub. */
	public function percentDone(): int
	{
		$bytes = 2 * ($this->sample['bytes'] ?? 0);

		return $bytes > 0 ? min(99, intdiv(100 * $this->doneBytes, $bytes)) : 0;
	}

	/** Returns what is to be drilled. */
	public function wish(): Wish
	{
		return new Wish($this->percent, $this->seed, $this->isTrusted);
	}

	/**
	 * Returns it with a sample that was chosen.
	 *
	 * @param Facts $sample
	 */
	public function chosen(array $sample): self
	{
		return new self($this->percent, $this->seed, $this->isTrusted, $sample);
	}

	/** Returns it with another process at it. */
	public function begun(string $by): self
	{
		return new self(
			$this->percent,
			$this->seed,
			$this->isTrusted,
			$this->sample,
			$this->attempts + 1,
			by: $by,
		);
	}

	/** Returns it with no process at it: that has ended with a word. */
	public function left(): self
	{
		return new self($this->percent, $this->seed, $this->isTrusted, $this->sample);
	}

	/** Returns it as far as it is now. */
	public function at(int $doneBytes, bool $hasAccess, int $readUntil = 0): self
	{
		return new self(
			$this->percent,
			$this->seed,
			$this->isTrusted,
			$this->sample,
			$this->attempts,
			$doneBytes,
			$hasAccess,
			$readUntil,
			$this->by,
		);
	}
}
