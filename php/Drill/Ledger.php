<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Counts what was proven, and names the first of what was not.
 *
 * @type Entry = array{proven: int, failed: int, named: list<array{name: string, why: string}>}
 */
final class Ledger
{
	public const NAMED = 20;
	private const LONGEST = 200;

	/** @var array<string, Entry> */
	private array $entries = [];

	/** Counts something; why it is not proven, or null. */
	public function note(Proof $proof, string $name, ?string $why): void
	{
		$entry = $this->of($proof);
		if ($why === null) {
			$entry['proven']++;
		} else {
			$entry['failed']++;
			if (count($entry['named']) < self::NAMED) {
				$entry['named'][] = ['name' => self::short($name), 'why' => self::short($why)];
			}
		}
		$this->entries[$proof->value] = $entry;
	}

	/** Counts several that are proven. */
	public function add(Proof $proof, int $proven): void
	{
		$entry = $this->of($proof);
		$entry['proven'] += $proven;
		$this->entries[$proof->value] = $entry;
	}

	/**
	 * Returns what was counted.
	 *
	 * @return Entry
	 */
	public function of(Proof $proof): array
	{
		return $this->entries[$proof->value] ?? ['proven' => 0, 'failed' => 0, 'named' => []];
	}

	/** Tells whether nothing is left unproven. */
	public function isProven(): bool
	{
		return array_sum(array_column($this->entries, 'failed')) === 0;
	}

	/** @return array<string, Entry> By the words of proofs, in their order; what there was nothing of is left out. */
	public function entries(): array
	{
		$entries = [];
		foreach (Proof::cases() as $proof) {
			if (isset($this->entries[$proof->value])) {
				$entries[$proof->value] = $this->entries[$proof->value];
			}
		}

		return $entries;
	}

	/** Returns a text of bounded length. */
	public static function short(string $text): string
	{
		return mb_strimwidth(mb_scrub($text), 0, self::LONGEST, '…');
	}
}
