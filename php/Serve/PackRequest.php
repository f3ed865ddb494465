<?php

namespace FileSync\Addon\Serve;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\KnownDigests;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Gives many small files to a clone in one body, a pack, each for its own ticket. What is gone, was changed, or is not
 * a file on disk is left out: the clone reads it alone, and hears why.
 */
final class PackRequest
{
	/** Tickets of so many files. */
	public const MOST_BYTES = 327680;

	private const MOST_FILES = 64;
	private const CONTENT_TYPE = 'application/x-tar';
	/** Digests were computed for the tickets. */
	private const DIGEST_MS = 2000;

	/** Answers. */
	public static function answer(Request $request): Response
	{
		try {
			/** @var mixed $asked */
			$asked = json_decode($request->body ?? '', true, 4);
			/** @var mixed $tickets */
			$tickets = is_array($asked) ? $asked['tickets'] ?? null : null;
			if (! is_array($tickets) || $tickets === [] || count($tickets) > self::MOST_FILES) {
				return Response::error(400, 'malformed');
			}
			$opened = Redeem::tickets(array_map(
				fn (mixed $ticket): string => is_string($ticket) ? $ticket : '',
				array_values($tickets),
			));
			if ($opened instanceof Response) {
				return $opened;
			}
			if ($opened === []) {
				return Response::error(412, 'changed');
			}
			$pack = new \FileSync\PackWriter();
			$digests = KnownDigests::of($opened[0]->channelId(), array_map(
				fn (Facts $facts): array => ['hash' => $facts->hash, 'scale' => $facts->scale],
				$opened,
			));
			$until = (Clock::exact() * 1000) + self::DIGEST_MS;
			foreach ($opened as $facts) {
				self::add($pack, $facts, $digests, $until);
			}
			$digests->save();

			return new Response(
				200,
				[
					'Content-Type' => self::CONTENT_TYPE,
					'Content-Length' => (string) $pack->lengthBytes(),
					'Cache-Control' => 'private, no-store',
					'X-Content-Type-Options' => 'nosniff',
				],
				write: fn () => $pack->send(),
			);
		} catch (\Throwable $e) {
			Log::failure('packing files for a clone', $e);

			return Response::error(503, 'busy', 30);
		}
	}

	private static function add(\FileSync\PackWriter $pack, Facts $facts, KnownDigests $digests, float $untilMs): void
	{
		$stat = $facts->stat();
		$sha256 = $stat && $pack->hasRoom($stat['size_bytes']) ? $digests->get($facts, $untilMs) : null;
		if (! $stat || $sha256 === null) {
			return;
		}
		[$root, $path] = $facts->rootAndPath();
		try {
			$pack->add(new \FileSync\Store($root), $path, $stat['size_bytes'], $sha256);
		} catch (FileSyncException $e) {
			Log::write('a file is left out of a pack: ' . $e->getMessage());
		}
	}
}
