<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\AttachRow;

if (! class_exists('App', false)) {
	exit;
}

/** Finds files without a row in a channel's folder on disk. They become files that only the owner sees. */
final class Orphans
{
	private const PAGE = 200;
	/** A younger file may be an upload whose row is being written. */
	private const YOUNG_SECONDS = 86400;

	public function __construct(private readonly Channel $channel) {}

	/** @return \Generator<Fault> */
	public function faults(): \Generator
	{
		$root = Store::root($this->channel);
		$paths = [];
		foreach (is_dir($root)
			? new \RecursiveIteratorIterator(
				new \RecursiveDirectoryIterator($root, \FilesystemIterator::SKIP_DOTS),
				\RecursiveIteratorIterator::LEAVES_ONLY,
				\RecursiveIteratorIterator::CATCH_GET_CHILD,
			)
			: [] as $path => $entry) {
			// Thumbnails and previews belong to the file beside them.
			if (
				$entry->isFile()
				&& ! $entry->isLink()
				&& preg_match(Bounds::HASH, $entry->getFilename())
				&& ! preg_match('/-[0-9]$/D', $entry->getFilename())
				&& $entry->getMTime() < (Clock::now() - self::YOUNG_SECONDS)
			) {
				$paths[$path] = $entry->getFilename();
			}
			if (count($paths) >= self::PAGE) {
				yield from $this->among($paths);
				$paths = [];
			}
		}
		yield from $this->among($paths);
	}

	private function among(array $paths): \Generator
	{
		$uid = $this->channel->id;
		$hashes = array_values(array_unique($paths));
		$known = [];
		foreach ($hashes ? ['attach' => 'hash', 'photo' => 'resource_id'] : [] as $table => $column) {
			$known += array_flip(array_column(
				Table::rows($table, ['uid' => $uid, $column => $hashes], '', 0, "DISTINCT $column"),
				$column,
			));
		}
		$deleted = $hashes
			? array_flip(array_column(
				Table::select('filesync_file', Revisions::keys($uid, $hashes) + ['state' => 'gone'], '', 0, 'hash'),
				'hash',
			))
			: [];
		foreach ($paths as $path => $hash) {
			if (! isset($known[$hash]) && ! isset($deleted[$hash])) {
				yield $this->fault($uid, $path, $hash);
			}
		}
	}

	private function fault(int $uid, string $path, string $hash): Fault
	{
		return new Fault(
			'orphan',
			$hash,
			$path,
			'a file of ' . number_format((int) filesize($path)) . ' bytes without a database row',
			function (Journal $journal) use ($uid, $path, $hash) {
				$folder = basename(dirname($path));
				$folder = dirname($path) !== Store::root($this->channel) && Store::chain($uid, $folder) ? $folder : '';
				$image = @getimagesize($path);
				$type = $image['mime'] ?? (function_exists('mime_content_type') ? mime_content_type($path) : false)
				?: 'application/octet-stream';
				$name = Store::freeName(
					$uid,
					$folder,
					$hash,
					'recovered-' . substr($hash, 0, 8) . ($image ? image_type_to_extension($image[2]) : ''),
				);
				$place = ['content' => $path] + Store::place($this->channel, $folder, $hash, $name);
				$date = gmdate('Y-m-d H:i:s', (int) filemtime($path));
				$columns =
					[
						'hash' => $hash,
						'creator' => $this->channel->hash,
						'folder' => $folder,
						'flags' => 0,
						'created' => $date,
					] + FileRows::ownersOnly($this->channel);
				$journal->insert(
					'attach',
					AttachRow::columns($this->channel, $columns, $place, $name)
					+ AttachRow::contents($type, (int) filesize($path), $date),
					['uid' => $uid, 'hash' => $hash],
				);

				return true;
			},
		);
	}
}
