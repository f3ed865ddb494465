<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Bytes that a channel's own files have, found by their digest: nobody needs to send them. Never those of others.
 *
 * @import-type DigestRow from \FileSync\Addon\Hub\Rows
 */
final class OwnBytes
{
	private const MOST_COPIES = 8;
	private const PIECE_BYTES = 1 << 20;

	public function __construct(private readonly Channel $channel) {}

	/** Tells whether a file of the channel has these bytes now. */
	public function has(string $sha256, int $sizeBytes): bool
	{
		return $this->find($sha256, $sizeBytes) !== null;
	}

	/**
	 * Returns which of some digests files of the channel have now.
	 *
	 * @param list<string> $digests
	 *
	 * @return list<string>
	 */
	public function among(array $digests): array
	{
		$had = [];
		foreach ($this->rows($digests) as $row) {
			if (! isset($had[$row['sha256']]) && $this->facts($row)) {
				$had[$row['sha256']] = true;
			}
		}

		return array_map('strval', array_keys($had));
	}

	/**
	 * Copies them to a new file, and checks them on the way.
	 *
	 * @param \Closure(): void $beat Called during long copies.
	 *
	 * @return ?array{size_bytes: int, sha256: string} Null if no file has them any more.
	 */
	public function copy(string $sha256, int $sizeBytes, \FileSync\Store $store, string $path, \Closure $beat): ?array
	{
		$facts = $this->find($sha256, $sizeBytes);
		$source = $facts ? @fopen(implode('/', $facts->rootAndPath()), 'rb') : false;
		if (! $source) {
			return null;
		}
		try {
			\FileSync\Upload::remove($store, $path);
			$copy = new \FileSync\Upload($store, $path, ['size_bytes' => $sizeBytes, 'sha256' => $sha256]);
			while (! $copy->isWhole()) {
				$piece = fread($source, self::PIECE_BYTES);
				if ($piece === false || $piece === '') {
					return null;
				}
				$copy->write($piece);
				$beat();
			}
			$copy->place($path);
		} catch (\FileSync\Exception\CorruptException|\FileSync\Exception\LimitException) {
			// It was changed meanwhile.
			return null;
		} finally {
			fclose($source);
			\FileSync\Upload::remove($store, $path);
		}

		return ['size_bytes' => $sizeBytes, 'sha256' => $sha256];
	}

	private function find(string $sha256, int $sizeBytes): ?Facts
	{
		foreach ($this->rows([$sha256]) as $row) {
			$facts = $this->facts($row);
			if ($facts?->sizeBytes === $sizeBytes) {
				return $facts;
			}
		}

		return null;
	}

	/**
	 * @param list<string> $digests
	 *
	 * @return list<DigestRow>
	 */
	private function rows(array $digests): array
	{
		return Table::select(
			'filesync_digest',
			['uid' => $this->channel->id, 'sha256' => $digests],
			'sha256',
			self::MOST_COPIES * count($digests),
		);
	}

	/** @param DigestRow $row */
	private function facts(array $row): ?Facts
	{
		$facts = Facts::of($this->channel, $row['hash'], (int) $row['scale']);
		$stat = $facts->state === 'whole' && $facts->content === null ? $facts->stat() : null;

		return $stat && Facts::key($stat) === $row['facts'] ? $facts : null;
	}
}
