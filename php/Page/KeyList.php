<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Door\Door;
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

/** The keys of a channel in words for its owner, and the buttons that make and end them. */
final class KeyList
{
	/**
	 * Returns it; null where the door is closed and no key is left.
	 *
	 * @param ?string $made A key that was made just now: it is shown this once.
	 *
	 * @return ?array<string, mixed>
	 */
	public static function of(Channel $channel, ?string $made): ?array
	{
		$isOpen = Door::isOpen($channel->id);
		$keys = Migrations::ready() ? Key::of($channel->id) : [];
		if (! $isOpen && $keys === []) {
			return null;
		}

		return [
			'made' => $made ?? '',
			'hub' => Web::root(),
			'is_open' => $isOpen,
			'may_make' => $isOpen && count($keys) < Key::MOST,
			'rows' => array_map(self::row(...), array_values(array_filter($keys, fn ($key) => ! $key->isOver()))),
			'words' => [
				'title' => t('Send a backup set to this hub'),
				'help' => t(
					'A program on your own computer sends the set. It needs a key, which restores one set to this channel and reads nothing.',
				),
				'make' => t('Make a restore key'),
				'once' => t('Copy this key now. It is not shown again.'),
				'address' => t('The address of this hub, for the program:'),
				'revoke' => t('Revoke'),
				'many' => $isOpen
					? t('There are too many keys. Revoke one first.')
					: t('This hub takes no sets now; these keys open nothing.'),
			],
		];
	}

	/**
	 * Does what a button says.
	 *
	 * @param array<array-key, mixed> $form
	 *
	 * @return ?string The key that was made; empty: none could be made; null: something else was done.
	 */
	public static function press(Channel $channel, array $form): ?string
	{
		if (isset($form['filesync_key_make']) && Door::isOpen($channel->id)) {
			return Key::make($channel->id) ?? '';
		}
		if (is_string($form['filesync_key_revoke'] ?? null)) {
			Key::revoke($channel->id, $form['filesync_key_revoke']);

			return null;
		}

		return '';
	}

	/** Tells whether a form has one of our buttons. */
	public static function isPressed(array $form): bool
	{
		return isset($form['filesync_key_make']) || isset($form['filesync_key_revoke']);
	}

	/** @return array{id: string, text: string, detail: string, label: string} */
	private static function row(Key $key): array
	{
		$session = $key->session === '' ? null : Session::find($key->session)?->settled();
		$made = sprintf(t('Restore key %1$s, made %2$s'), $key->id, Words::ago($key->created));

		return [
			'id' => $key->id,
			'text' => $made,
			'detail' => implode('; ', array_filter([
				self::state($session),
				$key->usedAt > 0
					? sprintf(t('last used %1$s from %2$s'), Words::ago($key->usedAt), $key->usedFrom)
					: t('not used yet'),
				$session?->isLive() ? '' : sprintf(t('ends on %s'), gmdate('Y-m-d H:i', $key->expires) . ' UTC'),
			])),
			'label' => sprintf(t('Revoke the key %s'), $key->id),
		];
	}

	private static function state(?Session $session): string
	{
		if ($session && $session->state === Session::OPEN) {
			$here = Entry::count($session, true);

			return sprintf(
				t('a set is being sent: %1$s, %2$s'),
				Words::files($here['files']),
				Words::size($here['bytes']),
			);
		}

		return match (true) {
			$session === null => '',
			$session->isLive() => t('what was sent is being restored'),
			$session->state === Session::DONE => t('its set was restored'),
			default => t('its restore was ended'),
		};
	}
}
