<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\OwnBytes;
use FileSync\Addon\Restore\Underway;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The upload door: a program with a restore key sends a backup set, to be restored or only tried. docs/upload-door.md
 * describes it.
 */
final class UploadDoor
{
	/** The newest format of sets that is read here. */
	public const SET = 1;
	public const PIECE_BYTES = 8 << 20;
	/** Digests that one request asks for. */
	public const MOST_DIGESTS = 2000;
	private const MOST_JSON = 4 << 20;
	/** What stands for the parts of an address that are not the same in every one. */
	private const NAMED = [0 => 'SESSION', 2 => 'DIGEST'];

	private readonly Channel $channel;

	/** @param list<string> $path */
	private function __construct(
		private readonly Request $request,
		private readonly string $method,
		private readonly array $path,
		private readonly Sender $sender,
	) {
		$this->channel = $sender->channel;
	}

	/**
	 * Answers a request.
	 *
	 * @param list<string> $path Beneath `restore`.
	 *
	 * @throws Refusal
	 */
	public static function answer(Request $request, string $method, array $path): Response
	{
		$place = implode('/', array_replace($path, array_intersect_key(self::NAMED, $path)));
		[$methods, $answer] = self::places()[$place] ?? throw Refusal::path();
		if (! in_array($method, $methods, true)) {
			throw Refusal::method($methods);
		}

		return $method === 'OPTIONS'
			? Tus::options()
			: $answer(new self($request, $method, $path, Admission::sender($request)));
	}

	/**
	 * Returns the addresses beneath `restore`: the methods that each takes, and what answers it.
	 *
	 * @return array<string, array{non-empty-list<string>, \Closure(self): Response}>
	 */
	private static function places(): array
	{
		$places = [
			'' => [['POST'], fn (self $door) => $door->begin()],
			'SESSION' => [['GET', 'HEAD', 'DELETE'], fn (self $door) => $door->about()],
			'SESSION/lacking' => [['POST'], fn (self $door) => $door->lacking($door->open())],
			'SESSION/room' => [['POST'], fn (self $door) => $door->room($door->open())],
			'SESSION/plan' => [['POST'], fn (self $door) => $door->leave(Finish::plan(...))],
			'SESSION/finish' => [['POST'], fn (self $door) => $door->leave(Finish::take(...))],
			'SESSION/pack' => [
				['POST'],
				fn (self $door) => Packs::take($door->request, $door->channel, $door->open()),
			],
			'SESSION/upload' => [['OPTIONS', 'POST'], fn (self $door) => $door->tus()->create()],
			'SESSION/upload/DIGEST' => [['OPTIONS', 'HEAD', 'PATCH', 'DELETE'], fn (self $door) => $door->upload()],
		];
		foreach (DrillDoor::PLACES as $place) {
			$places["SESSION/$place"] = [['POST'], fn (self $door) => $door->drill($place)];
		}

		return $places;
	}

	private function begin(): Response
	{
		$channel = $this->channel;
		$said = $this->said();
		$lists = is_array($said['lists'] ?? null) ? $said['lists'] : [];
		$known = [];
		foreach ([Finish::SIGNATURE, Finish::TAGS] as $name) {
			if (is_string($lists[$name] ?? null) && preg_match(Bounds::DIGEST, $lists[$name])) {
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
		$this->refuseForeign($isDrill ? ['as_copy' => false] + $said : $said);
		$begun = $this->sender->begun($isDrill);
		if ($begun) {
			return $this->again($begun, $known, $isDrill);
		}
		try {
			Underway::refuseSecond($channel);
		} catch (Problem $e) {
			throw new Refusal(409, $e->kind, 'A restore of this channel is under way. Ask again when it is over.');
		}
		$door = $isDrill ? Session::DRILL : Session::UPLOAD;
		Session::refuseSecond($channel->id, $door);
		$this->needRoom($said, null);
		$session = Session::begin($channel, $known, $door);
		$this->sender->bind($session);

		return $this->begun(201, $session);
	}

	/**
	 * Refuses a set that cannot be restored here, before a byte of it is sent.
	 *
	 * @param array<array-key, mixed> $said
	 */
	private function refuseForeign(array $said): void
	{
		$channel = $this->channel;
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
	private function needRoom(array $said, ?Session $session): Room
	{
		$room = Room::of($this->channel, $session);
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
	private function again(Session $session, array $lists, bool $isDrill): Response
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

		return $this->begun(200, $session);
	}

	private function begun(int $status, Session $session): Response
	{
		$url = $session->url();

		return Response::json(
			$status,
			[
				'session' => $session->id,
				'url' => $url,
				'upload' => "$url/upload",
				'room' => Room::of($this->channel, $session)->facts(),
				'piece_bytes' => self::PIECE_BYTES,
			] + Standing::of($session),
			// PHP makes a redirect of every other status.
			$status === 201 ? ['Location' => $url] : [],
		);
	}

	private function lacking(Session $session): Response
	{
		/** @var mixed $asked */
		$asked = $this->said()['sha256'] ?? null;
		$digests = is_array($asked) ? array_values(array_unique(array_filter($asked, is_string(...)))) : [];
		if (
			$digests === []
			|| count($digests) > self::MOST_DIGESTS
			|| preg_grep(Bounds::DIGEST, $digests, PREG_GREP_INVERT)
		) {
			throw new Refusal(
				400,
				'digests_wrong',
				'"sha256" must be a list of digests, at most ' . self::MOST_DIGESTS . ', each of 64 hex digits.',
			);
		}
		$store = new \FileSync\Store((string) realpath(Intake::folder($this->channel->id, $session->id)));
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
			$lacking = array_values(array_diff($lacking, (new OwnBytes($this->channel))->among($lacking)));
		}

		return Response::json(200, ['lacking' => $lacking, 'partial' => (object) array_filter($partial)]);
	}

	private function room(Session $session): Response
	{
		return Response::json(200, $this->needRoom($this->said(), $session)->facts());
	}

	/**
	 * Has workers restore what was sent, or count what that would do.
	 *
	 * @param \Closure(Channel, Session, array<array-key, mixed>): void $leave
	 */
	private function leave(\Closure $leave): Response
	{
		$session = $this->sent();
		if ($session->door === Session::DRILL) {
			throw self::begunOtherwise(true);
		}
		if ($session->isWaiting()) {
			// What it waits for may be left out by other options.
			Underway::cancel($this->channel->id);
			$session = $session->settled();
		}
		$session->needOpen();
		/** @var mixed $options */
		$options = $this->said()['options'] ?? [];
		if (! is_array($options)) {
			throw new Refusal(400, 'option_wrong', '"options" must be an object.');
		}
		$leave($this->channel, $session, $options);

		return Response::json(202, Standing::of($session->settled()));
	}

	private function tus(): Tus
	{
		$session = $this->sent();
		Tus::needVersion($this->request);
		$session->needOpen();

		return new Tus($this->request, $this->channel, $session);
	}

	private function upload(): Response
	{
		$digest = $this->path[2] ?? '';

		return match ($this->method) {
			'HEAD' => $this->tus()->head($digest),
			'PATCH' => $this->tus()->patch($digest),
			default => $this->tus()->delete($digest),
		};
	}

	/** @throws Refusal What was sent is not tried, but restored. */
	private function drill(string $place): Response
	{
		$session = $this->sent();
		if ($session->door !== Session::DRILL) {
			throw self::begunOtherwise(false);
		}

		return DrillDoor::answer($this->request, $this->channel, DrillSession::from($session), $place);
	}

	/** Says how far a session is, or ends it. */
	private function about(): Response
	{
		$session = $this->session();
		if ($this->method !== 'DELETE') {
			return Response::json(200, Standing::of($session));
		}
		$session->end('ended', 'It was ended by DELETE.');
		$now = $session->settled();

		return (
			$now->isLive()
				? Response::json(202, Standing::of($now))
				: new Response(204, ['Cache-Control' => 'no-store'])
		);
	}

	/** @throws Refusal This sender began nothing of this name. */
	private function session(): Session
	{
		return $this->sender->session($this->path[0] ?? '')?->settled() ?? throw self::noSession();
	}

	/** @throws Refusal An owner may look at a drop box and end it here, and no more. */
	private function sent(): Session
	{
		$session = $this->session();

		return in_array($session->door, [Session::UPLOAD, Session::DRILL], true) ? $session : throw self::noSession();
	}

	/** @throws Refusal Nothing is taken now. */
	private function open(): Session
	{
		$session = $this->sent();
		$session->needOpen();

		return $session;
	}

	private static function noSession(): Refusal
	{
		return new Refusal(404, 'no_session', 'No such restore was begun with this key, or by this owner.');
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

	/** @return array<array-key, mixed> */
	private function said(): array
	{
		return Body::of($this->request)->json(self::MOST_JSON);
	}
}
