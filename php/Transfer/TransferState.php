<?php

namespace FileSync\Addon\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/** The states of a transfer, as its row holds them. Queue::advance() moves from one to another. */
final class TransferState
{
	/** Due, or will be at `next_at`. */
	public const STAGED = 'staged';
	/** Tried, and waits for its next try. */
	public const WAITING = 'waiting';
	/** A scale that is made from the photo here. */
	public const TO_MAKE = 'to_make';
	/** A worker fetches or makes the bytes. */
	public const LEASED = 'leased';
	/** The bytes are here and checked. */
	public const VERIFIED = 'verified';
	/** The bytes take their place; `intent` says how to go on. */
	public const PUBLISHING = 'publishing';
	/** The bytes are shown. */
	public const PUBLISHED = 'published';
	/** Set aside; `kind` says why. */
	public const PARKED = 'parked';
	/** No longer wanted. */
	public const DROPPED = 'dropped';

	/** @var list<string> */
	public const ALL = [
		self::STAGED,
		self::WAITING,
		self::TO_MAKE,
		self::LEASED,
		self::VERIFIED,
		self::PUBLISHING,
		self::PUBLISHED,
		self::PARKED,
		self::DROPPED,
	];
}
