<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Publish\NewFiles;
use FileSync\Addon\Publish\Publish;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\FolderChange;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\PhotoRepair;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\ScaleEntry;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Addon\Transfer\Wanted;
use FileSync\Exception\CorruptException;
use FileSync\Exception\NotFoundException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Puts files of a set in place: their bytes are staged on the store's own file system and proven, and then published as
 * if they had come from another clone. A killed process leaves nothing that the next one does not find.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type FileEntry from Wanted
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 * @import-type Scale from ScaleEntry
 *
 * @type Staged = array{path: string, size_bytes: int, sha256: string}
 */
final class Placing
{
	private const FOLDER = 'restore';
	private const STEP_MS = 500;
	/** The scales that are made of the photo itself. */
	private const MADE = [1, 2, 3];

	/** The crops of the file that was staged last that are not what was saved, or no pictures. */
	public int $lostCrops = 0;
	private readonly string $root;
	private readonly \FileSync\Store $data;
	private readonly Values $values;
	private readonly NewFiles $new;
	private readonly Categories $categories;
	/** How many categories were added to what was here. */
	public int $addedCategories = 0;
	/** @var array<string, true> Folders that were made for what is beneath them, and whose own turn is to come. */
	private array $made = [];
	/** @var array<string, bool> Whether this hub knows those who made files. */
	private array $creators = [];

	/** @param \Closure(int): void $beat Called during long copies, with the bytes copied so far. */
	public function __construct(
		private readonly Channel $channel,
		private readonly Source $source,
		private readonly Decider $decider,
		private readonly Publish $publish,
		private readonly string $token,
		private readonly \Closure $beat,
	) {
		$this->new = new NewFiles($channel, $token, $publish, fn () => $beat(0));
		$root = Store::dataRoot($channel->id, true);
		if (! is_dir("$root/" . self::FOLDER)) {
			@mkdir("$root/" . self::FOLDER, 0700);
		}
		$this->root = (string) realpath($root);
		$this->data = new \FileSync\Store($this->root);
		$this->values = new Values($channel);
		$this->categories = new Categories($channel);
		self::clear($channel->id);
	}

	/** Returns the folder of what is staged, hub-relative. */
	public static function folderOf(int $channelId): string
	{
		return Store::dataRoot($channelId) . '/' . self::FOLDER;
	}

	/** Removes what a killed process staged. */
	public static function clear(int $channelId): void
	{
		$folder = self::folderOf($channelId);
		foreach (@scandir($folder) ?: [] as $name) {
			if (is_file("$folder/$name")) {
				@unlink("$folder/$name");
			}
		}
	}

	/** Makes a folder. */
	public function folder(Saved $saved): Decision
	{
		return Turn::take($this->channel->id, function () use ($saved): Decision {
			$decision = $this->decider->of($saved);
			$isMade = isset($this->made[$saved->hash]);
			if ($decision->isWork()) {
				foreach ($saved->folders as $folder) {
					if (! Store::attach($this->channel->id, $folder['hash'])) {
						$this->made[$folder['hash']] = true;
					}
				}
				FolderChange::createMissing($this->channel, [...$saved->folders, $this->withKnownCreator($saved->row)]);
			}
			if ($decision->isWork() || $decision === Decision::Here) {
				$this->dateAsSaved($saved);
			}
			if ($isMade || $decision->isWork() && $decision !== Decision::Mend) {
				$this->values->folder($saved);
				unset($this->made[$saved->hash]);
			}
			if ($decision === Decision::Mend) {
				$this->addedCategories += $this->categories->add($saved, $this->values);
			}

			return $isMade && $decision === Decision::Here ? Decision::Restore : $decision;
		});
	}

	/**
	 * Dates a folder that was made for what is beneath it, also by a process that was killed: entries of those have the
	 * time of its creation, its own has the date.
	 */
	private function dateAsSaved(Saved $saved): void
	{
		$own = Store::attach($this->channel->id, $saved->hash);
		$edited = $saved->row['edited'];
		if ($own && $own['edited'] === $own['created'] && $edited > substr($own['edited'], 0, 19)) {
			Table::update('attach', ['edited' => $edited], ['id' => (int) $own['id']]);
		}
	}

	/**
	 * Stages the bytes of a file that are to be published.
	 *
	 * @return array<int, Staged> By scale.
	 *
	 * @throws CorruptException They are not those that were saved.
	 * @throws NotFoundException They are missing.
	 */
	public function stage(Saved $saved, Decision $decision): array
	{
		$staged = [];
		$this->lostCrops = 0;
		$needsBytes = $decision !== Decision::Mend || Facts::of($this->channel, $saved->hash, 0)->state !== 'whole';
		if ($needsBytes) {
			$staged[0] = $this->copy($saved, 0);
		}
		foreach ($decision === Decision::Replace ? [] : $this->decider->missingCrops($saved) as $scale) {
			try {
				$crop = $this->copy($saved, $scale);
				if (PhotoType::isBounded($this->root, $crop['path'])) {
					$staged[$scale] = $crop;
					continue;
				}
			} catch (CorruptException|NotFoundException) {
			}
			// It does not keep its photo away.
			$this->lostCrops++;
		}

		return $staged;
	}

	/**
	 * Forces everything that was staged to disk, and publishes together what is plainly new.
	 *
	 * @param list<array{Saved, Decision, array<int, Staged>}> $staged
	 *
	 * @return array<int, array{Decision, string}> What became of it, and why, by its place in the list; the others are
	 *     for file().
	 */
	public function together(array $staged): array
	{
		\FileSync\SetRestore::sync($this->data);
		$files = self::hashes($staged);
		$some = array_filter($staged, fn ($one) => self::isPlain(...$one) && ! self::isWithin($one[0], $files));
		if (count($some) < 2) {
			return [];
		}
		try {
			$transfers = Turn::take($this->channel->id, fn () => $this->intend($some));
		} catch (Postponed) {
			// Each says so of itself.
			return [];
		}
		$this->new->publish($transfers);
		$states = Queue::states(
			$this->channel->id,
			array_map(fn (Transfer $transfer) => $transfer->hash, array_values($transfers)),
		);

		return array_map(
			fn (Transfer $transfer) => (
				($states[$transfer->hash] ?? '') === TransferState::PUBLISHED
					? [Decision::Restore, '']
					: self::outcome($transfer)
			),
			$transfers,
		);
	}

	/**
	 * Returns staged files in the order in which they are placed: those last that say that another of them is a folder,
	 * so that they cannot take its place.
	 *
	 * @param list<array{Saved, Decision, array<int, Staged>}> $staged
	 *
	 * @return list<array{Saved, Decision, array<int, Staged>}>
	 */
	public static function inOrder(array $staged): array
	{
		$files = self::hashes($staged);
		$last = array_filter($staged, fn ($one) => self::isWithin($one[0], $files));

		return [...array_values(array_diff_key($staged, $last)), ...array_values($last)];
	}

	/**
	 * @param list<array{Saved, Decision, array<int, Staged>}> $staged
	 *
	 * @return array<string, true>
	 */
	private static function hashes(array $staged): array
	{
		return array_fill_keys(array_map(fn ($one) => $one[0]->hash, $staged), true);
	}

	/** @param array<string, true> $files */
	private static function isWithin(Saved $saved, array $files): bool
	{
		foreach ($saved->folders as $folder) {
			if (isset($files[$folder['hash']])) {
				return true;
			}
		}

		return false;
	}

	/**
	 * Tells whether a file may go with others: only its own bytes are to be placed, where nothing is.
	 *
	 * @param array<int, Staged> $staged
	 */
	private static function isPlain(Saved $saved, Decision $decision, array $staged): bool
	{
		return (
			$decision === Decision::Restore
			&& array_keys($staged) === [0]
			&& $saved->photos === []
			&& ! $saved->row['is_photo']
		);
	}

	/**
	 * Writes down that files will be published.
	 *
	 * @param array<int, array{Saved, Decision, array<int, Staged>}> $some
	 *
	 * @return array<int, Transfer> Those of them that will be.
	 */
	private function intend(array $some): array
	{
		$decider = $this->decider->over(array_map(fn ($one) => $one[0], array_values($some)));
		$some = array_filter(
			$some,
			fn ($one) => $decider->isNew($one[0]) && $decider->of($one[0]) === Decision::Restore,
		);
		$some = $this->withFolders($some);
		$files = [];
		foreach ($some as $n => [$saved, , $staged]) {
			$row = ['filesize' => $staged[0]['size_bytes']] + $this->withKnownCreator($saved->row);
			[$record, $wanted] = $this->values->fresh($saved, $row['edited']);
			$entry = ['folders' => $saved->folders, 'attach' => $row, 'photo' => null, 'sha256' => $staged[0]['sha256']]
			+ ['revision' => $wanted];
			$files[$n] = [
				'wanted' => $this->wanted($saved, 0, $staged[0], $row['edited'], $row['filetype'], $entry),
				'sha256' => $staged[0]['sha256'],
				'record' => $record,
			];
		}
		$transfers = [];
		try {
			$this->toPartials($some);
			$transfers = $this->new->intend($files);
		} finally {
			foreach (array_diff_key($some, $transfers) as [$saved, , $staged]) {
				if ($this->data->stat(self::firstPartial($saved))) {
					$this->data->place(self::firstPartial($saved), $this->data, $staged[0]['path']);
				}
			}
		}

		return $transfers;
	}

	/**
	 * Makes the folders of files.
	 *
	 * @param array<int, array{Saved, Decision, array<int, Staged>}> $some
	 *
	 * @return array<int, array{Saved, Decision, array<int, Staged>}> Those whose folders are here.
	 */
	private function withFolders(array $some): array
	{
		$areHere = $hashes = [];
		foreach ($some as $n => [$saved]) {
			$folder = $saved->row['folder'];
			try {
				if (! isset($areHere[$folder])) {
					$areHere[$folder] = false;
					FolderChange::createMissing($this->channel, $saved->folders);
					$areHere[$folder] = true;
				}
			} catch (Postponed|Refused) {
				// Each of its files says so.
			}
			// Some databases take hashes for equal that differ only in upper and lower case.
			$hash = strtolower($saved->hash);
			if (! $areHere[$folder] || isset($hashes[$hash])) {
				unset($some[$n]);
			}
			$hashes[$hash] = true;
		}

		return $some;
	}

	/**
	 * Moves staged bytes to where the partial files of first transfers belong, and forces that to disk.
	 *
	 * @param array<int, array{Saved, Decision, array<int, Staged>}> $some
	 */
	private function toPartials(array $some): void
	{
		$last = array_key_last($some);
		foreach ($some as $n => [$saved, , $staged]) {
			$partial = self::firstPartial($saved);
			// A killed process may have left one.
			$this->data->remove($partial);
			// The move of the last one forces both folders to disk.
			$n === $last
				? $this->data->move($staged[0]['path'], $partial)
				: $this->data->place($staged[0]['path'], $this->data, $partial);
		}
	}

	private static function firstPartial(Saved $saved): string
	{
		return Transfer::partialOf($saved->hash, 0, 1) . '.partial';
	}

	/**
	 * Publishes staged bytes.
	 *
	 * @param array<int, Staged> $staged
	 *
	 * @return array{Decision, string} What became of it, and why.
	 */
	public function file(Saved $saved, Decision $decision, array $staged): array
	{
		$bring = fn () => $this->bringFile($saved, $decision, $staged);
		$transfer = isset($staged[0]) ? Turn::take($this->channel->id, $bring) : null;
		if (isset($staged[0]) && $transfer === null) {
			return [$this->decider->of($saved), 'it was changed here meanwhile'];
		}
		$outcome = $transfer ? $this->publish($transfer) : [$decision, ''];
		$own = Store::attach($this->channel->id, $saved->hash);
		if (! $outcome[0]->isWork() || ! $own) {
			return $outcome;
		}
		if ($decision === Decision::Mend) {
			$add = fn () => $this->categories->add($saved, $this->values);
			$this->addedCategories += Turn::take($this->channel->id, $add);
		}
		foreach (array_diff_key($staged, [0 => true]) as $scale => $one) {
			$crop = (int) $own['is_photo'] ? $this->bringCrop($saved, $own, $scale, $one) : null;
			if ($crop) {
				$this->publish($crop);
			}
		}
		if ((int) $own['is_photo']) {
			$repair = new PhotoRepair($this->channel, $own);
			$stale = $decision === Decision::Replace ? self::MADE : [];
			$repair->mend(array_values(array_unique([...array_keys($repair->faults()), ...$stale])));
		}

		return $outcome;
	}

	/** @return Staged */
	private function copy(Saved $saved, int $scale): array
	{
		$path = self::FOLDER . "/$saved->hash-$scale";
		$this->data->remove($path);
		while ($this->source->waitSeconds() > 0) {
			Clock::wait(1);
			($this->beat)(0);
		}
		try {
			$staged = $this->source->stage($saved, $scale, $this->data, $path);
			while ($staged === null) {
				($this->beat)($this->source->stagedBytes());
				$staged = $this->source->step(self::STEP_MS);
			}
		} catch (\Throwable $e) {
			$this->source->abandon();
			$part = $saved->parts[$scale] ?? null;
			if (! $e instanceof NotFoundException || ! $part || ! $this->source->own) {
				throw $e;
			}
			$beat = fn () => ($this->beat)(0);
			$staged = $this->source->own->copy(
				$part['sha256'],
				$part['size_bytes'],
				$this->data,
				$path,
				$beat,
			) ?? throw $e;
		}

		return ['path' => $path, 'size_bytes' => $staged['size_bytes'], 'sha256' => $staged['sha256']];
	}

	/** @param array<int, Staged> $staged */
	private function bringFile(Saved $saved, Decision $decision, array $staged): ?Transfer
	{
		if ($this->decider->of($saved) !== $decision) {
			return null;
		}
		$own = Store::attach($this->channel->id, $saved->hash);
		$size = $staged[0]['size_bytes'];
		$row = ['filesize' => $size] + $this->withKnownCreator($saved->row);
		if ($decision === Decision::Replace && $own) {
			// No clone without filesync takes bytes dated before its own.
			$row['edited'] = Brake::after($own['edited']);
		} elseif ($decision === Decision::Mend && $own) {
			$row =
				['edited' => substr($own['edited'], 0, 19), 'is_photo' => (int) $own['is_photo']]
				+ ['filetype' => $own['filetype']]
				+ $row;
		}
		if (! $own) {
			FolderChange::createMissing($this->channel, $saved->folders);
		}
		$revision = $this->values->file($saved, $decision, $row['edited']);
		$hasPhoto = $decision === Decision::Mend && Store::photo($this->channel->id, $saved->hash, 0) !== null;
		$photo = $hasPhoto ? null : $saved->photos[0] ?? null;

		return $this->bring(
			$saved,
			0,
			$staged[0],
			$row['edited'],
			$row['filetype'],
			['folders' => $saved->folders, 'attach' => $row, 'photo' => $photo, 'sha256' => $staged[0]['sha256']]
			+ ['revision' => $revision],
		);
	}

	/**
	 * @param AttachRow $own
	 * @param Staged    $staged
	 */
	private function bringCrop(Saved $saved, array $own, int $scale, array $staged): ?Transfer
	{
		$photo = $this->withoutTakenUse($saved->photos[$scale]);
		$photo['mimetype'] = $saved->parts[$scale]['mimetype'] ?: $photo['mimetype'];

		return Turn::take($this->channel->id, fn () => $this->bring(
			$saved,
			$scale,
			$staged,
			$photo['edited'],
			$photo['mimetype'],
			ScaleEntry::of($own, ['filesize' => $staged['size_bytes']] + $photo, true),
		));
	}

	/**
	 * @param Staged          $staged
	 * @param FileEntry|Scale $entry
	 */
	private function bring(
		Saved $saved,
		int $scale,
		array $staged,
		string $edited,
		string $mimetype,
		array $entry,
	): ?Transfer {
		return Queue::bring(
			$this->wanted($saved, $scale, $staged, $edited, $mimetype, $entry),
			$staged['sha256'],
			$this->token,
			function (string $partial) use ($staged): void {
				$this->data->remove($partial);
				$this->data->move($staged['path'], $partial);
			},
		);
	}

	/**
	 * @param Staged          $staged
	 * @param FileEntry|Scale $entry
	 */
	private function wanted(
		Saved $saved,
		int $scale,
		array $staged,
		string $edited,
		string $mimetype,
		array $entry,
	): Wanted {
		return new Wanted(
			channelId: $this->channel->id,
			hash: $saved->hash,
			scale: $scale,
			sizeBytes: $staged['size_bytes'],
			edited: $edited,
			mimetype: $mimetype,
			folder: $saved->row['folder'],
			origin: '',
			nick: '',
			names: $saved->names,
			entry: $entry,
		);
	}

	/** @return array{Decision, string} */
	private function publish(Transfer $transfer): array
	{
		$this->publish->publish($transfer);

		return self::outcome($transfer);
	}

	/** @return array{Decision, string} What became of it, and why. */
	private static function outcome(Transfer $transfer): array
	{
		$now = Queue::find($transfer->channelId, $transfer->hash, $transfer->scale);
		if ($now === null) {
			return [Decision::Differs, 'it was changed here meanwhile'];
		}

		return match ($now->state) {
			TransferState::PUBLISHED => [Decision::Restore, ''],
			TransferState::PARKED => [Decision::Refused, $now->reason],
			TransferState::DROPPED => [Decision::Differs, 'it was changed here meanwhile'],
			default => [Decision::Arriving, $now->reason],
		};
	}

	/**
	 * Returns a row whose creator is somebody whom this hub knows.
	 *
	 * @template T of array{creator: string, ...}
	 *
	 * @param T $row
	 *
	 * @return T
	 */
	private function withKnownCreator(array $row): array
	{
		$creator = $row['creator'];
		$this->creators[$creator] ??=
			$creator === $this->channel->hash
			|| Table::first('xchan', ['xchan_hash' => $creator], '', 'xchan_hash') !== null;

		return $this->creators[$creator] ? $row : ['creator' => $this->channel->hash] + $row;
	}

	/**
	 * Returns the row of a crop; it does not become the profile or cover photo if another file is that here.
	 *
	 * @param Photo $photo
	 *
	 * @return Photo
	 */
	private function withoutTakenUse(array $photo): array
	{
		if (! in_array($photo['photo_usage'], [Core::PHOTO_PROFILE, Core::PHOTO_COVER], true)) {
			return $photo;
		}
		$others = ['photo_usage' => $photo['photo_usage'], 'resource_id <>' => $photo['resource_id']];
		foreach (Table::select(
			'photo',
			['uid' => $this->channel->id] + $others,
			'',
			0,
			'DISTINCT resource_id',
		) as $row) {
			if (Store::attach($this->channel->id, $row['resource_id'])) {
				return ['photo_usage' => Core::PHOTO_NORMAL, 'profile' => 0] + $photo;
			}
		}

		return $photo;
	}
}
