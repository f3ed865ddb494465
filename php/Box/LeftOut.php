<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Session;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The hubs that are not asked what was deleted there: a drop box has no other way to say so than a folder in it with
 * the name `without hub.example`.
 */
final class LeftOut
{
	private const NAME = '/^without\s+(\S+)$/Di';

	/** Tells whether a folder of this name leaves out a hub. */
	public static function isSaidBy(string $name): bool
	{
		return preg_match(self::NAME, $name) === 1;
	}

	/** @return list<string> Their hosts. */
	public static function of(Session $session): array
	{
		$hosts = $part = [];
		foreach (Name::in($session, Name::ROOT) as $name) {
			if ($name->kind === Kind::Folder && preg_match(self::NAME, $name->name, $part)) {
				$hosts[] = $part[1];
			}
		}

		sort($hosts);

		return $hosts;
	}
}
