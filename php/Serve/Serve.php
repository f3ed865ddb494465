<?php

namespace FileSync\Addon\Serve;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\GetfileController;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Proof;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Ranges;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Receive\BulkRequest;
use FileSync\Addon\Reconcile\InventoryRequest;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Serves files to the channel's clones: tickets and ranges to those that speak filesync; to stock ones an honest status
 * where core would answer with an empty file.
 */
final class Serve
{
	private const RETRY_SECONDS = 60;

	/** Wraps our controller around that of `getfile`, whoever owns it. */
	public static function wrap(mixed &$module): void
	{
		if (
			is_array($module)
			&& ($module['module'] ?? '') === 'getfile'
			&& is_object($module['controller'] ?? null)
			&& ! $module['controller'] instanceof GetfileController
			&& (Parts::has(Parts::SERVING)
			|| self::isRehearsed())
			&& Config::get('enabled') !== '0'
		) {
			$module['controller'] = new GetfileController(
				$module['controller'],
				fn () => self::answer(Web::request(self::mostBytes(...))),
				fn () => self::answerStock(Web::request(null)),
			);
		}
	}

	/**
	 * Tells whether a rehearsal asks in this request for files of its channel: before filesync serves others here, or
	 * although it is known not to.
	 */
	private static function isRehearsed(): bool
	{
		return Rehearsing::isAsked(Web::request(self::mostBytes(...)));
	}

	/** Returns the maximum body length of a request with these arguments. */
	public static function mostBytes(array $arguments): int
	{
		return match ($arguments[1] ?? '') {
			'inventory' => InventoryRequest::MOST_BYTES,
			'bulk' => BulkRequest::MOST_BYTES,
			'pack' => PackRequest::MOST_BYTES,
			default => TicketRequest::MOST_BYTES,
		};
	}

	/**
	 * Answers a request for tickets, a comparison, or with many changes, or a read with a ticket; null leaves the
	 * request to core.
	 */
	public static function answer(Request $request): ?Response
	{
		if ($request->method === 'POST' && $request->arguments === ['getfile', 'ticket']) {
			return Peers::canServe() || TicketRequest::isProbe($request) ? TicketRequest::answer($request) : null;
		}
		if ($request->method === 'POST' && $request->arguments === ['getfile', 'inventory']) {
			return Peers::canServe() && Parts::has(Parts::COMPARISON) ? InventoryRequest::answer($request) : null;
		}
		if ($request->method === 'POST' && $request->arguments === ['getfile', 'bulk']) {
			return Peers::introduction() !== null ? BulkRequest::answer($request) : null;
		}
		if ($request->method === 'POST' && $request->arguments === ['getfile', 'pack']) {
			return Peers::canServe() ? PackRequest::answer($request) : null;
		}
		$ticket = $request->header('filesync-ticket');
		if ($ticket === null || ! in_array($request->method, ['GET', 'HEAD'], true)) {
			return null;
		}
		try {
			return Peers::canServe()
				? self::read($request, $ticket)
				: Response::error(503, 'busy', self::RETRY_SECONDS);
		} catch (\Throwable $e) {
			Log::failure('serving a file', $e);

			return Response::error(503, 'busy', self::RETRY_SECONDS);
		}
	}

	/** Answers an authentic stock request whose file is incomplete here; null leaves it to core. */
	public static function answerStock(Request $request): ?Response
	{
		try {
			[$channelHash, $resource] = [$request->form['hash'] ?? '', $request->form['resource'] ?? ''];
			if (
				! is_string($channelHash)
				|| ! is_string($resource)
				|| ! preg_match('/^[\x21-\x7e]{1,191}$/D', $channelHash)
			) {
				return null;
			}
			$scale = $request->form['resolution'] ?? null;
			if ($scale === null && preg_match('/^(.*)-(\d)$/Ds', $resource, $part)) {
				[, $resource, $scale] = $part;
			}
			$channel = Clones::served($channelHash);
			$refusal = $channel ? self::refusal($channel, $resource, max(0, (int) $scale)) : null;

			return $refusal && Proof::holds($request, $channel) ? $refusal : null;
		} catch (\Throwable $e) {
			Log::failure('examining a stock request', $e);

			return null;
		}
	}

	private static function refusal(Channel $channel, string $resource, int $scale): ?Response
	{
		if (! preg_match(Bounds::HASH, $resource)) {
			return null;
		}
		$facts = Facts::of($channel, $resource, $scale);
		$later = Response::nothing(503, ['Retry-After' => (string) self::RETRY_SECONDS]);
		switch ($facts->state) {
			case 'whole':
				return null;
			case 'partial':
				return $later;
			case 'none':
				// Core finds a file by its hash alone: a file of another channel is left to core.
				if ($scale === 0 && Table::first('attach', ['hash' => $resource], '', 'id')) {
					return null;
				}
			// no break
			default:
				return $facts->isArriving ? $later : Response::nothing(404);
		}
	}

	private static function read(Request $request, string $ticket): Response
	{
		$facts = Redeem::ticket($ticket, $request->arguments[1] ?? '');

		return $facts instanceof Response ? $facts : self::bytes($request, $facts, (string) $facts->etag());
	}

	private static function bytes(Request $request, Facts $facts, string $etag): Response
	{
		$size = $facts->content !== null ? strlen($facts->content) : $facts->stat()['size_bytes'];
		$headers = ['ETag' => '"' . $etag . '"', 'Accept-Ranges' => 'bytes', 'Cache-Control' => 'private, no-store'];
		if (Ranges::isUnchanged($request->header('if-none-match'), $etag)) {
			return new Response(304, $headers);
		}
		$mayBePartial = $request->method === 'GET' && Ranges::mayBePartial($request->header('if-range'), $etag);
		$range = Ranges::read($mayBePartial ? $request->header('range') : null, $size);
		if ($range === 'unsatisfiable') {
			return Response::json(
				416,
				['filesync' => Version::REQUEST, 'error' => 'range', 'time' => Clock::now()],
				['Content-Range' => "bytes */$size"],
			);
		}
		[$offset, $length] = $range === 'whole' ? [0, $size] : $range;
		// Never a type that a browser would show as a page, whatever the file's own type.
		$headers += [
			'Content-Type' => 'application/octet-stream',
			'X-Content-Type-Options' => 'nosniff',
			'Content-Disposition' => 'attachment',
		];
		if ($facts->content === null && self::isForWebServer($request, $range)) {
			return new Response(200, $headers + self::handOver($facts));
		}
		$headers +=
			['Content-Length' => (string) $length]
			+ (
				$range === 'whole'
					? []
					: ['Content-Range' => 'bytes ' . $offset . '-' . ($offset + $length - 1) . '/' . $size]
			);
		$status = $range === 'whole' ? 200 : 206;
		if ($facts->content !== null) {
			return new Response($status, $headers, substr($facts->content, $offset, $length));
		}
		[$root, $path] = $facts->rootAndPath();

		return new Response($status, $headers, '', [
			'root' => $root,
			'path' => $path,
			'offset' => $offset,
			'length' => $length,
		]);
	}

	/**
	 * The web server evaluates Range itself, but knows neither our validator nor that we answer several ranges with the
	 * whole file.
	 */
	private static function isForWebServer(Request $request, array|string $range): bool
	{
		return (
			Config::get('x_accel') !== ''
			&& $request->method === 'GET'
			&& $request->header('if-range') === null
			&& ($request->header('range') === null || is_array($range))
		);
	}

	/** Returns the header that makes the web server send a file. Paths are relative to the hub's root, or absolute. */
	private static function handOver(Facts $facts): array
	{
		[$name, $prefix] = explode(':', Config::get('x_accel'), 2) + [1 => null];
		if ($prefix !== null) {
			return [$name => $prefix . implode('/', array_map('rawurlencode', explode('/', (string) $facts->path)))];
		}

		return [$name => str_replace('%', '%25', implode('/', $facts->rootAndPath()))];
	}
}
