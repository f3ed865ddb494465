<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\CoreImport;
use FileSync\Addon\Hub\ImportedRows;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\ListedPictures;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Posts\ItemRelocation;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The process that imports one slice, notes that, and ends: core's import ends its process, and what it needs of memory
 * is given back.
 *
 * The note comes after the rows. Who dies between them is followed by one who imports the slice again, and finds what
 * is here.
 */
final class Child
{
	/** What the process ends with if the slice needs more memory than PHP allows. */
	public const TOO_LARGE = 3;
	public const FAILED = 1;

	/** What the process takes before its posts, and how often it holds a post in one form or another. */
	private const OWN_BYTES = 16777216;
	private const FORMS_OF_POST = 10;

	/**
	 * Imports the slice that comes on a stream; returns the exit code. What is wrong goes to standard error, one line.
	 *
	 * @param resource $from
	 */
	public static function run($from): int
	{
		self::reportFatal();
		$read = Slice::read($from);
		if ($read === null) {
			// Who gave it is dead.
			return self::FAILED;
		}
		[$slice, $elements] = $read;
		unset($read);
		try {
			$job = Job::load($slice->job);
			// Somebody who was given the same slice may still be at it; and no account has many processes at once.
			$lock = Job::lockOfAccount($job->accountId, 'slice');
			$lock->wait();
			$job = Job::load($slice->job);
			if ($job->position() !== $slice->after) {
				return 0;
			}
			CoreImport::begin($job->accountId);
			$channel = $job->channelId > 0 ? Clones::channel($job->channelId) : null;
			if ($channel) {
				CoreImport::actFor($channel);
			}
			if ($channel && $slice->section === Section::Abook && ! CoreImport::mayConnectMore($channel)) {
				Job::mark($slice, $channel->id, refused: $slice->count);
				return 0;
			}
			if ($slice->isLast || $slice->section->isForWholeImport()) {
				self::whole(
					$job,
					$slice,
					$slice->section === Section::Xchan
						? CoreImport::withWholePeople($elements)
						: $elements,
				);
			}
			$channel ?? throw new Refused('the channel is no longer here');
			$slice->section->hasPosts()
				? self::posts($channel, $slice, $elements)
				: self::rows($channel, $job, $slice, $elements);

			return 0;
		} catch (\LengthException $e) {
			fwrite(STDERR, $e->getMessage() . "\n");

			return self::TOO_LARGE;
		} catch (\Throwable $e) {
			fwrite(STDERR, explode("\n", $e->getMessage())[0] . "\n");

			return self::FAILED;
		}
	}

	/** Returns how long the text of a post may be, so that the process has memory for it. */
	public static function mostBytesOfPost(): int
	{
		$limit = Runtime::memoryLimit();

		return $limit === null ? PHP_INT_MAX : max(1, intdiv($limit - self::OWN_BYTES, self::FORMS_OF_POST));
	}

	private static function reportFatal(): void
	{
		register_shutdown_function(function (): void {
			$error = error_get_last();
			if ($error !== null && in_array($error['type'], [E_ERROR, E_PARSE, E_CORE_ERROR, E_COMPILE_ERROR], true)) {
				fwrite(STDERR, explode("\n", $error['message'])[0] . "\n");
				exit(str_contains($error['message'], 'Allowed memory size') ? self::TOO_LARGE : self::FAILED);
			}
		});
	}

	/** Gives core an export that has only the slice. */
	private static function whole(Job $job, Slice $slice, string $json): never
	{
		CoreImport::take($job->accountId, $json, $job->choice, $slice->isLast, function (Channel $channel) use (
			$slice,
		): void {
			if ($slice->isLast) {
				Job::enter($slice->job, Job::DONE);
				return;
			}
			CoreImport::withhold($channel);
			CoreImport::settle($channel);
			if ($slice->relocate) {
				// Posts name it, and a hub may refuse the row that says so.
				Clones::rememberHome($channel, $slice->relocate['url'], $slice->relocate['channel_address']);
			}
			self::later($channel, $slice);
			Job::mark($slice, $channel->id);
		});
	}

	private static function posts(Channel $channel, Slice $slice, string &$elements): void
	{
		$items = self::decoded($elements);
		$mids = array_combine($slice->numbers(), array_map(CoreImport::mid(...), $items));
		// A post is large in each of its forms: none of them is held longer than it is needed.
		$missing = CoreImport::items(
			$channel,
			self::handedOver($items),
			$slice->relocate,
			ItemRelocation::import(...),
		);
		Job::mark($slice, $channel->id, array_intersect($mids, $missing));
	}

	/**
	 * @param list<array> $items
	 *
	 * @return list<array>
	 */
	private static function handedOver(array &$items): array
	{
		[$all, $items] = [$items, []];

		return $all;
	}

	private static function rows(Channel $channel, Job $job, Slice $slice, string &$elements): void
	{
		$refused = ImportedRows::store(
			$channel,
			$slice->section->value,
			self::decoded($elements),
			$job->choice['primary'],
			$slice->relocate['channel_address'] ?? '',
			$slice->groups,
		);
		self::later($channel, $slice);
		Job::mark($slice, $channel->id, refused: $refused);
	}

	/** Has the pictures that were passed over fetched, once all is imported. */
	private static function later(Channel $channel, Slice $slice): void
	{
		$pictures = ListedPictures::all();
		if ($pictures !== []) {
			$key = "$slice->job $slice->part $slice->first";
			Outbox::add($channel->id, 'pictures', $slice->job, (string) json_encode($pictures), true, $key);
		}
	}

	/**
	 * Reads elements, and forgets their text.
	 *
	 * @return list<array>
	 */
	private static function decoded(string &$elements): array
	{
		/** @var mixed */
		$rows = Json::read($elements);
		$elements = '';

		return is_array($rows)
			? array_map(fn ($row) => is_array($row) ? $row : [], array_values($rows))
			: throw new Refused('the elements are not JSON that PHP can read');
	}
}
