<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Drill\Needed;
use FileSync\Addon\Drill\Wish;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\FrontDoor;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\Trial;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What of the upload door is for drills: a set that is sent is tried, and whoever sends it reads its files back from
 * the hub. docs/upload-door.md describes it.
 *
 * Whoever has the key is given what opens the scratch channel for three minutes. Nothing of the channel's own is used
 * or given.
 */
final class DrillDoor
{
	/** Addresses beneath a session. */
	public const PLACES = ['sample', 'needed', 'drill', 'placed', 'ticket', 'read'];
	/** Of them those that are used while the files are read. */
	private const READING = ['placed', 'ticket', 'read'];
	private const MOST_DIGESTS = 2000;
	private const MOST_FILES = 500;
	private const MOST_JSON = 65536;
	/** Shorter than the hub takes a ticket, so that a request that is about to be sent comes in time. */
	private const TICKET_SECONDS = 120;
	/** How many slow requests of a channel are answered at once. */
	private const MOST_SLOW = 4;

	/** @param array<array-key, mixed> $said */
	private function __construct(
		private readonly Channel $channel,
		private readonly DrillSession $session,
		private readonly array $said,
	) {}

	/**
	 * Answers a request.
	 *
	 * @throws Refusal
	 */
	public static function answer(Request $request, Channel $channel, DrillSession $session, string $place): Response
	{
		$door = new self($channel, $session, Body::of($request)->json(self::MOST_JSON));
		if (in_array($place, self::READING, true)) {
			return $door->reading($place);
		}
		$session->needOpen();

		return match ($place) {
			'sample' => $door->sample(),
			'needed' => $door->needed(),
			default => $door->drill(),
		};
	}

	/** Has workers choose the sample. */
	private function sample(): Response
	{
		/** @var mixed $percent */
		$percent = $this->said['percent'] ?? Wish::PERCENT;
		/** @var mixed $seed */
		$seed = $this->said['seed'] ?? Wish::seed();
		/** @var mixed $isTrusted */
		$isTrusted = $this->said['trust'] ?? false;
		if (
			! is_int($percent)
			|| $percent < 1
			|| $percent > 100
			|| ! is_string($seed)
			|| ! preg_match(Wish::SEED, $seed)
			|| ! is_bool($isTrusted)
		) {
			throw new Refusal(
				400,
				'option_wrong',
				'"percent" must be 1 to 100, "seed" at most 64 letters without blanks, "trust" true or false.',
			);
		}
		Finish::name($this->channel, $this->session);
		$this->session->note(new Trying($percent, $seed, $isTrusted));

		return $this->leave(Session::CHOOSING);
	}

	/** Names digests that the sample needs. */
	private function needed(): Response
	{
		[$digests, $after] = $this->lists()->digests($this->after(), self::MOST_DIGESTS);

		return Response::json(200, ['sha256' => $digests, 'after' => $after]);
	}

	/** Has workers try to restore the sample. */
	private function drill(): Response
	{
		$this->lists();
		Finish::name($this->channel, $this->session);

		return $this->leave(Session::DRILLING);
	}

	/** @param Session::CHOOSING|Session::DRILLING $state */
	private function leave(string $state): Response
	{
		$this->session->enter($state);
		Daemon::summon('drill');

		return Response::json(202, Standing::of($this->session->settled()));
	}

	/** Answers whoever reads the files. */
	private function reading(string $place): Response
	{
		$scratch =
			$this->session->state === Session::DRILLING && $this->session->scratchNick() !== ''
				? Scratch::named($this->session->scratchNick())
				: null;
		if (! $scratch) {
			throw new Refusal(
				409,
				'not_readable',
				'The hidden channel of this drill is not there: not yet, or no longer. Ask how far it is.',
			);
		}
		$this->session->ask();
		if ($place === 'read') {
			$this->session->noteRead();

			return Response::json(202, Standing::of($this->session->settled()));
		}
		if ($place === 'ticket') {
			return Response::json(
				200,
				FrontDoor::ticket($scratch)
				+ ['cookie' => FrontDoor::cookie($scratch), 'seconds' => self::TICKET_SECONDS],
			);
		}
		$slot = Places::take('drill', $this->channel->id, self::MOST_SLOW) ?? throw Refusal::places(self::MOST_SLOW);
		try {
			return $this->placed($scratch);
		} finally {
			$slot->giveBack();
		}
	}

	/** Names files of the sample: their hashes in the set and here, and their names here. */
	private function placed(Channel $scratch): Response
	{
		[$hashes, $after] = $this->lists()->files($this->after(), self::MOST_FILES);
		$there = array_map(fn ($hash) => Trial::hashOn($scratch, $hash), $hashes);
		$names = $there === []
			? []
			: array_column(
				Table::select('attach', ['uid' => $scratch->id, 'hash' => $there], '', 0, 'hash, filename'),
				'filename',
				'hash',
			);

		return Response::json(200, [
			'files' => array_map(
				fn ($hash, $hashThere) => [
					'hash' => $hash,
					'there' => $hashThere,
					'name' => $names[$hashThere] ?? null,
				],
				$hashes,
				$there,
			),
			'after' => $after,
			// The hub shows these to strangers that are for everybody, and nobody else may see the others.
			'access' => $this->session->drill()->hasAccess,
			'strangers' => FrontDoor::isClosed() ? 'closed' : 'let',
		]);
	}

	/** @throws Refusal No sample was chosen. */
	private function lists(): Needed
	{
		if ($this->session->drill()->sample === null) {
			throw new Refusal(409, 'sample_missing', 'No sample was chosen yet: ask for one by POST …/sample.');
		}

		return new Needed(Intake::folder($this->channel->id, $this->session->id));
	}

	private function after(): int
	{
		/** @var mixed $after */
		$after = $this->said['after'] ?? 0;

		return is_int($after) && $after >= 0
			? $after
			: throw new Refusal(400, 'number_wrong', '"after" must be the number that the last answer gave.');
	}
}
