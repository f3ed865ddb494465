<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Decides which of two values of one group stands: ours or another hub's. The groups are a file's bytes, its name and
 * folder, and its access.
 *
 * A value is `{print, vector, by, at, edited}`: its fingerprint, what it has seen, the component that made it, the host
 * where it was made, and the date of its bytes. Ours also has `past`: the values before it, newest first.
 *
 * @import-type Seen from Vector
 *
 * @type Past = list<array{print: string, vector: Seen}>
 * @type Told = array{print: string, vector: Seen, by: string, at: string, edited: string, ...}
 * @type Value = array{print: string, vector: Seen, by: string, at: string, edited: string, past: Past, ...}
 * @type Known = array{
 *     uid: int, hash: string, is_dir: int, state: string, bytes: Value, place: Value, access: Value,
 *     wanted: array{}|Value, gone: Seen, here: array<mixed>, facts: array<int>,
 *     peers: array<array<array{print: string, sent?: mixed}>>, ...
 * }
 */
final class Judge
{
	/** The groups that are decided separately: a file's bytes, its name and folder, who may see it. */
	public const GROUPS = ['bytes', 'place', 'access'];

	/** Bytes dated more than this before ours come from a backup or arrived late: clocks do not differ by that much. */
	private const CLOCKS_DIFFER_SECONDS = 3600;

	/**
	 * Judges a value that came with its vector.
	 *
	 * @param Value $ours
	 * @param Told  $theirs
	 *
	 * @return array{Verdict, Value, Seen} Second: the value that stands from now on. Third: what theirs has seen.
	 */
	public static function versioned(array $ours, array $theirs): array
	{
		$joined = Vector::join($ours['vector'], $theirs['vector']);
		if ($theirs['print'] === $ours['print']) {
			// Both hubs now attribute the change to the same component: it decides who prevails.
			return [
				Verdict::Same,
				['vector' => $joined, 'by' => strcmp($ours['by'], $theirs['by']) < 0 ? $theirs['by'] : $ours['by']]
					+ $ours,
				$theirs['vector'],
			];
		}
		if ($ours['print'] === '') {
			return [Verdict::Take, self::replaced($ours, $theirs, $joined), $theirs['vector']];
		}
		switch (Vector::compare($theirs['vector'], $ours['vector'])) {
			case 'equal':
				// Two values with the same vector are one value, reported less exactly, or the result of a faulty hub:
				// never a reason to answer.
				return (
					self::prevails($theirs, $ours)
						? [Verdict::Lost, self::replaced($ours, $theirs, $joined), $theirs['vector']]
						: [Verdict::Same, $ours, $theirs['vector']]
				);
			case 'after':
				return [Verdict::Take, self::replaced($ours, $theirs, $joined), $theirs['vector']];
			case 'before':
				return [Verdict::Stay, $ours, $theirs['vector']];
			default:
				return (
					self::prevails($theirs, $ours)
						? [Verdict::Lost, self::replaced($ours, $theirs, $joined), $theirs['vector']]
						: [
							Verdict::Won,
							['vector' => $joined, 'past' => self::past($theirs, $ours['past'])] + $ours,
							$theirs['vector'],
						]
				);
		}
	}

	/**
	 * Judges a value from a hub that sends no vectors: its change is identified by its content.
	 *
	 * @param Value   $ours
	 * @param Told    $theirs
	 * @param ?string $had   The fingerprint that this hub last sent or surely received, null if unknown.
	 * @param int     $secondsBefore By how much its bytes are dated before ours; 0 for other groups.
	 *
	 * @return array{Verdict, Value, Seen} As versioned(); where ours stands, the third is what ours has seen.
	 */
	public static function unversioned(array $ours, array $theirs, ?string $had, int $secondsBefore, string $hub): array
	{
		if ($theirs['print'] === $ours['print']) {
			return [Verdict::Same, $ours, $ours['vector']];
		}
		$name = '~' . substr(hash('sha256', "$hub\n{$theirs['print']}"), 0, 16);
		// This includes values that came from a hub that had learned of this change before us.
		$isPast =
			isset($ours['vector'][$name]) || in_array($theirs['print'], array_column($ours['past'], 'print'), true);
		if ($isPast && ($had !== $ours['print'] || $secondsBefore > 0)) {
			return [Verdict::Stay, $ours, $ours['vector']];
		}
		$seen = null;
		foreach ([$ours, ...$ours['past']] as $value) {
			$seen ??= $value['print'] === $had ? $value['vector'] : null;
		}
		$theirs = ['vector' => Vector::next($seen ?? [], $name), 'by' => $name] + $theirs;
		$isChangeOfOurs =
			$had === $ours['print']
			|| $ours['print'] === ''
			|| ($seen !== null && Vector::compare($ours['vector'], $seen) === 'equal')
			|| $ours['by'] === '';
		if ($ours['print'] !== '' && $secondsBefore > ($ours['by'] === '' ? 0 : self::CLOCKS_DIFFER_SECONDS)) {
			return [Verdict::Stay, $ours, $ours['vector']];
		}
		$joined = Vector::next($ours['vector'], $name);

		return [
			$isChangeOfOurs ? Verdict::Take : Verdict::Lost,
			self::replaced($ours, $theirs, $joined),
			$isChangeOfOurs ? $joined : $theirs['vector'],
		];
	}

	/**
	 * Tells whether the first of two values stands if neither has seen the other; every clone computes the same result.
	 *
	 * @param Told $one
	 * @param Told $other
	 */
	public static function prevails(array $one, array $other): bool
	{
		return self::rank($one) > self::rank($other);
	}

	/**
	 * Returns our value after a change made here.
	 *
	 * @param Value $ours
	 *
	 * @return Value
	 */
	public static function changed(array $ours, string $print, string $edited, string $component, string $host): array
	{
		$value = [
			'print' => $print,
			'vector' => Vector::next($ours['vector'], $component),
			'by' => $component,
			'at' => $host,
			'edited' => $edited,
		];

		return self::replaced($ours, $value, $value['vector']);
	}

	/**
	 * Returns the value that stands once another has replaced ours.
	 *
	 * @param Value $ours
	 * @param Told  $theirs
	 *
	 * @return Value
	 */
	public static function succeeds(array $ours, array $theirs): array
	{
		return $ours['print'] === $theirs['print']
			? ['vector' => Vector::join($ours['vector'], $theirs['vector'])] + $ours
			: self::replaced($ours, $theirs, Vector::join($ours['vector'], $theirs['vector']));
	}

	/**
	 * Returns the value of the bytes that a file is to have: those that are wanted, or else those here.
	 *
	 * @param array{bytes: Value, wanted: array{}|Value, ...} $file
	 *
	 * @return Value
	 */
	public static function newest(array $file): array
	{
		return $file['wanted'] === [] ? $file['bytes'] : $file['wanted'];
	}

	/**
	 * Returns the bytes value of a folder: a folder has no bytes to fetch, so the reported value takes effect at once.
	 *
	 * @param array{bytes: Value, wanted: array{}|Value, ...} $folder
	 *
	 * @return Value
	 */
	public static function settled(array $folder): array
	{
		$value = self::newest($folder);

		unset($value['seen']);

		return ['vector' => Vector::join($folder['bytes']['vector'], $value['vector'])] + $value;
	}

	/**
	 * Returns the value of a group that no hub has reported yet.
	 *
	 * @return Value
	 */
	public static function none(): array
	{
		return ['print' => '', 'vector' => [], 'by' => '', 'at' => '', 'edited' => '', 'past' => []];
	}

	/**
	 * @param Value $ours
	 * @param Told  $theirs
	 * @param Seen  $vector
	 *
	 * @return Value
	 */
	private static function replaced(array $ours, array $theirs, array $vector): array
	{
		return [
			'vector' => $vector,
			'past' => $ours['print'] === '' ? $ours['past'] : self::past($ours, $ours['past']),
			'print' => $theirs['print'],
			'by' => $theirs['by'],
			'at' => $theirs['at'],
			'edited' => $theirs['edited'],
		];
	}

	/**
	 * The change of a hub that cannot keep both wins: we keep the loser. Then the later date of bytes wins, then the
	 * greater fingerprint: nothing that two hubs could see differently.
	 *
	 * @param Told $value
	 *
	 * @return array{int, string, string}
	 */
	private static function rank(array $value): array
	{
		$bytes = [];
		$date = preg_match('/^\d+:([\d -]+[\d:]+)/', $value['print'], $bytes) ? $bytes[1] : '';

		return [(int) str_starts_with($value['by'], '~'), $date, $value['print']];
	}

	/**
	 * @param Told $value
	 * @param Past $past
	 *
	 * @return Past
	 */
	private static function past(array $value, array $past): array
	{
		$others = array_filter($past, fn ($one) => $one['print'] !== $value['print']);

		return array_slice([['print' => $value['print'], 'vector' => $value['vector']], ...$others], 0, 16);
	}
}
