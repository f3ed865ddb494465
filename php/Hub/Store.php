<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads and writes attach and photo rows, and computes the paths of their bytes.
 *
 * Paths in rows are relative to the hub's root. Every path consists of our own folder chain and the hash.
 *
 * @import-type AttachRow from Rows
 * @import-type PhotoRow from Rows
 * @import-type Number from Rows
 *
 * @type Place = array{os_path: string, display_path: string, album: string, content: string}
 * @type OnDisk = array{inode: int, size_bytes: int, mtime: int}
 */
final class Store
{
	/**
	 * Returns our row of a file or folder with its true size, or null. It never returns another channel's row of that
	 * hash.
	 *
	 * MariaDB ignores case, so a hash that differs only in case would match our file.
	 *
	 * @return ?AttachRow
	 */
	public static function attach(int $channelId, string $hash): ?array
	{
		$row = Table::first('attach', ['uid' => $channelId, 'hash' => $hash], 'id');
		if ($row && $row['hash'] !== $hash) {
			throw new Refused("the hash differs from another file's only in upper and lower case");
		}

		return $row ? self::withTrueSize($row) : null;
	}

	/**
	 * Returns our rows of some files and folders by hash, or only some columns of them. Null if attach() would refuse
	 * one of the hashes.
	 *
	 * @param list<string> $hashes
	 * @param string       $columns With `hash`; rows of files that are in the database hold their bytes in `content`.
	 *
	 * @return ?array<string, AttachRow>
	 */
	public static function attachSome(int $channelId, array $hashes, string $columns = '*'): ?array
	{
		$wanted = array_flip($hashes);
		$rows = [];
		foreach ($hashes
			? Table::select('attach', ['uid' => $channelId, 'hash' => $hashes], 'id', 0, $columns)
			: [] as $row) {
			if (! isset($wanted[$row['hash']])) {
				return null;
			}
			$rows[$row['hash']] ??= $row;
		}

		return $rows;
	}

	/**
	 * Returns our rows of those of some files whose bytes are on disk, by hash, with their true sizes.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, AttachRow>
	 */
	public static function onDisk(int $channelId, array $hashes): array
	{
		$wanted = array_flip($hashes);
		$rows = [];
		foreach ($hashes
			? Table::select('attach', ['uid' => $channelId, 'hash' => $hashes, 'is_dir' => 0, 'os_storage' => 1], 'id')
			: [] as $row) {
			if (isset($wanted[$row['hash']])) {
				$rows[$row['hash']] ??= self::withTrueSize($row);
			}
		}

		return $rows;
	}

	/**
	 * Returns an attach row with the file's true size if the column is too narrow for it: from our record, or else from
	 * disk.
	 *
	 * @param AttachRow $row
	 *
	 * @return AttachRow
	 */
	public static function withTrueSize(array $row): array
	{
		$end = Family::largestFileBytes();
		if ((int) $row['filesize'] === $end && ! (int) $row['is_dir']) {
			$onDisk = self::facts($row['content']);
			$known = Sizes::sizeOf((int) $row['uid'], $row['hash']);
			// Our record does not describe bytes written later.
			$isKnown = $known && (! $onDisk || $onDisk['mtime'] <= $known['updated']);
			$row['filesize'] = max($end, $known && $isKnown ? $known['size_bytes'] : $onDisk['size_bytes'] ?? 0);
		}

		return $row;
	}

	/**
	 * Returns our photo row of one scale, without bytes kept in the database, or null.
	 *
	 * @return ?PhotoRow
	 */
	public static function photo(int $channelId, string $hash, int $scale): ?array
	{
		$columns = 'id, resource_id, imgscale, filesize, edited, os_storage, photo_usage, mimetype';

		return Table::first(
			'photo',
			['uid' => $channelId, 'resource_id' => $hash, 'imgscale' => $scale],
			'id',
			$columns,
		);
	}

	/** Returns the hub-relative path of a photo row's file, or null if its bytes are in the database. */
	public static function photoPath(int $photoId): ?string
	{
		return Table::first('photo', ['id' => $photoId, 'os_storage' => 1], '', 'content')['content'] ?? null;
	}

	/** Returns the folder of a channel's files, hub-relative. */
	public static function root(Channel $channel): string
	{
		return 'store/' . $channel->nick;
	}

	/** Returns our own folder for a channel's unfinished and kept files, hub-relative; creates it on request. */
	public static function dataRoot(int $channelId, bool $make = false): string
	{
		$path = 'store/[data]/filesync/' . $channelId;
		if ($make && ! is_dir($path . '/kept')) {
			os_mkdir($path . '/kept', STORAGE_DEFAULT_PERMISSIONS, true);
		}

		return $path;
	}

	/** Removes our own folder with all unfinished and kept files. Follows no link. */
	public static function removeData(): void
	{
		$root = 'store/[data]/filesync';
		if (is_link($root) || ! is_dir($root)) {
			return;
		}
		$flags = \FilesystemIterator::SKIP_DOTS | \FilesystemIterator::CURRENT_AS_FILEINFO;
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($root, $flags),
			\RecursiveIteratorIterator::CHILD_FIRST,
		) as $path => $entry) {
			$entry->isDir() && ! $entry->isLink() ? @rmdir($path) : @unlink($path);
		}
		@rmdir($root);
	}

	/**
	 * Returns the folders from the root down to one, by our own rows.
	 *
	 * @return ?list<AttachRow> Null if one is missing or is not a folder, or if they form a loop.
	 */
	public static function chain(int $channelId, string $folder): ?array
	{
		$chain = [];
		while ($folder !== '') {
			$row = self::attach($channelId, $folder);
			if (! $row || ! $row['is_dir'] || isset($chain[$folder]) || ! preg_match(Bounds::HASH, $folder)) {
				return null;
			}
			$chain[$folder] = $row;
			$folder = $row['folder'];
		}

		return array_reverse(array_values($chain));
	}

	/**
	 * Returns the paths of a file in a folder.
	 *
	 * @return ?Place Null if the folder is
	 *     not ours, or the path would be too long.
	 */
	public static function place(Channel $channel, string $folder, string $hash, string $name): ?array
	{
		$chain = self::chain($channel->id, $folder);

		return $chain === null ? null : self::placeIn($channel, $chain, $hash, $name);
	}

	/**
	 * Returns the paths of a file beneath a chain of folders, as place() does.
	 *
	 * @param list<AttachRow> $chain
	 *
	 * @return ?Place Null if the path would be too long.
	 */
	public static function placeIn(Channel $channel, array $chain, string $hash, string $name): ?array
	{
		$osPath = implode('/', [...array_column($chain, 'hash'), $hash]);
		if (strlen($osPath) > Bounds::LONGEST_PATH) {
			return null;
		}

		return [
			'os_path' => $osPath,
			'album' => implode('/', array_column($chain, 'filename')),
			'display_path' => implode('/', [...array_column($chain, 'filename'), $name]),
			'content' => self::root($channel) . '/' . $osPath,
		];
	}

	/**
	 * Returns the hub-relative path of a row's file if it is beneath the channel's own folder, or null.
	 *
	 * Very old rows lack the prefix, rows with os_storage 0 hold the bytes themselves.
	 *
	 * @param array{os_storage: Number, content: string, ...} $row
	 */
	public static function pathOf(Channel $channel, array $row): ?string
	{
		if (! (int) $row['os_storage']) {
			return null;
		}
		$path = str_contains($row['content'], 'store') ? $row['content'] : self::root($channel) . '/' . $row['content'];
		$root = self::root($channel) . '/';

		return str_starts_with($path, $root)
		&& preg_match('#^[A-Za-z0-9-]+(/[A-Za-z0-9-]+)*$#D', substr($path, strlen($root)))
			? $path
			: null;
	}

	/**
	 * Refuses a path if it, or a folder above it, is a symbolic link beneath the channel's own folder: a link may lead
	 * anywhere.
	 *
	 * @throws Postponed
	 */
	public static function refuseLinks(string $path): void
	{
		$parts = explode('/', $path);
		for ($n = 3; $n <= count($parts); $n++) {
			if (is_link(implode('/', array_slice($parts, 0, $n)))) {
				throw new Postponed('a folder on disk is a symbolic link', false);
			}
		}
	}

	/**
	 * Returns facts that distinguish a file's present content from any other, or null if the file does not exist.
	 *
	 * @return ?OnDisk
	 */
	public static function facts(?string $path): ?array
	{
		clearstatcache();
		$stat = $path !== null && is_file($path) && ! is_link($path) ? @stat($path) : false;

		return $stat ? ['inode' => $stat['ino'], 'size_bytes' => $stat['size'], 'mtime' => $stat['mtime']] : null;
	}

	/**
	 * Copies bytes to an unused path, completely or not at all.
	 *
	 * @throws Postponed The disk is full or fails.
	 */
	public static function copy(string $source, string $path): void
	{
		self::refuseLinks($path);
		$part = $path . '.new';
		if (! @copy($source, $part) || filesize($part) !== filesize($source) || ! @rename($part, $path)) {
			@unlink($part);
			throw new Postponed('a file cannot be copied on disk', true);
		}
	}

	/** Returns an unused name in the folder: core's `name(N).ext`. */
	public static function freeName(int $channelId, string $folder, string $hash, string $name): string
	{
		$dot = strrpos($name, '.');
		$base = $dot === false ? $name : substr($name, 0, $dot);
		$extension = $dot === false ? '' : substr($name, $dot);
		$others = ['uid' => $channelId, 'folder' => $folder, 'hash <>' => $hash];
		for ($free = $name, $n = 1; Table::first('attach', $others + ['filename' => $free], '', 'id'); $n++) {
			$suffix = '(' . $n . ')' . $extension;
			$free = mb_substr($base, 0, 191 - mb_strlen($suffix)) . $suffix;
		}

		return $free;
	}

	/**
	 * Replaces the categories of a file.
	 *
	 * @param list<array{ttype: Number, term: string, url: string, ...}> $terms
	 */
	public static function setTerms(int $channelId, int $attachId, array $terms): void
	{
		$where = ['uid' => $channelId, 'oid' => $attachId, 'otype' => TERM_OBJ_FILE];
		$wanted = [];
		foreach (array_map(self::asStored(...), $terms) as $row) {
			if ($row['term'] !== '') {
				$wanted[json_encode($row, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE)] = $row;
			}
		}
		$present = [];
		foreach (Table::select('term', $where, 'tid', 0, 'ttype, term, url') as $row) {
			$present[json_encode(
				['ttype' => (int) $row['ttype'], 'term' => $row['term'], 'url' => $row['url']],
				JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE,
			)] = true;
		}
		if (array_keys($present) == array_keys($wanted)) {
			return;
		}
		Table::delete('term', $where);
		foreach ($wanted as $row) {
			Table::insert('term', $where + $row);
		}
	}

	/**
	 * Returns those of some categories that a file does not have.
	 *
	 * @template T of array{ttype: Number, term: string, url: string, ...}
	 *
	 * @param list<T> $terms
	 *
	 * @return list<T>
	 */
	public static function missingTerms(int $channelId, int $attachId, array $terms): array
	{
		$where = ['uid' => $channelId, 'oid' => $attachId, 'otype' => TERM_OBJ_FILE];
		$name = fn (array $term): string => (int) $term['ttype'] . "\n" . (string) $term['term'];
		$present = array_fill_keys(array_map($name, Table::select('term', $where, '', 0, 'ttype, term')), true);
		$missing = [];
		foreach ($terms as $term) {
			$stored = self::asStored($term);
			if ($stored['term'] !== '' && ! isset($present[$name($stored)])) {
				$missing[$name($stored)] ??= $term;
			}
		}

		return array_values($missing);
	}

	/**
	 * Adds categories to those that a file has.
	 *
	 * @param list<array{ttype: Number, term: string, url: string, ...}> $terms
	 */
	public static function addTerms(int $channelId, int $attachId, array $terms): void
	{
		foreach ($terms as $term) {
			Table::insert(
				'term',
				['uid' => $channelId, 'oid' => $attachId, 'otype' => TERM_OBJ_FILE] + self::asStored($term),
			);
		}
	}

	/**
	 * Returns a category as hubs store it.
	 *
	 * @param array{ttype: Number, term: string, url: string, ...} $term
	 *
	 * @return array{ttype: int, term: string, url: string}
	 */
	private static function asStored(array $term): array
	{
		$url = preg_match('#^https?://#i', $term['url']) ? $term['url'] : '';

		return [
			'ttype' => (int) $term['ttype'],
			'term' => mb_substr(escape_tags($term['term']), 0, 191),
			'url' => mb_substr(escape_tags($url), 0, 191),
		];
	}

	/**
	 * Returns the bytes that a channel's account uses, and how many it may use (null: unlimited).
	 *
	 * @return array{int, ?int}
	 */
	public static function quota(Channel $channel): array
	{
		$limit = service_class_fetch($channel->id, 'attach_upload_limit');

		if ($limit === false || $limit === null) {
			return [0, null];
		}
		$account = $channel->accountId;
		$beyond = [
			'size_bytes >' => Family::largestFileBytes(),
			'scale' => 0,
			'uid' => array_map('intval', array_column(
				Table::select('channel', ['channel_account_id' => $account], '', 0, 'channel_id'),
				'channel_id',
			)),
		];

		return [
			Table::sum('attach', 'filesize', [
				'aid' => $account,
			]) + Table::sum('filesync_digest', 'size_bytes', $beyond) - (Family::largestFileBytes() * Table::count('filesync_digest', $beyond)),
			(int) $limit,
		];
	}

	/** Tells whether the hub keeps photo thumbnails as files rather than in its database. */
	public static function keepsThumbnailsAsFiles(): bool
	{
		return boolval(\Zotlabs\Lib\Config::Get('system', 'photo_storage_type', 1));
	}
}
