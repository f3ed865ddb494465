<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\FileLock;
use FileSync\Addon\Hub\Json;
use FileSync\Dump;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Imports an export: reads it, and gives slices of it to processes of their own, in an order in which each finds what
 * it needs. Posts that the hub did not take are given to it once more at the end, when what they answer is here.
 *
 * It may be killed at any time; the same import goes on behind the last slice that was noted.
 */
final class Run
{
	/** The kind of problem that the same import may not meet again. */
	public const SLICE_FAILED = 'slice_failed';

	private const MOST_BYTES = 4194304;
	/** Members name their group by a number; who has more groups than this has no hub. */
	private const MOST_GROUPS = 20000;

	/** Held as long as this is: nobody else goes on with the import meanwhile. */
	private readonly FileLock $lock;
	/** @var ?array<string, string> Hashes of groups, by their number in the export. */
	private ?array $groups = null;

	/**
	 * @param \Closure(): bool            $isStopped
	 * @param \Closure(int, string): void $show      Called with the bytes that are imported, and what is being.
	 */
	public function __construct(
		private Job $job,
		private readonly Dump $dump,
		private readonly Survey $survey,
		private readonly string $path,
		private readonly \Closure $isStopped,
		private readonly \Closure $show,
	) {
		$this->lock = $job->lock();
		if (! $this->lock->take()) {
			throw new Problem('import_running', 'Another process imports this export; wait until it ends.', true);
		}
		$this->job = Job::load($job->id);
	}

	/**
	 * Imports what is left.
	 *
	 * @return ?Job As it is at the end; null if it was stopped before that.
	 *
	 * @throws Problem
	 */
	public function work(): ?Job
	{
		try {
			if ($this->job->state === Job::FIRST) {
				if (! $this->head() || ! $this->parts()) {
					return null;
				}
				$this->enter(Job::AGAIN);
			}
			if ($this->job->state === Job::AGAIN) {
				if (! $this->again()) {
					return null;
				}
				$this->enter(Job::END);
			}
			if ($this->job->state === Job::END && ! $this->end()) {
				return null;
			}
		} catch (FileSyncException $e) {
			throw Survey::problem($e, $this->path);
		}
		// Now that others know.
		Delivery::release($this->job);
		$this->lock->release();

		return $this->job;
	}

	/**
	 * Imports the channel itself, and leaves the rest to another process.
	 *
	 * @return Job As it is then.
	 *
	 * @throws Problem
	 */
	public function begin(): Job
	{
		$this->head();
		$this->lock->release();

		return Job::load($this->job->id);
	}

	private function enter(string $state): void
	{
		Job::enter($this->job->id, $state);
		$this->job = Job::load($this->job->id);
	}

	/** Imports the channel itself. */
	private function head(): bool
	{
		if ($this->job->part > 0 || $this->job->element > 0 || $this->survey->head === []) {
			return true;
		}
		$slice = new Slice(
			job: $this->job->id,
			after: $this->job->position(),
			section: Section::Channel,
			count: 1,
			relocate: $this->survey->relocate,
		);

		return $this->give($slice, Slice::object($this->survey->keys + $this->survey->head)) === true;
	}

	/** Imports all parts, from where the import is. */
	private function parts(): bool
	{
		foreach ($this->survey->parts as $n => $part) {
			if (($n + 1) >= $this->job->part && ! $this->part($part, $n + 1)) {
				return false;
			}
		}

		return true;
	}

	/** Imports a part. Posts that need more memory together than PHP allows are given one at a time. */
	private function part(Part $part, int $number): bool
	{
		$isBegun = $number === $this->job->part && $this->job->place !== '';
		$this->dump->seek($isBegun ? $this->job->place : $part->cursor);
		$element = $isBegun ? $this->job->element : 0;
		for ($alone = 0; $element < $part->elements;) {
			$from = $this->dump->cursor();
			$elements = $this->next($part, $alone > 0 ? 1 : $part->section->most());
			$slice = $this->slice($part, $number, $element, $elements);
			$isTaken = $this->offer($slice, $elements);
			if ($isTaken === false) {
				return false;
			}
			if ($isTaken === null && count($elements) > 1) {
				$this->dump->seek($from);
				$alone = count($elements);
				continue;
			}
			if ($isTaken === null) {
				$this->leaveOut($slice, $elements[0]);
			}
			$alone = max(0, $alone - 1);
			$element += count($elements);
			// Before the next ones are read: one may be of 16 MiB.
			$elements = [];
		}

		return true;
	}

	/** @return non-empty-list<string> */
	private function next(Part $part, int $most): array
	{
		$next = $this->dump->next($most, self::MOST_BYTES);

		return $next === null || $next['elements'] === [] || ! $part->holds($next['document'], $next['section'])
			? throw new Problem('export_changed', "$this->path was changed while it was imported.")
			: $next['elements'];
	}

	/** Notes that a post is left out: alone, it needs more memory than PHP allows. */
	private function leaveOut(Slice $slice, string $json): void
	{
		$words = Delivery::nameOf($json) . Delivery::NO_MEMORY;
		Job::mark($slice, $this->job->channelId, [$slice->numbers()[0] => $words]);
		$this->job = Job::load($this->job->id);
	}

	/**
	 * @param list<string> $elements
	 * @param list<int>    $chosen
	 */
	private function slice(Part $part, int $number, int $first, array $elements, array $chosen = []): Slice
	{
		return new Slice(
			job: $this->job->id,
			after: $this->job->position(),
			section: $part->section,
			part: $number,
			next: $this->dump->cursor(),
			first: $first,
			count: $chosen === [] ? count($elements) : 0,
			bytes: $chosen === [] ? array_sum(array_map(strlen(...), $elements)) : 0,
			chosen: $chosen,
			isAgain: $chosen !== [],
			relocate: $this->survey->relocate,
			groups: $part->section === Section::GroupMember ? $this->groupsOf($elements) : [],
		);
	}

	/** @param list<string> $elements */
	private function payload(Section $section, array $elements): string
	{
		$list = '[' . implode(',', $elements) . ']';

		return $section->isForWholeImport() ? Slice::object($this->survey->keys + [$section->value => $list]) : $list;
	}

	/**
	 * Has elements of a part imported, but for a post that would need more memory than PHP allows.
	 *
	 * @param list<string> $elements
	 *
	 * @return ?bool As `give` does.
	 */
	private function offer(Slice $slice, array $elements): ?bool
	{
		$isTooLarge =
			$slice->section->hasPosts() && count($elements) === 1 && strlen($elements[0]) > Child::mostBytesOfPost();

		return $isTooLarge ? null : $this->give($slice, $this->payload($slice->section, $elements));
	}

	/**
	 * Has a slice imported.
	 *
	 * @return ?bool False if the import is to stop, null if they are posts and need more memory than PHP allows.
	 */
	private function give(Slice $slice, string $payload): ?bool
	{
		if (($this->isStopped)()) {
			return false;
		}
		[$code, $words] = Process::give($slice, $payload);
		if ($code === Child::TOO_LARGE && $slice->section->hasPosts()) {
			return null;
		}
		$this->job = Job::load($this->job->id);
		if ($this->job->position() === $slice->after) {
			// Whoever interrupts this may have interrupted that process too.
			return ($this->isStopped)() ? false : throw $this->failure($slice, $words);
		}
		if ($this->job->position() !== $slice->position($this->job->state)) {
			throw new Problem('import_running', 'Another process has gone on with this import; try again.', true);
		}
		($this->show)($this->job->bytes, $slice->section->words());

		return true;
	}

	private function failure(Slice $slice, string $words): Problem
	{
		$words = $words === '' ? 'its process was ended' : rtrim($words, '.');

		return new Problem(
			self::SLICE_FAILED,
			$slice->section === Section::Channel
				? "The hub did not take the channel: $words."
				: sprintf(
					'The hub did not import %s, from number %d of section "%s" on: %s.',
					$slice->section->words(),
					$slice->numbers()[0] ?? 0,
					$slice->section->value,
					$words,
				),
		);
	}

	/** Gives the hub the posts again that it did not take. */
	private function again(): bool
	{
		$most = Section::Item->most();
		while ($posts = $this->job->missing($this->job->part, $this->job->element, $most)) {
			$number = $posts[0]['part'];
			$part = $this->survey->parts[$number - 1];
			[$chosen, $elements] = $this->chosen($part, array_column($posts, 'number'));
			$slice = $this->slice($part, $number, $chosen[0], $elements, $chosen);
			$isTaken = $this->offer($slice, $elements);
			if ($isTaken === false) {
				return false;
			}
			if ($isTaken === null && count($chosen) === 1) {
				$this->leaveOut($slice, $elements[0]);
			}
			$most = $isTaken === null ? 1 : $most;
		}

		return true;
	}

	/**
	 * Reads some elements of a part, as many as are imported at once.
	 *
	 * @param list<int> $numbers
	 *
	 * @return array{non-empty-list<int>, list<string>} Which they are, and they.
	 */
	private function chosen(Part $part, array $numbers): array
	{
		$this->dump->seek($part->cursor);
		$chosen = $elements = [];
		$bytes = 0;
		for ($first = 0; $first <= max($numbers) && $bytes < self::MOST_BYTES; $first += count($read)) {
			$read = $this->next($part, Section::Item->most());
			foreach (array_intersect(range($first, $first + count($read) - 1), $numbers) as $number) {
				$bytes += strlen($read[$number - $first]);
				if ($bytes > self::MOST_BYTES && $chosen !== []) {
					break;
				}
				$chosen[] = $number;
				$elements[] = $read[$number - $first];
			}
		}

		return (
			$chosen === []
				? throw new Problem('export_changed', "$this->path was changed while it was imported.")
				: [$chosen, $elements]
		);
	}

	/** Has the hub tell others, and look for what other addons brought. */
	private function end(): bool
	{
		if (! isset($this->survey->keys['compatibility'])) {
			// Posts alone: the hub's own import of these tells nobody.
			$this->enter(Job::DONE);
			return true;
		}
		$slice = new Slice(
			job: $this->job->id,
			after: $this->job->position(),
			section: Section::Channel,
			isLast: true,
		);

		return $this->give($slice, Slice::object($this->survey->keys + $this->survey->addons)) === true;
	}

	/**
	 * Returns the groups of members.
	 *
	 * @param list<string> $members As JSON.
	 *
	 * @return array<string, string>
	 */
	private function groupsOf(array $members): array
	{
		$groups = $this->groups ??= $this->groups();
		$wanted = [];
		foreach ($members as $json) {
			/** @var mixed */
			$member = Json::read($json);
			$gid = is_array($member) && is_scalar($member['gid'] ?? null) ? (string) $member['gid'] : '';
			isset($groups[$gid]) && ($wanted[$gid] = $groups[$gid]);
		}

		return $wanted;
	}

	/** @return array<string, string> */
	private function groups(): array
	{
		$here = $this->dump->cursor();
		$groups = [];
		foreach (array_filter($this->survey->parts, fn ($part) => $part->section === Section::Group) as $part) {
			$this->dump->seek($part->cursor);
			for ($read = 0; $read < $part->elements && count($groups) < self::MOST_GROUPS;) {
				$next = $this->dump->next($part->section->most(), self::MOST_BYTES) ?? ['elements' => []];
				$read += max(1, count($next['elements']));
				foreach ($next['elements'] as $json) {
					/** @var mixed */
					$group = Json::read($json);
					if (is_array($group) && is_scalar($group['id'] ?? null) && is_string($group['hash'] ?? null)) {
						$groups[(string) $group['id']] = $group['hash'];
					}
				}
			}
		}
		$this->dump->seek($here);

		return $groups;
	}
}
