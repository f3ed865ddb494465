<?php

namespace FileSync\Addon\Restore;

if (! class_exists('App', false)) {
	exit;
}

/** Another clone of the channel that a restore asks what was deleted or changed there since. */
final class AskedClone
{
	/** Whether it has no filesync: then it tells what it has, and nothing of what was deleted. */
	public bool $isStock = false;
	/** Why it does not answer; empty if it does, or was not asked. */
	public string $failure = '';

	public function __construct(
		/** Its root URL. */
		public readonly string $url,
		/** When it was last heard of, as Unix seconds; 0: never. */
		public readonly int $lastContact,
		/** Whether it is not to be asked. */
		public readonly bool $isLeftOut,
	) {}

	/** Tells whether it answers, as far as it was asked. */
	public function answers(): bool
	{
		return ! $this->isLeftOut && $this->failure === '';
	}

	/** Returns its name for people: host, and port and folder if it has any. */
	public function name(): string
	{
		return rtrim((string) preg_replace('#^[a-z]+://#i', '', $this->url), '/');
	}

	/** Returns when it was last heard of, in words. */
	public function contact(): string
	{
		return $this->lastContact > 0
			? 'last contact ' . gmdate('Y-m-d H:i', $this->lastContact) . ' UTC'
			: 'no contact so far';
	}

	/** @return array<string, mixed> For programs. */
	public function facts(): array
	{
		return [
			'url' => $this->url,
			'state' => $this->isLeftOut ? 'left_out' : ($this->failure === '' ? 'asked' : 'away'),
			'filesync' => ! $this->isStock,
			'why' => $this->failure,
			'last_contact' => $this->lastContact > 0 ? gmdate('Y-m-d\TH:i:s\Z', $this->lastContact) : null,
		];
	}
}
