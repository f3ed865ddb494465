<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Import\Background;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** The import of a channel from a file, on /filesync: how far it is, what the hub did not take, and its buttons. */
final class ImportPart
{
	private const MOST_NAMED = 20;

	/**
	 * Returns it, null if there is none.
	 *
	 * @return ?array<string, mixed>
	 */
	public static function of(int $channelId): ?array
	{
		$job = Job::ofChannel($channelId);
		if ($job === null) {
			return null;
		}
		// Who looks has it go on, if its process is gone.
		Background::summon();
		$isOver = $job->state === Job::DONE;
		$isStopped = ! $isOver && $job->leftTo === Job::OWNER;

		return [
			'id' => $job->id,
			'line' => self::line($job, $isOver, $isStopped),
			'percent' => $job->percent(),
			'refused' => self::refused($job),
			'is_over' => $isOver,
			'may_stop' => ! $isOver && ! $isStopped,
			'may_go_on' => $isStopped,
			'words' => [
				'title' => t('Import'),
				'stop' => t('Stop the import'),
				'go_on' => t('Go on with the import'),
				'finish' => t('Leave out the rest'),
				'hide' => t('Hide this'),
			],
		];
	}

	/**
	 * Tells whether what the page shows changes soon.
	 *
	 * @param ?array<string, mixed> $import
	 */
	public static function isMoving(?array $import): bool
	{
		return ($import['may_stop'] ?? false) === true;
	}

	/**
	 * Does what a button says; returns a notice.
	 *
	 * @throws Refused
	 */
	public static function press(int $channelId, string $id, string $button): string
	{
		$job = Job::ofChannel($channelId);
		if ($job === null || $job->id !== $id) {
			throw new Refused(t('it no longer exists'));
		}
		$isOver = $job->state === Job::DONE;
		match (true) {
			$isOver && $button === 'import_hide' => Job::drop($id),
			$isOver => throw new Refused(t('it no longer exists')),
			$button === 'import_stop' => $job->stop(),
			$button === 'import_go_on' => $job->goOn(),
			$button === 'import_finish' && $job->leftTo === Job::OWNER => $job->finish(),
			default => throw new Refused(t('it no longer exists')),
		};
		Background::summon();

		return $button === 'import_stop'
			? t('The import stops after the step that is under way. What is not here yet is kept for a few days.')
			: '';
	}

	private static function line(Job $job, bool $isOver, bool $isStopped): string
	{
		$far = sprintf(
			t('%1$s of %2$s'),
			Words::size(min($job->bytes, $job->allBytes)),
			Words::size($job->allBytes),
		);
		$reason = Log::oneLine($job->reason);

		return match (true) {
			$isOver => t('The import is complete.'),
			$isStopped && $reason === '' => sprintf(
				t('Stopped, at %s. Other hubs hear of the channel only when the import has ended.'),
				$far,
			),
			$isStopped => sprintf(t('It failed again and again, at %1$s: %2$s'), $far, $reason),
			$reason !== '' && $job->nextAt > Clock::now() => sprintf(
				t('%1$s; it failed, and is tried again: %2$s'),
				$far,
				$reason,
			),
			default => $far,
		};
	}

	/** @return list<string> */
	private static function refused(Job $job): array
	{
		$posts = $job->countMissing();
		$isCounted = $job->state !== Job::FIRST && $posts > 0;
		$lines = $isCounted ? [sprintf(t('Posts that the hub did not take: %s'), number_format($posts))] : [];
		if ($isCounted) {
			array_push($lines, ...array_map(Log::oneLine(...), $job->refusedPosts(self::MOST_NAMED)));
		}
		if ($isCounted && $posts > self::MOST_NAMED) {
			$lines[] = sprintf(t('and %s more'), number_format($posts - self::MOST_NAMED));
		}
		if ($job->refused > 0) {
			$lines[] = sprintf(
				t(
					'Other rows that it did not take: %s. They are not what a hub writes, belong to a group that is not in the file, or are more connections than the account may have.',
				),
				number_format($job->refused),
			);
		}

		return $lines;
	}
}
