<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/** How an owner makes a backup at home and restores one from there, and what a backup set has. */
final class BackupHelp
{
	/**
	 * Returns the ways of a channel; null where the hub closed both doors.
	 *
	 * @return ?array<string, mixed>
	 */
	public static function ways(Channel $channel): ?array
	{
		$mayBackUp = Admission::isOpen($channel->id, Key::BACKUP);
		$mayRestore = Admission::isOpen($channel->id, Key::RESTORE);
		if (! $mayBackUp && ! $mayRestore) {
			return null;
		}
		$address = Web::root() . '/channel/' . rawurlencode($channel->nick);

		return [
			'title' => t('At home'),
			'backup' => $mayBackUp
				? [
					'text' => t(
						'The command filesync makes a backup set on your own computer, and brings it up to date. It asks for a backup key the first time:',
					),
					'lines' => [
						"filesync login $address",
						"filesync backup $address --to ~/$channel->nick",
					],
				]
				: null,
			'restore' => $mayRestore
				? [
					'text' => t(
						'A backup set that is on your computer can be restored in this browser, with every system:',
					),
					'url' => Web::root() . RestorePage::PATH,
					'link' => t('Restore a backup from your computer'),
					'or' => t('Or by the command filesync, with a restore key:'),
					'lines' => ["filesync restore ~/$channel->nick --to $address"],
				]
				: null,
		];
	}

	/** @return array<string, mixed> What a set has, and what not. */
	public static function contents(): array
	{
		return [
			'title' => t('What is in a backup set'),
			'has' => [
				'title' => t('It has'),
				'lines' => [
					t('your files byte for byte, under their own names and in their folders'),
					t('dates, types, categories, and who may see what'),
					t('the originals of photos, and pictures that were cropped by hand'),
					t('posts about the files, with what others wrote'),
					t('what was replaced or deleted since the first backup, until it is pruned'),
				],
			],
			'lacks' => [
				'title' => t('It does not have'),
				'lines' => [
					t('posts that are not about a file, private messages, contacts, calendars'),
					t('settings, passwords, and the key of the channel'),
					t('smaller sizes of photos: a hub makes them again'),
				],
			],
			'note' => t('It is not encrypted: whoever can read it can read every file. Keep it where only you can.'),
		];
	}
}
