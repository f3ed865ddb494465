<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Receive\Brake;

if (! class_exists('App', false)) {
	exit;
}

/** What a restore would do, counted before the first byte. */
final class Plan
{
	/** As many findings are kept. */
	private const NAMED = 20;

	private function __construct(
		public readonly Tally $tally,
		/** Names the list of files that was read. */
		public readonly string $list,
		/** Whose set it is. */
		public readonly string $address,
		/** When it was made. */
		public readonly string $updated,
		/** The run that left what is restored. */
		public readonly string $run,
		/** Whether its last run was cut off. */
		public readonly bool $isCutOff,
		/** `channel`, `nobody` or `other`. */
		public readonly string $signedBy,
		public readonly bool $isTrusted,
		/** @var list<array{code: string, path: string, why: ?string}> What is wrong with the set's lists. */
		public readonly array $findings,
		/** By how many bytes the account's limit is too small. */
		public readonly int $quotaShort,
		/** By how many bytes the disk is too small. */
		public readonly int $diskShort,
		/** Bytes that are left after it, of the smaller of both. */
		public readonly int $room,
		/** @var list<AskedClone> The channel's other clones. */
		public readonly array $clones,
		/** @var list<AskedClone> Those that will hold what is replaced, as far as that is known. */
		public readonly array $holding,
	) {}

	/** Reckons it up. */
	public static function of(Channel $channel, Source $source, Tally $tally, Elsewhere $elsewhere): self
	{
		$isHeld = Brake::wouldHold($channel->id, $tally->files(Decision::Replace), $tally->displacedBytes);
		$bytes = $tally->bytes(...Decision::WORK);
		// What is replaced is kept: both versions are on disk, and one of them counts for the account.
		[$allowed, $free] = self::room($channel);

		return new self(
			tally: $tally,
			list: $source->list,
			address: $source->address,
			updated: $source->updated,
			run: $source->run,
			isCutOff: $source->isCutOff,
			signedBy: $source->signedBy,
			isTrusted: $source->isTrusted(),
			findings: $source->findings,
			quotaShort: max(0, $bytes - $allowed),
			diskShort: max(0, $bytes - $free),
			room: max(0, min($free, $allowed) - $bytes),
			clones: $elsewhere->clones(),
			holding: $isHeld ? array_values(array_filter($elsewhere->clones(), fn ($clone) => ! $clone->isStock)) : [],
		);
	}

	/** @return array{int, int} The bytes that the account may still have, and those that the disk may. */
	public static function room(Channel $channel): array
	{
		[$used, $limit] = Store::quota($channel);
		$data = new \FileSync\Store((string) realpath('store'));

		return [
			$limit === null ? PHP_INT_MAX : max(0, $limit - $used),
			max(0, $data->freeBytes() - Config::number('headroom_bytes')),
		];
	}

	/** @return array<string, mixed> For programs. */
	public function facts(): array
	{
		return (
			[
				'set_of' => $this->address,
				'set_updated' => $this->updated,
				'set_run' => $this->run,
				'set_cut_off' => $this->isCutOff,
				'signed_by' => $this->signedBy,
				'trusted' => $this->isTrusted,
				'findings' => array_slice($this->findings, 0, self::NAMED),
				'quota_short' => $this->quotaShort,
				'disk_short' => $this->diskShort,
				'room' => $this->room,
				'clones' => array_map(fn ($clone) => $clone->facts(), $this->clones),
				'held_by' => array_map(fn ($clone) => $clone->url, $this->holding),
			] + $this->tally->facts()
		);
	}

	/** Writes what `facts` says. */
	public function text(): string
	{
		return json_encode(
			$this->facts(),
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}

	/** Returns how many files would be restored. */
	public function files(): int
	{
		return $this->tally->files(...Decision::WORK);
	}

	/** Returns how many bytes that are. */
	public function bytes(): int
	{
		return $this->tally->bytes(...Decision::WORK);
	}

	/**
	 * Makes sure that there is room for it.
	 *
	 * @param \Closure(int): string $size Writes a number of bytes.
	 *
	 * @throws Problem
	 */
	public function needRoom(\Closure $size): void
	{
		self::refuseShort($this->bytes(), $this->quotaShort, $this->diskShort, $size);
	}

	/**
	 * Makes sure that there is room for so many bytes now.
	 *
	 * @param \Closure(int): string $size Writes a number of bytes.
	 *
	 * @throws Problem
	 */
	public static function needRoomFor(Channel $channel, int $bytes, \Closure $size): void
	{
		[$allowed, $free] = self::room($channel);
		self::refuseShort($bytes, max(0, $bytes - $allowed), max(0, $bytes - $free), $size);
	}

	/** @param \Closure(int): string $size */
	private static function refuseShort(int $bytes, int $quotaShort, int $diskShort, \Closure $size): void
	{
		if ($quotaShort > 0) {
			throw new Problem(
				'quota_short',
				sprintf(
					'The set needs %s, %s are left for this account: short by %s. `--only DIR`, or raise the limit.',
					$size($bytes),
					$size($bytes - $quotaShort),
					$size($quotaShort),
				),
			);
		}
		if ($diskShort > 0) {
			throw new Problem(
				'disk_short',
				sprintf(
					"The hub's disk would be full: the set needs %s, short by %s. `--only DIR`, or make room.",
					$size($bytes),
					$size($diskShort),
				),
				true,
			);
		}
	}
}
