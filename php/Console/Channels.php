<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Refused;

if (! class_exists('App', false)) {
	exit;
}

/** The channels that a command is about. */
final class Channels
{
	/**
	 * Returns the channels that a command covers: all of this hub, or the one that `--channel` names by its nick.
	 *
	 * @return list<Channel>
	 *
	 * @throws Refused No channel has that nick.
	 */
	public static function of(Options $options): array
	{
		$nick = $options->text(Option::Channel);

		return $nick === null ? Clones::channels() : [self::named($nick)];
	}

	/**
	 * Returns the channel of this hub that has a nick.
	 *
	 * @throws Refused There is none.
	 */
	public static function named(string $nick): Channel
	{
		$channels = Clones::channels();
		foreach ($channels as $channel) {
			if ($channel->nick === $nick) {
				return $channel;
			}
		}
		throw new Refused(
			"no channel of this hub is called \"$nick\"; there are: " . implode(', ', array_column($channels, 'nick')),
		);
	}

	/**
	 * Returns those that filesync serves.
	 *
	 * @return list<Channel>
	 *
	 * @throws Refused No channel has that nick.
	 */
	public static function served(Options $options): array
	{
		return array_values(array_filter(self::of($options), fn ($channel) => Config::serves($channel->id)));
	}
}
