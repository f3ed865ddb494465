<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Config;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Brings a channel's rows up to today's shape before they are compared with another clone's for the first time: a photo without a file's row would
 * not be told of. Only what is sure is mended: no file gets a name, a folder or a row that it did not have in some way.
 */
final class Legacy
{
	private const SURE = ['database', 'place', 'prefix', 'twice', 'photo', 'thumbnail'];

	/** Goes on until a deadline; true once all was looked at, which it is once for each channel. */
	public static function prepare(array $channel, int $deadline): bool
	{
		$scope = self::scope((int) $channel['channel_id']);
		if (Config::get('looked_through', $scope) !== '') {
			return true;
		}
		$journal = new Journal($channel);
		$mended = 0;
		foreach ([(new FileRows($channel))->faults(), (new PhotoRows($channel))->faults()] as $faults) {
			foreach ($faults as $fault) {
				if (Config::now() >= $deadline) {
					return false;
				}
				$mended += $fault->mend && in_array($fault->shape, self::SURE, true) && self::mend($journal, $fault) ? 1 : 0;
			}
		}
		Config::set('looked_through', (string) Config::now(), $scope);
		$mended && Config::log("brought $mended rows of channel {$channel['channel_id']} up to today's shape; `undo {$journal->run}` takes it back");

		return true;
	}

	/** Forgets that a channel was looked through. */
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
			Config::logFailure("mending $fault->hash ($fault->shape)", $e);

			return false;
		}
	}
}
