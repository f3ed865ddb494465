<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Doctor\Findings;

if (! class_exists('App', false)) {
	exit;
}

/** The options of the verbs: how each is written, which kind of value it takes, and what it does. */
enum Option: string
{
	case Assumptions = 'assumptions';
	case Channel = 'channel';
	case Drop = 'drop';
	case DryRun = 'dry-run';
	case Finish = 'finish';
	case Help = 'help';
	case Json = 'json';
	case Keep = 'keep';
	case Only = 'only';
	case Progress = 'progress';
	case Purge = 'purge';
	case Scope = 'scope';
	case Seconds = 'seconds';
	case UntilIdle = 'until-idle';

	/** Returns what stands for its value in the usage; null if it takes none. */
	public function value(): ?string
	{
		return match ($this) {
			self::Channel => 'NICK',
			self::Only => 'CHECK,CHECK',
			self::Scope => 'SCOPE',
			self::Seconds => 'N',
			default => null,
		};
	}

	/** Returns how it is written. */
	public function usage(): string
	{
		return "--$this->value" . ($this->value() === null ? '' : " {$this->value()}");
	}

	/** Returns what it does, in a line. */
	public function help(): string
	{
		return match ($this) {
			self::Assumptions => 'list what filesync takes for granted of the hub, and what depends on it',
			self::Channel => 'only this channel of the hub',
			self::Drop => 'forget unfinished work',
			self::DryRun => 'only list what it would do',
			self::Finish => 'first fetch and send everything that waits',
			self::Help => 'show this',
			self::Json => 'print for programs, as JSON',
			self::Keep => 'remove filesync from this hub; its tables and kept files stay',
			self::Only => 'only these checks',
			self::Progress => 'show the progress even if this is not a terminal',
			self::Purge => 'remove filesync from this hub, with its tables and kept files',
			self::Scope => 'site (the default), channel:<id> or peer:<root URL>',
			self::Seconds => 'stop after N seconds',
			self::UntilIdle => 'go on until nothing is in transit',
		};
	}

	/** Returns what its value must be, if this one is not that; null if it is. */
	public function demand(string $value): ?string
	{
		return match (true) {
			$this === self::Seconds && ! preg_match('/^\d{1,9}$/D', $value) => 'a whole number of seconds',
			$this === self::Only && array_diff(explode(',', $value), Findings::CHECKS) !== []
				=> 'one or more of these, separated by commas: ' . implode(', ', Findings::CHECKS),
			default => null,
		};
	}
}
