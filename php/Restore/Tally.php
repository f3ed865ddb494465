<?php

namespace FileSync\Addon\Restore;

if (! class_exists('App', false)) {
	exit;
}

/** Counts what becomes of the files and folders of a set, and names the first of those that a person should look at. */
final class Tally
{
	private const NAMED = 20;

	/** @var array<string, int> Files by decision. */
	private array $files = [];
	/** @var array<string, int> Their bytes. */
	private array $bytes = [];
	/** @var array<string, int> Folders by decision. */
	private array $folders = [];
	/** @var array<string, list<array{name: string, why: string}>> */
	private array $named = [];
	/** Crops that are put in place. */
	public int $crops = 0;
	/** Posts in the set, of files and folders that are covered. */
	public int $posts = 0;
	/** Of files and folders that are restored, how many come for the owner alone because they are not proven. */
	public int $unproven = 0;

	/** Counts one. */
	public function add(Decision $decision, Saved|Unusable $entry, string $why = ''): void
	{
		$isFolder = $entry instanceof Saved && $entry->isFolder;
		$size = $entry instanceof Saved ? $entry->sizeBytes() : 0;
		$word = $decision->value;
		if ($isFolder) {
			$this->folders[$word] = ($this->folders[$word] ?? 0) + 1;
		} else {
			$this->files[$word] = ($this->files[$word] ?? 0) + 1;
			$this->bytes[$word] = ($this->bytes[$word] ?? 0) + $size;
		}
		if ($entry instanceof Saved) {
			$this->unproven += (int) ($decision->isWork() && ! $entry->isTrusted && ! $entry->isCopy);
			$this->posts += $entry->posts;
		}
		$isNamed = ! $decision->isWork() && $decision !== Decision::Here;
		if ($isNamed && count($this->named[$word] ?? []) < self::NAMED) {
			$this->named[$word][] = [
				'name' => $entry instanceof Saved ? $entry->name() : $entry->hash,
				'why' => $entry instanceof Unusable ? $entry->why : $why,
			];
		}
	}

	/** Returns how many files there are of some decisions. */
	public function files(Decision ...$of): int
	{
		return array_sum(array_map(fn ($one) => $this->files[$one->value] ?? 0, $of));
	}

	/** Returns how many folders there are of some decisions. */
	public function folders(Decision ...$of): int
	{
		return array_sum(array_map(fn ($one) => $this->folders[$one->value] ?? 0, $of));
	}

	/** Returns the bytes of files of some decisions. */
	public function bytes(Decision ...$of): int
	{
		return array_sum(array_map(fn ($one) => $this->bytes[$one->value] ?? 0, $of));
	}

	/**
	 * Returns the first files of a decision that somebody should know.
	 *
	 * @return list<array{name: string, why: string}>
	 */
	public function named(Decision $of): array
	{
		return $this->named[$of->value] ?? [];
	}

	/** Returns how many files and folders somebody should look at. */
	public function attention(): int
	{
		$all = array_filter(Decision::cases(), fn ($one) => $one->needsAttention());

		return $this->files(...$all) + $this->folders(...$all);
	}

	/** @return array<string, mixed> For programs. */
	public function facts(): array
	{
		return [
			'files' => (object) $this->files,
			'bytes' => (object) $this->bytes,
			'folders' => (object) $this->folders,
			'crops' => $this->crops,
			'posts_in_set' => $this->posts,
			'unproven' => $this->unproven,
			'named' => (object) $this->named,
		];
	}
}
