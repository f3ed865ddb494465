<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Limits of a hub's names, paths and columns. */
final class Bounds
{
	/** The hash of a file or folder. */
	public const HASH = '/^[A-Za-z0-9-]{1,64}$/D';
	/** A SHA-256 in hex. */
	public const DIGEST = '/^[0-9a-f]{64}$/D';
	/**
	 * Bytes of a path beneath the channel's own folder: with the hub's own it stays within what the system takes, which
	 * is 4,096.
	 */
	public const LONGEST_PATH = 3072;
	/** Folders above each other. */
	public const DEEPEST_FOLDER = 64;
	/** The largest file size that MariaDB's column holds: larger files have this size there. */
	public const COLUMN_END = 4294967295;
}
