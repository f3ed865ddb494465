<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Checks a set against its lists and its signature, a bounded step at a time. Where its channel lives on this hub, the
 * key is taken from the hub, not from the set.
 *
 * @type Finding = array{code: string, path: string, hash: ?string, found_at: ?string, why: ?string}
 * @type Progress = array{
 *     files: int, files_total: int, bytes: int, bytes_total: int, read_files: int, read_bytes: int, path: ?string
 * }
 */
final class Check
{
	/** Findings with which everything can still be restored. */
	private const HARMLESS = ['file_extra' => 1, 'file_moved' => 1, 'unsigned' => 1];

	private readonly \FileSync\SetCheck $check;
	private readonly ?Channel $channel;
	/** @var list<string> */
	private array $damaged = [];

	/**
	 * Opens a set.
	 *
	 * @param int  $parts One of so many parts is read: 1 for all of it.
	 * @param ?int $part  Which part, from 0 on; null for one that chance takes.
	 */
	public function __construct(string $folder, int $parts = 1, ?int $part = null, int $bytesPerSecond = 0)
	{
		$this->channel = self::channelOf($folder);
		$this->check = new \FileSync\SetCheck(
			$folder,
			['sample_of' => $parts, 'sample_part' => $part === null ? random_int(0, $parts - 1) : $part % $parts]
			+ ($this->channel ? ['public_key' => $this->channel->publicKey] : [])
			+ ($bytesPerSecond > 0 ? ['bytes_per_second' => $bytesPerSecond] : []),
		);
	}

	/** Returns the channel of this hub whose set it is, null if that does not live here. */
	public static function channelOf(string $folder): ?Channel
	{
		/** @var array{channel?: array{hash?: string}}|null */
		$set = json_decode(\FileSync\Set::look($folder)['set'] ?? '', true);
		$hash = is_array($set) && is_array($set['channel'] ?? null) ? $set['channel']['hash'] ?? '' : '';
		foreach ($hash === '' ? [] : Clones::channels() as $channel) {
			if ($channel->hash === $hash) {
				return $channel;
			}
		}

		return null;
	}

	/** @return list<Finding> What a step found. */
	public function step(int $budgetMs): array
	{
		$findings = $this->check->step($budgetMs);
		foreach ($findings as $finding) {
			if ($finding['hash'] !== null && count($this->damaged) < Damage::MOST) {
				$this->damaged[] = $finding['hash'];
			}
		}

		return $findings;
	}

	/** Tells whether the check is over. */
	public function isDone(): bool
	{
		return $this->check->isDone();
	}

	/** @return Progress */
	public function progress(): array
	{
		return $this->check->progress();
	}

	/** @return array<string, int> How often each was found. */
	public function counts(): array
	{
		return $this->check->result()['counts'];
	}

	/**
	 * Has the next run replace files that were found damaged, if it is this hub that makes it; returns how many.
	 */
	public function remember(string $folder): int
	{
		$channel = $this->channel;
		if ($channel && $this->verdict()->kind === 'set_damaged') {
			Damage::found($channel->id, $folder, $this->damaged);
		}

		return count($this->damaged);
	}

	/** Returns what all of it comes to; its kind is `whole` if everything can be restored. */
	public function verdict(): Problem
	{
		$result = $this->check->result();
		$counts = array_diff_key($result['counts'], self::HARMLESS);
		$number = array_sum($counts);

		return match (true) {
			isset($counts['path_refused']) || isset($counts['set_refused']) => new Problem(
				'set_refused',
				'This set breaks the rules that keep a reader safe: do not restore from it.',
			),
			$number > 0 => new Problem(
				'set_damaged',
				"$number found that is not as it was saved. All others can be restored, and the next backup fetches these again.",
			),
			$result['is_cut_off'] => new Problem(
				'set_cut_off',
				'The last run of this backup was cut off while it was being put in place. `verify-set DIR --finish`'
				. ' completes it from the set alone; no hub is needed.',
				true,
			),
			! $result['is_signed'] => new Problem('whole', 'All that was read is whole. The set is not signed.'),
			$this->channel === null => new Problem(
				'whole',
				'All that was read is whole, and signed by the key that the set names; the channel does not live on this hub.',
			),
			default => new Problem(
				'whole',
				"All that was read is whole, and signed by the channel {$this->channel->nick}.",
			),
		};
	}

	/**
	 * Returns a finding in words.
	 *
	 * @param Finding $finding
	 */
	public static function words(array $finding): string
	{
		$path = $finding['path'];
		$why = $finding['why'] ?? '';

		return match ($finding['code']) {
			'file_damaged' => "$path is not what was saved.",
			'file_missing' => "$path is listed and not here.",
			'file_moved' => "$path is at {$finding['found_at']}, whole.",
			'file_extra' => "$path is in the folder, but no list names it; it is left alone.",
			'list_damaged' => "$path is not as the last run wrote it.",
			'metadata_wrong' => "$path breaks the format: $why.",
			'signature_wrong' => 'The signature does not fit.',
			'unsigned' => 'The set is not signed.',
			'path_refused' => "The list names \"$path\". This set was made to do harm.",
			'set_refused' => "This set breaks the rules: $why.",
			default => "{$finding['code']}: $path $why",
		};
	}
}
