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

/** The keys of a channel in words for its owner, and the buttons that make and end them. */
final class KeyList
{
	/**
	 * Returns it; null where both doors are closed and no key is left.
	 *
	 * @param ?Made $made What was made just now.
	 *
	 * @return ?array<string, mixed>
	 */
	public static function of(Channel $channel, ?Made $made): ?array
	{
		$kinds = array_filter(
			self::buttons(),
			fn ($kind) => Admission::isOpen($channel->id, $kind),
			ARRAY_FILTER_USE_KEY,
		);
		$keys = Migrations::ready() ? Key::of($channel->id) : [];
		$isFull = count($keys) >= Key::MOST;
		// The password of the drop box has a part of its own.
		$keys = array_values(array_filter($keys, fn ($key) => $key->kind !== Key::BOX));
		if ($kinds === [] && $keys === []) {
			return null;
		}

		return [
			'made' => $made === null || $made->kind === Key::BOX ? '' : $made->text,
			'hub' => Web::root(),
			'make' => $isFull ? [] : array_values($kinds),
			'rows' => array_map(self::row(...), array_values(array_filter($keys, fn ($key) => ! $key->isOver()))),
			'words' => [
				'title' => t('Keys for programs'),
				'help' => t(
					'With a key, a program on your own computer reads or restores the files of this channel, without your password.',
				),
				'once' => t('Copy this key now. It is not shown again.'),
				'address' => t('The address of this hub, for the program:'),
				'revoke' => t('Revoke'),
				'many' => $isFull
					? t('There are too many keys. Revoke one first.')
					: t('This hub lets no program in now; these keys open nothing.'),
			],
		];
	}

	/**
	 * Does what a button says.
	 *
	 * @param array<array-key, mixed> $form
	 *
	 * @return ?Made The key that was made; null: none.
	 */
	public static function press(Channel $channel, array $form): ?Made
	{
		if (isset($form['filesync_key_make'])) {
			$kind = $form['filesync_key_make'] === Key::BACKUP ? Key::BACKUP : Key::RESTORE;

			$text = Admission::isOpen($channel->id, $kind) ? Key::make($channel->id, $kind) : null;

			return $text === null ? null : new Made($kind, $text);
		}
		if (is_string($form['filesync_key_revoke'] ?? null)) {
			Key::revoke($channel->id, $form['filesync_key_revoke']);
		}

		return null;
	}

	/** Tells whether a form has one of our buttons. */
	public static function isPressed(array $form): bool
	{
		return isset($form['filesync_key_make']) || isset($form['filesync_key_revoke']);
	}

	/** @return array<Key::RESTORE|Key::BACKUP, array{kind: string, text: string, help: string}> */
	private static function buttons(): array
	{
		return [
			Key::BACKUP => [
				'kind' => Key::BACKUP,
				'text' => t('Make a backup key'),
				'help' => t('It reads the files of this channel and their posts, and changes nothing.'),
			],
			Key::RESTORE => [
				'kind' => Key::RESTORE,
				'text' => t('Make a restore key'),
				'help' => t('It restores one backup set to this channel, and reads nothing.'),
			],
		];
	}

	/** @return array{id: string, text: string, detail: string, label: string} */
	private static function row(Key $key): array
	{
		$session = $key->session === '' ? null : Session::find($key->session)?->settled();
		$made = match ($key->kind) {
			Key::BACKUP => sprintf(t('Backup key %1$s, made %2$s'), $key->id, Words::ago($key->created)),
			Key::PASS => sprintf(t('Pass for the whole channel %1$s, made %2$s'), $key->id, Words::ago($key->created)),
			default => sprintf(t('Restore key %1$s, made %2$s'), $key->id, Words::ago($key->created)),
		};

		return [
			'id' => $key->id,
			'text' => $made,
			'detail' => implode('; ', array_filter([
				self::state($session),
				$key->usedAt > 0
					? sprintf(t('last used %1$s from %2$s'), Words::ago($key->usedAt), $key->usedFrom)
					: t('not used yet'),
				match (true) {
					$session?->isLive() ?? false => '',
					$key->kind === Key::BACKUP => sprintf(
						t('ends on %s if nobody uses it'),
						gmdate('Y-m-d', $key->expires),
					),
					default => sprintf(t('ends on %s'), gmdate('Y-m-d H:i', $key->expires) . ' UTC'),
				},
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
			$session->door === Session::DRILL && $session->state === Session::DONE => t('its set was tried'),
			$session->door === Session::DRILL => $session->isLive()
				? t('what was sent is being tried')
				: t('its drill was ended'),
			$session->isLive() => t('what was sent is being restored'),
			$session->state === Session::DONE => t('its set was restored'),
			default => t('its restore was ended'),
		};
	}
}
