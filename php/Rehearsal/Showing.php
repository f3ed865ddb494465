<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Database;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\PhotoLibrary;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Stage;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Receive\Incoming;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/** The steps about thumbnails, comparisons and pages. */
final class Showing
{
	public function __construct(private readonly Scene $scene, private readonly Receiving $receiving) {}

	/**
	 * Returns the steps by name: the parts that depend on each, and what it does.
	 *
	 * @return array<string, array{list<string>, \Closure(): void}>
	 */
	public function steps(): array
	{
		return [
			'have the hub begin a job of filesync' => [
				[Parts::RECEIVER, Parts::SENDER, Parts::POSTS, Parts::PHOTOS, Parts::COMPARISON],
				fn () => Seen::unless(Stage::hasJobs(), 'the job did not reach filesync'),
			],
			'make thumbnails' => [[Parts::PHOTOS], $this->scales(...)],
			"make thumbnails with the hub's library" => [[Parts::PHOTOS], $this->library(...)],
			'have the hub make a photo' => [[Parts::PHOTOS], $this->photo(...)],
			'have the hub make a preview' => [[Parts::PHOTOS], $this->preview(...)],
			'tell a comparison of a file' => [[Parts::COMPARISON], $this->told(...)],
			'learn of a file by a comparison' => [[Parts::COMPARISON], $this->learnt(...)],
			'show a page' => [[Parts::PAGES], $this->page(...)],
		];
	}

	private function scales(): void
	{
		$hash = $this->scene->hash();
		$this->scene->receiveNew($hash, $this->receiving->photoEntry($hash, [0, 1, 2, 3]));
		$this->scene->publish();
		$this->expectScales($hash);
		foreach ([1, 2, 3] as $scale) {
			Seen::unless(! $this->scene->hasFetched($hash, $scale), "scale $scale was not made, but fetched");
		}
	}

	private function library(): void
	{
		$row = $this->scene->own(Picture::photo(), 'jpg');
		$path = $row['content'];
		// One as large as the photo, and a smaller one.
		$targets = [1 => "$path-rehearsed", 6 => "$path-rehearsed-6"];
		$made = PhotoLibrary::scale($path, $targets);
		$sizes = array_map(fn (string $target) => @getimagesize($target), $targets);
		array_map(fn (string $target) => @unlink($target), $targets);
		$error = $made['error'] ? ": {$made['error']['message']}" : '';
		foreach ([1 => Picture::WIDTH, 6 => Picture::CROP_WIDTH] as $scale => $width) {
			$size = $sizes[$scale];
			Seen::unless(is_array($size), "the hub's image library made nothing$error");
			Seen::same($width, $size[0] ?? null, "the width of scale $scale that it made");
		}
		Seen::same(Picture::HEIGHT, $sizes[1][1] ?? null, 'the height of what it made');
	}

	private function photo(): void
	{
		$row = $this->scene->own(Picture::photo(), 'jpg');
		foreach ([1, 2, 3] as $scale) {
			$path = Facts::of($this->scene->channel, $row['hash'], $scale)->path;
			if ($path !== null) {
				@unlink($path);
			}
		}
		Table::delete('photo', [
			'uid' => $this->scene->channel->id,
			'resource_id' => $row['hash'],
			'imgscale' => [1, 2, 3],
		]);
		Photos::remake($this->scene->channel, $row, [], []);
		$this->expectScales($row['hash']);
		Rehearsing::caught();
	}

	private function preview(): void
	{
		if (Database::isPostgres()) {
			// Hubs read the path twice there, find it empty the second time, and would write elsewhere.
			throw new Untried('hubs make no preview of a text on PostgreSQL');
		}
		$row = $this->scene->own("a text of which a preview is made\n");
		@unlink("{$row['content']}.thumb");
		Items::makePreview($row['hash']);
		Seen::unless(
			@file_get_contents($row['content']) === "a text of which a preview is made\n",
			'the file itself was changed',
		);
		if (Stage::hasAddonFor('thumbnail')) {
			throw new Untried('an addon of this hub makes previews, and may make none of a text');
		}
		Seen::unless($this->scene->isThere("{$row['content']}.thumb"), 'the hub made no preview');
	}

	private function told(): void
	{
		$row = $this->scene->own("compared\n");
		$entry = Announcement::state($this->scene->channel, $row['hash'], true);
		$last = Scene::last($entry ?? []);
		Seen::unless($last !== [], 'a comparison would be told nothing of a file that is here');
		Seen::same($row['hash'], $last['hash'] ?? null, 'the hash that it would be told');
		Seen::same($row['filename'], $last['filename'] ?? null, 'the name that it would be told');
	}

	private function learnt(): void
	{
		$row = $this->scene->row($this->scene->hash(), ['filesize' => strlen("found by a comparison\n")]);
		$this->scene->has($row['hash'], "found by a comparison\n");
		Incoming::takeLate($this->scene->channel, $this->scene->entry($row));
		$this->scene->publish();
		$this->scene->expect($row, "found by a comparison\n");
	}

	private function page(): void
	{
		$nick = $this->scene->channel->nick;
		$none = array_fill_keys(['clones', 'arriving', 'waiting', 'held', 'packets', 'conflicts', 'kept', 'words'], []);
		// The template asks for words that are not given.
		set_error_handler(fn () => true);
		try {
			$page = Page::render('filesync_state.tpl', ['problems' => [$nick], 'is_paused' => null] + $none);
		} finally {
			restore_error_handler();
		}
		Seen::unless(
			str_contains($page, $nick),
			"the hub does not fill filesync's templates: " . mb_substr(trim($page), 0, 60),
		);
	}

	/** @throws Seen */
	private function expectScales(string $hash): void
	{
		foreach ([1, 2, 3] as $scale) {
			$row = Table::first(
				'photo',
				[
					'uid' => $this->scene->channel->id,
					'resource_id' => $hash,
					'imgscale' => $scale,
				],
				'',
				'width, height, filesize',
			) ?? throw new Seen("there is no row of scale $scale");
			$facts = Facts::of($this->scene->channel, $hash, $scale);
			$bytes = $facts->content ?? ($facts->path === null ? '' : (string) @file_get_contents($facts->path));
			$size = @getimagesizefromstring($bytes);
			Seen::unless(is_array($size), "scale $scale is not a picture");
			Seen::same((int) $row['width'], $size[0] ?? null, "the width of scale $scale");
			Seen::same((int) $row['height'], $size[1] ?? null, "the height of scale $scale");
			Seen::same(strlen($bytes), $row['filesize'], "photo.filesize of scale $scale");
		}
	}
}
