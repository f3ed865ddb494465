<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Intake;
use FileSync\Exception\CorruptException;
use FileSync\Exception\InvalidInputException;
use FileSync\Exception\LimitException;

if (! class_exists('App', false)) {
	exit;
}

/** Many small files of a session in one request. All of a pack is taken, or nothing. */
final class Packs
{
	public const CONTENT_TYPE = 'application/x-tar';
	public const MOST_BYTES = 8 << 20;

	/** Takes the pack that is the body of a request. */
	public static function take(Request $request, Channel $channel, Session $session): Response
	{
		$body = Body::of($request);
		if (! $body->isOfType(self::CONTENT_TYPE)) {
			throw new Refusal(415, 'content_type', 'Send a pack with Content-Type: ' . self::CONTENT_TYPE . '.');
		}
		$pack = new \FileSync\Pack();
		$folder = Intake::folder($channel->id, $session->id);
		$members = self::read($body, $pack, new Spool($folder));
		$store = new \FileSync\Store((string) realpath($folder));
		$lock = Intake::lock($channel->id, $session->id);
		$lock->share();
		try {
			$known = self::note($channel, $session, $members);
			$pack->place(
				$store,
				'set/' . Intake::BY_DIGEST,
				'partial/' . Token::make(),
				Config::number('headroom_bytes'),
			);
			Entry::completeAll($session, array_column($members, 'sha256'));
		} finally {
			$lock->release();
		}
		foreach ($known as $entry) {
			if (! $entry->isWhole) {
				\FileSync\Upload::remove($store, Intake::arriving($entry->sha256));
			}
		}
		$session->touch();

		return Response::json(
			200,
			['taken' => count($members), 'bytes' => array_sum(array_column($members, 'size_bytes'))],
		);
	}

	/**
	 * Notes files that come, if there is room for them; returns those that were noted before.
	 *
	 * @param list<array{sha256: string, size_bytes: int}> $members
	 *
	 * @return array<string, Entry>
	 */
	private static function note(Channel $channel, Session $session, array $members): array
	{
		$known = array_column(Entry::among($session, array_column($members, 'sha256')), null, 'sha256');
		$new = array_values(array_filter($members, fn ($member) => ! isset($known[$member['sha256']])));
		$sizes = array_column($new, 'size_bytes');
		Room::of($channel, $session)->need(array_sum($sizes), $sizes === [] ? 0 : max($sizes), count($sizes));
		foreach ($members as $member) {
			$entry = $known[$member['sha256']] ?? null;
			if ($entry && $entry->sizeBytes !== $member['size_bytes']) {
				throw new Refusal(
					409,
					'size_differs',
					"A file with the digest $entry->sha256 was begun with $entry->sizeBytes bytes.",
				);
			}
		}
		Entry::addAll($session, $new);

		return $known;
	}

	/** @return list<array{sha256: string, size_bytes: int}> */
	private static function read(Body $body, \FileSync\Pack $pack, Spool $spool): array
	{
		try {
			$count = $body->read(function (string $piece) use ($pack, $spool): void {
				$spool->look();
				$pack->write($piece);
			});
			if ($body->length !== null && $count < $body->length) {
				throw Body::cut($count, $body->length);
			}

			return $pack->members();
		} catch (LimitException) {
			throw new Refusal(
				413,
				'body_too_long',
				'A pack has at most ' . self::MOST_BYTES . ' bytes. Send several.',
				['limit_bytes' => self::MOST_BYTES],
			);
		} catch (InvalidInputException $e) {
			throw new Refusal(
				400,
				'pack_wrong',
				"This is not a ustar archive of regular files that are named by their digests: {$e->getMessage()}",
			);
		} catch (CorruptException) {
			throw new Refusal(
				460,
				'digest_wrong',
				'A file in the pack is not that of its digest. Nothing of the pack was kept: send it again.',
			);
		} finally {
			$spool->end();
		}
	}
}
