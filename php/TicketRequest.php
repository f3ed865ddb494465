<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Answers a signed request for tickets: the facts of up to 64 files of a channel, and a ticket for each that is whole here.
 *
 * The signature covers method, path, host and body, the body a time and a nonce: it can be used once, here, and for nothing else.
 */
final class TicketRequest
{
	public const MOST_BYTES = 65536;

	private const VERSION = 1;
	private const MOST_FILES = 64;
	private const CLOCK_SECONDS = 300;
	private const NONCE_SECONDS = 600;
	private const DIGEST_MS = 5000;
	private const WAIT_SECONDS = 2.1;
	private const ARRIVING_SECONDS = 60;
	private const ABSENT_SECONDS = 300;

	/** When the request came: what the other side compares its clock with, however long the answer takes. */
	private readonly int $cameAt;
	/** Until when, as a Unix time, this request may wait for files that were changed just now. */
	private readonly float $waitsUntil;

	private function __construct(private readonly array $channel, private readonly array $asked)
	{
		$this->cameAt = Config::now();
		$this->waitsUntil = microtime(true) + self::WAIT_SECONDS;
	}

	/** Answers. */
	public static function answer(Request $request): Response
	{
		try {
			return self::tryAnswer($request);
		} catch (\Throwable $e) {
			Config::logFailure('a request for tickets', $e);

			return Response::error(503, 'busy', 30);
		}
	}

	private static function tryAnswer(Request $request): Response
	{
		$asked = $request->body === null ? null : json_decode($request->body, true, 8);
		if (is_array($asked) && is_int($asked['filesync'] ?? null) && $asked['filesync'] > self::VERSION) {
			return Response::json(200, ['filesync' => self::VERSION, 'error' => 'version', 'time' => Config::now()]);
		}
		if (! self::isWellFormed($asked)) {
			return Response::error(400, 'malformed');
		}
		$channel = Clones::requested($asked['channel'], $asked['key_id']);
		if (! $channel) {
			return Response::error(403, 'unknown_requester');
		}
		if (! self::isSigned($request, $channel)) {
			return Response::error(401, 'signature');
		}
		if (abs($asked['time'] - Config::now()) > self::CLOCK_SECONDS) {
			return Response::error(401, 'clock');
		}
		$recent = Table::count('filesync_nonce', ['uid' => (int) $channel['channel_id'], 'created >' => Config::now() - 60]);
		if ($recent >= Config::number('ticket_requests_per_minute')) {
			return Response::error(429, 'busy', 10);
		}
		if (! self::useNonce($channel, $asked)) {
			return Response::error(401, 'nonce');
		}

		if (! Serve::isPossible()) {
			// Only a hub that looks at itself gets here.
			return Response::json(503, ['filesync' => self::VERSION, 'error' => 'extension', 'probe' => self::probe($request)]);
		}

		return (new self($channel, $asked))->grant($request);
	}

	/** Tells whether this hub asks itself, to look at its own set-up. */
	public static function isProbe(Request $request): bool
	{
		$asked = json_decode((string) $request->body, true, 8);

		return is_array($asked) && ! empty($asked['probe']) && is_string($asked['key_id'] ?? null) && str_starts_with($asked['key_id'], Web::root() . '/');
	}

	/** Says how PHP is set up here, for `doctor`, which runs elsewhere. */
	private static function probe(Request $request): array
	{
		return ['authorization' => $request->header('authorization') !== null, 'problem' => Config::extensionProblem(), 'version' => Config::version(),
			'memory_limit' => (string) ini_get('memory_limit'), 'settings' => Doctor\Software::settings()];
	}

	private function grant(Request $request): Response
	{
		$until = microtime(true) * 1000 + self::DIGEST_MS;
		$files = array_map(fn ($file) => ['hash' => $file['hash'], 'scale' => $file['scale']] + $this->facts($file['hash'], $file['scale'], $until), $this->asked['files']);
		$answer = ['filesync' => self::VERSION, 'time' => $this->cameAt, 'version' => Config::version(), 'features' => Serve::FEATURES, 'expires_in' => Ticket::SECONDS,
			'files' => $files];
		if (self::isProbe($request)) {
			$answer['probe'] = self::probe($request);
		}

		return Response::json(200, $answer);
	}

	private function facts(string $hash, int $scale, float $untilMs): array
	{
		$facts = Facts::of($this->channel, $hash, $scale);
		if ($facts->isArriving) {
			return ['state' => 'unavailable', 'retry_after' => self::ARRIVING_SECONDS];
		}
		if ($facts->state !== 'whole') {
			return $facts->state === 'none' ? ['state' => 'missing'] : ['state' => 'unavailable', 'retry_after' => self::ABSENT_SECONDS];
		}
		$stat = $facts->stat();
		// A clone asks at once: better to let its request wait for these two seconds than its file for a retry.
		$wait = $stat && Facts::isRecent($stat) ? min($this->waitsUntil, $stat['ctime_ns'] / 1e9 + 2.05) - microtime(true) : 0;
		if ($wait > 0) {
			usleep((int) ($wait * 1e6));
			$stat = $facts->stat();
		}
		if ($facts->content === null && (! $stat || $stat['size_bytes'] !== $facts->sizeBytes || Facts::isRecent($stat))) {
			return ['state' => 'unavailable', 'retry_after' => 2];
		}
		$sha256 = Digests::of($facts, $untilMs);
		$etag = $facts->etag();
		if ($etag === null || ($stat && $facts->stat() !== $stat)) {
			return ['state' => 'unavailable', 'retry_after' => 2];
		}
		$ticket = Ticket::issue(['c' => $this->channel['channel_hash'], 'h' => $hash, 's' => $scale, 'e' => $etag, 'r' => $this->asked['key_id'], 'u' => Web::root()]);

		return ['state' => 'ready', 'size' => $facts->sizeBytes, 'edited' => $facts->edited, 'mimetype' => $facts->mimetype, 'etag' => $etag, 'sha256' => $sha256,
			'ticket' => $ticket];
	}

	private static function isWellFormed(mixed $asked): bool
	{
		if (! is_array($asked) || ($asked['filesync'] ?? null) !== self::VERSION || ! is_int($asked['time'] ?? null)
			|| ! self::isText($asked['channel'] ?? null, 191) || ! self::isText($asked['key_id'] ?? null, 255)
			|| ! is_string($asked['nonce'] ?? null) || ! preg_match('/^[0-9a-f]{32}$/D', $asked['nonce'])) {
			return false;
		}
		$files = $asked['files'] ?? null;
		if (! is_array($files) || ! array_is_list($files) || ! $files || count($files) > self::MOST_FILES) {
			return false;
		}
		foreach ($files as $file) {
			if (! is_array($file) || ! is_string($file['hash'] ?? null) || ! preg_match(Packet::HASH, $file['hash'])
				|| ! is_int($file['scale'] ?? null) || $file['scale'] < 0 || $file['scale'] > 9) {
				return false;
			}
		}

		return true;
	}

	private static function isText(mixed $value, int $most): bool
	{
		return is_string($value) && $value !== '' && strlen($value) <= $most && preg_match('/^[\x21-\x7e]+$/D', $value);
	}

	/** The host is our own by the hub's settings, whatever a proxy made of the header: a request that was signed for another hub does not verify here. */
	private static function isSigned(Request $request, array $channel): bool
	{
		if (! preg_match('/^sha256\.([A-Za-z0-9_-]+)$/D', (string) $request->header('filesync-signature'), $part)) {
			return false;
		}
		$signature = (string) base64_decode(strtr($part[1], '-_', '+/'), true);
		$text = "filesync ticket request 1\nPOST\n" . Web::path('/getfile/ticket') . "\n" . Web::host() . "\n" . hash('sha256', $request->body);

		return openssl_verify($text, $signature, $channel['channel_pubkey'], OPENSSL_ALGO_SHA256) === 1;
	}

	/** Notes a nonce; false if the channel used it already. Kept until the time window of its request is over. */
	private static function useNonce(array $channel, array $asked): bool
	{
		$id = hash('sha256', $channel['channel_hash'] . "\n" . $asked['nonce']);
		$token = Config::token();
		if (Table::first('filesync_nonce', ['id' => $id], '', 'id')) {
			return false;
		}
		Table::tryInsert('filesync_nonce', ['id' => $id, 'uid' => (int) $channel['channel_id'], 'token' => $token, 'created' => Config::now(),
			'expires' => $asked['time'] + self::NONCE_SECONDS]);

		return (Table::first('filesync_nonce', ['id' => $id]) ?? throw new \RuntimeException('a nonce cannot be stored'))['token'] === $token;
	}
}
