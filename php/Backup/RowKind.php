<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** Rows of one kind that a channel has beside its files: each with a number of this hub, by which they are paged. */
interface RowKind
{
	/** Tells how many there are. */
	public function count(): int;

	/**
	 * Returns the next numbers, the least first, each with about so many bytes as the row has.
	 *
	 * @return array<int, int>
	 */
	public function sizes(int $after, int $count): array;

	/**
	 * Returns the sizes of some rows; those that are not the channel's, or are gone, are missing.
	 *
	 * @param list<int> $ids
	 *
	 * @return array<int, int>
	 */
	public function sizesOf(array $ids): array;

	/**
	 * Returns what tells a row from others of its kind and from its earlier states.
	 *
	 * @param list<int> $ids Rows that are in memory together.
	 *
	 * @return \Generator<int, array{file: string, print: string}> By number. `file` is the month of a post, else empty.
	 */
	public function prints(array $ids): \Generator;

	/**
	 * Returns the rows as JSON objects, by number.
	 *
	 * @param list<int> $ids Rows that are in memory together.
	 *
	 * @return \Generator<int, string>
	 */
	public function texts(array $ids): \Generator;
}
