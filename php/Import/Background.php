<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/** Goes on with imports that were left to workers, in slices. Several channels take turns. */
final class Background
{
	private const SUMMON_SECONDS = 60;

	/** Starts the background job if there is something to do, and no process is at it. */
	public static function summon(): void
	{
		Job::sweep();
		$idle = array_filter(self::due(), fn ($job) => ! $job->isUnderway());
		if ($idle !== [] && Lease::take('summon-import', Token::make(), self::SUMMON_SECONDS)) {
			Daemon::summon('import');
		}
	}

	/** Works until a deadline. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-import');
		$due = self::due();
		foreach (ServedLast::order('import', array_keys($due)) as $channelId) {
			if (Clock::now() >= $deadline) {
				break;
			}
			ServedLast::note('import', $channelId);
			self::serve(
				$due[$channelId],
				count($due) > 1 ? min($deadline, Clock::now() + ServedLast::TURN_SECONDS) : $deadline,
			);
		}
		self::summon();
	}

	/** @return array<int, Job> By channel. */
	private static function due(): array
	{
		return Parts::has(Parts::CHANNELS) && Runtime::extensionProblem() === null ? Job::due() : [];
	}

	private static function serve(Job $job, int $deadline): void
	{
		$mustStop = fn (): bool => Clock::now() >= $deadline || Job::find($job->id)?->leftTo !== Job::WORKERS;
		$path = Staged::path($job->id);
		try {
			if (! is_file($path)) {
				throw new Problem('export_gone', t('what was left of the file is gone; send it again'));
			}
			$dump = Survey::open((string) realpath($path));
			$survey = Survey::of($dump, 'The file', fn () => false);
			if ($survey) {
				(new Run($job, $dump, $survey, 'The file', $mustStop, fn () => null))->work();
			}
		} catch (\Throwable $e) {
			if ($e instanceof Problem && $e->kind === 'import_running') {
				return;
			}
			Log::failure("the import of channel $job->channelId", $e);
			Job::find($job->id)?->failed(
				$e instanceof Problem ? $e->getMessage() : t('The log of this hub says why.'),
				$job->position(),
			);
		}
	}
}
