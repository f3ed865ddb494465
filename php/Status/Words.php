<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/** Puts numbers, times and kinds of trouble into plain words of the reader's language. */
final class Words
{
	private const NAMED = 3;

	/** Returns the cause of a failure. */
	public static function kind(string $kind): string
	{
		return match ($kind) {
			'Network' => t('the other hub could not be reached'),
			'PeerBusy' => t('the other hub was busy, or does not have it whole'),
			'Storage' => t('this hub could not write'),
			'Corrupt' => t('the bytes were not the right ones'),
			'Refused' => t('the other hub refused'),
			'NotFound' => t('no hub has it any more'),
			'Limit' => t('a limit was reached'),
			Queue::TOO_LARGE => t('it is larger than this hub accepts (file_max_bytes)'),
			'quota' => t("the account's storage is full"),
			'conflict' => t('it was changed here too'),
			Queue::BRAKE => t('it waits for your approval'),
			default => t('it failed'),
		};
	}

	/** Describes a failed follow-up. */
	public static function call(string $kind): string
	{
		return match ($kind) {
			'announce', 'deleted', 'bulk' => t('a change could not be sent to the other hubs'),
			'items', 'posts', 'relocate' => t('a post that belongs to it could not be stored'),
			'drop' => t('a post about a deleted file could not be deleted'),
			'preview' => t('a preview could not be made'),
			'pictures' => t('a picture of a connection could not be fetched'),
			'access' => t('its access could not be set'),
			'move', 'conflict' => t('it could not be moved into place'),
			'brake' => t('an answer to changes that waited for approval could not be carried out'),
			default => t('it failed'),
		};
	}

	/** Returns a number of bytes in a suitable unit. */
	public static function size(int $bytes): string
	{
		foreach (['GiB' => 1 << 30, 'MiB' => 1 << 20, 'KiB' => 1 << 10] as $unit => $size) {
			if ($bytes >= $size) {
				return number_format($bytes / $size, 1) . " $unit";
			}
		}

		return "$bytes B";
	}

	/** Returns a number of files. */
	public static function files(int $count): string
	{
		return $count === 1 ? t('1 file') : sprintf(t('%s files'), number_format($count));
	}

	/** Returns the present files and bytes out of all. */
	public static function amount(int $files, int $allFiles, int $bytes, int $allBytes): string
	{
		return $files === $allFiles
			? sprintf(t('%1$s, %2$s'), self::files($allFiles), self::size($allBytes))
			: sprintf(
				t('%1$s of %2$s, %3$s of %4$s'),
				number_format($files),
				self::files($allFiles),
				self::size($bytes),
				self::size($allBytes),
			);
	}

	/** Returns a part of a whole in percent; it never looks complete too early. */
	public static function percent(int $value, int $most, bool $isComplete): string
	{
		return $isComplete ? t('complete') : (int) min(99, $most ? floor((100 * $value) / $most) : 0) . ' %';
	}

	/** Returns a number of seconds, rounded as people say it. */
	public static function duration(int $seconds): string
	{
		return match (true) {
			$seconds < 60 => sprintf(t('%d s'), max(1, $seconds)),
			$seconds < 7200 => sprintf(t('%d min'), (int) ceil($seconds / 60)),
			$seconds < 172800 => sprintf(t('%d h'), (int) round($seconds / 3600)),
			default => sprintf(t('%d days'), (int) round($seconds / 86400)),
		};
	}

	/** Returns how long ago a moment was. */
	public static function ago(int $time): string
	{
		$seconds = Clock::now() - $time;

		return match (true) {
			$seconds < 5 => t('just now'),
			$seconds < 172800 => sprintf(t('%s ago'), self::duration($seconds)),
			default => sprintf(t('%d days ago'), (int) round($seconds / 86400)),
		};
	}

	/** Returns a moment in a form that fits after "since". */
	public static function since(int $time): string
	{
		$days = [t('Sunday'), t('Monday'), t('Tuesday'), t('Wednesday'), t('Thursday'), t('Friday'), t('Saturday')];

		return match (true) {
			gmdate('Y-m-d', $time) === gmdate('Y-m-d', Clock::now()) => sprintf(t('%s UTC'), gmdate('H:i', $time)),
			$time > (Clock::now() - (6 * 86400)) => $days[(int) gmdate('w', $time)],
			default => gmdate('Y-m-d', $time),
		};
	}

	/** Returns the nick of a channel of this hub. */
	public static function nick(int $channelId): string
	{
		return Clones::channel($channelId)?->nick ?? (string) $channelId;
	}

	/** Joins names into one text; beyond a few, gives the number of the others. */
	public static function all(array $names, int $most): string
	{
		$more = count($names) - $most;
		$last = $more > 0 ? sprintf(t('%s more'), number_format($more)) : array_pop($names);
		$first = implode(', ', $more > 0 ? array_slice($names, 0, $most) : $names);

		return $first === '' ? (string) $last : sprintf(t('%1$s and %2$s'), $first, $last);
	}

	/** Returns the host of a root URL, with its port and path if it has them. */
	public static function host(string $url): string
	{
		return Log::oneLine(rtrim((string) preg_replace('#^https?://#i', '', $url), '/'));
	}

	/** Describes in words what a clone did. */
	public static function displaced(array $line): string
	{
		$text = count($line['urls']) > 1
			? t('%1$s together replaced or deleted %2$s (%3$s) since %4$s')
			: match ($line['what']) {
				'replaced' => t('%1$s replaced %2$s (%3$s) since %4$s'),
				'deleted' => t('%1$s deleted %2$s (%3$s) since %4$s'),
				default => t('%1$s replaced or deleted %2$s (%3$s) since %4$s'),
			};

		return sprintf(
			$text,
			self::all(array_map(self::host(...), $line['urls']), self::NAMED),
			self::files($line['files']),
			self::size($line['size_bytes']),
			self::since($line['since']),
		);
	}
}
