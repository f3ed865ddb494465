<?php

namespace FileSync\Addon\Protocol;

if (! class_exists('App', false)) {
	exit;
}

/** The versions of the protocol between hubs with filesync. A hub with another version is treated as one without it. */
final class Version
{
	/** Of the key `filesync` in packets, and of a hub's description of itself. */
	public const SIBLING = 1;
	/** Of signed requests and their answers. */
	public const REQUEST = 2;
}
