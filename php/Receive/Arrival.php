<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Judges a packet about a file or folder: for each group, whether our value stands, and the resulting value.
 */
final class Arrival
{
	/** @var array<string, string> `same`, `take`, `stay`, `lost`, `won` by group: see Judge. */
	public array $verdicts = [];
	/** The file's record after the packet. */
	public array $file;
	/** The attach row of the packet, with our name, folder, access and categories if those stand. */
	public array $row;
	/** @var array<string, string> The verdicts before the rule for files that are missing here. */
	private array $told = [];
	/** What the bytes of the packet have seen on their own. */
	private array $bytesSeen = [];

	private readonly string $hub;
	/** Whether a value became a change of our own. */
	private bool $isOurChange = false;
	/** Whether the packet is a late one from a hub without vectors: the hub already had our bytes. */
	private bool $isLate = false;

	/**
	 * @param array  $file     As Revisions::notice() returned it.
	 * @param ?array $accepted Our row with `term`; for a file that is still to arrive, the last accepted row.
	 */
	public function __construct(
		private readonly Channel $channel,
		array $file,
		private readonly ?array $accepted,
		private readonly Packet $packet,
		string $root,
	) {
		$this->file = $file;
		$this->row = $packet->last;
		$this->hub = Clones::normalise($root) ?? $root;
		foreach (Judge::GROUPS as $group) {
			$this->judge($group);
		}
		if ($this->accepted && ! $this->replaces('place')) {
			$this->row = array_intersect_key($this->accepted, ['folder' => 1, 'filename' => 1]) + $this->row;
		}
		$this->chooseAccess();
	}

	/** Tells whether the packet's value of a group replaces ours. */
	public function replaces(string $group): bool
	{
		return in_array($this->verdicts[$group], ['take', 'lost'], true);
	}

	/** Tells whether only the hub's date for a file differs. */
	public function isOnlyDated(): bool
	{
		return (
			$this->packet->order['revision'] !== null
			&& $this->verdicts['bytes'] === 'same'
			&& ! $this->file['wanted']
		);
	}

	/**
	 * Tells whether the sender should be told our values: it lacks one that stands, or a value was merged from both.
	 */
	public function deservesAnswer(): bool
	{
		$isOurs = array_intersect($this->verdicts, ['won']) || $this->verdicts['access'] === 'lost';

		return (
			$isOurs
			|| (
				$this->packet->order['revision'] === null
					? $this->verdicts['bytes'] === 'stay'
					: in_array('stay', $this->verdicts, true)
			)
		);
	}

	/** Tells whether applying the packet made a change of our own, which the other clones should be told. */
	public function isOurChange(): bool
	{
		return $this->isOurChange;
	}

	/** Returns the value of the bytes in the packet, in the form that publishing needs. */
	public function wanted(): array
	{
		$value = $this->file['wanted'] ?: $this->file['bytes'] + ['seen' => $this->bytesSeen];

		return array_diff_key($value, ['past' => 1]);
	}

	/** Tells whether a packet only repeats a state that was deleted. */
	public function isOfTheDead(): bool
	{
		if ($this->file['state'] !== 'gone') {
			return false;
		}
		if ($this->packet->order['revision'] !== null) {
			$seen = Vector::credible(
				Vector::join(...array_values(array_column($this->packet->order['revision'], 'vector'))),
				$this->known(),
			);

			return in_array(Vector::compare($seen, $this->file['gone']), ['before', 'equal'], true);
		}

		return ! array_diff($this->told, ['same', 'stay']);
	}

	/**
	 * Tells whether a hub that sends no vectors knows a file as it is here. A hub that never reported changes of the
	 * file is believed, such as for a file that is older than filesync here.
	 */
	public static function knowsAll(Channel $channel, array $file, string $hub): bool
	{
		$isSending = null;
		foreach (Judge::GROUPS as $group) {
			$known = $file['peers'][$hub][$group] ?? null;
			if ($known === null && $file[$group]['by'] === '') {
				continue;
			}
			$present = [$file[$group]['print'], $group === 'bytes' ? $file['wanted']['print'] ?? '' : ''];
			if (
				$known === null
				|| ! in_array($known['print'], $present, true)
				|| (! empty($known['sent'])
				&& ($isSending ??= Clones::isSending($channel, $hub)))
			) {
				return false;
			}
		}

		return true;
	}

	private function judge(string $group): void
	{
		$isBytes = $group === 'bytes';
		$ours = $isBytes && $this->file['wanted'] ? $this->file['wanted'] : $this->file[$group];
		$theirs = $this->theirs($group, $ours);
		if ($this->packet->order['revision'] !== null) {
			Site::notice(
				$this->channel->id,
				$theirs['vector'],
				Vector::join($this->file[$group]['vector'], $this->file['gone']),
			);
			[$verdict, $value] = Judge::versioned($ours, $theirs);
			$seen = $theirs['vector'];
			if ($group === 'access' && $verdict === 'same' && $theirs['print'] !== $ours['print']) {
				// Both result from the same changes in a different order: only people whom both allow were let in by
				// all of them.
				$verdict = 'lost';
			}
		} else {
			[$verdict, $value, $seen] = (
				$this->isLate
					? ['stay', $ours]
					: Judge::unversioned(
						$ours,
						$theirs,
						$this->had($group),
						$isBytes ? $this->secondsBefore($theirs, $ours) : 0,
						$this->hub,
					)
			) + [2 => $ours['vector']];
			$this->isLate =
				$this->isLate || ($isBytes && $verdict === 'stay' && $this->had('bytes') === $ours['print']);
		}
		$this->told[$group] = $verdict;
		if (! $this->accepted && ! in_array($verdict, ['take', 'lost'], true) && $theirs['print'] !== $ours['print']) {
			// We have no local value, so the incoming one becomes a new local change; otherwise two different values
			// would carry the same vector.
			$seenBoth = ['vector' => Vector::join($ours['vector'], $theirs['vector'])] + $ours;
			[$verdict, $value] = [
				'take',
				Judge::changed(
					$seenBoth,
					$theirs['print'],
					$theirs['edited'],
					Site::component($this->channel->id),
					$theirs['at'],
				),
			];
			$seen = $value['vector'];
			$this->isOurChange = true;
		}
		$this->verdicts[$group] = $verdict;
		if ($isBytes) {
			$this->bytesSeen = $seen;
			$isWanted = in_array($verdict, ['take', 'lost'], true) || $this->file['wanted'];
			$this->file[$isWanted ? 'wanted' : 'bytes'] =
				$value + ($isWanted && in_array($verdict, ['take', 'lost'], true) ? ['seen' => $seen] : []);
		} else {
			$this->file[$group] = $value;
		}
		$this->file['peers'][$this->hub][$group] = ['print' => $theirs['print']];
	}

	/**
	 * Returns by how much their bytes are dated before ours. It ignores a date of ours in the future, which would shut
	 * out every later change.
	 */
	private function secondsBefore(array $theirs, array $ours): int
	{
		$isSane = $ours['edited'] <= gmdate('Y-m-d H:i:s', Clock::now() + 86400);

		return $isSane
			? max(0, strtotime(($ours['edited'] ?: $theirs['edited']) . ' UTC') - strtotime($theirs['edited'] . ' UTC'))
			: 0;
	}

	private function theirs(string $group, array $ours): array
	{
		$told = $this->packet->order['revision'][$group] ?? [
				'vector' => [],
				'by' => '',
				'at' => (string) parse_url($this->hub, PHP_URL_HOST),
			];
		$last = $this->packet->last;
		$last['filename'] = $told['name'] ?? $last['filename'];
		$last['edited'] = $told['edited'] ?? $last['edited'];
		$oursBytes = (int) explode(':', $ours['print'])[0];
		if ($group === 'bytes' && $last['filesize'] === Bounds::COLUMN_END && $oursBytes > Bounds::COLUMN_END) {
			// A hub whose column is too narrow sends the column's maximum for every larger file.
			$last['filesize'] = $oursBytes;
		}
		$print = Revisions::prints($last, $last['term'])[$group];
		if ($group === 'place' && $this->packet->order['revision'] === null && $this->isOurPlace($last, $ours)) {
			$print = $ours['print'];
		}
		if ($group === 'bytes' && $print === strtok($ours['print'], '#')) {
			$print = $this->hasOtherDigest() ? $print . '#' . substr($this->packet->sha256, 0, 16) : $ours['print'];
		}

		return (
			[
				'print' => $print,
				'edited' => $last['edited'],
				'vector' => Vector::credible($told['vector'], $this->known()),
			] + array_diff_key($told, ['name' => 1])
		);
	}

	/** Returns the changes of the file that this hub knows. */
	private function known(): array
	{
		return Vector::join(Revisions::seen($this->file), $this->file['gone']);
	}

	/** A stock hub may call a file `name(N)` that we sent as `name`: that does not count as a rename. */
	private function isOurPlace(array $last, array $ours): bool
	{
		[$folder, $name] = explode("\n", $ours['print'] . "\n", 3);

		return $last['folder'] === $folder && AttachRow::isNameOrVariant($name, $last['filename']);
	}

	private function hasOtherDigest(): bool
	{
		if (
			$this->packet->sha256 === ''
			|| ! $this->file['facts']
			|| ! $this->accepted
			|| ! isset($this->accepted['content'])
		) {
			return false;
		}
		$stat = Facts::of($this->channel, $this->file['hash'], 0)->stat();
		$ours = $stat ? Digests::known($this->channel->id, $this->file['hash'], 0, $stat) : null;

		return $ours !== null && $ours !== $this->packet->sha256;
	}

	/** Returns the value of a group that the hub last sent, or that we sent and it surely received, or null. */
	private function had(string $group): ?string
	{
		$known = $this->file['peers'][$this->hub][$group] ?? null;

		return $known === null || (! empty($known['sent']) && Clones::isSending($this->channel, $this->hub))
			? null
			: $known['print'];
	}

	/**
	 * Returns a photo row of the packet with its final access: its own, which may be narrower than the file's, if
	 * the packet's access stands; otherwise at most the file's.
	 */
	public function withAccess(array $photo): array
	{
		return $this->keepsAccess()
			? $photo
			: Access::narrower($photo, $this->row, $this->channel->hash) + $photo;
	}

	/** Tells whether the packet's access stands. */
	public function keepsAccess(): bool
	{
		return in_array($this->verdicts['access'], ['take', 'same'], true);
	}

	/**
	 * Remembers the access from before a clone widened it: if that clone deletes the file later, it is restored with
	 * the narrow access.
	 */
	public function noteWidening(array $own): void
	{
		$before = $this->file['here']['before'] ?? null;
		if (Access::isWithin($this->row, $own)) {
			return;
		}
		if (($before['hub'] ?? '') !== $this->hub) {
			$this->file['here']['before'] = [
				'hub' => $this->hub,
				'at' => Clock::now(),
				'access' => array_intersect_key($own, array_flip(Access::LISTS)),
			];
		}
	}

	/** If neither access has seen the other, only people whom both allow may see the file. */
	private function chooseAccess(): void
	{
		$verdict = $this->verdicts['access'];
		if (! $this->accepted) {
			return;
		}
		if (in_array($verdict, ['lost', 'won'], true)) {
			$this->row =
				Access::narrower($this->accepted, $this->packet->last, $this->channel->hash)
				+ ['term' => Access::allTerms($this->accepted['term'], $this->packet->last['term'])]
				+ $this->row;
			$this->file['access'] = ['print' => Access::print($this->row, $this->row['term'])] + $this->file['access'];
		} elseif ($verdict !== 'take') {
			$this->row = array_intersect_key($this->accepted, array_flip([...Access::LISTS, 'term'])) + $this->row;
		}
	}
}
