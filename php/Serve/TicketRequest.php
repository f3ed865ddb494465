<?php

namespace FileSync\Addon\Serve;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Build;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Overrides;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Platform;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Protocol\SignedRequest;
use FileSync\Addon\Protocol\Ticket;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\KnownDigests;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Answers a signed request for tickets: the facts of up to 64 files of a channel, and a ticket for each that is whole
 * here.
 *
 * @import-type Asked from \FileSync\Addon\Protocol\SignedRequest
 */
final class TicketRequest
{
	public const MOST_BYTES = 65536;

	private const MOST_FILES = 64;
	private const DIGEST_MS = 5000;
	private const WAIT_SECONDS = 2.1;
	/** How many requests of a channel at once may wait for files, or have them read for their digests. */
	private const PLACES = 2;
	/** Up to this size, and this soon after a request arrived, a file is read without such a place. */
	private const QUICK_BYTES = 4194304;
	private const QUICK_SECONDS = 0.25;
	private const ARRIVING_SECONDS = 60;
	private const ABSENT_SECONDS = 300;
	private const PROBE_SECONDS = 60;

	/** The arrival time of the request: the other side compares its clock with it, however long the answer takes. */
	private readonly int $cameAt;
	/** The Unix time until which this request may wait for files that were changed just now. */
	private readonly float $waitsUntil;
	private ?Places $place = null;

	/** @param Asked $asked */
	private function __construct(private readonly Channel $channel, private readonly array $asked)
	{
		$this->cameAt = Clock::now();
		$this->waitsUntil = Clock::exact() + self::WAIT_SECONDS;
	}

	/** Answers. */
	public static function answer(Request $request): Response
	{
		try {
			return self::tryAnswer($request);
		} catch (\Throwable $e) {
			Log::failure('a request for tickets', $e);

			return Response::error(503, 'busy', 30);
		}
	}

	private static function tryAnswer(Request $request): Response
	{
		$signed = SignedRequest::read($request, 'ticket', self::isWellFormed(...));
		if ($signed instanceof Response) {
			return $signed;
		}
		if (! Peers::canServe()) {
			// Only a hub's request to itself gets here.
			return Response::json(503, [
				'filesync' => Version::REQUEST,
				'error' => 'extension',
				'probe' => self::probe($request),
			]);
		}

		return (new self($signed->channel, $signed->asked))->grant($request);
	}

	/** Returns the secret that identifies this hub's own probe for a minute. Only its database holds it. */
	public static function expectProbe(): string
	{
		$word = Token::make();
		Config::set(
			'probe',
			json_encode(['word' => hash('sha256', $word), 'until' => Clock::now() + self::PROBE_SECONDS]),
			'state',
		);

		return $word;
	}

	/** Ends that time. */
	public static function forgetProbe(): void
	{
		Config::clear('probe', 'state');
	}

	/** Tells whether this hub sent the request to itself, to check its own set-up. */
	public static function isProbe(Request $request): bool
	{
		$asked = json_decode((string) $request->body, true, 8);

		return self::isExpected(is_array($asked) ? $asked['probe'] ?? null : null);
	}

	/** Tells whether this is the secret of a probe of this hub. */
	public static function isExpected(mixed $word): bool
	{
		if (! is_string($word) || ! preg_match('/^[0-9a-f]{32}$/D', $word)) {
			return false;
		}
		$expected = json_decode(Config::get('probe', 'state'), true);

		return (
			is_array($expected)
			&& $expected['until'] >= Clock::now()
			&& hash_equals($expected['word'], hash('sha256', $word))
		);
	}

	/** Returns PHP's configuration in this process, for `doctor`, which runs elsewhere. */
	private static function probe(Request $request): array
	{
		$problem = Runtime::extensionProblem();

		return [
			// Apache with mod_php hands it on under another name.
			'authorization' => $request->header('authorization') !== null || Web::authorization() !== '',
			'problem' => $problem,
			'why' => $problem === null || extension_loaded('filesync') ? '' : Build::whyNotLoaded(),
			'archive' => Build::here()->archive(Runtime::version()),
			'version' => Runtime::version(),
			'outdated' => Runtime::isOutdated(),
			'missing' => Runtime::missingFunctions(),
			'takers' => array_filter(Overrides::takers()),
			'extensions' => Platform::missingExtensions(),
			'memory_limit' => (string) ini_get('memory_limit'),
			'settings' => Runtime::settings(),
		];
	}

	private function grant(Request $request): Response
	{
		/** @var list<array{hash: string, scale: int, ...}> $asked By isWellFormed(). */
		$asked = $this->asked['files'];
		try {
			$files = $this->said($asked, (Clock::exact() * 1000) + self::DIGEST_MS);
		} finally {
			$this->place?->giveBack();
		}
		if ($files === null) {
			return Response::error(429, 'busy', Places::AGAIN_SECONDS);
		}
		foreach (Ticket::issueAll($this->claims($files)) as $n => $ticket) {
			$files[$n]['ticket'] = $ticket;
		}
		$answer = [
			'filesync' => Version::REQUEST,
			'time' => $this->cameAt,
			'version' => Runtime::version(),
			'features' => Peers::offered(),
			'expires_in' => Ticket::SECONDS,
			'files' => $files,
		];
		if (self::isProbe($request)) {
			$answer['probe'] = self::probe($request);
		}

		return Response::json(200, $answer);
	}

	/**
	 * Returns what is said of each file, but for its ticket; null if that is slow work without a free place.
	 *
	 * @param list<array{hash: string, scale: int, ...}> $asked
	 *
	 * @return ?list<array{hash: string, scale: int, state: string, etag?: string, ...}>
	 */
	private function said(array $asked, float $untilMs): ?array
	{
		$present = Facts::ofMany($this->channel, $asked);
		$digests = KnownDigests::of($this->channel->id, $asked);
		$files = [];
		try {
			foreach ($asked as $n => $one) {
				$facts = $present[$n] ?? Facts::of($this->channel, $one['hash'], $one['scale']);
				$said = $this->facts($facts, $digests, $untilMs);
				if (! $said) {
					return null;
				}
				$files[] = ['hash' => $facts->hash, 'scale' => $facts->scale] + $said;
			}
		} finally {
			// The next request need not compute them again.
			$digests->save();
		}

		return $files;
	}

	/** Tells whether this request may do slow work: it has a place, or gets one. */
	private function hasPlace(): bool
	{
		return ($this->place ??= Places::take('ticket', $this->channel->id, self::PLACES)) !== null;
	}

	/**
	 * Returns the claims for the tickets of those files that are ready.
	 *
	 * @param list<array{hash: string, scale: int, state: string, etag?: string, ...}> $files
	 *
	 * @return array<int, array{c: string, h: string, s: int, e: string, r: string, u: string}> By their places.
	 */
	private function claims(array $files): array
	{
		return array_map(
			fn (array $file): array => [
				'c' => $this->channel->hash,
				'h' => $file['hash'],
				's' => $file['scale'],
				'e' => $file['etag'],
				'r' => $this->asked['key_id'],
				'u' => Web::root(),
			],
			array_filter($files, fn (array $file): bool => $file['state'] === 'ready'),
		);
	}

	/**
	 * Returns what is said of a file, but for its ticket; null if that is slow work without a free place.
	 *
	 * @return ?array{state: string, etag?: string, ...}
	 */
	private function facts(Facts $facts, KnownDigests $digests, float $untilMs): ?array
	{
		if ($facts->isArriving) {
			return ['state' => 'unavailable', 'retry_after' => self::ARRIVING_SECONDS];
		}
		if ($facts->state !== 'whole') {
			return (
				$facts->state === 'none'
					? ['state' => 'missing']
					: ['state' => 'unavailable', 'retry_after' => self::ABSENT_SECONDS]
			);
		}
		$stat = $facts->stat();
		// A clone asks at once: it is better that its request waits for these two seconds than its file for a retry.
		$wait = $stat && Facts::isRecent($stat)
			? min($this->waitsUntil, ($stat['ctime_ns'] / 1e9) + 2.05) - Clock::exact()
			: 0;
		if ($wait > 0 && ! $this->hasPlace()) {
			return null;
		}
		if ($wait > 0) {
			usleep((int) ($wait * 1e6));
			$stat = $facts->stat();
		}
		if (
			$facts->content === null
			&& (! $stat
			|| $stat['size_bytes'] !== $facts->sizeBytes
			|| Facts::isRecent($stat))
		) {
			return ['state' => 'unavailable', 'retry_after' => 2];
		}
		$isQuick =
			$facts->sizeBytes <= self::QUICK_BYTES
			&& Clock::exact() < ($this->waitsUntil - self::WAIT_SECONDS + self::QUICK_SECONDS);
		$isKnown = $stat && $digests->find($facts, $stat) !== null;
		if (! $isKnown && ! $isQuick && Digests::takesLong($facts) && ! $this->hasPlace()) {
			return null;
		}
		$sha256 = $digests->get($facts, $untilMs);
		$etag = $facts->etag();
		if ($etag === null || ($stat && $facts->stat() !== $stat)) {
			return ['state' => 'unavailable', 'retry_after' => 2];
		}

		return [
			'state' => 'ready',
			'size' => $facts->sizeBytes,
			'edited' => $facts->edited,
			'mimetype' => $facts->mimetype,
			'etag' => $etag,
			'sha256' => $sha256,
		];
	}

	private static function isWellFormed(array $asked): bool
	{
		$files = $asked['files'] ?? null;
		if (! is_array($files) || ! array_is_list($files) || ! $files || count($files) > self::MOST_FILES) {
			return false;
		}
		foreach ($files as $file) {
			if (
				! is_array($file)
				|| ! is_string($file['hash'] ?? null)
				|| ! preg_match(Bounds::HASH, $file['hash'])
				|| ! is_int($file['scale'] ?? null)
				|| $file['scale'] < 0
				|| $file['scale'] > 9
			) {
				return false;
			}
		}

		return true;
	}
}
