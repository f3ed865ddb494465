<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Runtime;

if (! class_exists('App', false)) {
	exit;
}

/** Checks whether the hub's user, and so anybody who breaks into the hub, may change the addon. */
final class Ownership
{
	/** Runs the check. Notes nothing if root runs the hub, or if PHP cannot tell. */
	public static function look(Findings $findings): void
	{
		$user = Runtime::hubUser();
		if ($user === null) {
			return;
		}
		$changed = self::changed($user);
		$findings->note(
			'code',
			$changed === null ? true : null,
			$changed === null
				? sprintf(t('%s, who runs the hub, may not change the addon'), $user['name'])
				: sprintf(
					t('%1$s, who runs the hub, may change the addon, and so may whoever breaks into the hub: %2$s'),
					$user['name'],
					$changed,
				),
			t(
				"if the hub writes only to its folder store: in the hub's root as root, chown root: . addon; chmod go-w . addon; then install filesync again as root",
			),
		);
	}

	/** Returns the first path of the addon, or folder above it, that a user may change or replace. */
	private static function changed(array $user): ?string
	{
		$code = dirname(__DIR__);
		foreach ([getcwd() . '/addon/filesync', $code] as $path) {
			for ($at = $path;; $at = dirname($at)) {
				// In a folder with the sticky bit, nobody can replace another user's files.
				if (self::may($user, $at) && ! (self::isSticky($at) && fileowner($at) !== $user['uid'])) {
					return $at;
				}
				if ($at === dirname($at)) {
					break;
				}
			}
		}
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($code, \FilesystemIterator::SKIP_DOTS),
			\RecursiveIteratorIterator::SELF_FIRST,
			\RecursiveIteratorIterator::CATCH_GET_CHILD,
		) as $path => $file) {
			if (self::may($user, $path)) {
				return $path;
			}
		}

		return null;
	}

	private static function isSticky(string $path): bool
	{
		return (bool) (fileperms($path) & 01000);
	}

	private static function may(array $user, string $path): bool
	{
		if (is_link($path)) {
			// Whether it can be replaced depends on its folder.
			return false;
		}
		$mode = (int) @fileperms($path);
		$gid = @filegroup($path);

		return (
			@fileowner($path) === $user['uid']
			|| $mode & 0002
			|| (
				$mode & 0020
				&& ($gid === $user['gid'] || in_array($user['name'], posix_getgrgid((int) $gid)['members'] ?? [], true))
			)
		);
	}
}
