<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Exclusion;
use FileSync\Addon\Hub\Json;

if (! class_exists('App', false)) {
	exit;
}

/** What a restore was asked for. */
final class Choice
{
	private readonly ?Exclusion $pattern;

	public function __construct(
		/** Whether files that differ here get the set's bytes. */
		public readonly bool $mayReplace = false,
		/** Whether what was deleted since comes back. */
		public readonly bool $mayRevive = false,
		/** Whether everything becomes new files of this channel, for its owner alone. */
		public readonly bool $asCopy = false,
		/** Whether what is not proven by the channel's signature is believed. */
		public readonly bool $isTrusted = false,
		/** The only folder or file, in which `*` is any part of a name; null: all. */
		public readonly ?string $only = null,
		/** As it was then: `2026-11-01T23:59:59Z`; null: as the last run left it. */
		public readonly ?string $at = null,
		/**
		 * @var list<string> The only folder or file, by the names of its folders from the root down and its own;
		 *     empty: all.
		 */
		public readonly array $names = [],
		/** @var list<string> Clones that are not asked what was deleted there: host names or URLs. */
		public readonly array $without = [],
		/** Whether only a plan is wanted, before bytes come: those that the set names count as if they were here. */
		public readonly bool $beforeBytes = false,
		/** What is only tried; null: it is meant. */
		public readonly ?Trial $trial = null,
	) {
		$this->pattern = $only === null ? null : new Exclusion([$only]);
	}

	/** Reads what `text` wrote. */
	public static function read(string $text): self
	{
		/**
		 * @var array{
		 *     replace?: bool, deleted?: bool, as_copy?: bool, trust?: bool, only?: ?string, at?: ?string,
		 *     names?: list<string>, without?: list<string>, before_bytes?: bool
		 * } $said
		 */
		$said = json_decode($text, true) ?? [];

		return new self(
			$said['replace'] ?? false,
			$said['deleted'] ?? false,
			$said['as_copy'] ?? false,
			$said['trust'] ?? false,
			$said['only'] ?? null,
			$said['at'] ?? null,
			$said['names'] ?? [],
			$said['without'] ?? [],
			$said['before_bytes'] ?? false,
		);
	}

	/** @return array<string, mixed> For programs. */
	public function facts(): array
	{
		return [
			'replace' => $this->mayReplace,
			'deleted' => $this->mayRevive,
			'as_copy' => $this->asCopy,
			'trust' => $this->isTrusted,
			'only' => $this->only,
			'at' => $this->at,
			'names' => $this->names,
			'without' => $this->without,
			'before_bytes' => $this->beforeBytes,
		];
	}

	/** Writes what `read` reads. */
	public function text(): string
	{
		return json_encode(
			$this->facts(),
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}

	/**
	 * Tells whether something is asked for.
	 *
	 * @param list<string> $names Its folders from the root down, and its own name.
	 * @param string       $key   Its hash in the set.
	 */
	public function covers(array $names, string $key): bool
	{
		return (
			($this->pattern === null || $this->pattern->covers($names))
			&& array_slice($names, 0, count($this->names)) === $this->names
			&& ($this->trial === null || $this->trial->covers($key))
		);
	}

	/** Tells whether everything becomes new files, of which no other clone knows anything. */
	public function isOfNewFiles(): bool
	{
		return $this->asCopy || $this->trial !== null;
	}
}
