<?php

namespace FileSync\Addon\Peers;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Forbidden;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\SignedRequest;
use FileSync\Addon\Protocol\Version;

if (! class_exists('App', false)) {
	exit;
}

/** Sends signed requests to another clone that speaks filesync. */
final class CloneCall
{
	private const SECONDS = 60;
	private const MOST_BYTES = 8388608;
	private const LONGEST_WAIT_SECONDS = 600;
	private const DEEPEST = 32;
	private const ERROR = '/^[a-z_]{1,40}$/D';

	/** @var int Bytes of all bodies, received ones as transferred. */
	public int $bytes = 0;
	/** @var int Requests made. */
	public int $count = 0;
	/** @var int Seconds by which the other clock is ahead of ours, once it has reported a difference. */
	private int $aheadSeconds = 0;

	/**
	 * @param string $root The root URL of a known clone of the channel.
	 * @param string $kind What is requested, the last part of the path: `inventory`.
	 */
	public function __construct(
		private readonly Channel $channel,
		private readonly string $root,
		private readonly string $kind,
	) {}

	/**
	 * Sends a request and returns the answer.
	 *
	 * @throws PeerFailure
	 */
	public function ask(array $keys): array
	{
		$answer = $this->post($keys);
		if (($answer['error'] ?? '') === 'clock' && is_int($answer['time'] ?? null)) {
			$this->aheadSeconds = $answer['time'] - Clock::now();
			$answer = $this->post($keys);
		}
		if (! isset($answer['error'])) {
			Peers::answered($this->root, $answer);

			return $answer;
		}
		$error = is_string($answer['error']) && preg_match(self::ERROR, $answer['error'])
			? $answer['error']
			: 'unknown';
		throw new PeerFailure(
			"$this->root refuses: $error",
			$error,
			in_array($error, ['version', 'unknown_requester'], true),
			$error === 'busy' ? 10 : null,
		);
	}

	private function post(array $keys): array
	{
		$body = json_encode(
			// In this order: of a long body the other side reads only the beginning before it has proven the signature.
			[
				'filesync' => Version::REQUEST,
				'channel' => $this->channel->hash,
				'key_id' => Clones::ownUrl($this->channel),
				'time' => Clock::now() + $this->aheadSeconds,
				'nonce' => Token::make(),
				'gzip' => function_exists('gzdecode'),
			] + $keys,
			JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR,
		);
		$path = "/getfile/$this->kind";
		$signature = SignedRequest::sign(
			$this->channel,
			$this->kind,
			rtrim((string) parse_url($this->root, PHP_URL_PATH), '/') . $path,
			Web::hostOf($this->root),
			$body,
		);
		$headers = ['Content-Type: application/json', 'Filesync-Signature: ' . $signature];
		try {
			$reply = Client::ask('POST', $this->root . $path, $headers, $body, self::MOST_BYTES, self::SECONDS);
		} catch (Forbidden $e) {
			throw new PeerFailure("$this->root may not be asked: " . $e->getMessage());
		}
		[$status, $said] = [$reply['status'], $reply['body']];
		$this->count++;
		$this->bytes += strlen($body) + strlen($said);
		if ($status === 0 || $status >= 500 || $status === 429) {
			$again = preg_match('/^[0-9]{1,4}$/D', $reply['headers']['retry-after'] ?? '')
				? max(1, min(self::LONGEST_WAIT_SECONDS, (int) $reply['headers']['retry-after']))
				: 10;
			throw new PeerFailure(
				"$this->root does not answer now: " . ($status ? "status $status" : $reply['error']),
				$status === 429 ? 'busy' : '',
				false,
				$status === 429 ? $again : null,
				$status,
			);
		}
		if (str_starts_with($said, "\x1f\x8b")) {
			$said = (string) @gzdecode($said, self::MOST_BYTES);
		}
		try {
			$answer = Json::read($said, self::DEEPEST);
		} catch (\LengthException $e) {
			throw new PeerFailure(
				"the answer of $this->root is unreadable: " . $e->getMessage(),
				'',
				$status === 413,
				null,
				$status,
			);
		}
		if (! is_array($answer) || ! is_int($answer['filesync'] ?? null)) {
			throw new PeerFailure(
				"$this->root does not answer as a hub with filesync: status $status",
				'',
				true,
				null,
				$status,
			);
		}

		return $answer;
	}
}
