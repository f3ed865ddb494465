<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a packet about a file or folder offers: a value for each group, and who sent it.
 *
 * @import-type Told from Judge
 * @import-type Seen from Vector
 * @import-type Term from Access
 *
 * @type Attach = array{
 *     folder: string, filename: string, filesize: int|numeric-string, edited: string, term: list<Term>,
 *     allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string, ...
 * }
 */
final class Offer
{
	/**
	 * @param string  $hub  The root URL of the sender.
	 * @param Attach  $row  The attach row.
	 * @param array{bytes: Told, place: Told, access: Told} $values The value of each group. Those of a hub that sends
	 *     no vectors have empty ones.
	 * @param ?Seen   $seen Everything that the values have seen; null from a hub that sends no vectors.
	 * @param array<?string> $had The fingerprint of each group that a hub without vectors last sent or surely received;
	 *     null or missing if unknown.
	 * @param int     $secondsBefore By how much the bytes of such a hub are dated before ours.
	 */
	public function __construct(
		public readonly string $hub,
		public readonly array $row,
		public readonly array $values,
		public readonly ?array $seen,
		public readonly array $had = [],
		public readonly int $secondsBefore = 0,
	) {}

	/** Tells whether the sender says what its values have seen. */
	public function isVersioned(): bool
	{
		return $this->seen !== null;
	}
}
