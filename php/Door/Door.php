<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\OwnBytes;
use FileSync\Addon\Restore\Underway;
use FileSync\Exception\StorageException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The doors beneath /filesync/v1 for programs with a key of the owner. Through one a backup set is sent to be restored:
 * docs/upload-door.md describes it. Through another, SetDoor, the channel's files are read for a set, and through
 * ChannelDoor everything else. Through CreateDoor a whole channel comes to this hub.
 */
final class Door
{
	private const VERSION = 1;
	/** The newest format of sets that is read here. */
	private const SET = 1;
	private const PIECE_BYTES = 8 << 20;
	private const MOST_DIGESTS = 2000;
	private const MOST_JSON = 4 << 20;
	private const DIGEST = '/^[0-9a-f]{64}$/D';

	/** Answers a request. */
	public static function answer(Request $request): Response
	{
		try {
			return self::route($request);
		} catch (Refusal $e) {
			$refusal = $e;
		} catch (StorageException $e) {
			Log::failure('the door for programs', $e);
			$refusal = Refusal::full();
		} catch (\Throwable $e) {
			Log::failure('the door for programs', $e);
			$refusal = new Refusal(
				503,
				'failed',
				'That did not work; the log of the hub says why. The same request may work later.',
				[],
				['Retry-After' => '60'],
			);
		}
		$response = $refusal->response();
		$isTus = in_array('upload', $request->arguments, true);

		return new Response(
			$response->status,
			($isTus ? ['Tus-Resumable' => Tus::VERSION] : []) + $response->headers,
			$response->body,
		);
	}

	private static function route(Request $request): Response
	{
		// A client whose proxy refuses a method says it here; then the other one does not count.
		$method = strtoupper($request->header('x-http-method-override') ?? $request->method);
		$path = array_slice($request->arguments, 2);
		if ($path !== [] && end($path) === '') {
			array_pop($path);
		}
		if (($path[0] ?? '') === 'set') {
			return SetDoor::answer($request, $method, array_slice($path, 1));
		}
		if (($path[0] ?? '') === 'channel') {
			return ChannelDoor::answer($request, $method, array_slice($path, 1));
		}
		if (($path[0] ?? '') === 'create') {
			return CreateDoor::answer($request, $method, array_slice($path, 1));
		}
		$places = [
			'' => ['GET', 'HEAD'],
			'restore' => ['POST'],
			'session' => ['GET', 'HEAD', 'DELETE'],
			'lacking' => ['POST'],
			'room' => ['POST'],
			'plan' => ['POST'],
			'finish' => ['POST'],
			'pack' => ['POST'],
			...array_fill_keys(DrillDoor::PLACES, ['POST']),
			'upload' => ['OPTIONS', 'POST'],
			'file' => ['OPTIONS', 'HEAD', 'PATCH', 'DELETE'],
		];
		$place = match (true) {
			$path === [] => '',
			$path === ['restore'] => 'restore',
			$path[0] === 'restore' && count($path) === 2 => 'session',
			$path[0] === 'restore'
				&& count($path) === 3
				&& in_array(
					$path[2],
					['lacking', 'room', 'plan', 'finish', 'pack', 'upload', ...DrillDoor::PLACES],
					true,
				)
				=> $path[2],
			$path[0] === 'restore' && count($path) === 4 && $path[2] === 'upload' => 'file',
			default => throw Refusal::path(),
		};
		if (! in_array($method, $places[$place], true)) {
			throw Refusal::method($places[$place]);
		}
		if ($place === '') {
			return Response::json(200, self::about());
		}
		if ($method === 'OPTIONS') {
			return Tus::options();
		}
		$sender = Admission::sender($request);
		$channel = $sender->channel;
		if ($place === 'restore') {
			return self::begin($request, $sender);
		}
		$session = self::session($sender, $path[1]);
		if ($place === 'session') {
			return $method === 'DELETE' ? self::end($session) : Response::json(200, Standing::of($session));
		}
		if (! in_array($session->door, [Session::UPLOAD, Session::DRILL], true)) {
			// An owner may look at a drop box and end it here, and no more.
			throw self::noSession();
		}
		self::needKind($session, $place);
		if (in_array($place, DrillDoor::PLACES, true)) {
			return DrillDoor::answer($request, $channel, $session, $place);
		}
		if ($place === 'upload' || $place === 'file') {
			Tus::needVersion($request);
		}
		if (in_array($place, ['plan', 'finish'], true) && $session->isWaiting()) {
			// What it waits for may be left out by other options.
			Underway::cancel($channel->id);
			$session = $session->settled();
		}
		$session->needOpen();
		$tus = new Tus($request, $channel, $session);

		return match (true) {
			$place === 'lacking' => self::lacking($request, $channel, $session),
			$place === 'room' => self::room($request, $channel, $session),
			$place === 'plan', $place === 'finish' => self::leave($request, $channel, $session, $place),
			$place === 'pack' => Packs::take($request, $channel, $session),
			$place === 'upload' => $tus->create(),
			$method === 'HEAD' => $tus->head($path[3]),
			$method === 'PATCH' => $tus->patch($path[3]),
			default => $tus->delete($path[3]),
		};
	}

	/** @return array<string, mixed> What a program needs to know before it has a key. */
	private static function about(): array
	{
		return [
			'filesync' => Runtime::version(),
			'protocol' => ['oldest' => self::VERSION, 'newest' => self::VERSION],
			'set_format' => self::SET,
			'door' => Admission::isOpenForSome(Key::RESTORE) ? 'open' : 'closed',
			'reading_door' => Admission::isOpenForSome(Key::BACKUP) ? 'open' : 'closed',
			'tus' => [
				'version' => Tus::VERSION,
				'extensions' => Tus::EXTENSIONS,
				'checksums' => Tus::CHECKSUMS,
			],
			'creating_door' => Admission::isOpenForSome(Key::CREATE) ? 'open' : 'closed',
			// Sets that are sent can be tried.
			'drill' => Admission::isOpenForSome(Key::RESTORE) ? 'open' : 'closed',
			'limits' => [
				'piece_bytes' => self::PIECE_BYTES,
				'pack_bytes' => Packs::MOST_BYTES,
				'digests' => self::MOST_DIGESTS,
				'requests_per_second' => Config::number('upload_requests_per_second'),
				'open_entries' => Config::number('upload_open_entries'),
				'file_bytes' => Config::number('file_max_bytes') ?: null,
				'idle_hours' => Config::number('upload_idle_hours'),
				'days' => Config::number('upload_days'),
			],
		];
	}

	private static function session(Sender $sender, string $id): Session
	{
		return $sender->session($id)?->settled() ?? throw self::noSession();
	}

	private static function noSession(): Refusal
	{
		return new Refusal(404, 'no_session', 'No such restore was begun with this key, or by this owner.');
	}

	/** @throws Refusal What was sent is only tried, or is not. */
	private static function needKind(Session $session, string $place): void
	{
		$isDrill = $session->door === Session::DRILL;
		if ($isDrill ? in_array($place, ['plan', 'finish'], true) : in_array($place, DrillDoor::PLACES, true)) {
			throw self::begunOtherwise($isDrill);
		}
	}

	private static function begunOtherwise(bool $isDrill): Refusal
	{
		return new Refusal(
			409,
			'begun_otherwise',
			$isDrill
				? 'This was begun as a drill, which restores nothing. End it, or use another key.'
				: 'This was begun as a restore, not as a drill. End it, or use another key.',
		);
	}

	private static function begin(Request $request, Sender $sender): Response
	{
		$channel = $sender->channel;
		$said = Body::of($request)->json(self::MOST_JSON);
		$lists = is_array($said['lists'] ?? null) ? $said['lists'] : [];
		$known = [];
		foreach ([Finish::SIGNATURE, Finish::TAGS] as $name) {
			if (is_string($lists[$name] ?? null) && preg_match(self::DIGEST, $lists[$name])) {
				$known[$name] = $lists[$name];
			}
		}
		if (! isset($known[Finish::TAGS]) || count($known) !== count($lists)) {
			throw new Refusal(
				400,
				'lists_wrong',
				'"lists" must name the digest of '
				. Finish::TAGS
				. ', and that of '
				. Finish::SIGNATURE
				. ' if there is one.',
			);
		}
		$isDrill = ($said['drill'] ?? false) === true;
		self::refuseForeign($channel, $isDrill ? ['as_copy' => false] + $said : $said);
		$begun = $sender->begun($isDrill);
		if ($begun) {
			return self::again($begun, $channel, $known, $isDrill);
		}
		try {
			Underway::refuseSecond($channel);
		} catch (Problem $e) {
			throw new Refusal(409, $e->kind, 'A restore of this channel is under way. Ask again when it is over.');
		}
		$door = $isDrill ? Session::DRILL : Session::UPLOAD;
		Session::refuseSecond($channel->id, $door);
		self::needRoom($said, $channel, null);
		$session = Session::begin($channel, $known, $door);
		$sender->bind($session);

		return self::begun(201, $channel, $session);
	}

	/**
	 * Refuses a set that cannot be restored here, before a byte of it is sent.
	 *
	 * @param array<array-key, mixed> $said
	 */
	private static function refuseForeign(Channel $channel, array $said): void
	{
		$set = is_array($said['set'] ?? null) ? $said['set'] : [];
		/** @var mixed $format */
		$format = $set['filesync_set'] ?? null;
		if (! is_int($format)) {
			throw new Refusal(400, 'set_wrong', '"set" must be the object that is in set.json.');
		}
		if ($format > self::SET) {
			throw new Refusal(
				409,
				'set_newer',
				sprintf('This set has format %d; this hub reads %d. Update filesync on the hub.', $format, self::SET),
			);
		}
		/** @var mixed $of */
		$of = is_array($set['channel'] ?? null) ? $set['channel']['hash'] ?? null : null;
		if ($of !== $channel->hash && ($said['as_copy'] ?? false) !== true) {
			throw new Refusal(
				409,
				'set_other_channel',
				"This set is of another channel than $channel->nick. \"as_copy\": true restores its files only, for you alone.",
			);
		}
	}

	/**
	 * @param array<array-key, mixed> $said
	 */
	private static function needRoom(array $said, Channel $channel, ?Session $session): Room
	{
		$room = Room::of($channel, $session);
		foreach (['bytes', 'largest'] as $name) {
			/** @var mixed $number */
			$number = $said[$name] ?? 0;
			if (! is_int($number) || $number < 0) {
				throw new Refusal(400, 'number_wrong', "\"$name\" must be a whole number, 0 or more.");
			}
		}
		$room->need((int) ($said['bytes'] ?? 0), (int) ($said['largest'] ?? 0));

		return $room;
	}

	/** @param array<string, string> $lists */
	private static function again(Session $session, Channel $channel, array $lists, bool $isDrill): Response
	{
		if ($session->door !== ($isDrill ? Session::DRILL : Session::UPLOAD) && $session->door !== Session::BOX) {
			throw self::begunOtherwise(! $isDrill);
		}
		if ($session->lists !== $lists && ! $session->isLive()) {
			throw Sender::used();
		}
		if ($session->lists !== $lists || $session->door === Session::BOX) {
			throw new Refusal(
				409,
				'set_changed',
				'Another set, or another state of this one, is being sent to this channel. Send that one, or end it first.',
				['session' => $session->id],
			);
		}

		return self::begun(200, $channel, $session);
	}

	private static function begun(int $status, Channel $channel, Session $session): Response
	{
		$url = $session->url();

		return Response::json(
			$status,
			[
				'session' => $session->id,
				'url' => $url,
				'upload' => "$url/upload",
				'room' => Room::of($channel, $session)->facts(),
				'piece_bytes' => self::PIECE_BYTES,
			] + Standing::of($session),
			// PHP makes a redirect of every other status.
			$status === 201 ? ['Location' => $url] : [],
		);
	}

	private static function lacking(Request $request, Channel $channel, Session $session): Response
	{
		/** @var mixed $asked */
		$asked = Body::of($request)->json(self::MOST_JSON)['sha256'] ?? null;
		$digests = is_array($asked) ? array_values(array_unique(array_filter($asked, is_string(...)))) : [];
		if (
			$digests === []
			|| count($digests) > self::MOST_DIGESTS
			|| preg_grep(self::DIGEST, $digests, PREG_GREP_INVERT)
		) {
			throw new Refusal(
				400,
				'digests_wrong',
				'"sha256" must be a list of digests, at most ' . self::MOST_DIGESTS . ', each of 64 hex digits.',
			);
		}
		$store = new \FileSync\Store((string) realpath(Intake::folder($channel->id, $session->id)));
		[$here, $partial] = [[], []];
		foreach (Entry::among($session, $digests) as $entry) {
			if ($entry->isWhole) {
				$here[] = $entry->sha256;
			} else {
				$partial[$entry->sha256] = \FileSync\Upload::offsetOf(
					$store,
					Intake::arriving($entry->sha256),
					$entry->spec(),
				);
			}
		}
		$lacking = array_values(array_diff($digests, $here));
		if ($session->door !== Session::DRILL) {
			$lacking = array_values(array_diff($lacking, (new OwnBytes($channel))->among($lacking)));
		}

		return Response::json(200, ['lacking' => $lacking, 'partial' => (object) array_filter($partial)]);
	}

	private static function room(Request $request, Channel $channel, Session $session): Response
	{
		$said = Body::of($request)->json(self::MOST_JSON);

		return Response::json(200, self::needRoom($said, $channel, $session)->facts());
	}

	private static function leave(Request $request, Channel $channel, Session $session, string $place): Response
	{
		/** @var mixed $options */
		$options = Body::of($request)->json(self::MOST_JSON)['options'] ?? [];
		if (! is_array($options)) {
			throw new Refusal(400, 'option_wrong', '"options" must be an object.');
		}
		$place === 'plan'
			? Finish::plan($channel, $session, $options)
			: Finish::take($channel, $session, $options);

		return Response::json(202, Standing::of($session->settled()));
	}

	private static function end(Session $session): Response
	{
		$session->end('ended', 'It was ended by DELETE.');
		$now = $session->settled();

		return (
			$now->isLive()
				? Response::json(202, Standing::of($now))
				: new Response(204, ['Cache-Control' => 'no-store'])
		);
	}
}
