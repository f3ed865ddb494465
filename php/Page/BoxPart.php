<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** The drop box of a channel on the page for backups: its address and password, what is in it, and its buttons. */
final class BoxPart
{
	private const PATH = '/filesync/dav/';

	/**
	 * Returns it; null where the hub takes no sets and no box is left.
	 *
	 * @param ?Made $made What was made just now.
	 *
	 * @return ?array<string, mixed>
	 */
	public static function of(Channel $channel, ?Made $made): ?array
	{
		$isOpen = Admission::isOpen($channel->id, Key::RESTORE);
		$key = Migrations::ready() ? Key::ofBox($channel->id) : null;
		if (! $isOpen && ! $key) {
			return null;
		}

		return [
			'address' => Web::root() . self::PATH . rawurlencode($channel->nick) . '/',
			'name' => $channel->nick,
			'password' => $made && $made->kind === Key::BOX ? $made->text : '',
			'state' => $key ? self::state($key) : '',
			'is_there' => $key !== null,
			'may_make' => $isOpen,
			'words' => [
				'title' => t('Drop box'),
				'help' => t(
					'A folder for WebDAV. Put a backup set into it with rclone, a file manager or curl, in any order: the hub restores it. Status.txt in it says how far that is.',
				),
				'address' => t('Address'),
				'name' => t('Name'),
				'password' => t('Password'),
				'once' => t('Copy this password now. It is not shown again, and opens nothing but the drop box.'),
				'make' => $key ? t('Make another password') : t('Make a password for the drop box'),
				'end' => t('End the drop box'),
			],
		];
	}

	/** Tells whether a form has one of our buttons. */
	public static function isPressed(array $form): bool
	{
		return isset($form['filesync_box_make']) || isset($form['filesync_box_end']);
	}

	/**
	 * Does what a button says.
	 *
	 * @param array<array-key, mixed> $form
	 *
	 * @return ?Made What was made; null: nothing.
	 */
	public static function press(Channel $channel, array $form): ?Made
	{
		if (isset($form['filesync_box_end'])) {
			$key = Key::ofBox($channel->id);
			if ($key) {
				Key::revoke($channel->id, $key->id);
			}

			return null;
		}
		$password = Admission::isOpen($channel->id, Key::RESTORE) ? Key::makeBox($channel->id) : null;

		return $password === null ? null : new Made(Key::BOX, $password);
	}

	private static function state(Key $key): string
	{
		$session = $key->session === '' ? null : Session::find($key->session)?->settled();
		if ($session && $session->state === Session::OPEN) {
			$here = Entry::count($session, true);

			return sprintf(t('in it: %1$s, %2$s'), Words::files($here['files']), Words::size($here['bytes']));
		}

		return match (true) {
			$session?->isLive() ?? false => t('what was sent is being restored'),
			$key->usedAt > 0 => sprintf(t('last used %1$s from %2$s'), Words::ago($key->usedAt), $key->usedFrom),
			default => sprintf(t('ends on %s'), gmdate('Y-m-d H:i', $key->expires) . ' UTC'),
		};
	}
}
