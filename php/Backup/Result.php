<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** What a finished run did, and what its set holds and lacks now. */
final class Result
{
	/** How many of the lacks are told. */
	private const TOLD = 20;
	private const COUNTS = [
		'listed',
		'unchanged',
		'new',
		'replaced',
		'changed',
		'moved',
		'removed',
		'copied_bytes',
		'folders',
		'files',
		'photos',
		'crops',
		'posts',
		'bytes',
		'older_files',
		'older_bytes',
	];

	/**
	 * @param array<string, int> $counts As the extension names them.
	 * @param list<Lack>         $lacks  The first of those that need attention.
	 */
	private function __construct(
		public readonly string $run,
		public readonly array $counts,
		public readonly array $lacks,
		/** How many need attention. */
		public readonly int $missing,
		/** How many the set has in all. */
		public readonly int $lacking,
		public readonly float $seconds,
		public readonly bool $isContinued,
	) {}

	/**
	 * Returns it for what the extension says of a run.
	 *
	 * @param array<string, int|string> $prepared
	 * @param iterable<int, Lack>       $lacks
	 */
	public static function of(array $prepared, iterable $lacks, float $seconds, bool $isContinued): self
	{
		$told = $counts = [];
		$missing = $lacking = 0;
		foreach ($lacks as $lack) {
			$lacking++;
			if ($lack->needsAttention()) {
				$missing++;
				if (count($told) < self::TOLD) {
					$told[] = $lack;
				}
			}
		}
		foreach (self::COUNTS as $name) {
			$counts[$name] = (int) ($prepared[$name] ?? 0);
		}

		return new self(
			(string) ($prepared['run'] ?? ''),
			$counts,
			$told,
			$missing,
			$lacking,
			$seconds,
			$isContinued,
		);
	}
}
