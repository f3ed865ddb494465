<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Brings a channel's rows into today's form before they are first compared with another clone's: a photo without a
 * file's row would be left out. It mends only unambiguous cases: no file gets a name, a folder or a row that it did not
 * have in some form.
 */
final class Legacy
{
	private const PARTS = [FileRows::class, PhotoRows::class];
	private const SURE = ['database', 'place', 'prefix', 'twice', 'photo', 'thumbnail'];

	/** Continues until a deadline; true once everything was read, which happens once for each channel. */
	public static function prepare(Channel $channel, int $deadline): bool
	{
		$scope = self::scope($channel->id);
		$position = json_decode(Config::get('looked_through', $scope), true) ?? ['part' => 0, 'after' => 0];
		$journal = new Journal($channel);
		$mended = 0;
		while ($position['part'] < count(self::PARTS) && Clock::now() < $deadline) {
			$kind = self::PARTS[$position['part']];
			$rows = new $kind($channel, $position['after']);
			$faults = $rows->next();
			foreach ($faults ?? [] as $fault) {
				$mended += $fault->mend && in_array($fault->shape, self::SURE, true) && self::mend($journal, $fault)
					? 1
					: 0;
			}
			$position = $faults
				? ['after' => $rows->after] + $position
				: ['part' => $position['part'] + 1, 'after' => 0];
			Config::set('looked_through', json_encode($position), $scope);
		}
		if ($mended) {
			Log::write(
				"brought $mended rows of channel {$channel->id} into today's form; `undo {$journal->run}` reverts it",
			);
		}

		return $position['part'] === count(self::PARTS);
	}

	/** Forgets that a channel was done. */
	public static function forget(int $channelId): void
	{
		Config::clear('looked_through', self::scope($channelId));
	}

	private static function scope(int $channelId): string
	{
		return "legacy:$channelId";
	}

	private static function mend(Journal $journal, Fault $fault): bool
	{
		try {
			return $journal->mend($fault);
		} catch (\Throwable $e) {
			Log::failure("mending $fault->hash ($fault->shape)", $e);

			return false;
		}
	}
}
