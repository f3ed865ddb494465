<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The files of a set that a drill restores. Chance takes a share of them by a seed: the same seed takes the same ones
 * of the same set. So that a small sample has something of each kind, the first of each kind in the seed's order come
 * besides, and the folders of all of them.
 */
final class Sample
{
	/** Digits of a rank, so that it is a number in every PHP. */
	private const DIGITS = 13;
	private const RANKS = 16 ** self::DIGITS;
	/** A file that is taken for its kind has at most this share of the bytes, so that each kind fits. */
	private const SHARE_OF_KIND = 16;

	/** The kinds of which one is taken at least, by the word for programs. */
	public const KINDS = [
		'crop' => 'a photo with a crop',
		'photo' => 'a photo',
		'private' => 'a file that not everybody may see',
		'public' => 'a file that everybody may see',
		'deep' => 'the deepest folder',
		'large' => 'the largest file',
		'empty' => 'an empty file',
		'odd' => 'a name that disks or URLs take badly',
		'post' => 'a file with posts',
		'category' => 'a file with a category',
		'folder' => 'a folder',
	];

	/** @var ?array<string, true> Hashes; null: everything is in it. */
	private ?array $hashes = [];
	/** @var array<string, string> Names by kind. */
	private array $kinds = [];
	public int $files = 0;
	public int $folders = 0;
	public int $bytes = 0;
	/** What the set has in all. */
	public int $ofFiles = 0;
	public int $ofBytes = 0;
	/** Files of the set without bytes: the hub had lost them. */
	public int $withoutBytes = 0;
	/** Files that chance had taken, and that would have been too many, or too many bytes. */
	public int $leftOut = 0;

	private function __construct(
		public readonly string $seed,
		public readonly int $percent,
	) {}

	/**
	 * Returns what it is, and of what.
	 *
	 * @return array{
	 *     percent: int, seed: string, files: int, folders: int, bytes: int, of_files: int, of_bytes: int
	 * }
	 */
	public function facts(): array
	{
		return [
			'percent' => $this->percent,
			'seed' => $this->seed,
			'files' => $this->files,
			'folders' => $this->folders,
			'bytes' => $this->bytes,
			'of_files' => $this->ofFiles,
			'of_bytes' => $this->ofBytes,
		];
	}

	/**
	 * Chooses some files.
	 *
	 * @param \Closure(): void $beat Called for each entry.
	 */
	public static function of(SetFiles $set, Wish $wish, \Closure $beat): self
	{
		$sample = new self($wish->seed, $wish->percent);
		[$percent, $mostBytes] = [$wish->percent, $wish->mostBytes];
		$chosen = new Chosen($mostBytes ?? PHP_INT_MAX, $wish->mostFiles ?? PHP_INT_MAX);
		/** @var array<string, array{float|int, Pick}> $best */
		$best = [];
		// Of a set with a million files the names alone would not fit into memory.
		$isAll = $percent === 100 && $mostBytes === null && $wish->mostFiles === null;
		foreach ($set->entries() as $entry) {
			$beat();
			if (is_string($entry)) {
				continue;
			}
			$pick = new Pick($entry, $sample->rank($entry->hash));
			if (! $sample->count($entry)) {
				continue;
			}
			if ($isAll) {
				$sample->add($pick);
			} elseif ($percent === 100 || $pick->rank < ((self::RANKS / 100) * $percent)) {
				$chosen->add($pick);
			}
			if ($mostBytes !== null && $pick->bytes > intdiv($mostBytes, self::SHARE_OF_KIND)) {
				continue;
			}
			foreach (self::kindsOf($entry) as $kind => $amount) {
				$order = [$amount, -$pick->rank];
				if (! isset($best[$kind]) || $order > [$best[$kind][0], -$best[$kind][1]->rank]) {
					$best[$kind] = [$amount, $pick];
				}
			}
		}
		foreach ($best as $kind => [, $pick]) {
			$sample->kinds[$kind] = Ledger::short($pick->name);
			if (! $isAll) {
				$chosen->need($pick);
			}
		}
		if ($isAll) {
			$sample->hashes = null;
		} else {
			$sample->take($chosen);
		}

		return $sample;
	}

	/** Counts a file or folder of the set; false if there is nothing to restore of it. */
	private function count(Recorded $entry): bool
	{
		$this->ofFiles += $entry->isFolder ? 0 : 1;
		$this->ofBytes += $entry->allBytes();
		$isWithout = ! $entry->isFolder && ! isset($entry->parts[0]);
		$this->withoutBytes += (int) $isWithout;

		return ! $isWithout;
	}

	private function add(Pick $pick): void
	{
		$this->files += $pick->isFolder ? 0 : 1;
		$this->folders += $pick->isFolder ? 1 : 0;
		$this->bytes += $pick->bytes;
	}

	/** Tells whether a file or folder is in it. */
	public function has(string $hash): bool
	{
		return $this->hashes === null || isset($this->hashes[$hash]);
	}

	/** @return ?array<string, true> The hashes of all that is in it; null: everything is. */
	public function hashes(): ?array
	{
		return $this->hashes;
	}

	/** @return array<string, string> What was taken of each kind: its name. */
	public function kinds(): array
	{
		return array_replace(array_intersect_key(self::KINDS, $this->kinds), $this->kinds);
	}

	private function take(Chosen $chosen): void
	{
		$hashes = [];
		foreach ($chosen->picks() as $pick) {
			$hashes[$pick->hash] = true;
			$hashes += array_fill_keys($pick->folders, true);
			$this->add($pick);
		}
		$this->hashes = $hashes;
		$this->folders = count($hashes) - $this->files;
		$this->leftOut = $chosen->leftOut;
	}

	/** Returns where a file is in the order of the seed. */
	private function rank(string $hash): int
	{
		return (int) hexdec(substr(hash('sha256', "$this->seed\n$hash"), 0, self::DIGITS));
	}

	/** @return array<string, int> The kinds of a file, and how much of each it is. */
	private static function kindsOf(Recorded $entry): array
	{
		$row = $entry->row();
		$isFile = ! $entry->isFolder;
		$kinds = [
			'crop' => count(array_diff_key($entry->parts, [0 => true])),
			'photo' => (int) ($isFile && $entry->photos !== []),
			'private' => (int) ($isFile && ! $entry->isPublic()),
			'public' => (int) ($isFile && $entry->isPublic()),
			'deep' => $isFile ? count($entry->chain) - 1 : 0,
			'large' => $isFile ? $entry->sizeBytes() : 0,
			'empty' => (int) ($isFile && $entry->sizeBytes() === 0),
			'odd' => self::oddness($entry->names()),
			'post' => (int) ($isFile && $entry->items !== []),
			'category' => (int) (Recorded::rows($row['term'] ?? null) !== []),
			'folder' => (int) $entry->isFolder,
		];

		return array_filter($kinds);
	}

	/**
	 * Returns how many kinds of characters names have that disks or URLs take badly.
	 *
	 * @param list<string> $names
	 */
	private static function oddness(array $names): int
	{
		$name = implode("\0", $names);
		$kinds = ['/[^\x20-\x7e\0]/', '#[<>:"/\\\\|?*]#', '/[%&+;=\']/', '/(^|\0)\.|[. ](\0|$)/', '/[\x01-\x1f\x7f]/'];

		return count(array_filter($kinds, fn ($kind) => preg_match($kind, $name) === 1));
	}
}
