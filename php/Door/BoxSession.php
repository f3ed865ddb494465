<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/** The session of a drop box: what is in it now, and what of that was restored. */
final class BoxSession extends Session
{
	/** Returns the name of what is in the box: another one whenever that changes. */
	public function content(): string
	{
		return $this->row['changed'];
	}

	/** Tells whether anything was restored. */
	public function wasRestored(): bool
	{
		return $this->row['restored'] !== '';
	}

	/** Tells whether nothing came or left since it was last restored, or began. */
	public function isAsRestored(): bool
	{
		return $this->row['restored'] === $this->content();
	}

	/** Tells whether what was restored last was a whole set. */
	public function wasWhole(): bool
	{
		return (bool) (int) $this->row['is_all'];
	}

	/** Notes that something else is in the box now. */
	public function change(): void
	{
		Table::update(
			'filesync_door',
			['changed' => Token::make(), 'touched' => Clock::now(), 'asked' => Clock::now()],
			['id' => $this->id],
		);
	}

	/**
	 * Notes that what this knows to be in the box is about to be restored.
	 *
	 * @param array<string, string> $lists
	 */
	public function gather(array $lists, bool $isWhole): self
	{
		Table::update(
			'filesync_door',
			[
				'lists' => json_encode($lists, JSON_THROW_ON_ERROR),
				'restored' => $this->content(),
				'is_all' => (int) $isWhole,
			],
			['id' => $this->id],
		);

		return self::find($this->id) ?? $this;
	}

	/** Notes that this was not begun. */
	public function ungather(): void
	{
		Table::update('filesync_door', ['restored' => ''], ['id' => $this->id]);
	}

	/** Ends a box that was restored. */
	public function finish(): void
	{
		$this->close(self::DONE, '', '', $this->row['result']);
	}
}
