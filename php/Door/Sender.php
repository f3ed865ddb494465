<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Channel;

if (! class_exists('App', false)) {
	exit;
}

/** Who sends a set to a channel: a program with a restore key, or the owner's own browser on the page for it. */
final class Sender
{
	public function __construct(
		public readonly Channel $channel,
		/** Null: the owner, logged in. */
		private readonly ?Key $key = null,
	) {}

	/** Returns the session with an id, if this sender may go on with it. A key has its own, an owner the channel's. */
	public function session(string $id): ?Session
	{
		if ($this->key) {
			$isOwn = $this->key->session !== '' && hash_equals($this->key->session, $id);

			return $isOwn ? Session::find($id) : null;
		}
		$session = Session::find($id);

		return $session?->channelId === $this->channel->id ? $session : null;
	}

	/**
	 * Returns what it began before and has to go on with; null: it may begin.
	 *
	 * @param bool $isDrill What it is to begin.
	 *
	 * @throws Refusal A key began one, and that is over.
	 */
	public function begun(bool $isDrill): ?Session
	{
		if (! $this->key) {
			$session = Session::of($this->channel->id)?->settled();

			// An owner who restores goes on with no drill that only waits.
			return $session?->isLive() && ($isDrill || ! $session->isWaitingDrill()) ? $session : null;
		}
		$session = $this->key->session === '' ? null : Session::find($this->key->session)?->settled();
		if ($this->key->session === '' || $session?->isLive() || $session?->state === Session::DONE) {
			return $session;
		}
		throw self::used();
	}

	/** Notes what it began. */
	public function bind(Session $session): void
	{
		$this->key?->bind($session->id);
	}

	/** Says that the restore of a key is over. */
	public static function used(): Refusal
	{
		return new Refusal(
			403,
			'key_used',
			'A restore key begins one restore, and that of this key is over. Make another on the page for backups.',
		);
	}
}
