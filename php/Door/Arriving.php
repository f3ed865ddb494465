<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\CoreImport;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Import\Child;
use FileSync\Addon\Import\Delivery;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Import\Process;
use FileSync\Addon\Import\Section;
use FileSync\Addon\Import\Slice;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Rows of a channel as they come in a request: a line that says what they are, and one for each of them, all JSON. They
 * are in the memory of this process, and then in that of the one that imports them.
 */
final class Arriving
{
	public const TYPE = 'application/jsonl';
	/** Rows that are taken at once, and their bytes. One row alone may have more, as long as a request can. */
	public const MOST_ROWS = 200;
	public const MOST_BYTES = 8 << 20;
	private const MOST_KEYS_BYTES = 64 << 10;
	private const MOST_ADDON_BYTES = 4 << 20;

	/** @param array<array-key, mixed> $said */
	private function __construct(
		private readonly array $said,
		/** What the request has besides, as a JSON text of a list. */
		private readonly string $list,
		private readonly int $count,
	) {}

	/**
	 * Has rows imported; returns how far the import is then.
	 *
	 * @throws Refusal
	 */
	public static function rows(Request $request, Key $key, Job $job): Job
	{
		$lock = Job::lockOfAccount($job->accountId, 'door');
		if (! $lock->take()) {
			throw self::running();
		}
		$arriving = self::read($request);
		$job = Job::load($job->id);
		$slice = $arriving->slice($job);
		if (isset($arriving->said['left_out'])) {
			return Delivery::leaveOut($slice, (string) json_encode($arriving->said['left_out']));
		}
		if ($slice->section === Section::Channel) {
			self::needFresh($key);
			$payload = $arriving->head($job);
		} else {
			if ($job->channelId === 0) {
				throw new Refusal(409, 'no_channel', 'The channel itself comes first.');
			}
			$payload = $slice->section->isForWholeImport()
				? $arriving->whole([$slice->section->value => $arriving->list])
				: $arriving->list;
		}

		return self::give($slice, $payload);
	}

	/**
	 * Has the hub tell others that the channel is here, after what other addons brought.
	 *
	 * @throws Refusal
	 */
	public static function end(Request $request, Job $job): Job
	{
		$lock = Job::lockOfAccount($job->accountId, 'door');
		if (! $lock->take()) {
			throw self::running();
		}
		$arriving = self::read($request);
		$job = Job::load($job->id);
		if ($job->state === Job::DONE) {
			return $job;
		}
		if ($job->state !== Job::AGAIN) {
			throw new Refusal(409, 'import_open', 'Ask first for the posts that were refused.');
		}
		$addons = array_map(self::text(...), array_merge(...array_filter($arriving->decoded(), is_array(...))));
		foreach (array_keys($addons) as $name) {
			if (Section::tryFrom((string) $name) || in_array($name, [...Section::HEAD, ...Section::UNREAD], true)) {
				throw self::wrong('Each line must be one section of another addon, by its name.');
			}
		}
		if (array_sum(array_map(strlen(...), $addons)) > self::MOST_ADDON_BYTES) {
			throw new Refusal(
				413,
				'body_too_long',
				'Sections of other addons have at most ' . self::MOST_ADDON_BYTES . ' bytes together.',
				['limit_bytes' => self::MOST_ADDON_BYTES],
			);
		}
		$slice = new Slice(
			job: $job->id,
			after: $job->position(),
			section: Section::Channel,
			isLast: true,
		);

		return self::give($slice, $arriving->whole($addons));
	}

	/** @throws Refusal The password was said too long ago. */
	private static function needFresh(Key $key): void
	{
		if (! $key->isFresh()) {
			throw new Refusal(
				403,
				'pass_old',
				"The channel's private key is taken within ten minutes after the password only. Get another pass.",
			);
		}
	}

	private static function give(Slice $slice, string $payload): Job
	{
		[$job, $code, $words] = Delivery::give($slice, $payload);
		if ($job) {
			return $job;
		}
		if ($code === Child::TOO_LARGE) {
			throw new Refusal(
				422,
				'rows_too_large',
				'These rows need more memory together than PHP allows (memory_limit). Send fewer at once.',
			);
		}
		if ($code === Process::TOO_SLOW && count($slice->numbers()) > 1) {
			throw new Refusal(
				422,
				'rows_too_large',
				'These rows take this hub longer than ' . Delivery::MOST_SECONDS . ' seconds. Send fewer at once.',
			);
		}
		throw new Refusal(
			502,
			'slice_failed',
			"The hub did not import {$slice->section->words()}: "
			. ($words === '' ? 'its process was ended' : $words)
			. '. The same request tries it again.',
		);
	}

	/** Returns what the rows are; compares it with how far the import is. */
	private function slice(Job $job): Slice
	{
		$section = Section::tryFrom(is_string($this->said['section'] ?? null) ? $this->said['section'] : '');
		[$part, $first, $numbers] = [$this->number('part'), $this->number('first'), $this->numbers()];
		if ($section === null) {
			throw new Refusal(404, 'no_such_kind', 'This hub knows no rows of this kind.');
		}
		if (($section === Section::Channel) !== ($part === 0)) {
			throw self::wrong('"section" and "part" must say what the rows are.');
		}
		$isAgain = $numbers !== [];
		$count = isset($this->said['left_out']) ? 1 : $this->count;
		if ($count === 0 || $count > self::MOST_ROWS || ($isAgain && count($numbers) !== $count)) {
			throw self::wrong(
				'There must be at most ' . self::MOST_ROWS . ' rows, and as many numbers if there are any.',
			);
		}
		$from = $isAgain ? min($numbers) : $first;
		$isNext = $part > $job->part || ($part === $job->part && $from >= $job->element);
		$isBegun = $part === $job->part ? $from === $job->element : $from === 0;
		if ($job->state !== ($isAgain ? Job::AGAIN : Job::FIRST) || ! $isNext || (! $isAgain && ! $isBegun)) {
			throw new Refusal(409, 'position_differs', 'The import is not there. Ask how far it is, and go on there.');
		}

		return new Slice(
			job: $job->id,
			after: $job->position(),
			section: $section,
			part: $part,
			next: '',
			first: $from,
			count: $isAgain ? 0 : $count,
			bytes: $isAgain ? 0 : strlen($this->list),
			chosen: $numbers,
			isAgain: $isAgain,
			relocate: $this->relocate(),
			groups: $this->groups(),
		);
	}

	private function number(string $name): int
	{
		/** @var mixed $number */
		$number = $this->said[$name] ?? 0;

		return is_int($number) && $number >= 0 ? $number : throw self::wrong("\"$name\" must be a number.");
	}

	/** @return list<int> */
	private function numbers(): array
	{
		/** @var mixed $said */
		$said = $this->said['numbers'] ?? [];
		$numbers = is_array($said) ? array_values(array_filter($said, is_int(...))) : [];

		return $numbers === $said && ($numbers === [] || min($numbers) >= 0)
			? $numbers
			: throw self::wrong('"numbers" must be a list of numbers.');
	}

	/** @return array<string, string> The hashes of the groups of members, by their numbers where they were. */
	private function groups(): array
	{
		/** @var mixed $said */
		$said = $this->said['groups'] ?? [];
		$groups = [];
		foreach (is_array($said) ? array_filter($said, is_string(...)) : [] as $number => $hash) {
			$groups[(string) $number] = $hash;
		}

		return $groups;
	}

	/** @return ?array{url: string, channel_address: string} */
	private function relocate(): ?array
	{
		/** @var mixed $relocate */
		$relocate = $this->said['relocate'] ?? null;
		$relocate = is_array($relocate) ? array_filter($relocate, is_string(...)) : [];

		return (
			isset($relocate['url'], $relocate['channel_address'])
				? ['url' => $relocate['url'], 'channel_address' => $relocate['channel_address']]
				: null
		);
	}

	/** Returns the channel itself, as core's import gets it. */
	private function head(Job $job): string
	{
		/** @var mixed $row */
		$row = $this->decoded()[0] ?? null;
		$head = is_array($row) ? $row : [];
		/** @var mixed $channel */
		$channel = $head['channel'] ?? null;
		if (! is_array($channel) || array_diff(array_keys($head), array_diff(Section::HEAD, CoreImport::KEYS)) !== []) {
			throw self::wrong('The first row must have the sections "channel", "profile" and "photo" of an export.');
		}
		$guid = is_string($channel['channel_guid'] ?? null) ? $channel['channel_guid'] : '';
		if ($guid !== ($job->choice['guid'] ?? null)) {
			throw new Refusal(409, 'other_channel', 'This is another channel than the one that the import began with.');
		}
		$here = Clones::byGuid($guid);
		if ($here && $here->accountId !== $job->accountId) {
			throw new Refusal(409, 'other_account', 'This channel lives on this hub already, in another account.');
		}

		return $this->whole(array_map(self::text(...), $head));
	}

	/**
	 * Returns an export with some sections.
	 *
	 * @param array<array-key, string> $sections As JSON.
	 */
	private function whole(array $sections): string
	{
		$keys = array_map(self::text(...), array_intersect_key($this->said, array_flip(CoreImport::KEYS)));
		if (! isset($keys['compatibility'])) {
			throw self::wrong('"compatibility" must be what the export says.');
		}

		return Slice::object($keys + $sections);
	}

	private static function text(mixed $value): string
	{
		return json_encode(
			$value,
			JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION,
		);
	}

	/** @return list<mixed> */
	private function decoded(): array
	{
		/** @var list<mixed> */
		return Json::read($this->list);
	}

	private static function read(Request $request): self
	{
		$body = Body::of($request);
		if (! $body->isOfType(self::TYPE)) {
			throw new Refusal(415, 'content_type', 'Send lines of JSON, with Content-Type: ' . self::TYPE . '.');
		}
		$tooLong = new Refusal(
			413,
			'body_too_long',
			'A request has at most ' . self::MOST_BYTES . ' bytes here. Send fewer rows at once.',
			['limit_bytes' => self::MOST_BYTES],
		);
		if (($body->length ?? 0) > self::MOST_BYTES) {
			throw $tooLong;
		}
		$text = '';
		$count = $body->read(function (string $piece) use (&$text, $tooLong): void {
			$text .= $piece;
			if (strlen($text) > self::MOST_BYTES) {
				throw $tooLong;
			}
		});
		if ($body->length !== null && $count < $body->length) {
			throw Body::cut($count, $body->length);
		}
		$end = strpos($text, "\n");
		/** @var mixed $said */
		$said = json_decode($end === false ? $text : substr($text, 0, min($end, self::MOST_KEYS_BYTES)), true, 16);
		$rest = $end === false ? '' : trim(substr($text, $end + 1));
		unset($text);
		// What is a list of JSON values can be a part of a greater text.
		$list = '[' . strtr($rest, "\n", ',') . ']';
		try {
			/** @var mixed $rows */
			$rows = Json::read($list);
		} catch (\LengthException $e) {
			throw new Refusal(422, 'rows_too_large', "These rows are too many at once: {$e->getMessage()}.");
		}
		if (! is_array($said) || ! is_array($rows) || ! array_is_list($rows)) {
			throw self::wrong('A line must say what follows; each line after it must be JSON.');
		}

		return new self($said, $list, count($rows));
	}

	private static function wrong(string $words): Refusal
	{
		return new Refusal(400, 'rows_wrong', $words);
	}

	/** Says that one request at a time has rows imported. */
	public static function running(): Refusal
	{
		return new Refusal(
			429,
			'import_running',
			'Another request has rows imported into this account, and one at a time may. Wait a second.',
			[],
			['Retry-After' => '1'],
		);
	}
}
