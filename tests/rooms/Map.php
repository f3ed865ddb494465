<?php

namespace Rooms;

/** README's map: a picture of the floors and a table of the rooms, for each of the two houses. */
final class Map
{
	public function __construct(private readonly string $readme) {}

	/**
	 * Compares the map of a house with its rooms.
	 *
	 * @param string       $heading The section's.
	 * @param list<string> $rooms   From the ground up.
	 *
	 * @return list<string> What is wrong.
	 */
	public function faults(string $heading, array $rooms): array
	{
		if (! preg_match('/^### ' . preg_quote($heading, '/') . '\n(.*?)^##/ms', $this->readme, $section)) {
			return ["README has no section \"### $heading\""];
		}
		preg_match_all('/^ *\w+ *\|(.*)\|$/m', $section[1], $floors);
		preg_match_all('/^\| `(\w+)` \|/m', $section[1], $table);
		$drawn = preg_split('/\s+/', implode(' ', array_reverse($floors[1])), -1, PREG_SPLIT_NO_EMPTY);
		$faults = [];
		foreach (['the table' => $table[1], 'the picture' => $drawn] as $where => $names) {
			$few = array_diff($rooms, $names);
			$many = array_diff($names, $rooms);
			$twice = array_keys(array_filter(array_count_values($names), fn ($count) => $count > 1));
			array_push(
				$faults,
				...array_map(fn ($room) => "$heading: $where lacks $room", array_values($few)),
				...array_map(fn ($room) => "$heading: $where has $room, which is not there", array_values($many)),
				...array_map(fn ($room) => "$heading: $where has $room twice", $twice),
			);
		}
		if (! $faults && $drawn !== $rooms) {
			$faults[] = "$heading: the picture shows another order; from the ground up it is " . implode(' ', $rooms);
		}

		return $faults;
	}

	/**
	 * Returns the modules of the engine, from the ground up; those that its table of rooms lacks come last.
	 *
	 * @return list<string>
	 */
	public static function modules(string $engine): array
	{
		preg_match_all('/^    \(\s*"(\w+)",/m', file_get_contents("$engine/tests/rooms.rs"), $known);
		$files = array_map(fn ($path) => basename($path, '.rs'), glob("$engine/src/*") ?: []);
		$there = array_values(array_diff(array_unique($files), ['lib']));

		return [...array_intersect($known[1], $there), ...array_diff($there, $known[1])];
	}
}
