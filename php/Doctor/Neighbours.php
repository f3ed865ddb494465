<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Locations;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Status\LongFolders;

if (! class_exists('App', false)) {
	exit;
}

/** The other hubs where our channels live, and the other addons on this one. */
final class Neighbours
{
	private const MOST_HUBS = 50;
	/** Of a channel. */
	private const MOST_ROWS = 10;
	private const CLOCK_SECONDS = 60;

	/** @param \Closure $askClone Asks another hub about a channel: URL of the channel there. See Hub\Neighbour. */
	public static function look(Findings $findings, \Closure $askClone): void
	{
		$findings->attempt('locations', self::locations(...));
		foreach (array_slice(self::clones(), 0, self::MOST_HUBS) as $clone) {
			$findings->attempt('clone', fn () => self::clone(
				$findings,
				$clone,
				$askClone("{$clone['url']}/channel/{$clone['nick']}"),
			));
		}
		$findings->attempt('folders', self::folders(...));
		$findings->attempt('addons', self::addons(...));
	}

	/** Rows by which a channel would live where it did not say so. */
	private static function locations(Findings $findings): void
	{
		foreach (self::channels() as $channel) {
			foreach (array_slice(Locations::unsigned($channel), 0, self::MOST_ROWS) as $row) {
				$findings->note(
					'locations',
					false,
					sprintf(
						t(
							'row %1$d of table hubloc says that channel %2$s lives at %3$s, and the channel has not signed that: filesync sends nothing there, and takes nothing from there',
						),
						$row['hubloc_id'],
						$channel->nick,
						$row['hubloc_url'],
					),
					Clones::isHere($row['hubloc_url'])
						? t('delete that row, and open the page /fhublocs as an admin of this hub: it makes a new one')
						: t(
							'if the channel does live there, its owner presses "Sync Now" on the page /locs of that hub; if not, delete the row, and look into who brought it: an import, or somebody with access to the database',
						),
				);
			}
		}
	}

	private static function clone(Findings $findings, array $clone, array $answer): void
	{
		$isForbidden = ! empty($answer['private']) && Config::get('allow_private_addresses') !== '1';
		if (! $answer['info'] && ! $isForbidden) {
			$findings->note(
				'clone',
				false,
				sprintf(t('%1$s does not say who it is: %2$s'), $clone['url'], $answer['error']),
				t('check that the other hub is up, and that this hub can reach it; until then its files wait'),
			);
		}
		if ($answer['info']) {
			self::speaks($findings, $clone, $answer);
		}
		if ($isForbidden) {
			$findings->note(
				'address',
				false,
				sprintf(t('%s has a private address, and filesync sends it no requests'), $clone['url']),
				'php addon/filesync/cli.php config set allow_private_addresses 1; php addon/filesync/cli.php backfill',
			);
		}
	}

	private static function speaks(Findings $findings, array $clone, array $answer): void
	{
		$said = is_array($answer['info']['filesync'] ?? null) ? $answer['info']['filesync'] : null;
		$version = is_string($said['version'] ?? null) ? $said['version'] : '';
		$speaks = match (true) {
			! $said => t('%s answers, without filesync: files come the stock way'),
			($said['v'] ?? null) !== Version::SIBLING => t(
				'%1$s answers, with filesync %2$s of another protocol: files come the stock way',
			),
			default => t('%1$s answers, with filesync %2$s'),
		};
		$findings->note('clone', true, sprintf($speaks, $clone['url'], $version));
		if ($answer['clock'] !== null && abs($answer['clock']) > self::CLOCK_SECONDS) {
			$findings->note(
				'clock',
				false,
				sprintf(
					$answer['clock'] > 0
						? t('the clock of %1$s is %2$d s ahead of this one')
						: t('the clock of %1$s is %2$d s behind this one'),
					$clone['url'],
					abs($answer['clock']),
				),
				t(
					'synchronise the clocks of both machines (timedatectl set-ntp true); beyond 300 s hubs give no tickets',
				),
			);
		}
	}

	/** Returns each hub once, with a channel that lives there. */
	private static function clones(): array
	{
		$clones = [];
		foreach (self::channels() as $channel) {
			foreach (Clones::others($channel) as $clone) {
				$clones[Clones::normalise($clone['url'])] ??= $clone;
			}
		}

		return array_values($clones);
	}

	/** @return \Generator<int, Channel> The channels that we serve. */
	private static function channels(): \Generator
	{
		foreach (Clones::local() as $channelId) {
			$channel = Config::serves($channelId) ? Clones::channel($channelId) : null;
			if ($channel) {
				yield $channel;
			}
		}
	}

	private static function folders(Findings $findings): void
	{
		foreach (self::channels() as $channel) {
			self::foldersOf($findings, $channel);
		}
	}

	private static function foldersOf(Findings $findings, Channel $channel): void
	{
		$problem = LongFolders::problem($channel);
		if ($problem !== null) {
			$findings->note(
				'folders',
				null,
				sprintf(t('channel %1$s: %2$s'), $channel->nick, $problem),
				t('tell the owner, whose page /filesync says the same: filesync changes no name'),
			);
		}
	}

	private static function addons(Findings $findings): void
	{
		foreach (Registration::others() as $name) {
			foreach (preg_match('/^\w+$/', $name) ? (glob("addon/$name/*.php") ?: []) : [] as $file) {
				if (preg_match('/(?<![\w>:])\\\\?sync_files\s*\(/', (string) file_get_contents($file))) {
					$findings->note(
						'addons',
						null,
						sprintf(t("the addon %s calls the hub's own sync_files: its imports bypass filesync"), $name),
						t('after an import with it, run: php addon/filesync/cli.php missing'),
					);
					break;
				}
			}
		}
	}
}
