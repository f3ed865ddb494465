<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The steps in which the owner changes files here, through core's own classes and functions. Of each it is looked what
 * would be sent to other hubs: the change, once.
 */
final class Sending
{
	public function __construct(private readonly Scene $scene) {}

	/**
	 * Returns the steps by name: the parts that depend on each, and what it does.
	 *
	 * @return array<string, array{list<string>, \Closure(): void}>
	 */
	public function steps(): array
	{
		return array_map(fn (\Closure $step) => [[Parts::SENDER], $step], [
			'queue a packet for another hub' => $this->queue(...),
			'send an upload' => $this->upload(...),
			'send an uploaded photo' => $this->uploadedPhoto(...),
			'send a file put by WebDAV' => $this->put(...),
			'send a folder made by WebDAV' => $this->newFolder(...),
			'send new bytes put by WebDAV' => $this->newBytes(...),
			'send a name given by WebDAV' => $this->newName(...),
			'send a move by WebDAV' => $this->move(...),
			'send a delete by WebDAV' => $this->delete(...),
			'send a change of access' => $this->access(...),
			'send a move by a page' => $this->moveByPage(...),
			'send a delete by a page' => $this->deleteByPage(...),
			'send a delete by the hub' => $this->deleteByHub(...),
		]);
	}

	private function queue(): void
	{
		$hash = $this->scene->hash();
		$this->scene->stage->send([$this->scene->deleteOf($hash)]);
		$hashes = array_map(fn (array $entry) => Scene::last($entry)['hash'] ?? '', $this->scene->sent());
		Seen::unless($hashes === [$hash], 'the hub has queued ' . count($hashes) . ' packets in place of one');
	}

	private function upload(): void
	{
		$hash = $this->scene->hash();
		$this->stored($this->scene->stage->upload($hash, 'upload.txt', "uploaded\n"), $hash, "uploaded\n");
		$this->scene->expectSent($hash);
	}

	private function uploadedPhoto(): void
	{
		$hash = $this->scene->hash();
		$this->stored($this->scene->stage->upload($hash, 'upload.jpg', Picture::photo()), $hash, Picture::photo());
		Seen::same(1, $this->scene->attach($hash)['is_photo'] ?? null, 'attach.is_photo');
		$entry = $this->scene->expectSent($hash);
		$scales = array_map(intval(...), array_column(Scene::rows($entry['photo'] ?? null), 'imgscale'));
		Seen::unless(in_array(0, $scales, true), 'the packet has no row of the photo');
		Seen::unless(! empty($entry['item']), 'the packet has no post of the photo');
	}

	private function put(): void
	{
		$this->scene->stage->put('put.txt', "put\n");
		$row = $this->named('put.txt');
		$this->stored(null, (string) $row['hash'], "put\n");
		$this->scene->expectSent((string) $row['hash']);
	}

	private function newFolder(): void
	{
		$this->scene->stage->makeFolder('Made');
		$row = $this->named('Made');
		Seen::same(1, $row['is_dir'], 'attach.is_dir');
		$this->scene->expectSent((string) $row['hash']);
	}

	private function newBytes(): void
	{
		$row = $this->scene->own("before\n");
		$this->scene->stage->overwrite($row, "after it was overwritten\n");
		$this->stored(null, $row['hash'], "after it was overwritten\n");
		$entry = $this->scene->expectSent($row['hash']);
		Seen::unless(
			($entry['filesync']['size_bytes'] ?? null) === strlen("after it was overwritten\n"),
			'the packet does not say how many bytes the file has now',
		);
	}

	private function newName(): void
	{
		$row = $this->scene->own("renamed\n");
		$this->scene->stage->rename($row, 'renamed.txt');
		$own = $this->scene->attach($row['hash']) ?? [];
		Seen::same('renamed.txt', $own['filename'] ?? null, 'attach.filename');
		Seen::same('renamed.txt', $own['display_path'] ?? null, 'attach.display_path');
		$this->stored(null, $row['hash'], "renamed\n");
		$this->scene->expectSent($row['hash']);
	}

	private function move(): void
	{
		[$row, $folder] = [$this->scene->own("moved\n"), $this->goal('Taken')];
		$this->scene->stage->moveInto($row, $folder);
		$this->moved($row, $folder, "moved\n", $row['filename']);
	}

	private function delete(): void
	{
		$row = $this->scene->own("deleted\n");
		$this->scene->stage->delete($row);
		$this->gone($row);
	}

	private function access(): void
	{
		$row = $this->scene->own("seen by others\n");
		$list = $this->scene->onlyMe() . '<' . str_pad('nobody-', 86, 'x') . '>';
		$this->scene->stage->changeAccess($row['hash'], $list);
		Seen::same($list, $this->scene->attach($row['hash'])['allow_cid'] ?? null, 'attach.allow_cid');
		$this->scene->expectSent($row['hash']);
	}

	private function moveByPage(): void
	{
		[$row, $folder] = [$this->scene->own("moved by a page\n"), $this->goal('Taken by a page')];
		$this->scene->stage->moveByPage($row['hash'], (string) $folder['hash'], 'and renamed.txt');
		$this->moved($row, $folder, "moved by a page\n", 'and renamed.txt');
	}

	private function deleteByPage(): void
	{
		$row = $this->scene->own("deleted by a page\n");
		$this->scene->stage->deleteByPage($row['hash']);
		$this->gone($row);
	}

	private function deleteByHub(): void
	{
		$row = $this->scene->own("deleted by the hub\n");
		$this->scene->stage->deleteByHub($row['hash']);
		$this->gone($row);
	}

	private function goal(string $name): array
	{
		$this->scene->stage->makeFolder($name);
		$this->scene->sent();

		return $this->named($name);
	}

	private function named(string $name): array
	{
		$row = Table::first('attach', ['uid' => $this->scene->channel->id, 'filename' => $name], 'id DESC');

		return $row ?? throw new Seen("'$name' has no row");
	}

	private function moved(array $row, array $folder, string $bytes, string $name): void
	{
		$own = $this->scene->attach((string) $row['hash']) ?? [];
		Seen::same($folder['hash'], $own['folder'] ?? null, 'attach.folder');
		Seen::same($name, $own['filename'] ?? null, 'attach.filename');
		Seen::same("{$folder['content']}/{$row['hash']}", $own['content'] ?? null, 'attach.content');
		Seen::same("{$folder['display_path']}/$name", $own['display_path'] ?? null, 'attach.display_path');
		clearstatcache();
		Seen::unless(! is_file((string) $row['content']), 'the file is at its old place too');
		$this->stored(null, (string) $row['hash'], $bytes);
		$this->scene->expectSent((string) $row['hash']);
	}

	private function gone(array $row): void
	{
		clearstatcache();
		Seen::unless($this->scene->attach((string) $row['hash']) === null, 'the file still has its row');
		Seen::unless(! is_file((string) $row['content']), 'the file is still on disk');
		$this->scene->expectDeleteSent((string) $row['hash']);
	}

	/** Looks whether core stored a file. */
	private function stored(mixed $result, string $hash, string $bytes): void
	{
		$why = is_array($result) && is_string($result['message'] ?? null) ? ": {$result['message']}" : '';
		$own = $this->scene->attach($hash) ?? throw new Seen("the file has no row$why");
		clearstatcache();
		Seen::same(strlen($bytes), $own['filesize'], 'attach.filesize');
		Seen::unless(
			@file_get_contents($own['content']) === $bytes,
			"the file's bytes are others than those given",
		);
	}
}
