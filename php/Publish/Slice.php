<?php

namespace FileSync\Addon\Publish;

if (! class_exists('App', false)) {
	exit;
}

/** The time that a process may spend without a break; its work asks when to stop. */
interface Slice
{
	/** Tells whether the slice is over. */
	public function isOver(): bool;

	/**
	 * Tells whether the served channel's turn is over: the slice is, or the channel had its share and another one
	 * waits.
	 */
	public function isTurnOver(): bool;

	/** Tells whether a channel waits that nobody serves, as far as that was known a moment ago. */
	public function doOthersWait(): bool;

	/** Keeps the leases; called at least every few seconds. */
	public function beat(int $channelId): void;
}
