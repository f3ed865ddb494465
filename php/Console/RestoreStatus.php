<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Restore\Decision;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Tally;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** Shows the restore of a channel that is under way, or how the last one ended; and has one stopped. */
final class RestoreStatus
{
	public function __construct(private readonly Channel $channel, private readonly bool $isJson) {}

	/** Shows it. The exit code is that of the restore. */
	public function show(): int
	{
		Underway::recover();
		$job = Job::of($this->channel->id);
		if ($job === null) {
			return $this->say(['state' => 'none'], 'there was no restore', 0);
		}
		$code = match (true) {
			! $job->state->isOver() => 75,
			$job->state === JobState::Stopped => 75,
			$job->state === JobState::Failed => 1,
			default => self::code($job->done()),
		};

		return $this->say(self::facts($job), self::line($job), $code);
	}

	/** Has it stopped. */
	public function cancel(): int
	{
		Underway::recover();
		$state = Underway::cancel($this->channel->id);
		if ($state === null) {
			return $this->say(['state' => 'none'], 'no restore is under way', 0);
		}
		$job = Job::of($this->channel->id);

		return $state === JobState::Stopping
			? $this->say(
				$job ? self::facts($job) : [],
				'it stops after the file under way; what was restored stays',
				75,
			)
			: $this->say($job ? self::facts($job) : [], 'stopped; what was restored stays', 0);
	}

	/** Returns the exit code after it. */
	public static function code(Tally $tally): int
	{
		if (($tally->attention() + $tally->unproven + $tally->postsLost() + $tally->cropsLost) > 0) {
			return 1;
		}

		return $tally->files(Decision::Arriving) > 0 ? 75 : 0;
	}

	private static function line(Job $job): string
	{
		$amount = $job->planFiles === 0
			? ''
			: sprintf(
				', %s of %s, %s of %s',
				number_format($job->doneFiles),
				Words::files($job->planFiles),
				Words::size(min($job->doneBytes, $job->planBytes)),
				Words::size($job->planBytes),
			);
		$begun = self::time($job->begun ?: $job->created);
		$last = self::time($job->updated);
		$why = $job->reason === '' ? '' : ": $job->reason";

		return (
			"from $job->folder: " . match ($job->state) {
				JobState::Planning => "its owner asked for it at $begun; it is being counted",
				JobState::Planned => "its owner asked for it at $begun, and has not begun it yet",
				JobState::Waiting => "its owner began it at $begun; a background process goes on with it$why",
				JobState::Running => "under way since $begun, {$job->percent()} %$amount, last at $last$why",
				JobState::Stopping => "under way since $begun, stops after the file under way$amount",
				JobState::Stopped => "begun at $begun, stopped at $last$amount$why",
				JobState::Done => "begun at $begun, done at $last$amount",
				JobState::Failed => "begun at $begun, failed at $last$amount$why",
			}
		);
	}

	/** @return array<string, mixed> */
	private static function facts(Job $job): array
	{
		return [
			'folder' => $job->folder,
			'state' => $job->state->value,
			'asked_by' => $job->isForWorkers() ? 'owner' : 'command',
			'choice' => $job->choice->facts(),
			'percent' => $job->percent(),
			'plan_files' => $job->planFiles,
			'plan_bytes' => $job->planBytes,
			'done_files' => $job->doneFiles,
			'done_bytes' => $job->doneBytes,
			'asked' => self::time($job->created),
			'begun' => $job->begun === 0 ? null : self::time($job->begun),
			'updated' => self::time($job->updated),
			'error' => $job->code === '' ? null : $job->code,
			'words' => $job->reason === '' ? null : $job->reason,
			'list_sha256' => $job->list === '' ? null : $job->list,
			'done' => $job->done()->facts(),
		];
	}

	private static function time(int $time): string
	{
		return gmdate('Y-m-d H:i:s', $time) . ' UTC';
	}

	/** @param array<string, mixed> $facts */
	private function say(array $facts, string $line, int $code): int
	{
		echo
			$this->isJson
				? json_encode(
					['channel' => $this->channel->nick] + $facts,
					JSON_UNESCAPED_SLASHES
					| JSON_UNESCAPED_UNICODE
					| JSON_INVALID_UTF8_SUBSTITUTE
					| JSON_THROW_ON_ERROR,
				)
				: Log::oneLine($line),
			"\n"
		;

		return $code;
	}
}
