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
	 * @param ?string $hash The file that is asked for; null if only the ticket names it.
	 */
	public static function ticket(string $ticket, ?string $hash): Facts|Response
	{
		$claims = Ticket::read($ticket);
		$isMeant = $claims && $claims['h'] === ($hash ?? $claims['h']) && $claims['u'] === Web::root();
		$channel = $claims && $isMeant ? Clones::requested($claims['c'], $claims['r']) : null;
		if (! $claims || ! $channel) {
			Refusals::count('ticket');

			return Response::error(401, 'ticket');
		}
		$facts = Facts::of($channel, $claims['h'], $claims['s']);
		$etag = $facts->etag();
		if ($etag === null) {
			return Response::error(404, 'missing');
		}

		return $etag === $claims['e'] ? $facts : Response::error(412, 'changed');
	}
}
