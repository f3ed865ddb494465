<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/**
 * How much a session may still send. Sizes are counted as they are declared, and nothing is reserved on the disk for
 * them.
 */
final class Room
{
	/** What a file takes of the disk beside its bytes: a block that it does not fill, and a note of it. */
	private const FILE_BYTES = 4096;
	private const MOST_FILES = 1_000_000;

	private function __construct(
		/** What the account has left for it, or a set may have at most. */
		public readonly int $account,
		/** What all sessions together have left on the disk. */
		public readonly int $disk,
		/** The largest file; null: any. */
		public readonly ?int $file,
		/** How many files the session may still have. */
		public readonly int $files,
	) {}

	/** Returns what a session has left; without one, what one that is begun now would have. */
	public static function of(Channel $channel, ?Session $session): self
	{
		[$used, $limit] = Store::quota($channel);
		$most = $limit === null ? Config::number('upload_max_bytes') : max(0, $limit - $used);
		$free = (new \FileSync\Store((string) realpath('store')))->freeBytes() - Config::number('headroom_bytes');
		// What is here already is no longer free.
		$all = max(0, $free) + self::onDisk(Entry::count(null, true));
		$share = intdiv($all, 100) * Config::number('upload_disk_percent');
		$declared = $session ? Entry::count($session, false) : ['files' => 0, 'bytes' => 0];

		return new self(
			$most - $declared['bytes'],
			$share - self::onDisk(Entry::count(null, false)),
			Config::numberFor('file_max_bytes', $channel->id) ?: null,
			self::MOST_FILES - $declared['files'],
		);
	}

	/** @param array{files: int, bytes: int} $count */
	private static function onDisk(array $count): int
	{
		return $count['bytes'] + ($count['files'] * self::FILE_BYTES);
	}

	/**
	 * Makes sure that so many files more may come, of so many bytes together.
	 *
	 * @throws Refusal
	 */
	public function need(int $bytes, int $largest, int $files = 1): void
	{
		if ($files > $this->files) {
			throw new Refusal(
				409,
				'too_many_files',
				'A set that is sent has at most ' . self::MOST_FILES . ' files. Send a part of it.',
				['limit' => self::MOST_FILES],
			);
		}
		if ($this->file !== null && $largest > $this->file) {
			throw new Refusal(
				413,
				'file_too_large',
				sprintf(
					'A file of %s is above the limit of this hub for one file, %s. Leave it out, or ask the admin.',
					Words::size($largest),
					Words::size($this->file),
				),
				['limit_bytes' => $this->file, 'short_bytes' => $largest - $this->file],
			);
		}
		if ($bytes > $this->account) {
			throw $this->short(
				'quota_short',
				'%s are to be sent, %s are left for this account: short by %s. Send less of the set, or ask the admin.',
				$bytes,
				$this->account,
			);
		}
		$onDisk = self::onDisk(['bytes' => $bytes, 'files' => $files]);
		if ($onDisk > $this->disk) {
			throw $this->short(
				'disk_short',
				"%s are to be sent, %s are left for that on this hub's disk: short by %s. Send less, or try again later.",
				$onDisk,
				$this->disk,
			);
		}
	}

	/** @return array{account_bytes: int, disk_bytes: int, file_bytes: ?int} For programs. */
	public function facts(): array
	{
		return [
			'account_bytes' => max(0, $this->account),
			'disk_bytes' => max(0, $this->disk),
			'file_bytes' => $this->file,
		];
	}

	private function short(string $kind, string $words, int $bytes, int $left): Refusal
	{
		$left = max(0, $left);

		return new Refusal(
			507,
			$kind,
			sprintf($words, Words::size($bytes), Words::size($left), Words::size($bytes - $left)),
			['needed_bytes' => $bytes, 'left_bytes' => $left, 'short_bytes' => $bytes - $left],
		);
	}
}
