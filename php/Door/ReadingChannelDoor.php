<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Backup\ChannelRows;
use FileSync\Addon\Backup\Description;
use FileSync\Addon\Backup\RowKind;
use FileSync\Addon\Backup\RowText;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Export;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Protocol\Response;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The door to everything else: what a channel has beside its files, for a set of the whole channel.
 * docs/reading-door.md describes it.
 *
 * No key that anybody keeps opens it. A pass does, which the owner gets who is logged in on the hub and says the
 * account's password; it ends soon, and the channel's private key is given only in its first minutes. All of it travels
 * by https only, and no row but the digest of the pass is written.
 */
final class ReadingChannelDoor
{
	private const MOST_IDS = 200;
	/** An answer with rows ends before the one with which it would have more bytes, unless it is the first. */
	private const MOST_BYTES = 4 << 20;
	/** No page is begun after so long. */
	private const MOST_SECONDS = 10;
	private const MOST_JSON = 64 << 10;
	private const PLACES = 4;

	/**
	 * Answers a request.
	 *
	 * @param list<string> $path Beneath `channel`.
	 *
	 * @throws Refusal
	 */
	public static function answer(Request $request, string $method, array $path): Response
	{
		$name = $path[0] ?? '';
		$methods = match (count($path) . " $name") {
			'0 ', '1 identity' => ['GET', 'HEAD'],
			'1 pass' => ['POST', 'DELETE'],
			'2 rows' => ['GET', 'POST'],
			default => throw Refusal::path(),
		};
		if (! in_array($method, $methods, true)) {
			throw Refusal::method($methods);
		}
		Admission::needPrivate();
		if ($name === 'pass' && $method === 'POST') {
			return self::pass($request);
		}
		[$key, $channel] = Admission::of($request, Key::PASS);
		if ($name === 'pass') {
			Key::revoke($channel->id, $key->id);

			return new Response(204, ['Cache-Control' => 'no-store']);
		}
		$place = Places::take('channel', $channel->id, self::PLACES) ?? throw Refusal::places(self::PLACES);
		try {
			return match ($name) {
				'' => self::about($channel),
				'identity' => self::identity($key, $channel),
				default => self::rows($request, $method, $channel, $path[1] ?? ''),
			};
		} finally {
			$place->giveBack();
		}
	}

	/** Gives a pass to whoever is logged in and says the password. */
	private static function pass(Request $request): Response
	{
		$said = Body::of($request)->json(self::MOST_JSON);
		/** @var mixed $nick */
		$nick = $said['nick'] ?? null;
		/** @var mixed $password */
		$password = $said['password'] ?? null;
		if (! is_string($nick) || ! is_string($password)) {
			throw new Refusal(
				400,
				'nick_wrong',
				'"nick" must be that of the channel, and "password" that of its account.',
			);
		}
		$channel = Admission::owner($nick, $password);

		return Response::json(200, [
			'pass' => (string) Key::make($channel->id, Key::PASS),
		] + Key::terms(Key::PASS));
	}

	private static function about(Channel $channel): Response
	{
		$facts = array_intersect_key(Description::facts($channel, []), ['channel' => 1, 'origin' => 1]);

		return Response::json(
			200,
			$facts + Export::origin($channel) + ['kinds' => (object) (new ChannelRows($channel))->counts()],
		);
	}

	private static function identity(Key $key, Channel $channel): Response
	{
		if (! $key->isFresh()) {
			throw new Refusal(
				403,
				'pass_old',
				"The channel's private key is given within ten minutes after the password only. Get another pass.",
			);
		}

		return Response::encoded(200, RowText::of(Export::identity($channel)));
	}

	private static function rows(Request $request, string $method, Channel $channel, string $name): Response
	{
		$kind = (new ChannelRows($channel))->kind($name);
		if (! $kind) {
			throw new Refusal(404, 'no_such_kind', 'This hub has no rows of this kind.');
		}

		return $method === 'POST' ? self::texts($request, $kind) : self::listed($kind, $_GET['after'] ?? '0');
	}

	private static function listed(RowKind $kind, mixed $after): Response
	{
		if (! is_string($after) || ! preg_match('/^\d{1,18}$/D', $after)) {
			throw new Refusal(400, 'number_wrong', '"after" must be the number that the last answer gave.');
		}
		$listed = ChannelRows::listed($kind, (int) $after, self::MOST_SECONDS);
		$texts = '';
		foreach ($listed as $id => $told) {
			$texts .= ($texts === '' ? '' : ',') . RowText::of(['id' => $id] + array_filter($told));
		}

		return Response::encoded(
			200,
			'{"rows":[' . $texts . '],"after":' . RowText::of($listed->getReturn()) . '}',
		);
	}

	private static function texts(Request $request, RowKind $kind): Response
	{
		/** @var mixed $asked */
		$asked = Body::of($request)->json(self::MOST_JSON)['ids'] ?? null;
		$ids = is_array($asked) ? array_values(array_unique(array_filter($asked, is_int(...)))) : [];
		if ($ids === [] || count($ids) !== (is_array($asked) ? count($asked) : 0) || count($ids) > self::MOST_IDS) {
			throw new Refusal(
				400,
				'ids_wrong',
				'"ids" must be a list of different numbers, at most ' . self::MOST_IDS . '.',
			);
		}
		sort($ids);
		[$texts, $answered, $left] = ['', 0, []];
		foreach (ChannelRows::texts($kind, $ids) as $id => ['file' => $file, 'print' => $print, 'text' => $text]) {
			if ($texts !== '' && (strlen($texts) + strlen($text ?? '')) > self::MOST_BYTES) {
				$left = array_values(array_filter($ids, fn ($one) => $one > $answered));
				break;
			}
			$answered = $id;
			$about = RowText::of(['id' => $id] + array_filter(['file' => $file, 'print' => $print]));
			$texts .=
				($texts === '' ? '' : ',')
				. substr($about, 0, -1)
				. ($text === null ? ',"too_large":true}' : ",\"row\":$text}");
		}

		return Response::encoded(200, '{"rows":[' . $texts . '],"left":' . RowText::of($left) . '}');
	}
}
