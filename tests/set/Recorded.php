<?php

namespace Set;

/** What a hub's tables and store said when a set was made, as Rows says it: that hub may be gone by now. */
final class Recorded
{
	private function __construct(
		private readonly array $channel,
		private readonly array $entries,
		private readonly array $bodies,
		private readonly array $own,
		/** The hub's address. */
		public readonly string $url,
	) {}

	/** Writes what a hub says to a file. */
	public static function write(string $path, Rows $rows, string $url): void
	{
		$entries = $rows->entries();
		$bodies = $own = [];
		foreach ($entries as $entry) {
			foreach (array_keys($entry['posts']) as $mid) {
				$bodies[$mid] = $rows->body($mid);
				$own[$mid] = $rows->isOwn($mid);
			}
		}
		$channel = array_intersect_key($rows->channel(), ['channel_address' => 1, 'channel_hash' => 1]);
		file_put_contents($path, serialize([$channel, $entries, $bodies, $own, $url]));
	}

	/** Reads such a file. */
	public static function read(string $path): self
	{
		return new self(...unserialize(file_get_contents($path), ['allowed_classes' => false]));
	}

	public function channel(): array
	{
		return $this->channel;
	}

	/** @return array<string, array> */
	public function entries(): array
	{
		return $this->entries;
	}

	public function body(string $mid): string
	{
		return $this->bodies[$mid];
	}

	public function isOwn(string $mid): bool
	{
		return $this->own[$mid];
	}
}
