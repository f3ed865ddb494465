<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Protocol\SignedRequest;
use FileSync\Addon\Protocol\Version;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Takes changes of many files from another clone in one request: entries of sync packets, each as JSON in a text, so
 * that one at a time is in memory. They are taken in their order, as packets are; the answer says how many were.
 */
final class BulkRequest
{
	/** Entries of 4 MiB, in texts. */
	public const MOST_BYTES = 9 << 20;

	private const MOST_ENTRIES = 500;
	private const DEEPEST = 64;
	/** Within the time that web servers and the other clone wait. */
	private const SECONDS = 12;
	private const PLACES = 1;

	/** Answers. */
	public static function answer(Request $request): Response
	{
		try {
			$signed = SignedRequest::read($request, 'bulk', self::isWellFormed(...));
			if ($signed instanceof Response) {
				return $signed;
			}
			$channel = $signed->channel;
			if (Clones::rootOf($channel, $signed->asked['key_id']) === null || ! Config::takesIn($channel->id)) {
				return Response::error(403, 'unknown_requester');
			}
			$place = Places::take('bulk', $channel->id, self::PLACES);
			if (! $place) {
				return Response::error(429, 'busy', Places::AGAIN_SECONDS);
			}
			try {
				/** @var list<string> $entries By isWellFormed(). */
				$entries = $signed->asked['entries'];
				$taken = self::take($channel, $entries);
			} finally {
				$place->giveBack();
			}

			return Response::json(
				200,
				['filesync' => Version::REQUEST, 'time' => Clock::now(), 'taken' => $taken] + Peers::itself(),
			);
		} catch (\Throwable $e) {
			Log::failure('taking many changes', $e);

			return Response::error(503, 'busy', 30);
		}
	}

	/** @param list<string> $texts */
	private static function take(Channel $channel, array $texts): int
	{
		$entries = (function () use ($texts): \Generator {
			foreach ($texts as $text) {
				try {
					yield Json::read($text, self::DEEPEST);
				} catch (\LengthException $e) {
					Log::write('refused a change of many: ' . $e->getMessage());
					yield null;
				}
			}
		})();

		return Incoming::takeEntries($channel, $entries, Clock::exact() + self::SECONDS);
	}

	private static function isWellFormed(array $asked): bool
	{
		/** @var mixed $entries */
		$entries = $asked['entries'] ?? null;

		return (
			is_array($entries)
			&& array_is_list($entries)
			&& count($entries) <= self::MOST_ENTRIES
			&& ! array_filter($entries, fn ($entry) => ! is_string($entry))
		);
	}
}
