<?php

namespace FileSync\Addon\Outbox;

use FileSync\Addon\Hub\Clones;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Makes the calls of the outbox. A file at the root, followups.php, says what each kind means, since that calls rooms
 * above.
 */
final class FollowUps
{
	/** Makes a call. Returns the body for continuing later, null once it is done. */
	public static function call(array $row): ?string
	{
		/** @var array<string, \Closure(\FileSync\Addon\Hub\Channel, string, string): ?string>|false $calls */
		// While another version takes this one's place the file may be missing for a moment, which `require` would not
		// survive.
		$calls = @include dirname(__DIR__) . '/followups.php';
		if (! is_array($calls)) {
			throw new \RuntimeException('followups.php is missing: the addon is being upgraded, or is not complete');
		}
		$call = $calls[(string) $row['kind']] ?? throw new \LogicException(
				"followups.php has no call of the kind {$row['kind']}",
			);
		$channel = Clones::channel((int) $row['uid']);

		return $channel ? $call($channel, (string) $row['name'], (string) $row['body']) : null;
	}
}
