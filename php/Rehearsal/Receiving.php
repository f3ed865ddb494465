<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Overrides;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/** The steps in which packets of another hub arrive, through the hub's own entry for them. */
final class Receiving
{
	public function __construct(private readonly Scene $scene, private readonly Posting $posting) {}

	/**
	 * Returns the steps by name: the parts that depend on each, and what it does.
	 *
	 * @return array<string, array{list<string>, \Closure(): void}>
	 */
	public function steps(): array
	{
		return [
			'be called when the hub starts' => [
				[Parts::RECEIVER, Parts::SENDER, Parts::POSTS, Parts::COMPARISON],
				fn () => Seen::unless(
					Overrides::haveBegun(),
					'the hub did not call filesync, so its own code is in place',
				),
			],
			'receive a new file' => [[Parts::RECEIVER], $this->newFile(...)],
			'receive a photo with a crop' => [[Parts::RECEIVER], $this->photo(...)],
			'receive new bytes of a file' => [[Parts::RECEIVER], $this->newBytes(...)],
			'receive a new name' => [[Parts::RECEIVER], $this->newName(...)],
			'receive a folder that moved' => [[Parts::RECEIVER], $this->movedFolder(...)],
			'receive a narrower access' => [[Parts::RECEIVER], $this->narrowerAccess(...)],
			'receive a delete, with its post' => [[Parts::RECEIVER, Parts::POSTS], $this->deleteWithPost(...)],
		];
	}

	private function newFile(): void
	{
		$scene = $this->scene;
		// Columns must hold what other hubs send; the lists of people are often this long.
		$others = array_map(fn (int $n) => '<' . str_pad("nobody-$n-", 86, 'x') . '>', range(1, 4));
		$bytes = "a new file\n";
		$outer = $scene->folder($scene->hash(), 'Outer');
		$inner = $scene->folder($scene->hash(), 'Inner', $outer['hash']);
		$row = $scene->row($scene->hash(), [
			'filename' => str_repeat('a long name ', 14) . 'ünd ☃.txt',
			'filetype' => 'application/vnd.filesync.rehearsal-of-a-long-type+text',
			'filesize' => strlen($bytes),
			'folder' => $inner['hash'],
			'allow_cid' => $scene->onlyMe() . implode('', $others),
			'deny_gid' => '<' . str_repeat('g', 36) . '>',
			'term' => [['ttype' => 3, 'term' => 'rehearsal', 'url' => '']],
		]);
		$scene->has($row['hash'], $bytes);
		$scene->receiveNew($row['hash'], $scene->entry($outer, $inner, $row));
		$scene->publish();
		$scene->expect($row, $bytes);
		$own = $scene->attach($row['hash']);
		Seen::same("Outer/Inner/{$row['filename']}", $own['display_path'] ?? null, 'attach.display_path');
		foreach ([$outer, $inner] as $folder) {
			$there = $scene->attach($folder['hash']);
			Seen::same($folder['filename'], $there['filename'] ?? null, 'the name of a folder');
			Seen::unless(is_dir($there['content'] ?? ''), 'a folder is missing on disk');
		}
		$term = Table::first('term', ['uid' => $scene->channel->id, 'oid' => (int) ($own['id'] ?? 0)], '', 'term');
		Seen::same('rehearsal', $term['term'] ?? null, 'its category');
	}

	private function photo(): void
	{
		$scene = $this->scene;
		$hash = $scene->hash();
		$scene->receiveNew($hash, $this->photoEntry($hash, [0, 4]));
		$scene->publish();
		$this->expectPhoto($hash, 0, Picture::photo(), Picture::WIDTH, Picture::HEIGHT);
		$this->expectPhoto($hash, 4, Picture::crop(), Picture::CROP_WIDTH, Picture::CROP_WIDTH);
	}

	private function newBytes(): void
	{
		$scene = $this->scene;
		$row = $scene->arrive("the first bytes\n");
		$own = $scene->attach($row['hash']) ?? [];
		$path = $own['content'] ?? '';
		clearstatcache();
		$before = @stat($path) ?: [];
		$bytes = "other bytes, and more of them\n";
		$next = ['filesize' => $scene->has($row['hash'], $bytes), 'edited' => $scene->date()] + $row;
		$scene->receive($scene->entry($next));
		clearstatcache();
		$now = @stat($path) ?: [];
		Seen::unless(
			($before['ino'] ?? 0) === ($now['ino'] ?? 1)
			&& ($before['mtime'] ?? 0) === ($now['mtime'] ?? 1)
			&& @file_get_contents($path) === "the first bytes\n",
			"the file was changed before the new bytes were here: the hub's own receiver opened it",
		);
		$scene->publish();
		$scene->expect($next, $bytes);
		clearstatcache();
		Seen::unless(
			($before['ino'] ?? 0) !== ((@stat($path) ?: [])['ino'] ?? 0),
			'the new bytes were written into the file instead of replacing it',
		);
		$kept = Table::first(
			'filesync_kept',
			['uid' => $scene->channel->id, 'hash' => $row['hash'], 'why' => 'replaced'],
			'',
			'size_bytes',
		);
		Seen::same(strlen("the first bytes\n"), $kept['size_bytes'] ?? null, 'the number of bytes that were kept');
	}

	private function newName(): void
	{
		$scene = $this->scene;
		$row = $scene->arrive("a file gets a name\n");
		$next = ['filename' => 'another name.txt'] + $row;
		$scene->receive($scene->entry($next));
		$scene->follow();
		$scene->expect($next, "a file gets a name\n");
		$own = $scene->attach($row['hash']);
		Seen::same('another name.txt', $own['display_path'] ?? null, 'attach.display_path');
		Seen::unless(
			! Queue::isLive($scene->channel->id, $row['hash']),
			'bytes that are here are fetched again',
		);
	}

	private function movedFolder(): void
	{
		$scene = $this->scene;
		$from = $scene->folder($scene->hash(), 'Moves');
		$to = $scene->folder($scene->hash(), 'Goal');
		$row = $scene->arrive("beneath a folder\n", ['folder' => $from['hash']], $from);
		$scene->receive($scene->entry($to));
		$moved = ['folder' => $to['hash'], 'filename' => 'Moved'] + $from;
		$scene->receive($scene->entry($to, $moved));
		$scene->follow();
		$own = $scene->attach($from['hash']);
		Seen::same($to['hash'], $own['folder'] ?? null, 'the folder above');
		Seen::same('Moved', $own['filename'] ?? null, 'its name');
		$scene->expect($row, "beneath a folder\n");
		$file = $scene->attach($row['hash']);
		Seen::same(
			"store/{$scene->channel->nick}/{$to['hash']}/{$from['hash']}/{$row['hash']}",
			$file['content'] ?? null,
			'attach.content of a file in it',
		);
		Seen::same(
			"Goal/Moved/{$row['filename']}",
			$file['display_path'] ?? null,
			'attach.display_path of a file in it',
		);
		Seen::unless(! is_dir("store/{$scene->channel->nick}/{$from['hash']}"), 'the folder is at its old place too');
	}

	private function narrowerAccess(): void
	{
		$scene = $this->scene;
		$hash = $scene->hash();
		$scene->receive($this->photoEntry($hash, [0, 4], ['allow_cid' => '']));
		$scene->publish();
		$own = $scene->attach($hash);
		Seen::same('', $own['allow_cid'] ?? null, 'attach.allow_cid of a public file');
		$next = $this->photoEntry($hash, [0, 4], ['edited' => substr($own['edited'] ?? '', 0, 19)]);
		$scene->receive($next);
		Seen::same($scene->onlyMe(), $scene->attach($hash)['allow_cid'] ?? null, 'attach.allow_cid');
		foreach (Table::select('photo', ['uid' => $scene->channel->id, 'resource_id' => $hash]) as $photo) {
			Seen::same($scene->onlyMe(), $photo['allow_cid'], "photo.allow_cid of scale {$photo['imgscale']}");
		}
	}

	private function deleteWithPost(): void
	{
		$scene = $this->scene;
		$hash = $scene->hash();
		$post = $this->posting->item('a photo', [
			'resource_id' => $hash,
			'resource_type' => 'photo',
			'item_hidden' => 1,
		]);
		$scene->receive(['item' => [$post]] + $this->photoEntry($hash, [0]));
		$scene->publish();
		$this->expectPhoto($hash, 0, Picture::photo(), Picture::WIDTH, Picture::HEIGHT);
		$where = ['uid' => $scene->channel->id, 'mid' => $post['message_id']];
		Seen::unless(
			Table::first('item', $where + ['item_deleted' => 0], '', 'id') !== null,
			'its post was not stored',
			[Parts::POSTS],
		);
		$path = $scene->attach($hash)['content'] ?? '';
		$scene->receive($scene->deleteOf($hash));
		$scene->follow();
		clearstatcache();
		Seen::unless($scene->attach($hash) === null, 'the file still has its row');
		Seen::unless(! is_file($path), 'the file is still on disk');
		Seen::unless(
			Table::first('photo', ['uid' => $scene->channel->id, 'resource_id' => $hash], '', 'id') === null,
			'the photo still has its rows',
		);
		Seen::unless(
			Table::first('item', $where + ['item_deleted' => 0], '', 'id') === null,
			'its post is still there',
			[Parts::POSTS],
		);
		Seen::unless(
			Table::first('filesync_kept', ['uid' => $scene->channel->id, 'hash' => $hash], '', 'id') !== null,
			'its bytes were not kept',
		);
	}

	/**
	 * Returns what a packet says of a photo with some scales; the other hub has their bytes.
	 *
	 * @param list<int>                 $scales
	 * @param array<string, mixed> $columns
	 */
	public function photoEntry(string $hash, array $scales, array $columns = []): array
	{
		$row = $this->scene->row(
			$hash,
			$columns
			+ [
				'filename' => "$hash.jpg",
				'filetype' => 'image/jpeg',
				'is_photo' => 1,
				'filesize' => $this->scene->has($hash, Picture::photo()),
			],
		);
		$photos = [];
		foreach ($scales as $scale) {
			$isCrop = $scale === 4;
			$photos[] = array_intersect_key($row, array_flip([
				'allow_cid',
				'allow_gid',
				'deny_cid',
				'deny_gid',
				'created',
				'edited',
				'filename',
			]))
			+ [
				'id' => 20 + $scale,
				'aid' => 12,
				'uid' => 13,
				'xchan' => '',
				'resource_id' => $hash,
				'expires' => $row['edited'],
				'title' => 'a title',
				'description' => '',
				'album' => '',
				'mimetype' => 'image/jpeg',
				'width' => $isCrop ? Picture::CROP_WIDTH : Picture::WIDTH,
				'height' => $isCrop ? Picture::CROP_WIDTH : Picture::HEIGHT,
				'filesize' => $scale === 0
					? strlen(Picture::photo())
					: $this->scene->has($hash, $isCrop ? Picture::crop() : Picture::photo(), $scale),
				'content' => base64_encode("store/elsewhere/$hash" . ($scale ? "-$scale" : '')),
				'imgscale' => $scale,
				'photo_usage' => 0,
				'profile' => 0,
				'is_nsfw' => 0,
				'os_storage' => 1,
				'os_path' => $hash,
				'display_path' => 'elsewhere',
				'photo_flags' => 0,
			];
		}

		return ['photo' => $photos] + $this->scene->entry($row);
	}

	/** @throws Seen */
	private function expectPhoto(string $hash, int $scale, string $bytes, int $width, int $height): void
	{
		$row = Table::first(
			'photo',
			[
				'uid' => $this->scene->channel->id,
				'resource_id' => $hash,
				'imgscale' => $scale,
			],
			'',
			'width, height, mimetype, filesize, title',
		) ?? throw new Seen("the photo has no row of scale $scale");
		Seen::same($width, $row['width'], "photo.width of scale $scale");
		Seen::same($height, $row['height'], "photo.height of scale $scale");
		Seen::same('image/jpeg', $row['mimetype'], "photo.mimetype of scale $scale");
		Seen::same(strlen($bytes), $row['filesize'], "photo.filesize of scale $scale");
		Seen::same('a title', $row['title'], "photo.title of scale $scale");
		$facts = Facts::of($this->scene->channel, $hash, $scale);
		$found = $facts->content ?? ($facts->path === null ? null : @file_get_contents($facts->path));
		Seen::unless($found === $bytes, "the bytes of scale $scale are others than those sent");
	}
}
