<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Accounts;
use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Import\Delivery;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Protocol\Response;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The door through which a channel comes to this hub from a set of the whole channel, a part at a time.
 * docs/creating-door.md describes it.
 *
 * No key that anybody keeps opens it. A pass does, which whoever is logged in with an account of this hub gets for the
 * password of that; it ends soon, and the channel itself, with its private key, is taken only in its first minutes.
 * What arrives goes to the import's processes and is written nowhere else; nobody else hears of the channel before its
 * end.
 */
final class CreatingDoor
{
	private const MOST_JSON = 64 << 10;
	private const MOST_NAMED = 200;

	/**
	 * Answers a request.
	 *
	 * @param list<string> $path Beneath `create`.
	 *
	 * @throws Refusal
	 */
	public static function answer(Request $request, string $method, array $path): Response
	{
		$methods = match (true) {
			$path === [] => ['POST'],
			$path === ['pass'] => ['POST', 'DELETE'],
			count($path) === 1 => ['GET', 'HEAD'],
			count($path) === 2 && in_array($path[1], ['rows', 'refused', 'finish', 'key'], true) => ['POST'],
			default => throw Refusal::path(),
		};
		if (! in_array($method, $methods, true)) {
			throw Refusal::method($methods);
		}
		Admission::needPrivate();
		if ($path === ['pass'] && $method === 'POST') {
			return self::pass($request);
		}
		$key = Admission::creator($request);
		if ($path === ['pass']) {
			$key->remove();

			return new Response(204, ['Cache-Control' => 'no-store']);
		}
		if ($path === []) {
			return self::begin($request, $key);
		}
		$job = preg_match(Bounds::DIGEST, $path[0]) ? Job::find($path[0]) : null;
		if (! $job || $job->accountId !== $key->accountId) {
			throw new Refusal(404, 'no_import', 'No such import was begun by this account. Begin it again.');
		}

		return match ($path[1] ?? '') {
			'' => self::state($job),
			'rows' => self::state(Arriving::rows($request, $key, $job)),
			'refused' => self::refused($job),
			'finish' => self::state(Arriving::end($request, $job)),
			default => self::key($job),
		};
	}

	/** Gives a pass to whoever is logged in with an account and says its password. */
	private static function pass(Request $request): Response
	{
		$said = Body::of($request)->json(self::MOST_JSON);
		/** @var mixed $login */
		$login = $said['login'] ?? null;
		/** @var mixed $password */
		$password = $said['password'] ?? null;
		if (! is_string($login) || ! is_string($password)) {
			throw new Refusal(
				400,
				'login_wrong',
				'"login" must be the e-mail address of the account, and "password" its password.',
			);
		}

		return Response::json(200, [
			'pass' => Key::makeForAccount(Admission::account($login, $password)),
		] + Key::terms(Key::CREATE));
	}

	/** Begins the import of a set, or says how far it is. */
	private static function begin(Request $request, Key $key): Response
	{
		$said = Body::of($request)->json(self::MOST_JSON);
		[$set, $guid, $nick] = array_map(
			fn (string $name): string => is_string($said[$name] ?? null) ? $said[$name] : '',
			['set', 'guid', 'nick'],
		);
		if (! preg_match(Bounds::DIGEST, $set) || $guid === '' || strlen($guid) > 255 || strlen($nick) > 64) {
			throw new Refusal(
				400,
				'set_wrong',
				'"set" must be the digest that names the set, "guid" that of its channel, "nick" its name on this hub.',
			);
		}
		$channel = Clones::byGuid($guid);
		if ($channel && $channel->accountId !== $key->accountId) {
			throw new Refusal(
				409,
				'other_account',
				'This channel lives on this hub already, in another account. Log in with that one.',
			);
		}
		if (! $channel) {
			self::needRoom($key->accountId, $nick);
		}
		$choice = ['nick' => $nick, 'primary' => ($said['primary'] ?? false) === true, 'guid' => $guid];

		return self::state(
			Delivery::begin("set $set $guid", $key->accountId, $channel->id ?? 0, $choice) ?? throw Arriving::running(),
		);
	}

	/** @throws Refusal The account can have no further channel, or none of this name. */
	private static function needRoom(int $accountId, string $nick): void
	{
		$most = Accounts::mostChannels($accountId);
		if ($most !== null && Accounts::countChannels($accountId) >= $most) {
			throw new Refusal(
				409,
				'channels_many',
				"This account may have $most channels on this hub, and has them. Its admin can allow more.",
				['limit' => $most],
			);
		}
		if (Clones::byNick($nick)) {
			throw new Refusal(409, 'nick_taken', "There is a channel $nick on this hub already. Choose another name.");
		}
		if (! Accounts::isFreeNick($nick)) {
			throw new Refusal(400, 'nick_wrong', 'A channel of this hub cannot have this name. Choose another one.');
		}
	}

	private static function state(Job $job): Response
	{
		$channel = $job->channelId > 0 ? Clones::channel($job->channelId) : null;
		if ($job->state === Job::DONE) {
			// Whoever ended it may have been killed before this.
			Delivery::release($job);
		}

		return Response::json(200, [
			'import' => $job->id,
			'state' => $job->state,
			'part' => $job->part,
			'number' => $job->element,
			'rows' => $job->elements,
			'bytes' => $job->bytes,
			'nick' => $channel?->nick,
			'posts_refused' => $job->countMissing(),
			'rows_refused' => $job->refused,
		]);
	}

	/** All was given once: says which posts are to be given again, or were not taken again. */
	private static function refused(Job $job): Response
	{
		$job = Delivery::again($job);
		$isOver = $job->state === Job::DONE;

		return Response::json(200, [
			'again' => $isOver ? [] : $job->missing($job->part, $job->element, self::MOST_NAMED),
			'posts' => $job->refusedPosts(self::MOST_NAMED),
		]);
	}

	/** Makes a key with which the set's files are restored. */
	private static function key(Job $job): Response
	{
		$channel = $job->state === Job::DONE ? Clones::channel($job->channelId) : null;
		if (! $channel) {
			throw new Refusal(409, 'import_open', 'The channel is not here yet: a key for it is made at the end.');
		}
		Admission::needOpen($channel->id);
		$key = Key::make($channel->id) ?? throw new Refusal(
				409,
				'keys_many',
				'The channel has as many keys as it may. Revoke one on the page for backups.',
				['limit' => Key::MOST],
			);

		return Response::json(200, ['key' => $key, 'nick' => $channel->nick]);
	}
}
