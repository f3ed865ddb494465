<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Refused;

if (! class_exists('App', false)) {
	exit;
}

/**
 * One entry of a sync packet's file list, checked.
 *
 * It accepts only known columns of the known types; anything else makes the whole entry invalid. Ids, owners and paths
 * of the packet are checked for honesty and then dropped: only a hash can determine a path on disk.
 *
 * @import-type Order from SiblingReader
 *
 * @type Term = array{ttype: int, term: string, url: string}
 * @type Attach = array{
 *     hash: string, filename: string, filetype: string, filesize: int, folder: string, is_dir: int, is_photo: int,
 *     flags: int, creator: string, created: string, edited: string,
 *     allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string,
 *     term: list<Term>, revision?: int, os_storage?: int, display_path?: string, deleted?: int
 * }
 * @type Photo = array{
 *     resource_id: string, imgscale: int, filesize: int, mimetype: string, created: string, edited: string,
 *     expires: string, xchan: string, title: string, description: string, album: string, height: int, width: int,
 *     photo_usage: int, profile: int, is_nsfw: int, photo_flags: int,
 *     allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string,
 *     filename?: string, os_storage?: int, display_path?: string
 * }
 */
final class Packet
{
	private const LONGEST_NAME = 191;
	private const LONGEST_TEXT = 1048576;
	private const LARGEST_COUNT = 1 << 53;

	private const ATTACH = [
		'id' => 'drop',
		'aid' => 'drop',
		'uid' => 'drop',
		'hash' => 'hash',
		'creator' => 'label',
		'filename' => 'name',
		'filetype' => 'label',
		'filesize' => 'count',
		'revision' => 'count',
		'folder' => 'parent',
		'flags' => 'count',
		'is_dir' => 'flag',
		'is_photo' => 'flag',
		'os_storage' => 'count',
		'os_path' => 'path',
		'display_path' => 'text',
		'content' => 'content',
		'data' => 'content',
		'created' => 'date',
		'edited' => 'date',
		'allow_cid' => 'acl',
		'allow_gid' => 'acl',
		'deny_cid' => 'acl',
		'deny_gid' => 'acl',
		'term' => 'terms',
		'deleted' => 'flag',
	];
	private const PHOTO = [
		'id' => 'drop',
		'aid' => 'drop',
		'uid' => 'drop',
		'xchan' => 'label',
		'resource_id' => 'hash',
		'created' => 'date',
		'edited' => 'date',
		'expires' => 'date',
		'title' => 'text',
		'description' => 'text',
		'album' => 'text',
		'filename' => 'name',
		'mimetype' => 'label',
		'type' => 'label',
		'height' => 'count',
		'width' => 'count',
		'filesize' => 'count',
		'size' => 'count',
		'content' => 'encoded',
		'data' => 'encoded',
		'imgscale' => 'scale',
		'scale' => 'scale',
		'photo_usage' => 'count',
		'profile' => 'count',
		'is_nsfw' => 'count',
		'os_storage' => 'count',
		'os_path' => 'path',
		'display_path' => 'text',
		'photo_flags' => 'count',
		'allow_cid' => 'acl',
		'allow_gid' => 'acl',
		'deny_cid' => 'acl',
		'deny_gid' => 'acl',
	];
	/** What is true of one hub only. */
	private const LOCAL = [
		'id' => 1,
		'aid' => 1,
		'uid' => 1,
		'os_storage' => 1,
		'os_path' => 1,
		'display_path' => 1,
		'content' => 1,
		'data' => 1,
		'deleted' => 1,
	];
	private const ATTACH_NEEDED = [
		'hash',
		'filename',
		'filetype',
		'filesize',
		'folder',
		'is_dir',
		'edited',
		'created',
		'allow_cid',
		'allow_gid',
		'deny_cid',
		'deny_gid',
	];
	private const PHOTO_NEEDED = ['resource_id', 'imgscale', 'filesize', 'mimetype', 'edited', 'created'];

	private function __construct(
		public readonly string $fetchUrl,
		public readonly string $nick,
		/** @var list<Attach> Folders from the root down, as attach rows. */
		public readonly array $folders,
		/** @var ?Attach The attach row that the entry is about; null for deletes. */
		public readonly ?array $last,
		/** @var array<int, Photo> Photo rows by scale. */
		public readonly array $photos,
		/** @var list<string> Hashes to delete. */
		public readonly array $deletes,
		/** @var list<array> Items, unchecked: core's own import checks them. */
		public readonly array $items,
		/** @var mixed The sending hub's description of itself, unchecked. */
		public readonly mixed $sibling,
		/** @var string The digest of the file that the sender knows, or empty. */
		public readonly string $sha256 = '',
		/** @var Order The sender's order of changes (SiblingReader::readOrder). */
		public readonly array $order = ['revision' => null, 'gone' => null, 'beneath' => []],
	) {}

	/**
	 * Reads an entry from the wire.
	 *
	 * @throws Refused
	 */
	public static function read(mixed $entry): self
	{
		if (! is_array($entry)) {
			throw new Refused('a file entry is not an object');
		}
		$fetchUrl = self::text($entry['fetch_url'] ?? null, 'fetch_url', 255);
		$nick = self::text($entry['original_channel'] ?? null, 'original_channel', 191);
		if (! preg_match('/^[A-Za-z0-9._-]+$/D', $nick)) {
			throw new Refused('original_channel is not a channel address');
		}
		$rows = self::rows($entry['attach'] ?? null, 'attach', Bounds::DEEPEST_FOLDER);
		if (! $rows) {
			throw new Refused('attach is empty');
		}
		$items = array_values(array_filter(self::rows($entry['item'] ?? [], 'item', 10000), fn ($item) => is_array(
			$item['owner'] ?? null,
		)));
		if (array_filter($rows, fn ($row) => ! empty($row['deleted']))) {
			return new self(
				fetchUrl: $fetchUrl,
				nick: $nick,
				folders: [],
				last: null,
				photos: [],
				deletes: self::deletes($rows),
				items: [],
				sibling: $entry['filesync'] ?? null,
				sha256: '',
				order: SiblingReader::readOrder($entry['filesync'] ?? null),
			);
		}
		$chain = self::chain($rows);
		$last = array_pop($chain);
		$photos = self::known(self::photos(self::rows($entry['photo'] ?? [], 'photo', 32), $last), $last);
		$told = SiblingReader::read($entry['filesync'] ?? null, $last['filesize']);
		$last['filesize'] = $told['size_bytes'];

		return new self(
			fetchUrl: $fetchUrl,
			nick: $nick,
			folders: $chain,
			last: $last,
			photos: $photos,
			deletes: [],
			items: $items,
			sibling: $entry['filesync'] ?? null,
			sha256: $told['sha256'],
			order: SiblingReader::readOrder($entry['filesync'] ?? null),
		);
	}

	/**
	 * Reads what a backup set says of a file or folder: the same columns, checked in the same way. Others, which a
	 * later version may know, are left out. A name may contain a slash here: no path is made of it.
	 *
	 * @param array<mixed> $said The decoded metadata file.
	 *
	 * @throws Refused
	 */
	public static function saved(array $said): self
	{
		$rows = self::rows($said['attach'] ?? null, 'attach', Bounds::DEEPEST_FOLDER);
		$names = [];
		foreach ($rows as $n => $row) {
			$names[$n] = is_string($row['filename'] ?? null) ? $row['filename'] : '';
			$rows[$n] =
				['filename' => strtr($names[$n], ['/' => '_'])]
				+ array_diff_key(array_intersect_key($row, self::ATTACH), self::LOCAL);
		}
		if (! $rows) {
			throw new Refused('attach is empty');
		}
		// The hub may have had no row of the folder above.
		$rows[0]['folder'] = '';
		$chain = self::chain($rows);
		foreach ($chain as $n => $row) {
			$chain[$n] = ['filename' => $names[$n]] + $row;
		}
		$last = array_pop($chain);
		$photos = array_map(
			fn ($row) => (
				['resource_id' => $last['hash']] + array_diff_key(array_intersect_key($row, self::PHOTO), self::LOCAL)
			),
			self::rows($said['photo'] ?? [], 'photo', 32),
		);

		$photos = self::known(self::photos($photos, $last), $last);

		return new self(
			fetchUrl: '',
			nick: '',
			folders: $chain,
			last: $last,
			photos: $photos,
			deletes: [],
			items: self::rows($said['item'] ?? [], 'item', 10000),
			sibling: null,
			sha256: '',
			order: SiblingReader::readOrder($said['filesync'] ?? null),
		);
	}

	/**
	 * @param list<array> $rows
	 *
	 * @return list<string>
	 */
	private static function deletes(array $rows): array
	{
		$hashes = [];
		foreach ($rows as $row) {
			if (empty($row['deleted'])) {
				throw new Refused('attach mixes deletes with files');
			}
			self::checkRow($row, self::ATTACH, ['hash']);
			$hashes[] = self::text($row['hash'], 'hash', 64);
		}

		return array_values(array_unique($hashes));
	}

	/**
	 * @param non-empty-list<array> $rows
	 *
	 * @return non-empty-list<Attach>
	 */
	private static function chain(array $rows): array
	{
		$chain = [];
		$parent = '';
		$seen = [];
		foreach ($rows as $i => $row) {
			/** @var Attach $checked By the types in ATTACH. */
			$checked = self::checkRow($row, self::ATTACH, self::ATTACH_NEEDED)
			+ ['creator' => '', 'flags' => 0, 'is_photo' => 0, 'term' => []];
			if ($checked['folder'] !== $parent || isset($seen[$checked['hash']])) {
				throw new Refused('the rows in "attach" do not form a single folder path');
			}
			if ($i < (count($rows) - 1) && ! $checked['is_dir']) {
				throw new Refused('a file appears as a folder');
			}
			$parent = $checked['hash'];
			$seen[$parent] = true;
			$chain[] = $checked;
		}
		if (strlen(implode('/', array_column($chain, 'hash'))) > Bounds::LONGEST_PATH) {
			throw new Refused('the path of the folders is longer than ' . Bounds::LONGEST_PATH . ' bytes');
		}

		return $chain;
	}

	/**
	 * @param list<array> $rows
	 * @param Attach      $last
	 *
	 * @return array<int, Photo>
	 */
	private static function photos(array $rows, array $last): array
	{
		$photos = [];
		foreach ($rows as $row) {
			foreach ([
				'data' => 'content',
				'scale' => 'imgscale',
				'size' => 'filesize',
				'type' => 'mimetype',
			] as $old => $new) {
				if (array_key_exists($old, $row)) {
					$row[$new] ??= $row[$old];
					unset($row[$old]);
				}
			}
			$checked = self::checkRow($row, self::PHOTO, self::PHOTO_NEEDED);
			if ($checked['resource_id'] !== $last['hash'] || $last['is_dir']) {
				throw new Refused('a photo row belongs to a different file');
			}
			/** @var Photo $photo By the types in PHOTO. */
			$photo = $checked
			+ [
				'title' => '',
				'description' => '',
				'album' => '',
				'xchan' => '',
				'expires' => $checked['edited'],
				'height' => 0,
				'width' => 0,
				'photo_usage' => 0,
				'profile' => 0,
				'is_nsfw' => 0,
				'photo_flags' => 0,
				'allow_cid' => $last['allow_cid'],
				'allow_gid' => $last['allow_gid'],
				'deny_cid' => $last['deny_cid'],
				'deny_gid' => $last['deny_gid'],
			];
			foreach (['title', 'description', 'album'] as $text) {
				$photo[$text] = PhotoType::text($photo[$text]);
			}
			$photos[$photo['imgscale']] = $photo;
		}
		ksort($photos);

		return $photos;
	}

	/**
	 * Returns the photo rows of the types that hubs show. A photo of another type is treated like any other file: its
	 * contents may be anything.
	 *
	 * @param array<int, Photo> $photos
	 * @param Attach            $last
	 *
	 * @return array<int, Photo>
	 */
	private static function known(array $photos, array &$last): array
	{
		if (isset($photos[0]) && ! PhotoType::isKnown($photos[0]['mimetype'])) {
			$last['is_photo'] = 0;

			return [];
		}

		return array_filter($photos, fn ($photo) => PhotoType::isKnown($photo['mimetype']));
	}

	/** @return list<array> */
	private static function rows(mixed $rows, string $what, int $most): array
	{
		if ($rows === null || $rows === '' || $rows === false) {
			return [];
		}
		if (! is_array($rows) || count($rows) > $most) {
			throw new Refused("$what is not a list of at most $most rows");
		}
		$known = array_filter($rows, is_array(...));
		if (count($known) !== count($rows)) {
			throw new Refused("$what contains something other than rows");
		}

		return array_values($known);
	}

	/**
	 * @param array<string, string> $columns
	 * @param list<string>          $needed
	 *
	 * @return array<string, int|string|list<Term>>
	 */
	private static function checkRow(array $row, array $columns, array $needed): array
	{
		$stored = ! empty($row['os_storage']);
		$checked = [];
		foreach (array_map(strval(...), array_keys($row)) as $key) {
			$type = $columns[$key] ?? throw new Refused(
					'an unknown column: ' . substr((string) preg_replace('/[^\w.-]/', '?', $key), 0, 64),
				);
			switch ($type) {
				case 'drop':
					self::text($row[$key], $key, 32);
					break;
				case 'path':
					self::honestPath($row[$key], $key);
					break;
				case 'content':
					if ($stored) {
						self::honestPath($row[$key], $key);
					}
					break;
				case 'encoded':
					if ($stored && is_string($row[$key]) && $row[$key] !== '') {
						self::honestPath(base64_decode($row[$key], true), $key);
					}
					break;
				default:
					$checked[$key] = self::checkValue($type, $row[$key], $key);
			}
		}
		foreach ($needed as $key) {
			if (! array_key_exists($key, $checked)) {
				throw new Refused("$key is missing");
			}
		}

		return $checked;
	}

	/** @return int|string|list<Term> */
	private static function checkValue(string $type, mixed $value, string $key): int|string|array
	{
		switch ($type) {
			case 'count':
				return self::count($value, $key);
			case 'flag':
				$flag = self::count($value, $key);
				return $flag <= 1 ? $flag : throw new Refused("$key is neither 0 nor 1");
			case 'scale':
				$scale = self::count($value, $key);
				return $scale <= 9 ? $scale : throw new Refused("$key is not a photo scale");
			case 'hash':
				$hash = self::text($value, $key, 64);
				return preg_match(Bounds::HASH, $hash)
					? $hash
					: throw new Refused("$key is not a file hash");
			case 'parent':
				return $value === '' || $value === null ? '' : self::checkValue('hash', $value, $key);
			case 'name':
				return self::name(self::text($value, $key, 4 * self::LONGEST_NAME));
			case 'label':
				$label = self::text($value, $key, self::LONGEST_NAME);
				return preg_match('/[\x00-\x1f\x7f]/', $label)
					? throw new Refused("$key contains a control character")
					: $label;
			case 'date':
				return self::date(self::text($value, $key, 32), $key);
			case 'acl':
				// Only text is accepted: a value that reads as empty would make the file public.
				$text = is_string($value)
					? self::text($value, $key, self::LONGEST_TEXT)
					: throw new Refused("$key is not an access list");
				return preg_replace('/<[^<>]*>/', '', $text) === ''
					? $text
					: throw new Refused("$key is not an access list");
			case 'terms':
				return self::terms($value);
			default:
				return self::text($value, $key, self::LONGEST_TEXT);
		}
	}

	/** @return list<Term> */
	private static function terms(mixed $value): array
	{
		$terms = [];
		foreach (self::rows($value, 'term', 500) as $row) {
			$type = self::count($row['type'] ?? $row['ttype'] ?? null, 'ttype');
			$terms[] = [
				'ttype' => min($type, 255),
				'term' => self::text($row['term'] ?? '', 'term', 764),
				'url' => self::text($row['url'] ?? '', 'url', 4096),
			];
		}

		return $terms;
	}

	private static function text(mixed $value, string $key, int $most): string
	{
		if (is_int($value) || $value === null) {
			$value = (string) $value;
		}
		if (
			! is_string($value)
			|| strlen($value) > $most
			|| str_contains($value, "\0")
			|| ! mb_check_encoding($value, 'UTF-8')
		) {
			throw new Refused("$key is not text of at most $most bytes");
		}

		return $value;
	}

	private static function count(mixed $value, string $key): int
	{
		if (is_bool($value) || $value === null || $value === '') {
			return (int) $value;
		}
		if (
			(is_int($value)
			&& $value >= 0
			|| is_string($value)
			&& preg_match('/^\d{1,18}$/D', $value))
			&& (int) $value <= self::LARGEST_COUNT
		) {
			return (int) $value;
		}
		throw new Refused("$key is not a count");
	}

	private static function date(string $date, string $key): string
	{
		if (str_starts_with($date, '0000-00-00')) {
			return Core::noDate();
		}
		$part = [];
		if (! preg_match('/^((\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d))(\.\d+)?$/D', $date, $part)) {
			throw new Refused("$key is not a date");
		}
		if (
			checkdate((int) $part[3], (int) $part[4], (int) $part[2])
			&& $part[5] < 24
			&& $part[6] < 60
			&& $part[7] < 60
		) {
			return $part[1];
		}
		throw new Refused("$key is not a date");
	}

	private static function name(string $name): string
	{
		if ($name === '' || $name === '.' || $name === '..' || str_contains($name, '/')) {
			throw new Refused('filename is not a valid name');
		}
		if (mb_strlen($name) > self::LONGEST_NAME) {
			throw new Refused('filename is longer than ' . self::LONGEST_NAME . ' characters');
		}

		return $name;
	}

	/** Refuses a path that is absolute or leads upwards. Honest clones send none, and we use none. */
	private static function honestPath(mixed $path, string $key): void
	{
		if ($path === null || $path === '') {
			return;
		}
		if (! is_string($path) || strlen($path) > 16384 || preg_match('#^/|(^|[/\\\\])\.\.?([/\\\\]|$)|\0#', $path)) {
			throw new Refused("$key is not a path beneath a store");
		}
	}
}
