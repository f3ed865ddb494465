<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What becomes of one group's value when a packet offers another.
 *
 * @import-type Value from Judge
 * @import-type Seen from Vector
 */
final class Finding
{
	/**
	 * @param Value $value
	 * @param Seen  $seen
	 */
	private function __construct(
		public readonly Verdict $verdict,
		/** The value that stands from now on. */
		public readonly array $value,
		/** What the offered value has seen on its own. */
		public readonly array $seen,
		/** The verdict if a value of ours were here. */
		public readonly Verdict $judged,
		/** Whether the offered value became a change of our own. */
		public readonly bool $isOurChange = false,
	) {}

	/**
	 * Judges the value that an offer has for a group.
	 *
	 * @param 'bytes'|'place'|'access' $group
	 * @param Value   $ours
	 * @param bool    $isLate    Whether the sender sent the packet before it had our bytes.
	 * @param ?string $component The component of our own changes, if no value of ours is here that could stand.
	 */
	public static function of(string $group, array $ours, Offer $offer, bool $isLate, ?string $component): self
	{
		$theirs = $offer->values[$group];
		[$verdict, $value, $seen] = match (true) {
			$offer->isVersioned() => Judge::versioned($ours, $theirs),
			$isLate => [Verdict::Stay, $ours, $ours['vector']],
			default => Judge::unversioned(
				$ours,
				$theirs,
				$offer->had[$group] ?? null,
				$group === 'bytes' ? $offer->secondsBefore : 0,
				$offer->hub,
			),
		};
		$isOther = $theirs['print'] !== $ours['print'];
		if ($group === 'access' && $verdict === Verdict::Same && $isOther) {
			// Both result from the same changes in a different order: only people whom both allow were let in by all of
			// them.
			$verdict = Verdict::Lost;
		}
		if ($component !== null && ! $verdict->isTheirs() && $isOther) {
			// We have no local value, so the incoming one becomes a new local change; otherwise two different values
			// would carry the same vector.
			$seenBoth = ['vector' => Vector::join($ours['vector'], $theirs['vector'])] + $ours;
			$value = Judge::changed($seenBoth, $theirs['print'], $theirs['edited'], $component, $theirs['at']);

			return new self(Verdict::Take, $value, $value['vector'], $verdict, true);
		}

		return new self($verdict, $value, $seen, $verdict);
	}
}
