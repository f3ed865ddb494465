<?php

namespace FileSync\Addon\Hub;

use GuzzleHttp\Psr7\Request as Message;
use HttpSignature\HttpMessageSigner;

if (! class_exists('App', false)) {
	exit;
}

/** Signs requests as RFC 9421 has it, by the library that hubs from 10.x on bring. */
final class MessageSigner
{
	private const ALGORITHM = 'rsa-v1_5-sha256';
	private const VALID_SECONDS = 3600;

	/** Tells whether this hub brings the library. */
	public static function exists(): bool
	{
		return class_exists(HttpMessageSigner::class) && class_exists(Message::class);
	}

	/**
	 * Returns the header lines of a request, signed as the channel.
	 *
	 * @param array<string, string> $headers All are signed, with the method, the URL and the date.
	 *
	 * @return list<string>
	 */
	public static function sign(Channel $channel, string $method, string $url, array $headers): array
	{
		$now = Clock::now();
		$headers += ['Date' => gmdate('D, d M Y H:i:s', $now) . ' GMT'];
		$signer = new HttpMessageSigner();
		$signer->setPrivateKey($channel->privateKey());
		$signer->setAlgorithm(self::ALGORITHM);
		$signer->setKeyId(Clones::ownUrl($channel));
		$signer->setCreated($now);
		$signer->setExpires($now + self::VALID_SECONDS);
		$covered = ['@method', '@target-uri', ...array_map(strtolower(...), array_keys($headers))];
		$message = $signer->signRequest(
			'(' . implode(' ', array_map(fn ($name) => '"' . $name . '"', $covered)) . ')',
			new Message($method, $url, $headers),
		);
		$lines = [];
		/** @var array<string, string|list<string>> $signed */
		$signed = $signer->getHeaders($message);
		foreach ($signed as $name => $value) {
			$lines[] = $name . ': ' . (is_array($value) ? implode(', ', $value) : $value);
		}

		return $lines;
	}
}
