<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** The command's usage text. */
final class Usage
{
	private const TEXT = <<<'TEXT'
		usage: sudo -u <hub user> php addon/filesync/cli.php <verb> [options]    in the hub's root

		  status                 shows what is in transit, stuck or waiting              [--json]
		  missing                lists every file that this hub lacks, and why           [--json]
		  kept                   lists files that a sync replaced or deleted: id, when,  [--json]
		                         by which clone
		  undo ID                restores a kept file on every clone, in its folder and with its
		                         categories; also reverts a `repair files` run
		  packets                lists changes from other clones that wait for approval, [--json]
		                         such as a mass delete; `packets accept ID|all` applies them,
		                         `packets dismiss ID|all` rejects them and restores our files
		                         on every clone
		  work                   fetches and publishes in the foreground                 [--json] [--progress]
		                         [--seconds N] at most, [--until-idle] until nothing is in transit
		  backfill               compares all files with those of each clone, and        [--json]
		                         transfers what is missing, in both directions; or only
		                         lists the differences                                   [--dry-run]
		  verify                 reads every file again, and fetches damaged ones        [--json]
		  repair                 runs the three repairs below                            [--json]
		  repair files           mends rows and files that older hubs, or losses, left   [--dry-run]
		                         in a wrong form: bytes in the database, missing rows,   [--seconds N]
		                         folders, paths and bytes; `undo` reverts it
		  repair items           mends own posts that a sync left with another hub's     [--json]
		                         URLs or a wrong signature, or only lists them           [--dry-run]
		  repair photos          makes scales again that are missing, have a wrong size  [--json]
		                         or do not match their rows, or only lists them          [--dry-run]
		  doctor                 checks this hub's whole set-up, with a remedy for each  [--json]
		                         fault; --only CHECK,CHECK runs some checks; --assumptions
		                         lists what it takes for granted of the hub, and for what
		  config                 shows every setting, its value and what it does         [--json]
		  config get NAME        config set NAME VALUE        config clear NAME
		                         [--scope site|channel:<id>|peer:<root URL>]
		  uninstall              lists unfinished work and kept files; changes nothing   [--json]
		                         --keep or --purge removes filesync from this hub, and keeps or
		                         removes its tables and kept files; --finish first fetches and
		                         sends everything that waits [--seconds N], --drop forgets it

		with --channel NICK, missing, kept, backfill, verify and repair are limited to that channel
		--hub DIR names the hub, if it is not the one that contains this file

		exit codes: 0 done or nothing to do, 1 something needs your attention, 2 usage, 75 work is still in progress
		TEXT;

	/** Prints the usage. */
	public static function show(): int
	{
		fwrite(STDERR, self::TEXT . "\n");

		return 2;
	}
}
