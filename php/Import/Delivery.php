<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The import of what comes a slice at a time from outside: whoever sends it knows what comes next, and we how far it
 * is.
 */
final class Delivery
{
	/** Said of a row that is left out. */
	public const NO_MEMORY = ' (it needs more memory than PHP allows)';
	/** So long a slice may take; who sends it waits for it that long. */
	public const MOST_SECONDS = 240;
	/** So many imports that are not done an account may have, and of so many that are the hub remembers that. */
	private const MOST_OPEN = 3;
	private const MOST_DONE = 20;

	/**
	 * Begins the import of a set, or returns it. Where the account has as many as it may, the one with which nobody
	 * went on for longest gives way.
	 *
	 * @param string                                           $file   As Job::of.
	 * @param array{nick: string, primary: bool, guid: string} $choice
	 *
	 * @return ?Job Null: one would have to give way, and just now some of the account are being imported.
	 */
	public static function begin(string $file, int $accountId, int $channelId, array $choice): ?Job
	{
		$over = array_slice(Job::deliveredBeside($file, $accountId, areDone: false), self::MOST_OPEN - 1);
		if ($over !== []) {
			$lock = Job::lockOfAccount($accountId, 'door');
			if (! $lock->take()) {
				return null;
			}
			array_map(Job::drop(...), $over);
			$lock->release();
		}
		array_map(
			Job::drop(...),
			array_slice(Job::deliveredBeside($file, $accountId, areDone: true), self::MOST_DONE),
		);

		return Job::of($file, $accountId, $channelId, $choice);
	}

	/**
	 * Has a slice imported.
	 *
	 * @return array{?Job, int, string} How far the import is then; null if the slice is not imported: the exit code of
	 *     its process, and what that said.
	 */
	public static function give(Slice $slice, string $payload): array
	{
		[$code, $words] = Process::give($slice, $payload, self::MOST_SECONDS);
		$job = Job::load($slice->job);
		if ($job->position() !== $slice->after) {
			return [$job, 0, ''];
		}
		if ($code === Child::TOO_LARGE && count($slice->numbers()) === 1) {
			return [self::leaveOut($slice, self::nameOf($payload) . self::NO_MEMORY), 0, ''];
		}

		return [null, $code, $words];
	}

	/** Notes that one row is left out; of a post, what names it. */
	public static function leaveOut(Slice $slice, string $words): Job
	{
		$channelId = Job::load($slice->job)->channelId;
		$slice->section->hasPosts()
			? Job::mark($slice, $channelId, [$slice->numbers()[0] => substr($words, 0, 500)])
			: Job::mark($slice, $channelId, refused: 1);

		return Job::load($slice->job);
	}

	/** Returns what names a post. */
	public static function nameOf(string $json): string
	{
		$found = [];
		preg_match('/"message_id"\s*:\s*("(?:[^"\\\\]|\\\\.){1,500}")/', $json, $found);

		return isset($found[1]) ? (string) json_decode($found[1]) : 'a post';
	}

	/** Goes on to the posts that the hub did not take, once everything was given to it. */
	public static function again(Job $job): Job
	{
		if ($job->state === Job::FIRST) {
			Job::enter($job->id, Job::AGAIN);
		}

		return Job::load($job->id);
	}

	/** Lets out what was held back, now that others know of the channel. */
	public static function release(Job $job): void
	{
		Outbox::releaseAll($job->channelId, [$job->id]);
		Doorbell::ring();
		Job::removeFiles($job->id);
	}
}
