<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Drill\Certificate;
use FileSync\Addon\Hub\Config;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What came of the last restore of a channel's backup set that was only tried, in words.
 *
 * @import-type Entry from \FileSync\Addon\Drill\Ledger
 */
final class Drills
{
	/**
	 * Describes the last drill of a channel, without the names of its files.
	 *
	 * @return list<string> Empty if there was none.
	 */
	public static function lines(int $channelId): array
	{
		$certificate = Certificate::last($channelId);
		$areWanted = Nights::areOn() && Config::get('backup_drill') !== '0';
		$problem = $areWanted ? Nights::of($channelId)['drill_problem'] : '';

		return array_values(array_filter([
			$certificate ? self::line($certificate) : '',
			$problem === '' ? '' : sprintf(t('a restore from the backup set could not be tried: %s'), $problem),
		]));
	}

	/**
	 * Returns all of it, for the owner.
	 *
	 * @return ?array{
	 *     title: string, line: string, is_bad: bool, proven: list<string>,
	 *     failed: list<array{text: string, names: list<string>}>, cannot: string, more: string
	 * } Null if there was none.
	 */
	public static function of(int $channelId): ?array
	{
		$certificate = Certificate::last($channelId);
		if (! $certificate) {
			return null;
		}
		$words = self::words();
		$proven = $failed = [];
		foreach ($certificate->facts['proofs'] as $proof => $entry) {
			$word = $words[$proof] ?? $proof;
			if ($entry['proven'] > 0) {
				$proven[] = "$word: " . number_format($entry['proven']);
			}
			if ($entry['failed'] > 0) {
				$failed[] = ['text' => "$word: " . number_format($entry['failed']), 'names' => self::names($entry)];
			}
		}

		return [
			'title' => t('A restore that was tried'),
			'line' => self::sentence(self::line($certificate)),
			'is_bad' => ! $certificate->hasPassed(),
			'proven' => $proven,
			'failed' => $failed,
			'cannot' => t(
				'It went to a hidden channel that was removed afterwards; nothing of yours was touched. It cannot show that your clones on other hubs take over what comes back, or that your channel itself, with its key, can be restored. Posts are not stored again; their signatures are checked.',
			),
			'more' => t('What was proven'),
		];
	}

	/** @return list<int> The channels of which the last drill did not prove everything. */
	public static function failed(): array
	{
		return array_keys(array_filter(Certificate::all(), fn ($certificate) => ! $certificate->hasPassed()));
	}

	/** Says which proofs failed in the last drill of a channel, and how often; empty if none did. */
	public static function failure(int $channelId): string
	{
		$words = self::words();
		$failed = Certificate::last($channelId)?->failed() ?? [];

		return implode(', ', array_map(
			fn (string $proof, array $entry) => ($words[$proof] ?? $proof) . ': ' . number_format($entry['failed']),
			array_keys($failed),
			$failed,
		));
	}

	private static function line(Certificate $certificate): string
	{
		$facts = $certificate->facts;
		$what = [
			Words::ago($certificate->endedAt()),
			Words::files($facts['files']),
			Words::files($facts['of_files']),
			Words::size($facts['bytes']),
		];

		return $certificate->hasPassed()
			? sprintf(
				t('a restore from the backup set was tried %1$s with %2$s of %3$s (%4$s): all of it was proven'),
				...$what,
			)
			: sprintf(
				t(
					'a restore from the backup set was tried %1$s with %2$s of %3$s (%4$s), and not all of it was proven',
				),
				...$what,
			);
	}

	/** Returns a line as a sentence. */
	private static function sentence(string $line): string
	{
		return mb_strtoupper(mb_substr($line, 0, 1)) . mb_substr($line, 1) . '.';
	}

	/**
	 * @param Entry $entry
	 *
	 * @return list<string>
	 */
	private static function names(array $entry): array
	{
		$names = array_map(fn ($named) => "{$named['name']}: {$named['why']}", $entry['named']);
		$more = $entry['failed'] - count($names);

		return $more > 0 ? [...$names, sprintf(t('and %s more'), number_format($more))] : $names;
	}

	/** @return array<string, string> */
	private static function words(): array
	{
		return [
			'signature' => t('signature of the list of files'),
			'metadata' => t('what the set says of each file'),
			'restored' => t('files and folders restored'),
			'bytes' => t('bytes of files, read through the web server'),
			'names' => t('names of files, as the web server gives them'),
			'crops' => t('crops of photos, read through the web server'),
			'strangers' => t('files asked for by somebody who is not logged in'),
			'rows' => t("rows in the hub's tables"),
			'access' => t('who may see files and folders'),
			'categories' => t('categories'),
			'posts' => t('signatures of posts'),
			'silence' => t('nothing sent to other hubs'),
			'removed' => t('nothing left behind'),
		];
	}
}
