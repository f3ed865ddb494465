<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Body;
use FileSync\Addon\Door\BoxSession;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\DavServer;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Serve\TicketRequest;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The drop box beneath /filesync/dav/NICK/: a folder for WebDAV into which the owner of a channel puts a backup set, to
 * be restored. docs/drop-box.md describes it.
 */
final class Box
{
	/** Its address, beneath the hub's root. */
	private const PATH = '/filesync/dav';

	/** Answers a request; null: it is answered already. */
	public static function answer(Request $request): ?Response
	{
		try {
			return TicketRequest::isExpected($request->header('filesync-probe'))
				? self::probe($request)
				: self::open($request);
		} catch (Refusal $e) {
			return self::refused($e);
		} catch (\Throwable $e) {
			Log::failure('the drop box', $e);

			return self::refused(new Refusal(
				503,
				'failed',
				'That did not work; the log of the hub says why. The same may work later.',
				[],
				['Retry-After' => '60'],
			));
		}
	}

	/** Tells whether a channel can have one now. */
	public static function isOpen(int $channelId): bool
	{
		return DavServer::isThere() && Admission::isOpen($channelId, Key::RESTORE);
	}

	/** Returns the address of a channel's drop box. */
	public static function url(string $nick): string
	{
		return Web::root() . self::PATH . "/$nick/";
	}

	private static function open(Request $request): ?Response
	{
		if (! DavServer::isThere()) {
			throw new Refusal(
				503,
				'no_server',
				'This hub lacks the library Sabre\DAV, without which it has no drop box.',
			);
		}
		$nick = $request->arguments[2] ?? '';
		[$key, $channel] = Guard::admit($nick);
		if (! in_array($request->method, DavServer::METHODS, true)) {
			throw Refusal::method(DavServer::METHODS);
		}
		if (DavServer::isTooLong($request->method, (int) ($_SERVER['CONTENT_LENGTH'] ?? 0))) {
			throw new Refusal(413, 'body_too_long', 'This request says more than a program for folders has to say.');
		}
		if (function_exists('set_time_limit')) {
			set_time_limit(0);
		}
		if ($request->method === 'MOVE' && $request->header('destination') === null) {
			throw new Refusal(400, 'destination_missing', 'Destination must say where to.');
		}
		$session = $key->session === '' ? null : BoxSession::find($key->session)?->settled();
		$session?->ask();
		if ($session && $session->state === BoxSession::RESTORING) {
			Round::again($channel, $session);
		}
		$tree = new Tree($channel, $request, $session);
		if ($request->method === 'LOCK') {
			$session = $tree->open();
		}
		// Programs look beforehand whether they may lock; nothing is locked before something is there.
		$locks = ($session ? Intake::folder($channel->id, $session->id) : Intake::allOf($channel->id)) . '/locks';
		$most = Config::number('upload_open_entries');
		DavServer::answer($tree, Web::path(self::PATH . "/$channel->nick/"), $locks, $most);

		return null;
	}

	/** Tells this hub's `doctor`, which runs elsewhere, what came here. */
	private static function probe(Request $request): Response
	{
		$count = 0;
		try {
			Body::of($request)->read(function (string $piece) use (&$count): void {
				$count += strlen($piece);
			});
		} catch (Refusal) {
			// That is what it wants to know.
		}
		$folder = sys_get_temp_dir();

		return Response::json(
			200,
			['bytes' => $count, 'folder' => $folder, 'free_bytes' => (int) @disk_free_space($folder)],
		);
	}

	private static function refused(Refusal $refusal): Response
	{
		$words = $refusal->getMessage() . "\n";

		return new Response(
			$refusal->status,
			[
				Refusal::HEADER => $refusal->kind,
				'Content-Type' => 'text/plain; charset=utf-8',
				'Content-Length' => (string) strlen($words),
				'Cache-Control' => 'no-store',
				'X-Content-Type-Options' => 'nosniff',
			] + $refusal->headers(),
			$words,
		);
	}
}
