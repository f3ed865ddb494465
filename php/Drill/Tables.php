<?php

namespace FileSync\Addon\Drill;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Restore\Trial;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads the hub's tables again, and compares them with what the set says. What should be in them is worked out here:
 * nothing of the intake is asked.
 *
 * @import-type Row from Recorded
 */
final class Tables
{
	/** Core's kinds: a category, of a file. */
	private const CATEGORY = 3;
	private const OF_FILE = 2;
	/** Some databases end a size at 2 or 4 GiB. */
	private const COLUMN_ENDS = [2147483647, Bounds::COLUMN_END];
	/** Profile and cover photo: one file at a time is it. */
	private const USES = [1, 16];

	/** Names that got a number, because another one in the folder is the same. */
	public int $numbered = 0;

	public function __construct(
		private readonly Channel $scratch,
		/** The hash of the set's channel. */
		private readonly string $origin,
		/** Whether access, categories and so on are believed. */
		private readonly bool $isTrusted,
		private readonly Ledger $ledger,
	) {}

	/** Tells what is left of a scratch channel that was removed, in a sentence; null if nothing is. */
	public static function leftOf(Channel $scratch): ?string
	{
		foreach ([
			'channel' => ['channel_hash' => $scratch->hash],
			'xchan' => ['xchan_hash' => $scratch->hash],
			'hubloc' => ['hubloc_hash' => $scratch->hash],
			'attach' => ['uid' => $scratch->id],
			'photo' => ['uid' => $scratch->id],
			'term' => ['uid' => $scratch->id],
			'item' => ['uid' => $scratch->id],
			'filesync_file' => ['uid' => $scratch->id],
		] as $table => $where) {
			if (Table::count($table, $where) > 0) {
				return "rows of it are left in the table $table";
			}
		}
		clearstatcache();

		return is_dir("store/$scratch->nick") ? "the folder store/$scratch->nick is left" : null;
	}

	/** Compares a file or folder. Returns its row here; null if there is none. */
	public function compare(Recorded $entry): ?array
	{
		$name = $entry->name();
		$own = $this->attach(Trial::hashOn($this->scratch, $entry->hash));
		if ($own === null) {
			$this->ledger->note(Proof::Rows, $name, 'it has no row');

			return null;
		}
		$row = $entry->row();
		$this->ledger->note(Proof::Rows, $name, $this->difference($entry, $row, $own) ?? $this->photos($entry));
		$this->ledger->note(Proof::Access, $name, $this->accessOf($row, $own));
		$this->categories($name, $row, (int) $own['id']);

		return $own;
	}

	/**
	 * @param Row $row
	 * @param Row $own
	 */
	private function difference(Recorded $entry, array $row, array $own): ?string
	{
		$wanted = [
			'filename' => $this->nameOf($row, $own),
			'filetype' => Recorded::text($row, 'filetype'),
			'is_dir' => (string) (int) $entry->isFolder,
			'created' => Recorded::text($row, 'created'),
			'creator' => $this->creator(Recorded::text($row, 'creator')),
		];
		if (! $entry->isFolder) {
			$wanted['edited'] = Recorded::text($row, 'edited');
			$wanted['is_photo'] = (string) Recorded::number($row, 'is_photo');
			if (! in_array((int) $own['filesize'], self::COLUMN_ENDS, true)) {
				$wanted['filesize'] = (string) $entry->sizeBytes();
			}
		}

		return self::differs($wanted, $own) ?? $this->place($entry, $own);
	}

	/**
	 * Compares the folders above it.
	 *
	 * @param Row $own
	 */
	private function place(Recorded $entry, array $own): ?string
	{
		$names = [];
		$folder = Recorded::text($own, 'folder');
		for ($deep = 0; $folder !== '' && $deep <= Bounds::DEEPEST_FOLDER; $deep++) {
			$row = $this->attach($folder);
			if ($row === null) {
				return 'a folder above it has no row';
			}
			$names = [Recorded::text($row, 'filename'), ...$names];
			$folder = Recorded::text($row, 'folder');
		}
		$wanted = array_slice($entry->names(), 0, -1);

		// Each folder has been looked at itself.
		return array_map(self::withoutNumber(...), $names) === array_map(self::withoutNumber(...), $wanted)
			? null
			: 'it is in '
			. self::shown(implode('/', $names))
			. ' and should be in '
			. self::shown(implode('/', $wanted));
	}

	/**
	 * Compares who may see it.
	 *
	 * @param Row $row
	 * @param Row $own
	 */
	private function accessOf(array $row, array $own): ?string
	{
		$wanted = array_fill_keys(Recorded::LISTS, '');
		if (! $this->isTrusted) {
			$wanted['allow_cid'] = "<{$this->scratch->hash}>";
		} else {
			foreach (Recorded::LISTS as $list) {
				$said = str_replace("<$this->origin>", "<{$this->scratch->hash}>", Recorded::text($row, $list));
				// Links of posts that are not here open nothing; a list that has nothing else names its owner.
				$kept = str_starts_with($list, 'allow') ? (string) preg_replace('/<token:[^<>]*>/', '', $said) : $said;
				$wanted[$list] = $kept === '' && $said !== '' ? "<{$this->scratch->hash}>" : $kept;
			}
		}

		return self::differs($wanted, $own);
	}

	/** @param Row $row */
	private function categories(string $name, array $row, int $id): void
	{
		$wanted = [];
		foreach ($this->isTrusted ? Recorded::rows($row['term'] ?? null) : [] as $term) {
			if (Recorded::number($term, 'ttype') === self::CATEGORY) {
				$wanted[] = self::plain(Recorded::text($term, 'term'));
			}
		}
		$found = array_map(
			fn ($term) => self::plain((string) $term['term']),
			Table::rows(
				'term',
				['uid' => $this->scratch->id, 'oid' => $id, 'otype' => self::OF_FILE, 'ttype' => self::CATEGORY],
				'',
				0,
				'term',
			),
		);
		sort($wanted);
		sort($found);
		if ($wanted !== [] || $found !== []) {
			$this->ledger->note(
				Proof::Categories,
				$name,
				array_values(array_unique($wanted)) === array_values(array_unique($found))
					? null
					: 'it has '
					. self::shown(implode(', ', $found))
					. ' and should have '
					. self::shown(implode(', ', $wanted)),
			);
		}
	}

	/** Compares the rows of a photo's original, and of its crops. */
	private function photos(Recorded $entry): ?string
	{
		$hash = Trial::hashOn($this->scratch, $entry->hash);
		foreach (array_intersect_key($entry->photos, $entry->parts) as $scale => $row) {
			$own =
				Table::rows(
					'photo',
					['uid' => $this->scratch->id, 'resource_id' => $hash, 'imgscale' => $scale],
					'',
					1,
				)[0] ?? null;
			if ($own === null) {
				return "scale $scale of the photo has no row";
			}
			$wanted = ['xchan' => $this->scratch->hash];
			foreach (['title', 'description', 'width', 'height', 'is_nsfw', 'photo_usage'] as $column) {
				if (isset($row[$column])) {
					$wanted[$column] = Recorded::text($row, $column);
				}
			}
			if (! $this->isTrusted || in_array(Recorded::number($row, 'photo_usage'), self::USES, true)) {
				unset($wanted['photo_usage']);
			}
			$wanted['filesize'] = (string) $entry->parts[$scale]['size'];
			$why = self::differs($wanted, $own) ?? $this->accessOf($row, $own);
			if ($why !== null) {
				return "photo, scale $scale: $why";
			}
		}

		return null;
	}

	/**
	 * Returns the name that something should have here. In one folder no two have the same without regard to case: hubs
	 * with rows of older times may have such, and there all but one get a number.
	 *
	 * @param Row $row
	 * @param Row $own
	 */
	private function nameOf(array $row, array $own): string
	{
		[$wanted, $found] = [Recorded::text($row, 'filename'), Recorded::text($own, 'filename')];
		if ($found === $wanted || self::withoutNumber($found) !== $wanted) {
			return $wanted;
		}
		$others = ['uid' => $this->scratch->id, 'folder' => $own['folder'], 'hash <>' => $own['hash']];
		foreach (Table::rows('attach', $others, '', 0, 'filename') as $other) {
			if (mb_strtolower((string) $other['filename']) === mb_strtolower($wanted)) {
				$this->numbered++;

				return $found;
			}
		}

		return $wanted;
	}

	/** Returns a name without the number that tells it from another one: `cat(1).jpg` was `cat.jpg`. */
	private static function withoutNumber(string $name): string
	{
		return (string) preg_replace('/\(\d+\)(?=(\.[^.]*)?$)/D', '', $name);
	}

	/** Returns who made a file, as it should be here: people whom the hub does not know stand for nobody. */
	private function creator(string $said): string
	{
		$isOwn = ! $this->isTrusted || $said === $this->origin;

		return ! $isOwn && Table::rows('xchan', ['xchan_hash' => $said], '', 1, 'xchan_hash') !== []
			? $said
			: $this->scratch->hash;
	}

	/** @return ?Row */
	private function attach(string $hash): ?array
	{
		return Table::rows('attach', ['uid' => $this->scratch->id, 'hash' => $hash], '', 1)[0] ?? null;
	}

	/**
	 * Returns the first difference, in words.
	 *
	 * @param array<string, string> $wanted
	 * @param Row                   $own
	 */
	private static function differs(array $wanted, array $own): ?string
	{
		foreach ($wanted as $column => $value) {
			$found = Recorded::text($own, $column);
			// Some databases have fractions of seconds.
			$found = preg_match('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\./', $found) ? substr($found, 0, 19) : $found;
			if ($found !== $value) {
				return "$column is " . self::shown($found) . ' and should be ' . self::shown($value);
			}
		}

		return null;
	}

	/** Returns a category without the entities that hubs make of some characters. */
	private static function plain(string $category): string
	{
		return htmlspecialchars_decode($category, ENT_QUOTES);
	}

	private static function shown(string $value): string
	{
		return '"' . mb_strimwidth(mb_scrub($value), 0, 80, '…') . '"';
	}
}
