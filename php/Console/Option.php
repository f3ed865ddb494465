<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Doctor\Findings;
use FileSync\Addon\Drill\Wish;

if (! class_exists('App', false)) {
	exit;
}

/** The options of the verbs: how each is written, which kind of value it takes, and what it does. */
enum Option: string
{
	case Account = 'account';
	case All = 'all';
	case AsCopy = 'as-copy';
	case Assumptions = 'assumptions';
	case At = 'at';
	case Beneath = 'beneath';
	case Cancel = 'cancel';
	case Channel = 'channel';
	case Deleted = 'deleted';
	case Drill = 'drill';
	case DrillSample = 'drill-sample';
	case Drop = 'drop';
	case DryRun = 'dry-run';
	case Exclude = 'exclude';
	case Finish = 'finish';
	case Forget = 'forget';
	case Help = 'help';
	case Json = 'json';
	case Keep = 'keep';
	case Nick = 'nick';
	case OlderThan = 'older-than';
	case Only = 'only';
	case Primary = 'primary';
	case Progress = 'progress';
	case Purge = 'purge';
	case Replace = 'replace';
	case Sample = 'sample';
	case Scope = 'scope';
	case Seconds = 'seconds';
	case Seed = 'seed';
	case Status = 'status';
	case Trust = 'trust';
	case UntilIdle = 'until-idle';
	case Without = 'without';

	/** Returns what stands for its value in the usage; null if it takes none. */
	public function value(): ?string
	{
		return match ($this) {
			self::Account => 'EMAIL',
			self::At => 'TIME',
			self::Beneath => 'DIR',
			self::Channel => 'NICK',
			self::Exclude => 'PATH',
			self::Forget => 'HASH',
			self::Nick => 'NICK',
			self::OlderThan => 'AGE',
			self::DrillSample, self::Sample => 'PERCENT',
			self::Only => 'CHECK,CHECK',
			self::Scope => 'SCOPE',
			self::Seconds => 'N',
			self::Seed => 'TEXT',
			self::Without => 'HUB',
			default => null,
		};
	}

	/** Returns its name; two verbs may mean different things by one. */
	public function word(): string
	{
		return match ($this) {
			self::Beneath => 'only',
			self::DrillSample => 'sample',
			default => $this->value,
		};
	}

	/** Returns how it is written. */
	public function usage(): string
	{
		return "--{$this->word()}" . ($this->value() === null ? '' : " {$this->value()}");
	}

	/** Returns what it does, in a line. */
	public function help(): string
	{
		return match ($this) {
			self::Account => 'whose the channel becomes, if it is not on this hub',
			self::All => 'every channel of the hub, each in a folder of its own beneath DIR',
			self::AsCopy
				=> 'restore another channel\'s files as new files of this one, visible to its owner alone, without posts',
			self::Assumptions => 'list what filesync takes for granted of the hub, and what depends on it',
			self::At => 'as it was then: 2026-11-28, or 2026-11-28T03:15:00Z',
			self::Beneath => 'only this folder or file of the set, by its true names, such as 2024/May',
			self::Cancel => 'stop the restore that is under way, whoever began it; what was restored stays',
			self::Channel => 'only this channel of the hub',
			self::Deleted => 'bring back what was deleted since, on every clone',
			self::Drill
				=> 'only try it: restore some files to a hidden channel, read them back, remove it all, and say what was proven',
			self::DrillSample => 'try this share of the files, such as 5 %, which is the default, or all',
			self::Drop => 'forget unfinished work',
			self::DryRun => 'only list what it would do',
			self::Exclude => 'leave out this folder or file; * stands for any part of a name; may be given again',
			self::Finish => 'first finish what is unfinished',
			self::Forget => 'remove one file from everything, also from what is not older',
			self::Help => 'show this',
			self::Json => 'print for programs, as JSON',
			self::Keep => 'remove filesync from this hub; its tables and kept files stay',
			self::Nick => 'call the channel so on this hub, if it is not here',
			self::OlderThan => 'what was replaced or removed before: 90d, or 2026-08-30',
			self::Only => 'only these checks',
			self::Primary => 'make this hub the one by which others know the channel, if it is not here',
			self::Progress => 'show the progress even if this is not a terminal',
			self::Purge => 'remove filesync from this hub, with its tables and kept files',
			self::Replace => 'put the set\'s bytes in place of those that differ here, which are kept for `undo`',
			self::Sample => 'read only a part of the files, such as 5 %, chosen at random',
			self::Scope => 'site (the default), channel:<id> or peer:<root URL>',
			self::Seconds => 'stop after N seconds',
			self::Seed => 'take the same files as the drill that printed this seed',
			self::Status => 'show how far the last restore is, or how it ended',
			self::Trust => 'believe access, posts and versions that the channel\'s signature does not prove',
			self::UntilIdle => 'go on until nothing is in transit',
			self::Without => 'do not ask this clone what was deleted there, such as hub.example; may be given again',
		};
	}

	/** Tells whether it may be given several times. */
	public function isRepeatable(): bool
	{
		return in_array($this, [self::Exclude, self::Without], true);
	}

	/** Returns what its value must be, if this one is not that; null if it is. */
	public function demand(string $value): ?string
	{
		if ($this === self::Only && array_diff(explode(',', $value), Findings::CHECKS) !== []) {
			return 'one or more of these, separated by commas: ' . implode(', ', Findings::CHECKS);
		}
		[$pattern, $words] = match ($this) {
			self::At => ['/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$/D', 'a date, or a time such as 2026-11-28T03:15:00Z'],
			self::Forget => ['/^[A-Za-z0-9-]{1,64}$/D', 'the hash of a file'],
			self::OlderThan => ['/^(\d{1,5}d|\d{4}-\d\d-\d\d)$/D', 'days, such as 90d, or a date'],
			self::DrillSample => ['/^(all|(100|[1-9]\d?)%?)$/D', 'a percentage from 1 to 100, or all'],
			self::Sample => ['/^(100|[1-9]\d?)%?$/D', 'a percentage from 1 to 100'],
			self::Seconds => ['/^\d{1,9}$/D', 'a whole number of seconds'],
			self::Seed => [Wish::SEED, '1 to 64 letters, digits or signs, without blanks'],
			default => ['/^/', ''],
		};

		return preg_match($pattern, $value) ? null : $words;
	}
}
