<?php

namespace FileSync\Addon\Restore;

if (! class_exists('App', false)) {
	exit;
}

/** What becomes of a file or folder of a set. */
enum Decision: string
{
	/** Nothing of it is here. */
	case Restore = 'restore';
	/** It is here, but bytes of it, or a crop, are missing. */
	case Mend = 'mend';
	/** Other bytes are here, and were asked to give way. */
	case Replace = 'replace';
	/** It was deleted since, and was asked for. */
	case Revive = 'revive';
	/** It is here. */
	case Here = 'here';
	/** Other bytes are here, and stay. */
	case Differs = 'differs_here';
	/** It was deleted since, and stays deleted. */
	case Deleted = 'deleted_since';
	/** Another clone has newer bytes of it, and it comes from there. */
	case Newer = 'newer_elsewhere';
	/** It is on its way from another clone. */
	case Arriving = 'arriving';
	/** The hub had no bytes of it when the set was made. */
	case NoBytes = 'no_bytes';
	/** Its bytes are not in the set. */
	case Missing = 'file_missing';
	/** What is in the set is not what was saved. */
	case Damaged = 'file_damaged';
	/** It is larger than this hub allows. */
	case TooLarge = 'file_too_large';
	/** Something of it cannot be here. */
	case Refused = 'refused';

	/** Those by which something is written. */
	public const WORK = [self::Restore, self::Mend, self::Replace, self::Revive];

	/** Tells whether something is written. */
	public function isWork(): bool
	{
		return in_array($this, self::WORK, true);
	}

	/** Tells whether it is a change made here, which the other clones have not seen. */
	public function isOurChange(): bool
	{
		return $this === self::Replace || $this === self::Revive;
	}

	/** Tells whether a person should look at it. */
	public function needsAttention(): bool
	{
		return ! $this->isWork() && ! in_array($this, [self::Here, self::Deleted, self::Newer, self::Arriving], true);
	}
}
