<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\CoreImport;
use FileSync\Addon\Hub\Json;
use FileSync\Dump;
use FileSync\Exception\FileSyncException;
use FileSync\Exception\StorageException;
use FileSync\Store;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What is in an export, as one pass over the whole file tells: it is sound and within bounds, it is of one channel, and
 * where each section begins.
 */
final class Survey
{
	private const STEP_MS = 200;
	/** What comes with each step is short. */
	private const MOST_KEY_BYTES = 65536;
	/** Core gets the channel with its profiles and its picture at once. */
	private const MOST_HEAD_BYTES = 8388608;
	private const MOST_ADDON_BYTES = 4194304;
	/** Exports of this version and older ones are of another kind; core says so too. */
	private const OLD_VERSION = '4.7.3';

	/**
	 * @param list<Part>            $parts    In the order in which they are imported.
	 * @param array<string, string> $keys     The sections that core's import starts with, as JSON.
	 * @param array<string, string> $head     Those that come with the channel, as JSON; empty if it is not there.
	 * @param array<string, string> $addons   Those of other addons, as JSON.
	 * @param ?array{url: string, channel_address: string} $relocate Where the channel was.
	 */
	private function __construct(
		public readonly array $parts,
		public readonly array $keys,
		public readonly array $head,
		public readonly array $addons,
		public readonly ?array $relocate,
	) {}

	/** Opens the file of an export. */
	public static function open(string $path): Dump
	{
		try {
			return new Dump(new Store(dirname($path)), basename($path));
		} catch (FileSyncException $e) {
			throw self::problem($e, $path);
		}
	}

	/** Returns an error of the reader in words. */
	public static function problem(FileSyncException $e, string $path): Problem
	{
		return $e instanceof StorageException
			? new Problem('disk_failed', "$path cannot be read: {$e->getMessage()}", true, previous: $e)
			: new Problem('export_damaged', "$path cannot be imported: {$e->getMessage()}", previous: $e);
	}

	/**
	 * Reads a file to its end.
	 *
	 * @param \Closure(): bool $isStopped Called now and then.
	 *
	 * @return ?self Null if it was stopped.
	 *
	 * @throws Problem
	 */
	public static function of(Dump $dump, string $path, \Closure $isStopped): ?self
	{
		try {
			while (! $dump->step(self::STEP_MS)) {
				if ($isStopped()) {
					return null;
				}
			}

			return self::sorted($dump, $dump->sections());
		} catch (FileSyncException $e) {
			throw self::problem($e, $path);
		}
	}

	/**
	 * @param list<array{document: ?string, section: string, is_list: bool, elements: int, bytes: int, cursor: string}>
	 *     $found
	 */
	private static function sorted(Dump $dump, array $found): self
	{
		$parts = [];
		$keys = $head = $addons = [];
		$met = [];
		foreach ($found as $one) {
			$name = $one['section'];
			$known = Section::tryFrom($name);
			if (isset($met["{$one['document']} $name"])) {
				throw new Problem(
					'section_twice',
					"The export has a section \"$name\" twice: no hub writes that, and it is unclear which one is meant.",
				);
			}
			$met["{$one['document']} $name"] = true;
			if (in_array($name, CoreImport::KEYS, true)) {
				self::same($keys, $name, self::text($dump, $one, self::MOST_KEY_BYTES));
			} elseif (in_array($name, Section::HEAD, true)) {
				isset($head[$name])
					&& throw new Problem('section_twice', "Several documents of the archive have a section \"$name\".");
				$head[$name] = self::text(
					$dump,
					$one,
					self::MOST_HEAD_BYTES - array_sum(array_map(strlen(...), $head)),
				);
			} elseif ($known !== null) {
				if ($one['is_list']) {
					$parts[] = new Part($known, $one['document'], $one['cursor'], $one['elements'], $one['bytes']);
				} elseif (! in_array(
					self::text($dump, $one, self::MOST_KEY_BYTES),
					['null', 'false', '{}', '""'],
					true,
				)) {
					throw new Problem('not_an_export', "Section \"$name\" of the export is not a list.");
				}
			} elseif (! in_array($name, Section::UNREAD, true)) {
				isset($addons[$name])
					&& throw new Problem('section_twice', "Several documents of the archive have a section \"$name\".");
				$rest = self::MOST_ADDON_BYTES - array_sum(array_map(strlen(...), $addons));
				$addons[$name] = self::text($dump, $one, $rest);
			}
		}
		$order = array_flip(array_map(fn ($section) => $section->value, Section::cases()));
		// Stable: documents stay in their order.
		usort($parts, fn ($a, $b) => $order[$a->section->value] <=> $order[$b->section->value]);
		$head = isset($head['channel']) ? $head : [];
		self::refuse($keys, $head, $parts);

		return new self($parts, $keys, $head, $addons, self::relocate($keys));
	}

	/** @param array<string, string> $known */
	private static function same(array &$known, string $name, string $json): void
	{
		if (($known[$name] ?? $json) !== $json) {
			throw new Problem('several_channels', "The documents of the archive differ in section \"$name\".");
		}
		$known[$name] = $json;
	}

	/**
	 * Returns all of a section, as JSON.
	 *
	 * @param array{section: string, is_list: bool, bytes: int, cursor: string, ...} $one
	 */
	private static function text(Dump $dump, array $one, int $most): string
	{
		if ($one['bytes'] > $most) {
			throw new Problem(
				'section_too_long',
				"Section \"{$one['section']}\" of the export has {$one['bytes']} bytes; filesync imports at most"
				. " $most of it, as no hub writes more.",
			);
		}
		$elements = [];
		$dump->seek($one['cursor']);
		while (($next = $dump->next()) !== null && $next['section'] === $one['section']) {
			array_push($elements, ...$next['elements']);
			if (! $one['is_list']) {
				break;
			}
		}

		return $one['is_list'] ? '[' . implode(',', $elements) . ']' : implode(array_slice($elements, 0, 1));
	}

	/**
	 * @param array<string, string> $keys
	 * @param array<string, string> $head
	 * @param list<Part>            $parts
	 */
	private static function refuse(array $keys, array $head, array $parts): void
	{
		$about = self::read($keys['compatibility'] ?? '{}');
		$version = is_string($about['version'] ?? null) ? $about['version'] : '';
		if (isset($about['codebase']) || $version !== '' && version_compare($version, self::OLD_VERSION, '<=')) {
			throw new Problem(
				'other_software',
				'The export is of a software or version whose channels this hub cannot take: '
					. trim("{$keys['compatibility']}"),
			);
		}
		$whole = array_filter($parts, fn ($part) => $part->section->isForWholeImport());
		if ($version === '' && ($head !== [] || $whole !== [])) {
			throw new Problem(
				'not_an_export',
				'The export does not say of which version it is (section "compatibility").',
			);
		}
		if ($head === [] && $parts === []) {
			throw new Problem('not_an_export', 'The file has nothing in it that hubs export.');
		}
	}

	/**
	 * @param array<string, string> $keys
	 *
	 * @return ?array{url: string, channel_address: string}
	 */
	private static function relocate(array $keys): ?array
	{
		$relocate = self::read($keys['relocate'] ?? '{}');

		return (
			is_string($relocate['url'] ?? null) && is_string($relocate['channel_address'] ?? null)
				? ['url' => $relocate['url'], 'channel_address' => $relocate['channel_address']]
				: null
		);
	}

	private static function read(string $json): array
	{
		/** @var mixed */
		$read = Json::read($json);

		return is_array($read) ? $read : [];
	}

	/** Returns the identity of the channel that the export is of; empty if it has none. */
	public function guid(): string
	{
		$channel = self::read($this->head['channel'] ?? '{}');

		return is_string($channel['channel_guid'] ?? null) ? $channel['channel_guid'] : '';
	}

	/** Returns how many bytes are to be imported. */
	public function bytes(): int
	{
		return array_sum(array_map(fn ($part) => $part->bytes, $this->parts));
	}

	/** Returns how many elements some sections have. */
	public function count(Section ...$sections): int
	{
		return array_sum(array_map(
			fn ($part) => in_array($part->section, $sections, true) ? $part->elements : 0,
			$this->parts,
		));
	}
}
