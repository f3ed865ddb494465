<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a packet changes about a file or folder here: for each group whether its value replaces ours, and what there is
 * to record then. It only says so; the caller applies it.
 *
 * @import-type Known from Judge
 * @import-type Attach from Offer
 * @import-type Row from Access
 * @import-type Seen from Vector
 *
 * @type Wanted = array{print: string, vector: Seen, by: string, at: string, edited: string, seen: Seen, ...}
 */
final class Ruling
{
	/**
	 * @param Known  $file
	 * @param Attach $row
	 */
	private function __construct(
		private readonly Offer $offer,
		private readonly string $owner,
		public readonly Finding $bytes,
		public readonly Finding $place,
		public readonly Finding $access,
		/** The file's record after the packet. */
		public readonly array $file,
		/** The attach row of the packet, with our name, folder, access and categories where those stand. */
		public readonly array $row,
	) {}

	/**
	 * Judges each group of an offer.
	 *
	 * @param Known   $file      The file's record, with the changes made here.
	 * @param ?Attach $accepted  Our row; for a file that is still to arrive, the last accepted one; null if there is
	 *     none.
	 * @param string  $component The component of our own changes (Site): without a row, an offered value that would not
	 *     stand becomes such a change.
	 * @param string  $owner     The channel's hash. Only the owner may see a file if two access lists have nobody in
	 *     common.
	 */
	public static function on(array $file, ?array $accepted, Offer $offer, string $component, string $owner): self
	{
		$ourComponent = $accepted ? null : $component;
		$ours = Judge::newest($file);
		$bytes = Finding::of('bytes', $ours, $offer, false, $ourComponent);
		$isLate =
			! $offer->isVersioned()
			&& $bytes->judged === Verdict::Stay
			&& ($offer->had['bytes'] ?? null) === $ours['print'];
		$place = Finding::of('place', $file['place'], $offer, $isLate, $ourComponent);
		$access = Finding::of('access', $file['access'], $offer, $isLate, $ourComponent);

		$row = $accepted ? self::withOurs($offer->row, $accepted, $place, $access, $owner) : $offer->row;
		$isMerged = $accepted && in_array($access->verdict, [Verdict::Lost, Verdict::Won], true);
		$file = self::withBytes($file, $bytes);
		$file['place'] = $place->value;
		$file['access'] = ($isMerged ? ['print' => Access::print($row, $row['term'])] : []) + $access->value;
		foreach ($offer->values as $group => $value) {
			$file['peers'][$offer->hub][$group] = ['print' => $value['print']];
		}

		return new self($offer, $owner, $bytes, $place, $access, $file, $row);
	}

	/** Tells whether the packet only repeats a state that was deleted. */
	public function isOfTheDead(): bool
	{
		if ($this->file['state'] !== 'gone') {
			return false;
		}
		if ($this->offer->seen !== null) {
			return in_array(Vector::compare($this->offer->seen, $this->file['gone']), ['before', 'equal'], true);
		}

		return $this->bytes->judged->isKnown() && $this->place->judged->isKnown() && $this->access->judged->isKnown();
	}

	/** Tells whether only the hub's date for a file differs. */
	public function isOnlyDated(): bool
	{
		return $this->offer->isVersioned() && $this->bytes->verdict === Verdict::Same && ! $this->file['wanted'];
	}

	/** Tells whether applying the packet makes a change of our own, which the other clones should be told. */
	public function isOurChange(): bool
	{
		return $this->bytes->isOurChange || $this->place->isOurChange || $this->access->isOurChange;
	}

	/** Tells whether nothing is to be done but to record the packet's values, and to fetch its bytes. */
	public function isOnlyTaken(): bool
	{
		return $this->bytes->verdict->isTheirs() && ! $this->isOurChange() && ! $this->deservesAnswer();
	}

	/**
	 * Tells whether the sender should be told our values: it lacks one that stands, or a value was merged from both.
	 */
	public function deservesAnswer(): bool
	{
		$verdicts = [$this->bytes->verdict, $this->place->verdict, $this->access->verdict];

		return (
			in_array(Verdict::Won, $verdicts, true)
			|| $this->access->verdict === Verdict::Lost
			|| in_array(Verdict::Stay, $this->offer->isVersioned() ? $verdicts : [$this->bytes->verdict], true)
		);
	}

	/**
	 * Returns the value of the bytes in the packet, in the form that publishing needs.
	 *
	 * @return Wanted
	 */
	public function wanted(): array
	{
		$value = Judge::newest($this->file) + ['seen' => $this->bytes->seen];
		unset($value['past']);

		return $value;
	}

	/** Tells whether the packet's access stands. */
	public function keepsAccess(): bool
	{
		return in_array($this->access->verdict, [Verdict::Take, Verdict::Same], true);
	}

	/**
	 * Returns a photo row of the packet with its final access: its own, which may be narrower than the file's, if
	 * the packet's access stands; otherwise at most the file's.
	 *
	 * @param Row $photo
	 */
	public function withAccess(array $photo): array
	{
		return $this->keepsAccess() ? $photo : Access::narrower($photo, $this->row, $this->owner) + $photo;
	}

	/**
	 * Returns the file's record, which remembers the access from before a clone widened it: if that clone deletes the
	 * file later, it is restored with the narrow access.
	 *
	 * @param Attach $own Our row before the packet.
	 *
	 * @return Known
	 */
	public function rememberingAccess(array $own, int $now): array
	{
		$file = $this->file;
		if (! Access::isWithin($this->row, $own) && ($file['here']['before']['hub'] ?? '') !== $this->offer->hub) {
			$file['here']['before'] = [
				'hub' => $this->offer->hub,
				'at' => $now,
				'access' => Access::lists($own),
			];
		}

		return $file;
	}

	/**
	 * Returns the row of a packet with what stands of ours. If neither access has seen the other, only people whom both
	 * allow may see the file.
	 *
	 * @param Attach $row
	 * @param Attach $ours
	 *
	 * @return Attach
	 */
	private static function withOurs(array $row, array $ours, Finding $place, Finding $access, string $owner): array
	{
		if (! $place->verdict->isTheirs()) {
			$row = ['folder' => $ours['folder'], 'filename' => $ours['filename']] + $row;
		}

		return match ($access->verdict) {
			Verdict::Take => $row,
			Verdict::Lost, Verdict::Won => Access::narrower($ours, $row, $owner)
				+ ['term' => Access::allTerms($ours['term'], $row['term'])]
				+ $row,
			default => Access::lists($ours) + ['term' => $ours['term']] + $row,
		};
	}

	/**
	 * Returns a record with the bytes that stand: those that are still to be fetched are wanted.
	 *
	 * @param Known $file
	 *
	 * @return Known
	 */
	private static function withBytes(array $file, Finding $bytes): array
	{
		if ($bytes->verdict->isTheirs()) {
			return ['wanted' => ['seen' => $bytes->seen] + $bytes->value] + $file;
		}
		if ($file['wanted'] === []) {
			return ['bytes' => $bytes->value] + $file;
		}

		return ['wanted' => $bytes->value] + $file;
	}
}
