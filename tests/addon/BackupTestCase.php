<?php

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;

require_once __DIR__ . '/AddonTestCase.php';

/** A channel with files, folders, photos and posts, as the hub's own code would have stored them. */
abstract class BackupTestCase extends AddonTestCase
{
	protected const NO_ACCESS = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];

	/** Makes a folder and returns its hash. */
	protected function folder(string $hash, string $name, string $in = '', array $columns = []): string
	{
		$this->store($hash, $name, $in, null, $columns + ['is_dir' => 1, 'filetype' => 'multipart/mixed']);

		return $hash;
	}

	/** Makes a file with its bytes. */
	protected function stored(string $hash, string $name, string $bytes, string $in = '', array $columns = []): string
	{
		$this->store($hash, $name, $in, $bytes, $columns);

		return $hash;
	}

	/**
	 * Makes a photo.
	 *
	 * @param array<int, string> $scales Bytes by scale.
	 */
	protected function storedPhoto(
		string $hash,
		string $name,
		array $scales,
		string $in = '',
		array $columns = [],
	): string {
		$this->store($hash, $name, $in, $scales[0], $columns + ['is_photo' => 1, 'filetype' => 'image/jpeg']);
		foreach ($scales as $scale => $bytes) {
			$path = $this->attach($hash)['content'] . ($scale ? "-$scale" : '');
			file_put_contents($path, $bytes);
			$this->photoRow($hash, $scale, ['os_storage' => 1, 'content' => $path, 'filesize' => strlen($bytes)]);
		}

		return $hash;
	}

	protected function photoRow(string $hash, int $scale, array $columns): void
	{
		Table::insert(
			'photo',
			$columns
			+ self::NO_ACCESS
			+ [
				'aid' => $this->channel->accountId,
				'uid' => $this->channel->id,
				'resource_id' => $hash,
				'imgscale' => $scale,
				'created' => '2024-05-01 10:00:00',
				'edited' => '2024-05-01 10:00:00',
				'title' => '',
				'description' => "photo $hash",
				'album' => '',
				'filename' => "$hash.jpg",
				'mimetype' => 'image/jpeg',
				'width' => 20,
				'height' => 10,
				'photo_usage' => [4 => 1, 7 => 16][$scale] ?? 0,
				'os_path' => '',
				'display_path' => '',
			],
		);
	}

	/** Makes a post about a file, or a comment under a post; returns its number. */
	protected function posted(string $mid, array $columns = []): int
	{
		Table::insert(
			'item',
			$columns
			+ self::NO_ACCESS
			+ [
				'uuid' => "uuid-$mid",
				'mid' => "http://127.0.0.1:9000/item/$mid",
				'parent_mid' => "http://127.0.0.1:9000/item/$mid",
				'thr_parent' => "http://127.0.0.1:9000/item/$mid",
				'uid' => $this->channel->id,
				'aid' => $this->channel->accountId,
				'owner_xchan' => $this->channel->hash,
				'author_xchan' => $this->channel->hash,
				'mimetype' => 'text/bbcode',
				'title' => '',
				'summary' => '',
				'body' => "body of $mid",
				'html' => '',
				'obj' => '',
				'target' => '',
				'postopts' => '',
				'route' => '',
				'llink' => '',
				'plink' => '',
				'attach' => '',
				'sig' => "sha256.signature-of-$mid",
				'created' => '2024-05-02 10:00:00',
				'edited' => '2024-05-02 10:00:00',
				'item_wall' => 1,
			],
		);
		$id = (int) Table::first('item', ['mid' => "http://127.0.0.1:9000/item/$mid"], '', 'id')['id'];
		if (! isset($columns['parent'])) {
			Table::update('item', ['parent' => $id, 'item_thread_top' => 1], ['id' => $id]);
		}

		return $id;
	}

	/** Writes the lists and metadata files of a set, which the stand-in keeps in one piece. */
	protected function writeLists(string $set): void
	{
		$lines = [];
		foreach (json_decode(file_get_contents("$set/fake.json"), true)['entries'] as $hash => $entry) {
			$parts = array_map(fn ($part) => array_diff_key($part, ['bytes' => 1]), $entry['parts']);
			$json = json_encode(['parts' => $parts] + json_decode($entry['metadata'], true));
			$folder = 'data/metadata/' . substr($hash, 0, 2);
			@mkdir("$set/$folder", 0700, true);
			file_put_contents("$set/$folder/$hash.json", $json);
			$lines[] = hash('sha256', $json) . "  $folder/$hash.json\n";
		}
		file_put_contents("$set/manifest-sha256.txt", implode('', $lines));
		$tags = '';
		foreach (['manifest-sha256.txt', 'set.json'] as $name) {
			$tags .= hash_file('sha256', "$set/$name") . "  $name\n";
		}
		file_put_contents("$set/tagmanifest-sha256.txt", $tags);
		$message = "\xFFfilesync-set-1\n{$this->channel->hash}\n" . hash('sha256', $tags) . "\n";
		$signature = FileSync\Addon\Hub\Keys::signSet($this->channel, $message);
		file_put_contents(
			"$set/channel-signature.json",
			json_encode(['signature' => base64_encode($signature)]),
		);
		FileSync\SetRestore::$facts = ['signed_by' => 'channel'];
	}

	private function store(string $hash, string $name, string $in, ?string $bytes, array $columns): void
	{
		$parent = $in === '' ? null : $this->attach($in);
		$osPath = ($parent ? $parent['os_path'] . '/' : '') . $hash;
		$path = "store/alice/$osPath";
		Table::insert(
			'attach',
			$columns
			+ self::NO_ACCESS
			+ [
				'aid' => $this->channel->accountId,
				'uid' => $this->channel->id,
				'hash' => $hash,
				'creator' => $this->channel->hash,
				'filename' => $name,
				'filetype' => 'application/octet-stream',
				'filesize' => strlen((string) $bytes),
				'folder' => $in,
				'os_storage' => 1,
				'os_path' => $osPath,
				'display_path' => ($parent ? $parent['display_path'] . '/' : '') . $name,
				'content' => $path,
				'created' => '2024-05-01 10:00:00',
				'edited' => '2024-05-01 10:00:00',
			],
		);
		if ($bytes === null) {
			@mkdir($path, 0770, true);
		} elseif (($columns['os_storage'] ?? 1) === 1) {
			file_put_contents($path, $bytes);
		}
	}
}
