<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A channel's files as this hub's own web server gives them: to the channel itself, at the door at which stock clones
 * ask, and to strangers.
 *
 * @type Answer = array{
 *     status: int, headers: array<string, string>, size_bytes: int, sha256: string, error: string
 * }
 * @type Reading = \Closure(string, string, list<string>, string, int, \Closure(): void): Answer
 */
final class FrontDoor
{
	/** An answer that is not the file is a page: it has so many bytes more at most. */
	private const MORE_BYTES = 1 << 20;

	/**
	 * @param \Closure(): void $beat Called while bytes come.
	 * @param Reading          $read As Loopback::digest.
	 */
	public function __construct(
		private readonly Channel $channel,
		private readonly \Closure $beat,
		private readonly \Closure $read,
	) {}

	/**
	 * Reads a file or a scale of a photo as its owner.
	 *
	 * @return Answer
	 */
	public function asOwner(string $hash, int $scale, int $sizeBytes): array
	{
		$form = http_build_query(
			self::ticket($this->channel)
			+ [
				'resource' => $hash,
				'revision' => 0,
				'resolution' => $scale,
			],
		);

		return ($this->read)(
			'POST',
			'/getfile',
			['Content-Type: application/x-www-form-urlencoded', 'Cookie: ' . self::cookie($this->channel)],
			$form,
			$sizeBytes + self::MORE_BYTES,
			$this->beat,
		);
	}

	/**
	 * Reads a file as somebody of whom the hub knows nothing.
	 *
	 * @return Answer
	 */
	public function asStranger(string $hash, int $sizeBytes): array
	{
		return $this->get("/attach/$hash", $sizeBytes);
	}

	/**
	 * Reads a scale of a photo as somebody of whom the hub knows nothing.
	 *
	 * @return Answer
	 */
	public function photoAsStranger(string $hash, int $scale, int $sizeBytes): array
	{
		return $this->get("/photo/$hash-$scale", $sizeBytes);
	}

	/** @return Answer */
	private function get(string $path, int $sizeBytes): array
	{
		return ($this->read)(
			'GET',
			$path,
			['Cookie: ' . self::cookie($this->channel)],
			'',
			$sizeBytes + self::MORE_BYTES,
			$this->beat,
		);
	}

	/**
	 * Returns what opens a channel's files for it at `/getfile`: the hub takes it for three minutes.
	 *
	 * @return array{hash: string, time: string, signature: string}
	 */
	public static function ticket(Channel $channel): array
	{
		$time = gmdate('Y-m-d H:i:s', Clock::now());
		$signature = '';
		openssl_sign("$channel->hash.$time", $signature, $channel->privateKey(), OPENSSL_ALGO_SHA256);

		return [
			'hash' => $channel->hash,
			'time' => $time,
			'signature' => rtrim(strtr(base64_encode($signature), '+/', '-_'), '='),
		];
	}

	/**
	 * Returns the cookie of one session for all requests: for each visitor the hub keeps what it had to say to them. It
	 * has the channel's name, so that Scratch finds it, and nobody is logged in with it.
	 */
	public static function cookie(Channel $channel): string
	{
		return (session_name() ?: 'PHPSESSID') . "=$channel->nick";
	}

	/** Tells whether the hub shows nothing to strangers, whatever the access of a file says. */
	public static function isClosed(): bool
	{
		return (int) \Zotlabs\Lib\Config::Get('system', 'block_public') !== 0;
	}

	/**
	 * Returns the name that an answer gives a file; null if it gives none.
	 *
	 * @param Answer $answer
	 */
	public static function nameIn(array $answer): ?string
	{
		$part = [];

		return preg_match('/filename="(.*)"$/sD', $answer['headers']['content-disposition'] ?? '', $part)
			? $part[1]
			: null;
	}
}
