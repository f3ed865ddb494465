<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Records what a restored file or folder has seen: what the set says of it, and no change of this hub, so that a delete
 * or a newer version on a clone that was away stands when it returns. What replaces or revives something is a change
 * made here. Callers hold the channel's Turn.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Known from Judge
 * @import-type Seen from Vector
 * @import-type Value from Judge
 * @import-type Wanted from \FileSync\Addon\Order\Ruling
 */
final class Values
{
	/** The component under which this hub counts the channel's changes, if it was asked for. */
	private ?string $component = null;

	public function __construct(private readonly Channel $channel) {}

	/** Records a folder that was just made. */
	public function folder(Saved $saved): void
	{
		if (Revisions::find($this->channel->id, $saved->hash) || ! Store::attach($this->channel->id, $saved->hash)) {
			return;
		}
		$file = Revisions::unknown($this->channel->id, $saved->hash);
		$told = $this->told($saved, $file);
		$this->notice($saved, $told);
		Revisions::settle($this->channel, $told + $file);
	}

	/**
	 * Records a file whose bytes are about to be published.
	 *
	 * @param string $edited The date that it gets.
	 *
	 * @return ?Wanted What publishing needs to know of the bytes; null if they are those that belong here.
	 */
	public function file(Saved $saved, Decision $decision, string $edited): ?array
	{
		if ($decision === Decision::Mend) {
			return null;
		}
		/** @var Known $file */
		$file = Revisions::notice($this->channel, $saved->hash);
		$told = $this->told($saved, $file);
		$this->notice($saved, $told);
		[$file, $wanted] = $this->valued($saved, $decision, $edited, $file, $told);
		Revisions::save($file);

		return $wanted;
	}

	/**
	 * Returns what file() would record and return of a file of which nothing is here or known.
	 *
	 * @return array{Known, Wanted}
	 */
	public function fresh(Saved $saved, string $edited): array
	{
		$file = Revisions::unknown($this->channel->id, $saved->hash);
		$told = $this->told($saved, $file);
		$this->component ??= Site::component($this->channel->id);
		foreach ($told as $value) {
			if (($value['vector'][$this->component] ?? 0) > 0) {
				$this->notice($saved, $told);
				$this->component = null;
				break;
			}
		}

		return $this->valued($saved, Decision::Restore, $edited, $file, $told, false);
	}

	/**
	 * @param Known $file What is known here.
	 * @param array{bytes: Value, place: Value, access: Value} $told
	 *
	 * @return array{Known, Wanted}
	 */
	private function valued(
		Saved $saved,
		Decision $decision,
		string $edited,
		array $file,
		array $told,
		?bool $isHere = null,
	): array {
		$bytes = $told['bytes'];
		if ($decision->isOurChange() || $saved->isCopy) {
			$file['wanted'] = [];
			$print = $saved->sizeBytes() . ":$edited";
			$bytes = $this->ours($file['bytes'], $told['bytes'], $file['gone'], $print, $edited);
			if ($decision !== Decision::Replace) {
				$file['place'] = $this->ours(
					$file['place'],
					$told['place'],
					$file['gone'],
					$told['place']['print'],
					$edited,
				);
				$file['access'] = $this->ours(
					$file['access'],
					$told['access'],
					$file['gone'],
					$told['access']['print'],
					$edited,
				);
			}
		} else {
			[$file['place'], $file['access']] = [$told['place'], $told['access']];
		}
		if (! ($isHere ?? Store::attach($this->channel->id, $saved->hash) !== null)) {
			// What was recorded of former bytes does not speak for bytes that are not here.
			$file = ['state' => 'unknown', 'bytes' => Judge::none(), 'here' => [], 'facts' => []] + $file;
		}
		$wanted = ['seen' => $bytes['vector']] + $bytes;
		$file = ['wanted' => $wanted] + $file;
		unset($wanted['past']);

		return [$file, $wanted];
	}

	/**
	 * Records that categories of the set were added to a file or folder that is here.
	 *
	 * @param Known     $file What was known of it before.
	 * @param AttachRow $own
	 */
	public function merged(Saved $saved, array $file, array $own): void
	{
		$told = $this->told($saved, $file);
		$this->notice($saved, $told);
		$access = [
			'print' => Access::print($own, Revisions::terms($own)),
			'vector' => Vector::join($file['access']['vector'], $told['access']['vector']),
		];
		Revisions::settle($this->channel, ['access' => $access + $file['access']] + $file);
	}

	/**
	 * Returns a value as a change made here, which has seen what is here, what the set has, and a delete.
	 *
	 * @param Value $ours
	 * @param Value $told
	 * @param Seen  $gone
	 *
	 * @return Value
	 */
	private function ours(array $ours, array $told, array $gone, string $print, string $edited): array
	{
		return Judge::changed(
			['vector' => Vector::join($told['vector'], $ours['vector'], $gone)] + $ours,
			$print,
			$edited,
			Site::component($this->channel->id),
			Revisions::host(),
		);
	}

	/**
	 * Returns the values that the set has.
	 *
	 * @param Known $file What is known here.
	 *
	 * @return array{bytes: Value, place: Value, access: Value}
	 */
	private function told(Saved $saved, array $file): array
	{
		$revision = $saved->revision;
		$row = $saved->row;
		$row['filename'] = $revision['place']['name'] ?? $row['filename'];
		$row['edited'] = $revision['bytes']['edited'] ?? $row['edited'];
		$prints = Revisions::prints($row, $row['term']);
		$known = Vector::join(Revisions::seen($file), $file['gone']);
		$values = [];
		foreach (Judge::GROUPS as $group) {
			$values[$group] = [
				'print' => $prints[$group],
				'vector' => Vector::credible($revision[$group]['vector'] ?? [], $known),
				'by' => $revision[$group]['by'] ?? '',
				'at' => $revision[$group]['at'] ?? Revisions::host(),
				'edited' => $row['edited'],
				'past' => [],
			];
		}

		/** @var array{bytes: Value, place: Value, access: Value} */
		return $values;
	}

	/**
	 * Starts a new count of our changes if the set has seen more of them than we know: two changes must not get one
	 * name.
	 *
	 * @param array{bytes: Value, place: Value, access: Value} $told
	 */
	private function notice(Saved $saved, array $told): void
	{
		$known = Revisions::find($this->channel->id, $saved->hash);
		$known ??= Revisions::unknown($this->channel->id, $saved->hash);
		Site::notice(
			$this->channel->id,
			Vector::join($told['bytes']['vector'], $told['place']['vector'], $told['access']['vector']),
			Vector::join(Revisions::seen($known), $known['gone']),
		);
	}
}
