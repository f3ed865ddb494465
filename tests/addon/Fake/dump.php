<?php

/** The reader of exports, in plain PHP: JSON alone, a section a line, and all of it at once. */

namespace FileSync {
	use FileSync\Exception\InvalidInputException;

	final class Dump
	{
		/** @var list<array{string, bool, list<string>}> In the order of the file, also those that come twice. */
		private array $sections = [];
		private int $section = 0;
		private int $element = 0;

		public function __construct(Store $store, string $path, ?string $cursor = null)
		{
			// A section a line: of two members of a name PHP keeps the last.
			foreach (explode(",\n", substr(trim(file_get_contents($store->absolute($path))), 1, -1)) as $line) {
				[$name, $json] = explode(':', $line, 2);
				$value = json_decode($json, true, 512, JSON_THROW_ON_ERROR);
				$isList = str_starts_with($json, '[');
				$elements = $isList ? array_map(json_encode(...), $value) : [$json];
				$this->sections[] = [json_decode($name), $isList, $elements];
			}
			if ($cursor !== null) {
				$this->seek($cursor);
			}
		}

		public function format(): string
		{
			return 'json';
		}

		public function next(int $most_elements = 200, int $most_bytes = 4194304): ?array
		{
			while ($this->section < count($this->sections)) {
				[$name, $isList, $all] = $this->sections[$this->section];
				$some = array_slice($all, $this->element, $most_elements);
				if ($some !== []) {
					$first = $this->element;
					$this->element += count($some);

					return [
						'document' => null,
						'section' => $name,
						'first' => $isList ? $first : null,
						'elements' => $some,
					];
				}
				$this->section++;
				$this->element = 0;
			}

			return null;
		}

		public function step(int $budget_ms): bool
		{
			$this->section = count($this->sections);

			return true;
		}

		public function sections(): array
		{
			return array_map(
				fn ($section, $n) => [
					'document' => null,
					'section' => $section[0],
					'is_list' => $section[1],
					'elements' => count($section[2]),
					'bytes' => strlen(implode($section[2])),
					'cursor' => "$n 0",
				],
				$this->sections,
				array_keys($this->sections),
			);
		}

		public function cursor(): string
		{
			return "$this->section $this->element";
		}

		public function seek(string $cursor): void
		{
			preg_match('/^\d+ \d+$/D', $cursor) || throw new InvalidInputException('the cursor is malformed');
			[$this->section, $this->element] = array_map(intval(...), explode(' ', $cursor));
		}
	}
}
