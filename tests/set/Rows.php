<?php

namespace Set;

use TestHub\Databases;

/** What a hub's own tables and store say, read past the addon: with these a set is compared. */
final class Rows
{
	private readonly array $channel;
	/** @var array<string, string> Texts of posts by their ids. */
	private array $bodies = [];
	/** @var array<string, true> Posts of the channel itself. */
	private array $own = [];
	/** @var array<string, true> Posts that nobody can read from outside. */
	private array $hidden = [];

	/** @param bool $isFromOutside Whether only that counts which a hub without filesync shows its owner. */
	public function __construct(
		private readonly \PDO $database,
		private readonly string $hub,
		string $nick,
		private readonly bool $isFromOutside = false,
	) {
		$this->channel = $this->rows('SELECT * FROM channel WHERE channel_address = ' . $database->quote($nick))[0];
	}

	/**
	 * Leaves out posts of photos that have another post, if nobody answered them and a set does not have them: a hub
	 * shows one post of each photo, and of the others those that somebody answered. Returns how many these are.
	 */
	public function withoutHidden(Reading $set): int
	{
		$uid = (int) $this->channel['channel_id'];
		$inSet = [];
		foreach ($set->entries as $entry) {
			$inSet += array_column($entry['posts'], 'id', 'id');
		}
		foreach ($this->rows(
			"SELECT mid FROM item WHERE uid = $uid AND item_hidden = 1 AND id = parent AND resource_type = 'photo' AND"
			. " id NOT IN (SELECT parent FROM item WHERE uid = $uid AND id <> parent) AND resource_id IN (SELECT resource_id"
			. " FROM item WHERE uid = $uid AND resource_type = 'photo' AND id = parent AND item_deleted = 0"
			. ' GROUP BY resource_id HAVING COUNT(*) > 1)',
		) as $row) {
			if (! isset($inSet[$row['mid']])) {
				$this->hidden[$row['mid']] = true;
			}
		}

		return count($this->hidden);
	}

	public function channel(): array
	{
		return $this->channel;
	}

	/** @return array<string, array> What a set must say of each file and folder, by hash. */
	public function entries(): array
	{
		$uid = (int) $this->channel['channel_id'];
		$attach = [];
		foreach ($this->rows("SELECT * FROM attach WHERE uid = $uid ORDER BY id") as $row) {
			$attach[$row['hash']] ??= $row;
		}
		$entries = [];
		foreach ($attach as $hash => $row) {
			$chain = [];
			for ($at = $row; $at; $at = $attach[$at['folder']] ?? null) {
				array_unshift($chain, $at['filename']);
			}
			$bytes = (int) $row['is_dir'] ? [null, null] : $this->bytesOf($row);
			$entries[$hash] = [
				'kind' => (int) $row['is_dir'] ? 'folder' : 'file',
				'path' => $chain,
				'size' => $bytes[0],
				'sha256' => $bytes[1],
				'access' => [$row['allow_cid'], $row['allow_gid'], $row['deny_cid'], $row['deny_gid']],
				'edited' => substr($row['edited'], 0, 19),
				'type' => $row['filetype'],
				'categories' => array_column(
					$this->rows(
						'SELECT term FROM term WHERE otype = 2 AND oid = ' . (int) $row['id'] . ' ORDER BY tid',
					),
					'term',
				),
				'crops' => (int) $row['is_photo'] ? $this->crops($uid, (string) $hash) : [],
				'posts' => $this->posts($uid, (string) $hash),
			];
		}

		return $entries;
	}

	/** @return array<string, int> What `set.json` must count. */
	public function counts(): array
	{
		$entries = $this->entries();
		$files = array_filter($entries, fn ($entry) => $entry['kind'] === 'file');

		return [
			'files' => count($files),
			'folders' => count($entries) - count($files),
			'posts' => array_sum(array_map(fn ($entry) => count($entry['posts']), $entries)),
			'crops' => array_sum(array_map(fn ($entry) => count($entry['crops']), $entries)),
		];
	}

	/** @return list<string> Photo rows, of whatever scale, whose bytes are not here. */
	public function withoutBytes(): array
	{
		$wrong = [];
		$uid = (int) $this->channel['channel_id'];
		foreach ($this->rows(
			"SELECT * FROM photo WHERE uid = $uid AND resource_id IN (SELECT hash FROM attach WHERE uid = $uid)",
		) as $row) {
			$bytes = $this->bytesOf($row);
			if ($bytes[0] !== (int) $row['filesize']) {
				$wrong[] = "scale {$row['imgscale']} of {$row['resource_id']} has not the bytes of its row";
			}
		}

		return $wrong;
	}

	/** @return array<int, string> Digests by scale. */
	private function crops(int $uid, string $hash): array
	{
		$crops = [];
		foreach ($this->rows(
			"SELECT * FROM photo WHERE uid = $uid AND imgscale IN (4, 7) AND resource_id = "
				. $this->database->quote($hash),
		) as $row) {
			$sha256 = $this->bytesOf($row)[1];
			$sha256 === null || ($crops[(int) $row['imgscale']] = $sha256);
		}
		ksort($crops);

		return $crops;
	}

	/** Returns the text of a post, once entries() has read it. */
	public function body(string $mid): string
	{
		return $this->bodies[$mid];
	}

	/** Tells whether this database loses blanks at the end of names. */
	public function cutsBlanks(): bool
	{
		return $this->database->getAttribute(\PDO::ATTR_DRIVER_NAME) === 'mysql';
	}

	/** Tells whether a post is the channel's own, once entries() has read it. */
	public function isOwn(string $mid): bool
	{
		return isset($this->own[$mid]);
	}

	/** @return array<string, array> What each post says, by its id. */
	private function posts(int $uid, string $hash): array
	{
		$posts = [];
		$quoted = $this->database->quote($hash);
		foreach ($this->rows(
			"SELECT * FROM item WHERE uid = $uid AND item_deleted = 0 AND parent IN"
			. " (SELECT parent FROM item WHERE uid = $uid AND resource_id = $quoted AND item_deleted = 0"
			. " AND resource_type IN ('photo', 'attach'))",
		) as $row) {
			if (isset($this->hidden[$row['mid']])) {
				continue;
			}
			// A hub says of an author only what it knows where to find.
			$author = $this->rows(
				'SELECT xchan_name, xchan_pubkey FROM xchan WHERE xchan_hash = '
				. $this->database->quote($row['author_xchan'])
				. (
					$this->isFromOutside
						? ' AND xchan_hash IN (SELECT hubloc_hash FROM hubloc WHERE hubloc_deleted = 0)'
						: ''
				),
			);
			$this->bodies[$row['mid']] = $row['body'];
			if ($row['author_xchan'] === $this->channel['channel_hash']) {
				$this->own[$row['mid']] = true;
			}
			$posts[$row['mid']] = [
				'conversation' => $row['parent_mid'],
				'author' => $author[0]['xchan_name'] ?? '',
				'body_sha256' => hash('sha256', $row['body']),
				'signature' => $row['sig'],
				'verifies' => self::verifies($row['sig'], $author[0]['xchan_pubkey'] ?? '', $row['body']),
			];
		}
		ksort($posts);

		return $posts;
	}

	/** Tells whether a post is its author's; null if that cannot be told. */
	private static function verifies(string $signature, string $key, string $body): ?bool
	{
		$key = @openssl_pkey_get_public($key);
		if (! $key || $signature === '') {
			return null;
		}
		// Those of very old hubs lack the algorithm.
		$bytes = base64_decode(strtr(preg_replace('/^sha256\./', '', $signature), '-_', '+/'));

		return openssl_verify($body, $bytes, $key, OPENSSL_ALGO_SHA256) === 1;
	}

	/** @return array{?int, ?string} How many bytes there are, and their digest. */
	private function bytesOf(array $row): array
	{
		$content = (string) Databases::bytes($row['content']);
		if (! (int) $row['os_storage']) {
			return [strlen($content), hash('sha256', $content)];
		}
		// Very old rows lack the beginning.
		$path =
			"$this->hub/"
			. (str_contains($content, 'store') ? '' : "store/{$this->channel['channel_address']}/")
			. $content;

		return is_file($path) ? [filesize($path), hash_file('sha256', $path)] : [null, null];
	}

	/** @return list<array<string, mixed>> */
	private function rows(string $query): array
	{
		return $this->database->query($query)->fetchAll(\PDO::FETCH_ASSOC);
	}
}
