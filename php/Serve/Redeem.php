<?php

namespace FileSync\Addon\Serve;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Refusals;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Protocol\Ticket;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/** What a ticket opens. */
final class Redeem
{
	/**
	 * Returns the file that a ticket opens, in the version that it was given for; otherwise the refusal.
	 *
	 * @param string $hash The file that is asked for.
	 */
	public static function ticket(string $ticket, string $hash): Facts|Response
	{
		$claims = Ticket::read($ticket);
		$isMeant = $claims && $claims['h'] === $hash && $claims['u'] === Web::root();
		$channel = $claims && $isMeant ? Clones::requested($claims['c'], $claims['r']) : null;
		if (! $claims || ! $channel) {
			return self::refuse();
		}
		$facts = Facts::of($channel, $claims['h'], $claims['s']);
		$etag = $facts->etag();
		if ($etag === null) {
			return Response::error(404, 'missing');
		}

		return $etag === $claims['e'] ? $facts : Response::error(412, 'changed');
	}

	/**
	 * Returns the files on disk that some tickets open, without those that are gone or were changed; the refusal if
	 * this hub did not give all of them, for one channel to one clone.
	 *
	 * @param list<string> $tickets
	 *
	 * @return list<Facts>|Response
	 */
	public static function tickets(array $tickets): array|Response
	{
		$claims = $requesters = [];
		foreach (Ticket::readAll($tickets) as $one) {
			if ($one === null || $one['u'] !== Web::root()) {
				return self::refuse();
			}
			$claims[] = $one;
			$requesters["{$one['c']}\n{$one['r']}"] = $one;
		}
		$requester = count($requesters) === 1 ? array_values($requesters)[0] : null;
		$channel = $requester ? Clones::requested($requester['c'], $requester['r']) : null;
		if (! $channel) {
			return self::refuse();
		}
		$files = Facts::ofMany($channel, array_map(
			fn (array $one): array => ['hash' => $one['h'], 'scale' => $one['s']],
			$claims,
		));

		$opened = [];
		foreach ($claims as $n => $one) {
			$facts = $files[$n] ?? Facts::of($channel, $one['h'], $one['s']);
			if ($facts->content === null && $facts->etag() === $one['e']) {
				$opened[] = $facts;
			}
		}

		return $opened;
	}

	private static function refuse(): Response
	{
		Refusals::count('ticket');

		return Response::error(401, 'ticket');
	}
}
