<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Parts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The grammar of the command: every verb with its class, arguments, options and a line of help. Parsing, usage and
 * errors follow from it.
 */
final class Verbs
{
	/** @return array<string, Verb> By name. */
	public static function all(): array
	{
		$verbs = [
			new Verb(
				'status',
				fn ($given) => new StatusCommand($given),
				'show what is in transit, stuck or waiting',
				[Option::Json],
			),
			new Verb(
				'missing',
				fn ($given) => new MissingCommand($given),
				'list every file that this hub lacks, and why',
				[
					Option::Json,
					Option::Channel,
				],
			),
			new Verb(
				'packets',
				fn ($given) => new PacketsCommand($given),
				'list changes that wait for your approval, such as a mass delete; accept or dismiss them',
				[Option::Json],
				[
					'' => 'list what waits',
					'accept ID|all' => 'apply one change, or all of them',
					'dismiss ID|all' => 'reject one change, or all of them, and restore our files on every clone',
				],
				['json' => ['']],
			),
			new Verb(
				'backfill',
				fn ($given) => new BackfillCommand($given),
				'compare with every clone now, and transfer what is missing, in both directions',
				[Option::Json, Option::DryRun, Option::Channel],
				needsExtension: true,
				needsActive: true,
				needsPart: Parts::COMPARISON,
			),
			new Verb(
				'verify',
				fn ($given) => new VerifyCommand($given),
				'read every file again, and fetch damaged ones',
				[Option::Json, Option::Channel],
				needsExtension: true,
				needsActive: true,
				needsPart: Parts::RECEIVER,
			),
			new Verb(
				'work',
				fn ($given) => new WorkCommand($given),
				'fetch and publish now, in the foreground',
				[Option::Json, Option::Progress, Option::Seconds, Option::UntilIdle],
				needsExtension: true,
				needsActive: true,
			),
			new Verb(
				'kept',
				fn ($given) => new KeptCommand($given),
				'list files that a sync replaced or deleted',
				[
					Option::Json,
					Option::Channel,
				],
			),
			new Verb(
				'undo',
				fn ($given) => new UndoCommand(),
				'restore a kept file on every clone, or revert a repair',
				forms: [
					'ID' => 'ID as `kept` lists it, or at least its first 8 characters',
				],
				needsActive: true,
			),
			new Verb(
				'repair',
				fn ($given) => new RepairCommand($given),
				'mend files, scales and own posts that older hubs or earlier syncs left in a wrong form',
				[Option::Json, Option::DryRun, Option::Seconds, Option::Channel],
				[
					'' => 'the three below, one after another',
					'files' =>
						'rows and files in a wrong form: bytes in the database, missing rows, folders, paths and bytes;'
							. ' `undo` reverts it',
					'photos' => 'scales that are missing, have a wrong size or do not match their rows',
					'items' => "own posts with another hub's URLs; it names those without a valid signature",
				],
				['seconds' => ['files']],
				needsExtension: true,
				needsActive: true,
			),
			new Verb(
				'backup',
				fn ($given) => new BackupCommand($given),
				"write a channel's backup set to a folder, or bring it up to date",
				[Option::Json, Option::DryRun, Option::Exclude, Option::All],
				[
					'CHANNEL DIR' => 'one channel, by its nick',
					'DIR' => 'every channel of the hub, each in a folder of its own: give --all',
				],
				['all' => ['DIR']],
				needsExtension: true,
				needsPart: Parts::SETS,
			),
			new Verb(
				'verify-set',
				fn ($given) => new VerifySetCommand($given),
				'read a backup set again, and compare it with its lists and its signature',
				[Option::Json, Option::Sample, Option::Finish],
				['DIR' => 'the folder of the set'],
				needsExtension: true,
				needsPart: Parts::SETS,
			),
			new Verb(
				'list',
				fn ($given) => new ListCommand($given),
				'show what is in a backup set, now or at an earlier time',
				[Option::Json, Option::At],
				['DIR' => 'the folder of the set'],
				needsExtension: true,
				needsPart: Parts::SETS,
			),
			new Verb(
				'prune',
				fn ($given) => new PruneCommand($given),
				'remove from a backup set what was replaced or removed long ago',
				[Option::Json, Option::DryRun, Option::OlderThan, Option::Forget],
				['DIR' => 'the folder of the set'],
				needsExtension: true,
				needsPart: Parts::SETS,
			),
			new Verb(
				'restore',
				fn ($given) => new RestoreCommand($given),
				'bring the files of a backup set back to a channel: only what is missing here; --drill only tries it',
				[
					Option::Json,
					Option::DryRun,
					Option::Beneath,
					Option::At,
					Option::Replace,
					Option::Deleted,
					Option::AsCopy,
					Option::Without,
					Option::Trust,
					Option::Drill,
					Option::DrillSample,
					Option::Seed,
					Option::Status,
					Option::Cancel,
				],
				[
					'CHANNEL DIR' => 'to the channel of that nick, from the folder of the set',
					'CHANNEL' => 'the restore of that channel: give --status or --cancel',
				],
				['status' => ['CHANNEL'], 'cancel' => ['CHANNEL']]
				+ array_fill_keys(
					[
						'dry-run',
						'beneath',
						'at',
						'replace',
						'deleted',
						'as-copy',
						'without',
						'trust',
						'drill',
						'drill-sample',
						'seed',
					],
					['CHANNEL DIR'],
				),
				needsExtension: true,
				needsActive: true,
				needsPart: Parts::SETS,
			),
			new Verb(
				'import-dump',
				fn ($given) => new ImportDumpCommand($given),
				"import a channel, or posts, from a file that a hub's own export wrote, of any size",
				[Option::Json, Option::DryRun, Option::Progress, Option::Account, Option::Nick, Option::Primary],
				[
					'FILE' => 'the channel that is in it: JSON, or packed with gzip',
					'FILE CHANNEL' => 'what else is in it, such as the posts of a year (zip), to a channel of this hub',
				],
				array_fill_keys(['account', 'nick', 'primary'], ['FILE']),
				needsExtension: true,
				needsActive: true,
				needsPart: Parts::CHANNELS,
			),
			new Verb(
				'doctor',
				fn ($given) => new DoctorCommand($given),
				'check the whole set-up, with a remedy for each fault',
				[
					Option::Json,
					Option::Only,
					Option::Assumptions,
				],
			),
			new Verb(
				'rehearse',
				fn ($given) => new RehearseCommand($given),
				'try on a hidden channel, which it removes afterwards, whether this hub does all that filesync needs',
				[Option::Json],
				needsExtension: true,
			),
			new Verb(
				'config',
				fn ($given) => new ConfigCommand($given),
				'show every setting and what it does, or change one',
				[Option::Json, Option::Scope],
				[
					'' => 'show every setting',
					'get NAME' => 'print the value of one',
					'set NAME VALUE' => 'change it',
					'clear NAME' => 'go back to its default',
				],
				['json' => [''], 'scope' => ['get NAME', 'set NAME VALUE', 'clear NAME']],
			),
			new Verb(
				'uninstall',
				fn ($given) => new UninstallCommand($given),
				'list unfinished work and kept files, or remove filesync',
				[Option::Json, Option::Keep, Option::Purge, Option::Finish, Option::Drop, Option::Seconds],
				['' => 'changes nothing without --keep or --purge'],
			),
		];

		return array_combine(array_column($verbs, 'name'), $verbs);
	}
}
