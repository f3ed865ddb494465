<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Json;

if (! class_exists('App', false)) {
	exit;
}

/**
 * How far a restore came through a set, so that another process goes on there.
 *
 * @import-type Written from Tally
 */
final class Progress
{
	/** What is done first: what would be done is counted. */
	public const PLAN = 0;
	/** Then the folders: what is beneath them may be less certain than they are. */
	public const FOLDERS = 1;
	public const FILES = 2;
	public const END = 3;

	public function __construct(
		/** Which pass through the set this is. */
		public int $pass = self::PLAN,
		/** How many entries of the set are over in it. */
		public int $entries = 0,
		/** What was counted or done. */
		public Tally $tally = new Tally(),
	) {}

	/** Goes on with a pass from its beginning. */
	public function enter(int $pass): void
	{
		[$this->pass, $this->entries] = [$pass, 0];
	}

	/** Reads what was written. */
	public static function read(string $text): self
	{
		/** @var array{pass: int, entries: int, tally: Written}|null $kept */
		$kept = json_decode($text, true);

		return $kept ? new self($kept['pass'], $kept['entries'], Tally::read($kept['tally'])) : new self();
	}

	/** Writes it. */
	public function text(): string
	{
		return json_encode(
			['pass' => $this->pass, 'entries' => $this->entries, 'tally' => $this->tally->written()],
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}
}
