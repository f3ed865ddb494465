<?php

namespace FileSync\Addon\Inventory;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Newcomers;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Inventory;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The state of a comparison with another clone between two slices: a row of table filesync_reconcile, and a snapshot of
 * our files beside the channel's unfinished ones.
 *
 * Roles: `ask`, one for each channel and clone, permanent, with its next due time; `pull`, files that a clone told us
 * to fetch; `answer`, the state of a clone's questions to us.
 */
final class Run
{
	private const EVERY_SECONDS = 604800;
	private const SPREAD_SECONDS = 86400;
	private const EARLY_SECONDS = 86400;
	private const SUMMON_SECONDS = 60;
	private const ANSWERED_SECONDS = 3600;
	private const MOST_ANSWERED = 8;
	private const MOST_WISHES = 50000;
	private const PAGE = 1000;
	private const FIELDS = [
		'state',
		'session',
		'body',
		'position',
		'stats',
		'attempts',
		'next_at',
		'was_away',
		'finished',
		'reason',
	];

	private ?Inventory $inventory = null;

	private function __construct(
		public readonly string $id,
		public readonly int $uid,
		public readonly string $role,
		public readonly string $peer,
		public string $state,
		public string $session,
		/** @var array Data of the state: the message to send, entries to apply last, hashes to tell. */
		public array $body,
		public array $position,
		public array $stats,
		public int $attempts,
		public int $next_at,
		public int $was_away,
		public int $finished,
		public string $reason,
	) {}

	/** Returns a run by its id, or null. */
	public static function find(string $id): ?self
	{
		$row = Table::first('filesync_reconcile', ['id' => $id]);

		return $row ? self::of($row) : null;
	}

	/** Returns the run in which we ask a clone; creates it, due in a while, if there is none. */
	public static function ask(int $channelId, string $peer, string $role = 'ask'): self
	{
		$id = hash('sha256', $channelId . "\n$role\n$peer");

		return (
			self::find($id) ?? self::insert(
				$id,
				$channelId,
				$role,
				$peer,
				Clock::now() + random_int(300, 1800),
			)
		);
	}

	/** Begins a run in which a clone asks us. */
	public static function begin(int $channelId, string $role, string $peer): self
	{
		$old = Table::select(
			'filesync_reconcile',
			['uid' => $channelId, 'role' => $role],
			'updated DESC',
			0,
		);
		foreach ($old as $n => $row) {
			if (($n + 1) >= self::MOST_ANSWERED || (int) $row['updated'] < (Clock::now() - self::ANSWERED_SECONDS)) {
				self::of($row)->end();
			}
		}

		return self::insert(Token::make(), $channelId, $role, $peer, 0);
	}

	/** Notes hashes that a clone tells us to fetch; `$hop` counts how often they went back and forth before. */
	public static function wish(int $channelId, string $peer, array $hashes, int $hop): void
	{
		$run = self::ask($channelId, $peer, 'pull');
		$all = array_slice(
			array_values(array_unique([...($run->body['hashes'] ?? []), ...$hashes])),
			0,
			self::MOST_WISHES,
		);
		$run->save([
			'body' => ['hashes' => $all, 'hop' => max($hop, $run->body['hop'] ?? 0)] + $run->body,
			'state' => 'pulling',
			'attempts' => 0,
			'next_at' => Clock::now(),
		]);
	}

	/**
	 * Returns the run to continue now: of the channel whose turn was longest ago, the one due for longest; null if none
	 * is due.
	 */
	public static function next(array $except = []): ?self
	{
		$due = self::due(0, $except);
		$channels = array_map('intval', array_column(
			Table::select('filesync_reconcile', $due, '', 0, 'DISTINCT uid'),
			'uid',
		));
		$row = $channels
			? Table::first(
				'filesync_reconcile',
				['uid' => ServedLast::order('reconcile', $channels)[0]] + $due,
				'next_at, id',
			)
			: null;

		return $row ? self::of($row) : null;
	}

	/** Tells whether a run in which we ask is due now or soon. */
	public static function isDueWithin(int $seconds, array $except = []): bool
	{
		return Table::first('filesync_reconcile', self::due($seconds, $except), '', 'id') !== null;
	}

	private static function due(int $within, array $except): array
	{
		$newcomers = Newcomers::ids();

		return (
			['role' => ['ask', 'pull'], 'next_at <=' => Clock::now() + $within, 'next_at >' => 0]
			+ ($except ? ['id <>' => $except] : [])
			+ ($newcomers ? ['uid <>' => $newcomers] : [])
		);
	}

	/**
	 * Returns the runs of a role for display: without their bodies, which may be large.
	 *
	 * @return list<self>
	 */
	public static function all(string $role, ?int $channelId = null): array
	{
		$columns = "id, uid, role, peer, state, session, '' AS body, position, stats, attempts, next_at, was_away, finished, reason";

		return array_map(
			self::of(...),
			Table::select(
				'filesync_reconcile',
				['role' => $role] + ($channelId === null ? [] : ['uid' => $channelId]),
				'uid, peer',
				200,
				$columns,
			),
		);
	}

	/** Starts the background job if a run is due, or will be in a moment, and no process works on it. */
	public static function summon(int $within = 0): void
	{
		if (self::isDueWithin($within) && Lease::take('summon-reconcile', Token::make(), self::SUMMON_SECONDS)) {
			Daemon::summon('reconcile');
		}
	}

	/** Forgets abandoned questions of clones, and orphaned snapshots. */
	public static function prune(): void
	{
		foreach (Table::select('filesync_reconcile', [
			'role' => 'answer',
			'updated <' => Clock::now() - self::ANSWERED_SECONDS,
		]) as $row) {
			self::of($row)->end();
		}
	}

	/** Updates the row. */
	public function save(array $set): void
	{
		foreach ($set as $name => $value) {
			$this->$name = $value;
		}
		Table::update(
			'filesync_reconcile',
			array_map(fn ($value) => is_array($value) ? json_encode($value) : $value, $set)
			+ ['updated' => Clock::now()],
			['id' => $this->id],
		);
	}

	/** Makes the comparison due early because the clone is back; at most once a day. A running one continues. */
	public function hurry(): void
	{
		$token = Token::make();
		if (! Lease::take("reconcile-{$this->id}", $token, self::SUMMON_SECONDS)) {
			return;
		}
		$now = self::find($this->id);
		$last = $now->stats['early'] ?? 0;
		$early = $last > Clock::now() ? $last : max(Clock::now(), $last + self::EARLY_SECONDS);
		if ($now && $early < $now->next_at) {
			$this->save(['next_at' => $early, 'stats' => ['early' => $early] + $now->stats]);
		}
		Lease::giveBack("reconcile-{$this->id}", $token);
	}

	/** Returns the initial counts of a comparison. */
	public function firstStats(): array
	{
		return ['began' => Clock::now()] + array_intersect_key($this->stats, ['early' => true]);
	}

	/** Ends a comparison: the next one is due in about a week. */
	public function postpone(): void
	{
		$this->dropSnapshot();
		$this->save([
			'state' => 'idle',
			'session' => '',
			'body' => [],
			'position' => [],
			'attempts' => 0,
			'was_away' => 0,
			'reason' => '',
			'finished' => Clock::now(),
			'next_at' => Clock::now() + self::EVERY_SECONDS + random_int(-self::SPREAD_SECONDS, self::SPREAD_SECONDS),
		]);
	}

	/** Ends a dry run; the next comparison stays due when it was. */
	public function abandon(int $nextAt): void
	{
		$this->dropSnapshot();
		$this->save(['state' => 'idle', 'session' => '', 'body' => [], 'position' => [], 'next_at' => $nextAt]);
	}

	/** Forgets the run. */
	public function end(): void
	{
		$this->dropSnapshot();
		Table::delete('filesync_reconcile', ['id' => $this->id]);
	}

	/** Continues listing our files until a deadline; true once all are in the snapshot. */
	public function list(Channel $channel, float $until): bool
	{
		if ($this->state !== 'listing') {
			$this->inventory = new Inventory();
			$this->position = Listing::BEGIN;
		}
		$rest = Listing::add($channel, $this->inventory(), $this->position, $until);
		if ($rest === null) {
			$this->inventory()->seal();
		}
		$this->keep();
		$this->save(['state' => $rest === null ? 'sealed' : 'listing', 'position' => $rest ?? []]);

		return $rest === null;
	}

	/** Begins a snapshot of the other clone's list. */
	public function beginReading(array $position): void
	{
		$this->inventory = new Inventory();
		$this->keep();
		$this->save(['state' => 'reading', 'position' => $position, 'stats' => $this->firstStats(), 'body' => []]);
	}

	/** Returns the snapshot. */
	public function inventory(): Inventory
	{
		return $this->inventory ??= Inventory::load($this->store(), $this->snapshotName());
	}

	/**
	 * Returns the differences of the snapshot, read a page at a time.
	 *
	 * @return \Generator<array>
	 */
	public function differences(): \Generator
	{
		for ($offset = 0; $some = $this->inventory()->differences($offset, self::PAGE); $offset += self::PAGE) {
			foreach ($some as $one) {
				yield $one;
			}
		}
	}

	/** Saves the snapshot. */
	public function keep(): void
	{
		$this->inventory()->save($this->store(), $this->snapshotName());
	}

	private function dropSnapshot(): void
	{
		$this->inventory = null;
		$path = Store::dataRoot($this->uid) . '/' . $this->snapshotName();
		if (is_file($path)) {
			@unlink($path);
		}
	}

	private function store(): \FileSync\Store
	{
		return new \FileSync\Store((string) realpath(Store::dataRoot($this->uid, true)));
	}

	private function snapshotName(): string
	{
		return 'inventory-' . substr($this->id, 0, 32) . '.index';
	}

	private static function insert(string $id, int $channelId, string $role, string $peer, int $nextAt): self
	{
		$row = [
			'id' => $id,
			'uid' => $channelId,
			'role' => $role,
			'peer' => $peer,
			'state' => 'idle',
			'session' => '',
			'body' => '[]',
			'position' => '[]',
			'stats' => '[]',
			'attempts' => 0,
			'next_at' => $nextAt,
			'was_away' => 0,
			'finished' => 0,
			'reason' => '',
			'created' => Clock::now(),
			'updated' => Clock::now(),
		];
		Table::tryInsert('filesync_reconcile', $row);

		return self::find($id) ?? self::of($row);
	}

	private static function of(array $row): self
	{
		$fields = array_intersect_key($row, array_flip(self::FIELDS));
		foreach (['body', 'position', 'stats'] as $name) {
			$fields[$name] = json_decode($fields[$name], true) ?? [];
		}
		foreach (['attempts', 'next_at', 'was_away', 'finished'] as $name) {
			$fields[$name] = (int) $fields[$name];
		}

		return new self($row['id'], (int) $row['uid'], $row['role'], $row['peer'], ...$fields);
	}
}
