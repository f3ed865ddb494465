<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\FileLock;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The restore of a channel that is under way: one at a time. The kernel holds its lock, so that it ends with its
 * process; a note of it in the database stays until the clones are told, whatever becomes of the process.
 */
final class Underway
{
	private const NOTE = 'underway';

	private function __construct(private readonly int $channelId, private readonly FileLock $lock) {}

	/**
	 * Begins one.
	 *
	 * @throws Problem Another one is under way.
	 */
	public static function begin(Channel $channel, string $token): self
	{
		$lock = self::lock($channel->id);
		if ($lock === null) {
			throw new Problem(
				'restore_running',
				"A restore of $channel->nick is under way already. Try again when it is over.",
				true,
			);
		}
		// What a killed one was about to publish is ours now.
		/** @var array{token?: string}|null $note */
		$note = json_decode(Config::get(self::NOTE, self::scope($channel->id)), true);
		$before = $note['token'] ?? '';
		if ($before !== '') {
			Table::update(
				'filesync_transfer',
				['lease_until' => 0],
				[
					'uid' => $channel->id,
					'token' => $before,
					'state' => [TransferState::VERIFIED, TransferState::PUBLISHING, TransferState::LEASED],
				],
			);
		}
		Config::set(
			self::NOTE,
			json_encode(['token' => $token, 'since' => Clock::now()], JSON_THROW_ON_ERROR),
			self::scope($channel->id),
		);

		return new self($channel->id, $lock);
	}

	/** Ends it: the other clones are told what they lack. */
	public function end(): void
	{
		Reconcile::request($this->channelId);
		Config::clear(self::NOTE, self::scope($this->channelId));
		$this->lock->release();
	}

	/** Has the clones compared where a process that restored ended early. */
	public static function recover(): void
	{
		foreach (Config::scopesOf(self::NOTE) as $scope) {
			$channelId = (int) substr($scope, strlen(self::scope('')));
			$lock = self::lock($channelId);
			if ($lock !== null) {
				Placing::clear($channelId);
				(new self($channelId, $lock))->end();
			}
		}
	}

	/** Forgets one, with what it staged: the channel leaves the hub. */
	public static function forget(int $channelId): void
	{
		Config::clear(self::NOTE, self::scope($channelId));
		Placing::clear($channelId);
		@rmdir(Placing::folderOf($channelId));
	}

	private static function lock(int $channelId): ?FileLock
	{
		$lock = FileLock::open(Store::dataRoot($channelId, true) . '/restore.lock');

		return $lock?->take() ? $lock : null;
	}

	private static function scope(int|string $channelId): string
	{
		return "restore:$channelId";
	}
}
