<?php

namespace FileSync\Addon\Restore;

if (! class_exists('App', false)) {
	exit;
}

/** How far a restore is that was asked for. */
enum JobState: string
{
	/** A worker counts what would be done. */
	case Planning = 'planning';
	/** The plan is there, and waits for its owner's word. */
	case Planned = 'planned';
	/** A worker is to begin it. */
	case Waiting = 'waiting';
	/** It is under way; of a worker's, no process may be at it just now. */
	case Running = 'running';
	/** Whoever is at it is told to stop after the file under way. */
	case Stopping = 'stopping';
	/** It ended early; what was restored stays. */
	case Stopped = 'stopped';
	case Done = 'done';
	case Failed = 'failed';

	/** States in which something is to be done. */
	public const LIVE = [self::Planning, self::Waiting, self::Running, self::Stopping];
	/** States in which a second restore must wait. */
	public const UNDER_WAY = [self::Waiting, self::Running, self::Stopping];

	/** Tells whether something is to be done. */
	public function isLive(): bool
	{
		return in_array($this, self::LIVE, true);
	}

	/** Tells whether files are being restored, or about to be. */
	public function isUnderWay(): bool
	{
		return in_array($this, self::UNDER_WAY, true);
	}

	/** Tells whether it has ended. */
	public function isOver(): bool
	{
		return in_array($this, [self::Stopped, self::Done, self::Failed], true);
	}
}
