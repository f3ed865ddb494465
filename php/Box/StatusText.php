<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\BoxSession;
use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Door\Standing;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Status.txt: how far a drop box is and what is wrong, in words. Looking for what is missing takes time where much is
 * listed, so that is kept for a while, the longer it took.
 */
final class StatusText
{
	public const NAME = 'Status.txt';
	private const MOST = 100;
	private const TIMES = 20;
	private const OUTCOMES = [
		'restore' => 'restored',
		'mend' => 'completed',
		'here' => 'here already',
		'differs_here' => 'changed here since, and left so',
		'deleted_since' => 'deleted since, and left so',
		'newer_elsewhere' => 'newer on another hub',
		'arriving' => 'on their way from another hub',
		'no_bytes' => 'without bytes when the set was made',
		'file_missing' => 'that did not come',
		'file_damaged' => 'that are not what was saved',
		'file_too_large' => 'too large for this hub',
		'refused' => 'that cannot be here',
	];
	/** What the sample settings of web servers for hubs refuse. */
	private const REFUSED = '#(^|/)\.|\.(log|md|out|php|tgz|tpl)$|(^|/)(store|util)#i';

	/** Returns it. */
	public static function of(Channel $channel, ?BoxSession $session): string
	{
		$lines = ["The drop box of $channel->nick at " . Web::host(), ''];
		if (! $session) {
			return implode("\n", [
				...$lines,
				'Nothing was put here yet. Put a backup set here, all of it or a part: metadata and files, in any order,',
				'in any folders, with any names.',
				'',
			]);
		}
		array_push($lines, ...self::progress($session), ...self::remarks($session));
		$isWhole = $session->wasWhole() && $session->isAsRestored();
		if ($session->state === Session::OPEN && ! $isWhole) {
			array_push($lines, ...self::missing($channel, $session));
		}
		array_push($lines, '', self::end($session), '');

		return implode("\n", $lines);
	}

	/** @return list<string> */
	private static function progress(BoxSession $session): array
	{
		$here = Entry::count($session, true);
		$standing = Standing::of($session);
		$lines = [
			sprintf(
				'Here: %s, %s. Of them %d say what a hub knew of a file or folder.',
				Words::files($here['files']),
				Words::size($here['bytes']),
				Name::countFiles($session, Kind::Metadata),
			),
		];
		if ($session->state !== Session::OPEN) {
			$lines[] = "They are being restored: {$standing['percent']} % is done.";
		}
		if ($standing['message'] !== '') {
			$lines[] = $standing['message'];
		}
		if ($standing['code'] === 'clone_unreachable') {
			$lines[] = 'If that hub is gone: make a folder here that is called “without” and its host, for example: without hub.example';
		}
		if ($standing['restore'] !== null && $session->wasRestored() && $standing['message'] === '') {
			/** @var array{files?: array<string, int>} $restore */
			$restore = $standing['restore'];
			$counts = self::outcomes($restore);
			$lines[] = 'Restored: ' . ($counts === [] ? 'nothing' : implode(', ', $counts)) . '.';
		}
		foreach ($standing['attention'] as $one) {
			$lines[] = "  {$one['message']}";
		}

		return $lines;
	}

	/**
	 * @param array{files?: array<string, int>} $restore
	 *
	 * @return list<string>
	 */
	private static function outcomes(array $restore): array
	{
		$counts = [];
		foreach ($restore['files'] ?? [] as $word => $number) {
			if ($number > 0) {
				$counts[] = "$number " . (self::OUTCOMES[$word] ?? $word);
			}
		}

		return $counts;
	}

	/** @return list<string> */
	private static function remarks(BoxSession $session): array
	{
		$lines = [];
		foreach (Remarks::of($session) as $one) {
			$lines[] = sprintf(
				'  %s UTC, %s: %s',
				gmdate('Y-m-d H:i', $one['time']),
				self::line($one['name']),
				$one['words'],
			);
		}

		return $lines === [] ? [] : ['', 'What went wrong:', ...$lines];
	}

	/** @return list<string> What the lists name, or metadata, and did not come. */
	private static function missing(Channel $channel, BoxSession $session): array
	{
		$path = Intake::folder($session->channelId, $session->id) . '/missing';
		/** @var array{of: string, until: float, lines: list<string>}|null $kept */
		$kept = is_file($path) ? json_decode((string) file_get_contents($path), true) : null;
		if ($kept && ($kept['of'] === $session->content() || $kept['until'] > Clock::exact())) {
			return $kept['lines'];
		}
		$begun = Clock::exact();
		$lines = self::lookForMissing($channel, $session);
		$until = Clock::exact() + (self::TIMES * (Clock::exact() - $begun));
		@file_put_contents($path, json_encode(
			['of' => $session->content(), 'until' => $until, 'lines' => $lines],
			JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
		));

		return $lines;
	}

	/** @return list<string> */
	private static function lookForMissing(Channel $channel, BoxSession $session): array
	{
		$lists = Lists::of($channel, $session);
		if (! $lists) {
			$waiting = count(Parts::waiting($session));

			return [
				'',
				'The lists of the set have not come: set.json, manifest-sha256.txt, tagmanifest-sha256.txt and',
				'channel-signature.json. They prove whose it is. Without them files come back for you alone, without posts.',
				...($waiting > 0 ? ['', "$waiting of the files that have metadata here wait for their bytes."] : []),
			];
		}
		[$names, $count, $isRefused] = [[], 0, false];
		foreach ($lists->missing() as $some) {
			$count += count($some);
			foreach ($some as $path) {
				count($names) < self::MOST && ($names[] = '  ' . self::line($path));
				$isRefused = $isRefused || preg_match(self::REFUSED, $path) === 1;
			}
		}
		if ($count === 0) {
			return (
				$lists->lacksSignature()
					? ['', 'All that the set lists is here but its signature, channel-signature.json: send that too.']
					: []
			);
		}

		return [
			'',
			"$count files that the set lists have not come" . ($count > self::MOST ? ', among them' : '') . ':',
			...$names,
			...(
				$isRefused
					? [
						'Web servers refuse some of these names: .log, .md, .php, names that begin with a point, and /store.',
						'Restore those on the page /filesync/restore of the hub, or with the command; or give them other names.',
					]
					: []
			),
		];
	}

	private static function end(BoxSession $session): string
	{
		$time = fn (int $at): string => gmdate('Y-m-d H:i', $at) . ' UTC';

		return match (true) {
			$session->state !== Session::OPEN => 'More may be put here meanwhile.',
			! $session->isAsRestored() => sprintf(
				'A whole set is restored at once; what is here, if nothing more comes, after %s. The box closes on %s.',
				$time($session->touched + Round::IDLE_SECONDS),
				$time($session->expires()),
			),
			$session->wasWhole() && $session->code === '' => sprintf(
				'The whole set was restored. The box closes when nobody asked for anything for %d minutes.',
				intdiv(Round::QUIET_SECONDS, 60),
			),
			default => sprintf(
				'What is missing may still be put here. The box closes on %s.',
				$time($session->expires()),
			),
		};
	}

	private static function line(string $text): string
	{
		return (string) preg_replace('/[\x00-\x1f\x7f]/', '?', $text);
	}
}
