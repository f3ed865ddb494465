<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Conversations;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Sibling;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\ScaleTable;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads the files and folders of a channel for a set: a page of rows at a time, each with its folders, photo rows,
 * posts and categories.
 *
 * A page is several queries, and the channel may change between them: who needs to know reads again and compares.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Known from \FileSync\Addon\Order\Judge
 * @import-type PhotoRow from \FileSync\Addon\Hub\Rows
 * @import-type TermRow from \FileSync\Addon\Hub\Rows
 *
 * @type Posts = array{posts: list<string>, left: int}
 */
final class Entries
{
	/** Bytes of one metadata file. */
	public const MOST_BYTES = 4 << 20;
	/** What remains of them for the rest, beside posts. */
	private const REST_BYTES = 1 << 17;

	private const PAGE = 200;
	private const COLUMNS =
		'id, uid, hash, creator, filename, filetype, filesize, revision, folder, flags, is_dir, is_photo,'
			. ' os_storage, created, edited, allow_cid, allow_gid, deny_cid, deny_gid,'
			// Bytes in the database would fill the memory.
			. " CASE WHEN os_storage = 1 THEN content ELSE '' END AS content";
	private const PHOTO_COLUMNS =
		'id, resource_id, imgscale, photo_usage, mimetype, width, height, filesize, title,'
			. ' description, album, filename, is_nsfw, created, edited, allow_cid, allow_gid, deny_cid, deny_gid';
	/** Those that cannot be made from others. */
	public const SCALES = [0, ...ScaleTable::CROPS];
	private const NUMBERS = [
		'filesize' => 1,
		'revision' => 1,
		'flags' => 1,
		'is_dir' => 1,
		'is_photo' => 1,
		'imgscale' => 1,
		'photo_usage' => 1,
		'width' => 1,
		'height' => 1,
		'is_nsfw' => 1,
		'otype' => 1,
		'ttype' => 1,
	];
	private const JSON = Json::FLAGS | JSON_THROW_ON_ERROR;

	public function __construct(private readonly Channel $channel) {}

	/**
	 * Reads all files and folders, in the order of their rows.
	 *
	 * @param int $after The row after which to begin.
	 *
	 * @return \Generator<int, list<Entry>> By the row after which to go on.
	 */
	public function pages(int $after = 0): \Generator
	{
		$where = ['uid' => $this->channel->id];
		while ($rows = Table::select('attach', $where + ['id >' => $after], 'id', self::PAGE, self::COLUMNS)) {
			$after = (int) $rows[count($rows) - 1]['id'];
			yield $after => iterator_to_array($this->read($this->firsts($rows)), false);
		}
	}

	/**
	 * Reads files and folders in the order of their rows, a few at a time, however many posts they have.
	 *
	 * @param int $after The row after which to begin.
	 *
	 * @return \Generator<int, Entry, mixed, ?int> By their rows; the end is the row after which to go on, null: there
	 *     are no more.
	 */
	public function each(int $after, int $limit): \Generator
	{
		$where = ['uid' => $this->channel->id, 'id >' => $after];
		$rows = Table::select('attach', $where, 'id', $limit, self::COLUMNS);
		foreach (array_chunk($rows, self::PAGE) as $some) {
			yield from $this->read($this->firsts($some));
		}

		return count($rows) < $limit ? null : (int) $rows[$limit - 1]['id'];
	}

	/**
	 * Reads some files and folders; those that are gone are not among them.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, Entry> By hash.
	 */
	public function of(array $hashes): array
	{
		return array_column(iterator_to_array($this->some($hashes), false), null, 'hash');
	}

	/**
	 * Reads some files and folders, a few at a time; those that are gone are not among them.
	 *
	 * @param list<string> $hashes
	 * @param bool $withPosts Without them their metadata is incomplete.
	 *
	 * @return \Generator<int, Entry> By their rows.
	 */
	public function some(array $hashes, bool $withPosts = true): \Generator
	{
		$rows = $hashes
			? Table::select('attach', ['uid' => $this->channel->id, 'hash' => $hashes], 'id', 0, self::COLUMNS)
			: [];
		$rows = array_filter($rows, fn ($row) => in_array($row['hash'], $hashes, true));

		yield from $this->read($this->firsts(array_values($rows)), $withPosts);
	}

	/**
	 * Tells which of some files and folders have a row.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public function present(array $hashes): array
	{
		$rows = $hashes
			? Table::select('attach', ['uid' => $this->channel->id, 'hash' => $hashes], '', 0, 'DISTINCT hash')
			: [];

		return array_values(array_intersect($hashes, array_column($rows, 'hash')));
	}

	/**
	 * Leaves out rows that are not the first of their hash: the hub ignores them.
	 *
	 * @param list<AttachRow> $rows
	 *
	 * @return list<AttachRow>
	 */
	private function firsts(array $rows): array
	{
		$hashes = array_column($rows, 'hash');
		$first = [];
		foreach ($hashes
			? Table::select('attach', ['uid' => $this->channel->id, 'hash' => $hashes], 'id', 0, 'id, hash')
			: [] as $row) {
			$first[$row['hash']] ??= (int) $row['id'];
		}

		return array_values(array_filter(
			$rows,
			fn (array $row): bool => (
				($first[$row['hash']] ?? null) === (int) $row['id']
				&& preg_match(Bounds::HASH, $row['hash']) === 1
			),
		));
	}

	/**
	 * @param list<AttachRow> $rows
	 *
	 * @return \Generator<int, Entry> By their rows.
	 */
	private function read(array $rows, bool $withPosts = true): \Generator
	{
		if ($rows === []) {
			return;
		}
		$mostBytes = self::MOST_BYTES - self::REST_BYTES;
		$posts = $withPosts ? Conversations::about($this->channel, array_column($rows, 'hash'), $mostBytes) : [];
		if ($posts === null) {
			$half = intdiv(count($rows) + 1, 2);
			yield from $this->read(array_slice($rows, 0, $half));
			yield from $this->read(array_slice($rows, $half));

			return;
		}
		$folders = $this->foldersAbove($rows);
		$terms = $this->terms([...$rows, ...array_values($folders)]);
		$photos = $this->photos($rows);
		$known = Revisions::some($this->channel->id, array_column($rows, 'hash'));
		foreach ($rows as $row) {
			$hash = $row['hash'];
			yield (int) $row['id'] => $this->entry(
				Store::withTrueSize($row),
				self::chain($row, $folders),
				$terms,
				$photos[$hash] ?? [],
				$posts[$hash] ?? ['posts' => [], 'left' => 0],
				$known[$hash] ?? null,
			);
		}
	}

	/**
	 * @param AttachRow                      $row
	 * @param list<AttachRow>                $chain
	 * @param array<int, list<TermRow>>      $terms
	 * @param list<PhotoRow>                 $photos
	 * @param Posts                          $posts
	 * @param ?Known                    $known
	 */
	private function entry(
		array $row,
		array $chain,
		array $terms,
		array $photos,
		array $posts,
		?array $known,
	): Entry {
		$isFolder = (bool) (int) $row['is_dir'];
		$rows = [...array_map(self::aboveOf(...), $chain), $row];
		$isLegacy = ! $isFolder && ! (int) $row['os_storage'];
		$revision = self::revision($row, $terms[(int) $row['id']] ?? [], $known);
		$text = (string) json_encode(
			['kind' => $isFolder ? 'folder' : 'file', 'hash' => $row['hash']]
			+ ['attach' => array_map(fn ($one) => self::attachOf($one, $terms[(int) $one['id']] ?? []), $rows)]
			+ ($photos ? ['photo' => array_map(self::photoOf(...), $photos)] : [])
			+ ($revision ? ['filesync' => $revision] : []),
			self::JSON,
		);
		$items = $posts['posts'] ? ',"item":[' . implode(',', $posts['posts']) . ']' : '';

		return new Entry(
			hash: $row['hash'],
			isFolder: $isFolder,
			names: [...array_column($chain, 'filename'), $row['filename']],
			metadata: substr($text, 0, -1) . $items . '}',
			path: $isFolder || $isLegacy ? null : Store::pathOf($this->channel, $row),
			rowWithBytes: $isLegacy ? (int) $row['id'] : null,
			edited: substr($row['edited'], 0, 19),
			sizeBytes: $isFolder ? 0 : (int) $row['filesize'],
			crops: $this->crops($row['hash'], $photos),
			posts: count($posts['posts']),
			lacks: self::lacks($row, $chain, $posts['left']),
		);
	}

	/**
	 * Returns what the values of a file have seen; nothing if it has changed since that was recorded.
	 *
	 * @param AttachRow     $row
	 * @param list<TermRow> $terms
	 * @param ?Known        $known
	 *
	 * @return array<string, mixed>
	 */
	private static function revision(array $row, array $terms, ?array $known): array
	{
		return (
			$known && $known['state'] === 'here' && ! array_diff_assoc(Revisions::prints($row, $terms), $known['here'])
				? ['v' => Version::SIBLING, 'revision' => Sibling::revision($known)]
				: []
		);
	}

	/**
	 * @param AttachRow       $row
	 * @param list<AttachRow> $chain
	 *
	 * @return list<Lack>
	 */
	private static function lacks(array $row, array $chain, int $posts): array
	{
		$name = $row['filename'];
		$above = $chain ? $chain[0]['folder'] : $row['folder'];

		return [
			...(
				$above === ''
					? []
					: [new Lack('folder', 'no_row', "The hub has no row of a folder above $name.", $row['hash'])]
			),
			...(
				$posts === 0
					? []
					: [new Lack(
						'posts',
						'too_many',
						"$name has more posts and comments than a set holds for one file: $posts are not in it.",
						$row['hash'],
					)]
			),
		];
	}

	/**
	 * Returns what a file's metadata has of a folder above it. Hubs date a folder again with every file that comes,
	 * changes or goes there, and then the metadata of all others would be new to the set each time.
	 *
	 * @param AttachRow $folder
	 *
	 * @return AttachRow
	 */
	private static function aboveOf(array $folder): array
	{
		$folder['edited'] = $folder['created'];

		return $folder;
	}

	/**
	 * Returns the entries of the access lists of some rows, without brackets.
	 *
	 * @param list<AttachRow> $rows
	 *
	 * @return list<string>
	 */
	public static function access(array $rows): array
	{
		$entries = [];
		foreach ($rows as $row) {
			$lists = $row['allow_cid'] . $row['allow_gid'] . $row['deny_cid'] . $row['deny_gid'];
			$entries = [
				...$entries,
				...array_filter(explode('>', strtr($lists, ['<' => ''])), fn ($one) => $one !== ''),
			];
		}

		return array_values(array_unique($entries));
	}

	/**
	 * @param AttachRow     $row
	 * @param list<TermRow> $terms
	 *
	 * @return array<string, mixed>
	 */
	private static function attachOf(array $row, array $terms): array
	{
		$local = ['id' => 1, 'uid' => 1, 'os_storage' => 1, 'content' => 1];

		return (
			self::numbered(array_diff_key($row, $local))
			+ [
				'term' => array_map(
					fn ($term) => self::numbered(array_diff_key($term, ['oid' => 1])),
					$terms,
				),
			]
		);
	}

	/**
	 * @param PhotoRow $row
	 *
	 * @return array<string, scalar|null>
	 */
	private static function photoOf(array $row): array
	{
		return self::numbered(array_diff_key($row, ['id' => 1, 'resource_id' => 1]));
	}

	/**
	 * @param array<string, scalar|null> $row
	 *
	 * @return array<string, scalar|null>
	 */
	private static function numbered(array $row): array
	{
		foreach (array_intersect_key($row, self::NUMBERS) as $column => $value) {
			$row[$column] = (int) $value;
		}
		foreach (['created', 'edited'] as $date) {
			if (isset($row[$date])) {
				// PostgreSQL may add a fraction.
				$row[$date] = substr((string) $row[$date], 0, 19);
			}
		}

		return $row;
	}

	/**
	 * @param list<PhotoRow> $photos
	 *
	 * @return list<Crop>
	 */
	private function crops(string $hash, array $photos): array
	{
		$crops = [];
		foreach ($photos as $photo) {
			if (in_array((int) $photo['imgscale'], ScaleTable::CROPS, true)) {
				$crops[] = new Crop(
					(int) $photo['imgscale'],
					$photo['mimetype'],
					Facts::of($this->channel, $hash, (int) $photo['imgscale']),
				);
			}
		}

		return $crops;
	}

	/**
	 * Returns the folders above some rows, by hash, as far as they have rows.
	 *
	 * @param list<AttachRow> $rows
	 *
	 * @return array<string, AttachRow>
	 */
	private function foldersAbove(array $rows): array
	{
		$folders = [];
		$wanted = array_column($rows, 'folder');
		for ($depth = 0; $depth < Bounds::DEEPEST_FOLDER; $depth++) {
			$wanted = array_values(array_unique(array_filter(
				$wanted,
				fn ($hash) => $hash !== '' && ! isset($folders[$hash]),
			)));
			if ($wanted === []) {
				break;
			}
			$found = Table::select(
				'attach',
				['uid' => $this->channel->id, 'hash' => $wanted, 'is_dir' => 1],
				'id DESC',
				0,
				self::COLUMNS,
			);
			foreach ($found as $row) {
				$folders[$row['hash']] = $row;
			}
			$wanted = array_column($found, 'folder');
		}

		return $folders;
	}

	/**
	 * @param AttachRow                $row
	 * @param array<string, AttachRow> $folders
	 *
	 * @return list<AttachRow> From the root down.
	 */
	private static function chain(array $row, array $folders): array
	{
		$chain = [];
		for (
			$hash = $row['folder'];
			isset($folders[$hash]) && ! isset($chain[$hash]);
			$hash = $folders[$hash]['folder']
		) {
			$chain[$hash] = $folders[$hash];
		}

		return array_reverse(array_values($chain));
	}

	/**
	 * @param list<AttachRow> $rows
	 *
	 * @return array<int, list<TermRow>> By the row's number.
	 */
	private function terms(array $rows): array
	{
		$terms = [];
		foreach (Table::select(
			'term',
			[
				'uid' => $this->channel->id,
				'otype' => Core::TERM_OF_FILE,
				'oid' => array_map('intval', array_column($rows, 'id')),
			],
			'tid',
			0,
			'oid, otype, ttype, term, url',
		) as $term) {
			$terms[(int) $term['oid']][] = $term;
		}

		return $terms;
	}

	/**
	 * @param list<AttachRow> $rows
	 *
	 * @return array<string, list<PhotoRow>> By hash, the first row of each scale.
	 */
	private function photos(array $rows): array
	{
		$hashes = array_column(array_filter($rows, fn (array $row): bool => (int) $row['is_photo'] !== 0), 'hash');
		$photos = $seen = [];
		foreach ($hashes
			? Table::select(
				'photo',
				['uid' => $this->channel->id, 'resource_id' => $hashes, 'imgscale' => self::SCALES],
				'imgscale, id',
				0,
				self::PHOTO_COLUMNS,
			)
			: [] as $photo) {
			$scale = "{$photo['resource_id']}-{$photo['imgscale']}";
			if (! isset($seen[$scale])) {
				$photos[$photo['resource_id']][] = $photo;
			}
			$seen[$scale] = true;
		}

		return $photos;
	}
}
