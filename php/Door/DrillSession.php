<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Drill\Certificate;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/** The session of a drill: how far it is, and the scratch channel of which somebody outside is to read the files. */
final class DrillSession extends Session
{
	/** @return list<self> Those that a process is to be at, who waits for longest first. */
	public static function due(): array
	{
		return self::where(['door' => self::DRILL, 'state' => self::DRILLED], 'touched, created, id');
	}

	/** Returns the scratch channel of which the files can be read from outside; empty: of none. */
	public function scratchNick(): string
	{
		return $this->row['changed'];
	}

	/** Returns the scratch channel of which somebody outside has read the files; empty: of none. */
	public function readNick(): string
	{
		return $this->row['restored'];
	}

	/** Returns what is known of a drill that is under way. */
	public function drill(): Trying
	{
		return Trying::read($this->isLive() ? $this->row['result'] : '');
	}

	/** Notes how far it is. */
	public function note(Trying $drill): void
	{
		Table::update(
			'filesync_door',
			['result' => $drill->text()],
			['id' => $this->id, 'state' => self::LIVE],
		);
	}

	/** Notes that the files of a scratch channel can be read from outside; an empty name: no longer. */
	public function show(string $nick): void
	{
		Table::update(
			'filesync_door',
			['changed' => $nick, 'restored' => '', 'asked' => Clock::now()],
			['id' => $this->id],
		);
	}

	/** Notes that somebody outside has read them. */
	public function noteRead(): void
	{
		Table::update('filesync_door', ['restored' => $this->scratchNick()], ['id' => $this->id]);
	}

	/** Has it go on later: bytes may come again. */
	public function leave(Trying $drill, string $code = '', string $reason = ''): void
	{
		$this->reopen($code, $reason, $drill->text());
		// What was told to end meanwhile did not open again.
		if (self::find($this->id)?->state === self::ENDING) {
			$this->close(self::ENDED, 'ended', 'It was ended before its end.');
		}
	}

	/** Ends it with what it proved. */
	public function certify(Certificate $certificate): void
	{
		$this->close(self::DONE, '', '', $certificate->text());
	}

	/** Ends it where it comes to nothing. */
	public function giveUp(string $code, string $reason): void
	{
		$this->close(self::ENDED, $code, $reason);
	}
}
