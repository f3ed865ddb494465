<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Libsync;

if (! class_exists('App', false)) {
	exit;
}

/** Functions and constants of core, called without change. */
final class Core
{
	/** @var int The object type of terms that are a file's categories. */
	public const TERM_OF_FILE = TERM_OBJ_FILE;
	/** @var int The object type of terms that are a post's tags. */
	public const TERM_OF_POST = TERM_OBJ_POST;
	/** @var int What a photo is used for. */
	public const PHOTO_NORMAL = PHOTO_NORMAL;
	/** @var int */
	public const PHOTO_PROFILE = PHOTO_PROFILE;
	/** @var int */
	public const PHOTO_COVER = PHOTO_COVER;

	/** Loads a file of core unless it moved: a function that is not there then is an error that can be caught. */
	public static function load(string $path): void
	{
		if (is_file($path)) {
			require_once $path;
		}
	}

	/**
	 * Makes a folder beneath the hub's root and those above it, with the rights that core gives them; false if it
	 * cannot be made.
	 */
	public static function makeFolder(string $path): bool
	{
		return (bool) os_mkdir($path, STORAGE_DEFAULT_PERMISSIONS, true);
	}

	/** Returns core's date for none. */
	public static function noDate(): string
	{
		return defined('NULL_DATE') ? NULL_DATE : '0001-01-01 00:00:00';
	}

	/** Deletes a file or folder, with its rows and bytes. The caller tells the clones, or need not. */
	public static function delete(mixed $channelId, mixed $hash, mixed ...$rest): mixed
	{
		return Begun::deleting(fn () => \attach_delete($channelId, $hash, ...$rest));
	}

	/** Returns a file's rows as a sync packet has them. */
	public static function export(mixed $channel, mixed $hash, mixed ...$rest): mixed
	{
		return \attach_export_data($channel instanceof Channel ? $channel->row() : $channel, $hash, ...$rest);
	}

	/** Moves a file or folder. */
	public static function move(mixed $channelId, mixed $hash, mixed ...$rest): mixed
	{
		return \attach_move($channelId, $hash, ...$rest);
	}

	/** Changes who may see a file or folder. */
	public static function changePermissions(mixed ...$arguments): mixed
	{
		return \attach_change_permissions(...$arguments);
	}

	/** Gives the files that a post shows the access of the post. */
	public static function fixAttachedPermissions(mixed ...$arguments): mixed
	{
		return \fix_attached_permissions(...$arguments);
	}

	/** Tells whether somebody may do something with a channel's contents. */
	public static function isAllowed(mixed $channelId, mixed $observer, mixed $permission, mixed ...$rest): bool
	{
		return (bool) \perm_is_allowed($channelId, $observer, $permission, ...$rest);
	}

	/** Stores an avatar. */
	public static function importChannelPhoto(mixed ...$arguments): mixed
	{
		return \import_channel_photo(...$arguments);
	}

	/** Sends the clones of a channel what changed; a scratch channel has none. */
	public static function send(int $channelId, array $packet): void
	{
		if (! Rehearsing::catches($channelId, $packet)) {
			Libsync::build_sync_packet($channelId, $packet);
		}
	}

	/** Returns the channel of who is logged in, 0 if nobody is. */
	public static function localChannel(): int
	{
		return (int) local_channel();
	}

	/** Returns the first part of the path that was asked for, empty if there is none. */
	public static function module(): string
	{
		return argc() > 0 ? (string) argv(0) : '';
	}
}
