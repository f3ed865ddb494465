<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Drill\Drill;
use FileSync\Addon\Drill\Wish;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Loopback;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Tries once a month to restore some files of each nightly set: one channel at a time, and a bounded number of bytes.
 * What cannot be done is tried again the next day.
 */
final class Drills
{
	private const RETRY_SECONDS = 86400;
	/** Put off for so long, it is tried again soon, and whoever has the scratch channel gives way. */
	private const PATIENT_SECONDS = 7 * 86400;
	private const SOON_SECONDS = 900;
	private const MOST_BYTES = 1 << 30;
	private const MOST_FILES = 300;
	private const MOST_SECONDS = 900;
	private const BEAT_SECONDS = 10;

	/** Tells whether the nightly set of a channel is to be drilled now. */
	public static function isDue(int $channelId): bool
	{
		$night = Nights::of($channelId);

		return (
			Config::get('backup_drill') !== '0'
			&& $night['success'] > 0
			&& $night['drill_at'] <= Clock::now()
			&& $night['drilled'] < (Clock::now() - Nights::DRILLED_EVERY_SECONDS)
		);
	}

	/**
	 * Drills it; transfers of people come first.
	 *
	 * @param \Closure(): void $beat Called now and then.
	 */
	public static function do(Channel $channel, string $folder, \Closure $beat): void
	{
		// Also what kills the process waits for a day.
		Nights::note($channel->id, ['drill_at' => Clock::now() + self::RETRY_SECONDS]);
		$wish = new Wish(
			Wish::PERCENT,
			Wish::seed(),
			mostBytes: self::MOST_BYTES,
			mostFiles: self::MOST_FILES,
			mostSeconds: self::MOST_SECONDS,
		);
		$beatAt = 0;
		$progress = static function () use ($beat, &$beatAt): void {
			if (Clock::now() >= $beatAt) {
				$beatAt = Clock::now() + self::BEAT_SECONDS;
				$beat();
			}
		};
		// The hidden channel has work of its own.
		$mustStop = fn () => array_filter(Doorbell::dueChannels(), fn ($id) => ! Rehearsing::isOwn($id)) !== [];
		try {
			self::needFrontDoor();
			$certificate = Drill::run($channel, $folder, $wish, Words::size(...), $progress, $mustStop);
			Nights::note($channel->id, [
				'drilled' => Clock::now(),
				'drill_at' => 0,
				'drill_problem' => '',
				'drill_put_off' => 0,
			]);
			if (! $certificate->hasPassed()) {
				Log::write(
					"the drill of the nightly set of channel $channel->id did not prove all: `restore CHANNEL DIR --drill`"
					. " --seed {$certificate->facts['seed']} shows it",
				);
			}
		} catch (FileSyncException|Problem $e) {
			self::failed($channel, Problem::of($e, $folder));
		}
	}

	/**
	 * Makes sure that the hub reaches its own web server. Many do not, from behind their router, and are not at fault:
	 * a drill would fail each month.
	 *
	 * @throws Problem
	 */
	private static function needFrontDoor(): void
	{
		$answer = Loopback::ask('HEAD', '/getfile', []);
		if ($answer['status'] === 0) {
			throw new Problem(
				'no_front_door',
				'The hub does not reach its own web server at ' . Web::root() . ": {$answer['error']}.",
				true,
			);
		}
	}

	private static function failed(Channel $channel, Problem $problem): void
	{
		Log::write("the drill of the nightly set of channel $channel->id: {$problem->getMessage()}");
		in_array($problem->kind, ['stopped', 'drill_later', 'set_changed'], true)
			? self::putOff($channel, $problem)
			: Nights::note($channel->id, ['drill_problem' => $problem->getMessage(), 'drill_put_off' => 0]);
	}

	/** Transfers came first, or somebody else uses the scratch channel: nobody need know, unless that goes on. */
	private static function putOff(Channel $channel, Problem $problem): void
	{
		$since = Nights::of($channel->id)['drill_put_off'] ?: Clock::now();
		$changes = ['drill_put_off' => $since];
		if (Nights::isDrillLate($channel->id)) {
			$changes['drill_problem'] = sprintf(
				t('it was put off for more than %1$d days, the last time because of this: %2$s'),
				intdiv(Nights::DRILLED_EVERY_SECONDS, 86400),
				$problem->getMessage(),
			);
		}
		if ($problem->kind === 'drill_later' && $since < (Clock::now() - self::PATIENT_SECONDS)) {
			Scratch::want();
			$changes['drill_at'] = Clock::now() + self::SOON_SECONDS;
		}
		Nights::note($channel->id, $changes);
	}
}
