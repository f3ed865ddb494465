<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Restore\OwnBytes;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The bytes that metadata files in the drop box name, and whether they are here: table filesync_box_part.
 *
 * @import-type Part from Content
 */
final class Parts
{
	private const PAGE = 1000;

	/**
	 * Notes what a metadata file names.
	 *
	 * @param list<Part> $parts
	 */
	public static function add(Channel $channel, Session $session, string $metadata, array $parts): void
	{
		$digests = array_column($parts, 'sha256');
		$here = [];
		foreach (Entry::among($session, $digests) as $entry) {
			$here[$entry->sha256] = $entry->isWhole ? $entry->sizeBytes : null;
		}
		$own = array_fill_keys(
			(new OwnBytes($channel))->among(array_values(array_diff($digests, array_keys($here)))),
			true,
		);
		foreach ($parts as $part) {
			$isHere = ($here[$part['sha256']] ?? null) === $part['size_bytes'] || isset($own[$part['sha256']]);
			Table::upsert(
				'filesync_box_part',
				['id' => hash('sha256', "$session->id\n$metadata\n{$part['sha256']}\n{$part['size_bytes']}")],
				['is_here' => (int) $isHere],
				[
					'session' => $session->id,
					'metadata' => $metadata,
					'sha256' => $part['sha256'],
					'size_bytes' => $part['size_bytes'],
				],
			);
		}
	}

	/** Notes that bytes came. */
	public static function come(Session $session, string $sha256, int $sizeBytes): void
	{
		Table::update(
			'filesync_box_part',
			['is_here' => 1],
			['session' => $session->id, 'sha256' => $sha256, 'size_bytes' => $sizeBytes],
		);
	}

	/** Notes that bytes went. */
	public static function go(Session $session, string $sha256): void
	{
		Table::update('filesync_box_part', ['is_here' => 0], ['session' => $session->id, 'sha256' => $sha256]);
	}

	/** Forgets what a metadata file names. */
	public static function forget(Session $session, string $metadata): void
	{
		Table::delete('filesync_box_part', ['session' => $session->id, 'metadata' => $metadata]);
	}

	/** @return list<string> The digests of what a metadata file names. */
	public static function of(Session $session, string $metadata): array
	{
		$rows = Table::select('filesync_box_part', ['session' => $session->id, 'metadata' => $metadata]);

		return array_column($rows, 'sha256');
	}

	/** Tells whether any metadata file names these bytes. */
	public static function isNamed(Session $session, string $sha256): bool
	{
		return Table::first(
			'filesync_box_part',
			['session' => $session->id, 'sha256' => $sha256],
			'',
			'id',
		) !== null;
	}

	/** @return array<string, true> The metadata files of which something is missing, by their digests. */
	public static function waiting(Session $session): array
	{
		$waiting = [];
		foreach (Table::pages(
			'filesync_box_part',
			['session' => $session->id, 'is_here' => 0],
			self::PAGE,
			'id, metadata',
		) as $rows) {
			foreach ($rows as $row) {
				$waiting[$row['metadata']] = true;
			}
		}

		return $waiting;
	}
}
