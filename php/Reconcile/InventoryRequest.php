<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Protocol\SignedRequest;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Send\Announcement;
use FileSync\Exception\PermanentException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Answers another clone that compares its files with ours.
 *
 * `round`: one message of the comparison; the first makes a snapshot of our files, which serves all later ones.
 * `entries`: our state of files, in the form of a sync packet, or in brief for a clone that restores. `finish`: files
 * that the other has and we lack; we fetch them.
 *
 * @import-type Asked from \FileSync\Addon\Protocol\SignedRequest
 */
final class InventoryRequest
{
	public const MOST_BYTES = 524288;
	public const MOST_ENTRIES = 64;
	public const MOST_HASHES = 5000;
	/** How often two clones send each other the same files before the next comparison. */
	public const MOST_HOPS = 4;

	private const ANSWER_BYTES = 1 << 20;
	private const LIST_SECONDS = 8;
	/** How many listings of a channel's files may run at once. */
	private const PLACES = 1;

	/** @param Asked $asked */
	private function __construct(
		private readonly Channel $channel,
		private readonly array $asked,
		private readonly string $root,
	) {}

	/** Answers. */
	public static function answer(Request $request): Response
	{
		try {
			$signed = SignedRequest::read($request, 'inventory', self::isWellFormed(...));
			if ($signed instanceof Response) {
				return $signed;
			}
			$root = Clones::rootOf($signed->channel, $signed->asked['key_id']);

			return $root === null
				? Response::error(403, 'unknown_requester')
				: (new self($signed->channel, $signed->asked, $root))->give();
		} catch (PermanentException) {
			return Response::error(400, 'malformed');
		} catch (\Throwable $e) {
			Log::failure('a comparison', $e);

			return Response::error(503, 'busy', 30);
		}
	}

	private function give(): Response
	{
		$said = match ($this->asked['do']) {
			'round' => $this->round(),
			'entries' => $this->entries(),
			'finish' => $this->finish(),
		};
		if ($said === null) {
			return Response::error(429, 'busy', Places::AGAIN_SECONDS);
		}
		if (isset($said['error'])) {
			return Response::error(410, $said['error']);
		}
		$said = ['filesync' => Version::REQUEST, 'time' => Clock::now()] + Peers::itself() + $said;

		return ! empty($this->asked['gzip']) && function_exists('gzencode')
			? Response::packed($said)
			: Response::json(200, $said);
	}

	/** Answers a round; null if our files must be listed first, and no place is free. */
	private function round(): ?array
	{
		$run = isset($this->asked['session']) ? $this->session() : null;
		if (! $run && isset($this->asked['session'])) {
			return ['error' => 'session'];
		}
		if ($run?->state !== 'sealed') {
			$place = Places::take('list', $this->channel->id, self::PLACES);
			if (! $place) {
				return null;
			}
			try {
				$run ??= Run::begin($this->channel->id, 'answer', $this->root);
				if (! $run->list($this->channel, Clock::exact() + self::LIST_SECONDS)) {
					return ['session' => $run->id, 'state' => 'listing', 'retry_after' => 1];
				}
			} finally {
				$place->giveBack();
			}
		}
		$said = ['session' => $run->id, 'state' => 'ready'];
		if (isset($this->asked['message'])) {
			$said['message'] = base64_encode($run->inventory()->answer(base64_decode($this->asked['message'])));
		}
		$run->save(['state' => 'sealed']);

		return $said;
	}

	private function entries(): array
	{
		/** @var list<string> $hashes Checked by isWellFormed(). */
		$hashes = $this->asked['hashes'] ?? [];
		if (! empty($this->asked['brief'])) {
			return ['entries' => $this->briefs($hashes)];
		}
		$asked = $hashes ? array_combine($hashes, $hashes) : [];
		if (! empty($this->asked['keys'])) {
			$run = $this->session();
			if (! $run) {
				return ['error' => 'session'];
			}
			foreach ($this->asked['keys'] as $key) {
				$asked[$key] = $run->inventory()->find($key);
			}
		}
		$entries = [];
		$bytes = 0;
		foreach ($asked as $name => $hash) {
			$entry = $hash === null
				? null
				: Announcement::state($this->channel, $hash, ! empty($this->asked['posts']));
			$entries[] = ['for' => (string) $name, 'entry' => $entry];
			$bytes += $entry ? strlen((string) json_encode($entry, JSON_PARTIAL_OUTPUT_ON_ERROR)) : 0;
			if ($bytes > self::ANSWER_BYTES) {
				break;
			}
		}

		return ['entries' => $entries];
	}

	/**
	 * @param list<string> $hashes
	 *
	 * @return list<array{for: string, brief: ?array<string, mixed>}>
	 */
	private function briefs(array $hashes): array
	{
		$briefs = Brief::some($this->channel, $hashes);

		return array_map(fn ($hash) => ['for' => $hash, 'brief' => ($briefs[$hash] ?? null)?->facts()], $hashes);
	}

	/** Notes files that the other has and we lack; a worker fetches them. */
	private function finish(): array
	{
		// Where our own changes are not known, a file that is missing here may have been deleted here.
		$hashes = Parts::has(Parts::SENDER) ? $this->asked['hashes'] ?? [] : [];
		if ($hashes) {
			Run::wish($this->channel->id, $this->root, $hashes, $this->asked['hop'] ?? 0);
		}
		if (! empty($this->asked['again'])) {
			Run::ask($this->channel->id, $this->root)->save(['next_at' => Clock::now()]);
		} elseif (! empty($this->asked['last'])) {
			// The other clone has just compared itself with us: our own comparison is not urgent.
			Run::ask($this->channel->id, $this->root)->postpone();
			$this->session()?->end();
		}
		Run::summon();

		return ['noted' => count($hashes)];
	}

	private function session(): ?Run
	{
		$run = Run::find($this->asked['session'] ?? '');

		return $run && $run->role === 'answer' && $run->uid === $this->channel->id && $run->peer === $this->root
			? $run
			: null;
	}

	private static function isWellFormed(array $asked): bool
	{
		$hop = $asked['hop'] ?? 0;

		return (
			in_array($asked['do'] ?? null, ['round', 'entries', 'finish'], true)
			&& is_int($hop)
			&& $hop >= 0
			&& $hop < self::MOST_HOPS
			&& self::isText($asked['session'] ?? null, '/^[0-9a-f]{32}$/D')
			&& self::isText($asked['message'] ?? null, '#^[A-Za-z0-9+/]*={0,2}$#D')
			&& self::isList($asked['keys'] ?? null, '/^[0-9a-f]{16}$/D', self::MOST_ENTRIES)
			&& self::isList(
				$asked['hashes'] ?? null,
				Bounds::HASH,
				$asked['do'] === 'finish' ? self::MOST_HASHES : self::MOST_ENTRIES,
			)
		);
	}

	private static function isText(mixed $value, string $pattern): bool
	{
		return $value === null || (is_string($value) && preg_match($pattern, $value));
	}

	private static function isList(mixed $value, string $pattern, int $most): bool
	{
		return (
			$value === null
			|| (
				is_array($value)
				&& array_is_list($value)
				&& count($value) <= $most
				&& ! array_filter($value, fn ($one) => ! is_string($one) || ! preg_match($pattern, $one))
			)
		);
	}
}
