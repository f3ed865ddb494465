<?php

namespace FileSync\Addon\Import;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Some elements of an export, as they go to the process that imports them: by its standard input, as a line that says
 * what they are, and the bytes of the elements. There they are in nobody's way and on no disk.
 */
final class Slice
{
	/**
	 * @param string                $job     Which import it belongs to.
	 * @param string                $after   How far that is, or the slice is imported already.
	 * @param int                   $part    Which part of the export.
	 * @param string                $next    Where the reader goes on behind it.
	 * @param int                   $first   The number of its first element, in its part.
	 * @param list<int>             $chosen  If its elements do not follow one another: their numbers.
	 * @param bool                  $isAgain Whether they were given to the hub before.
	 * @param bool                  $isLast  Whether the hub may tell others after that.
	 * @param ?array{url: string, channel_address: string} $relocate Where the channel was.
	 * @param array<string, string> $groups  Hashes of groups, by their number there.
	 */
	public function __construct(
		public readonly string $job,
		public readonly string $after,
		public readonly Section $section,
		public readonly int $part = 0,
		public readonly string $next = '',
		public readonly int $first = 0,
		public readonly int $count = 0,
		public readonly int $bytes = 0,
		public readonly array $chosen = [],
		public readonly bool $isAgain = false,
		public readonly bool $isLast = false,
		public readonly ?array $relocate = null,
		public readonly array $groups = [],
	) {}

	/**
	 * Returns the numbers of its elements, in its part.
	 *
	 * @return list<int>
	 */
	public function numbers(): array
	{
		return match (true) {
			$this->chosen !== [] => $this->chosen,
			$this->count === 0 => [],
			default => range($this->first, $this->first + $this->count - 1),
		};
	}

	/** Returns the number behind its last element, in its part. */
	public function end(): int
	{
		$numbers = $this->numbers();

		return $numbers === [] ? 0 : max($numbers) + 1;
	}

	/** Returns how far the import is once the slice is imported. */
	public function position(string $state): string
	{
		return $this->isLast ? "$state 0 0" : "$state $this->part " . $this->end();
	}

	/**
	 * Returns a JSON object.
	 *
	 * @param array<array-key, string> $members As JSON.
	 */
	public static function object(array $members): string
	{
		return (
			'{'
			. implode(',', array_map(
				fn ($name, $json) => json_encode($name, JSON_THROW_ON_ERROR) . ':' . $json,
				array_keys($members),
				$members,
			))
			. '}'
		);
	}

	/** Returns the line that says what it is, and how many bytes follow. */
	public function line(int $bytes): string
	{
		$said = ['section' => $this->section->value, 'follow' => $bytes] + get_object_vars($this);

		return json_encode($said, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES) . "\n";
	}

	/**
	 * Reads one.
	 *
	 * @param resource $from
	 *
	 * @return ?array{self, string} With the elements; null if it did not come whole.
	 */
	public static function read($from): ?array
	{
		/**
		 * @var ?array{
		 *     section: string, follow: int, job: string, after: string, part: int, next: string, first: int,
		 *     count: int, bytes: int, chosen: list<int>, isAgain: bool, isLast: bool,
		 *     relocate: ?array{url: string, channel_address: string},
		 *     groups: array<string, string>,
		 * }
		 */
		$said = json_decode((string) fgets($from), true);
		$elements = (string) stream_get_contents($from);
		if ($said === null || strlen($elements) !== $said['follow']) {
			return null;
		}
		unset($said['follow']);

		return [new self(...['section' => Section::from($said['section'])] + $said), $elements];
	}
}
