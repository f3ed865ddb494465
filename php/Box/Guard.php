<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Refusals;
use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/** Who is let into a drop box: who has its password, and nobody who tried too many. */
final class Guard
{
	private const CREDENTIAL = 'drop-box password';
	private const REALM = 'Basic realm="filesync drop box", charset="UTF-8"';
	private const NICK = '/^[\w.-]{1,191}$/D';
	private const MOST_WRONG = 10;
	private const WITHIN_SECONDS = 60;
	/** On the whole hub. */
	private const MOST_WAITING = 2;
	/** Who is killed meanwhile no longer counts then. */
	private const WAITING_SECONDS = 5;

	/**
	 * Returns the key of a request to the drop box of a nick, and its channel.
	 *
	 * @return array{Key, \FileSync\Addon\Hub\Channel}
	 *
	 * @throws Refusal
	 */
	public static function admit(string $nick): array
	{
		if (! Web::isPrivate()) {
			throw new Refusal(
				403,
				'not_private',
				'The drop box opens by https only: the password could be read on the way. A proxy that ends https must send X-Forwarded-Proto.',
			);
		}
		if (! Migrations::ready()) {
			throw new Refusal(
				503,
				'not_ready',
				'This hub is being updated. Try again in a minute.',
				[],
				['Retry-After' => '60'],
			);
		}
		if (Refusals::areMany(self::CREDENTIAL, self::MOST_WRONG, self::WITHIN_SECONDS)) {
			throw new Refusal(
				429,
				'too_many_wrong',
				'Too many wrong passwords came from your address. Wait a minute.',
				[],
				['Retry-After' => (string) self::WITHIN_SECONDS],
			);
		}
		[$user, $password] = self::credentials();
		if ($password === '') {
			throw self::stranger('Log in with the name of the channel and the password of its drop box.');
		}
		$channel = preg_match(self::NICK, $nick) ? Clones::byNick($nick) : null;
		$key = Key::findBox($channel->id ?? 0, $password);
		if ($channel === null || $key === null || [$nick, $user] !== [$channel->nick, $channel->nick]) {
			Refusals::count(self::CREDENTIAL);
			Refusals::add(self::CREDENTIAL, self::WITHIN_SECONDS);
			throw self::stranger(
				'This name and password open no drop box. It opens with a password of its own, which the page for backups makes, and which ends with the restore.',
			);
		}
		if (! Admission::isOpen($key->channelId, Key::RESTORE)) {
			throw new Refusal(403, 'door_closed', 'This hub takes no sets of this channel now. Its admin can say why.');
		}
		self::use($key);

		return [$key, $channel];
	}

	/**
	 * Few programs for folders understand that they ask too often, and those ask one thing after the other: they wait
	 * here. Programs that ask many things at once understand it; so workers of the hub are not all kept waiting.
	 *
	 * @throws Refusal As many wait already as may.
	 */
	private static function use(Key $key): void
	{
		try {
			$key->use(Web::address());
		} catch (Refusal $e) {
			self::wait() || throw $e;
		}
	}

	private static function wait(): bool
	{
		$token = Token::make();
		for ($n = 1; $n <= self::MOST_WAITING; $n++) {
			if (Lease::take("a drop box waits, $n", $token, self::WAITING_SECONDS)) {
				Clock::wait(1);
				Lease::giveBack("a drop box waits, $n", $token);

				return true;
			}
		}

		return false;
	}

	/** @return array{string, string} */
	private static function credentials(): array
	{
		// A web server may have read the header itself.
		[$user, $password] = [$_SERVER['PHP_AUTH_USER'] ?? null, $_SERVER['PHP_AUTH_PW'] ?? null];
		if (is_string($user) && is_string($password)) {
			return [$user, $password];
		}
		$part = [];
		$pair = preg_match('/^Basic\s+(\S+)\s*$/Di', Web::authorization(), $part)
			? (string) base64_decode($part[1], true)
			: '';
		[$user, $password] = [...explode(':', $pair, 2), ''];

		return [$user, $password];
	}

	/** Says that somebody is not let in. */
	public static function stranger(string $words): Refusal
	{
		return new Refusal(401, 'password_wrong', $words, [], ['WWW-Authenticate' => self::REALM]);
	}
}
