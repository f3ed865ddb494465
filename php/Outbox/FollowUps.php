<?php

namespace FileSync\Addon\Outbox;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Included;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Makes the calls of the outbox. A file at the root, followups.php, says what each kind means, since that calls rooms
 * above.
 *
 * @import-type OutboxRow from \FileSync\Addon\Hub\Rows
 */
final class FollowUps
{
	/**
	 * Makes a call. Returns the body for continuing later, null once it is done, or if there is no channel any more.
	 *
	 * @param OutboxRow $row
	 */
	public static function call(?Channel $channel, array $row): ?string
	{
		/** @var ?array<string, \Closure(Channel, string, string): ?string> $calls */
		$calls = Included::list(dirname(__DIR__) . '/followups.php');
		if ($calls === null) {
			throw new \RuntimeException('followups.php is missing: the addon is being upgraded, or is not complete');
		}
		$call = $calls[$row['kind']] ?? throw new \LogicException(
				"followups.php has no call of the kind {$row['kind']}",
			);

		return $channel ? $call($channel, $row['name'], $row['body']) : null;
	}
}
