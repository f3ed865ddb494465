<?php

namespace FileSync\Addon\Outbox;

use FileSync\Addon\Hub\Backoff;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Follow-ups: calls to make after a change. Core commits inside some of them, so none can be part of our transaction;
 * their rows can.
 *
 * One row per channel, kind, name and key: a second request before the call is done replaces the first. A call can be
 * made twice, if a process is killed during it, so it must be repeatable. The attempt is counted before the call: one
 * that kills the process is tried three times, then parked and listed, and never blocks others.
 *
 * @import-type OutboxRow from \FileSync\Addon\Hub\Rows
 */
final class Outbox
{
	/** The beginning of the reason while a process is making the call. */
	public const UNDER_WAY = 'under way: ';

	/**
	 * Calls that need neither another hub nor the extension. All others run after the transfers, and wait while the
	 * extension is missing.
	 */
	public const QUICK = ['access', 'announce', 'deleted', 'move', 'conflict', 'items', 'brake', 'drop'];

	/**
	 * The parts of filesync on which calls depend: where one is off, they wait.
	 *
	 * @var array<string, list<string>>
	 */
	private const PARTS = [
		Parts::RECEIVER => ['move', 'conflict', 'brake'],
		Parts::SENDER => ['announce', 'deleted', 'bulk'],
		// An answer may delete files that have posts.
		Parts::POSTS => ['items', 'access', 'posts', 'relocate', 'brake'],
		Parts::PHOTOS => ['preview'],
	];

	private const MOST_ATTEMPTS = 3;
	private const AT_ONCE = 100;

	/** Requests a call. `held` ones wait until release(). `key` distinguishes calls of one name. */
	public static function add(
		int $channelId,
		string $kind,
		string $name,
		string $body = '',
		bool $held = false,
		string $key = '',
	): void {
		$row = ['state' => $held ? 'held' : 'due', 'attempts' => 0, 'next_at' => 0, 'reason' => '', 'body' => $body];
		Table::upsert('filesync_outbox', ['id' => self::id($channelId, $kind, $name, $key)], $row, [
			'uid' => $channelId,
			'kind' => $kind,
			'name' => $name,
			'created' => Clock::now(),
		]);
	}

	/**
	 * Requests a call, unless it is due already or waits for its time: that stays. One that is being made just now may
	 * have looked for the last time, and one that is parked would not be made. Returns whether it was requested.
	 */
	public static function ensure(int $channelId, string $kind, string $name, string $body): bool
	{
		$id = self::id($channelId, $kind, $name, '');
		$row = Table::first('filesync_outbox', ['id' => $id], '', 'state, reason');
		$isMissing = ! $row || $row['state'] !== 'due' || str_starts_with($row['reason'], self::UNDER_WAY);
		if ($isMissing) {
			self::add($channelId, $kind, $name, $body);
		}

		return $isMissing;
	}

	/** Tells whether a call is wanted already. */
	public static function has(int $channelId, string $kind, string $name): bool
	{
		return Table::first('filesync_outbox', ['id' => self::id($channelId, $kind, $name, '')], '', 'id') !== null;
	}

	/**
	 * Requests a call for each of some names, all held, with one body that is also their key.
	 *
	 * @param list<string> $names
	 */
	public static function addHeld(int $channelId, string $kind, array $names, string $body): void
	{
		self::addAll($channelId, $kind, $names, $body, true, $body);
	}

	/**
	 * Requests a call for each of some names; see add().
	 *
	 * @param list<string> $names
	 */
	public static function addAll(
		int $channelId,
		string $kind,
		array $names,
		string $body = '',
		bool $held = false,
		string $key = '',
	): void {
		if ($names === []) {
			return;
		}
		$ids = array_combine(array_map(fn ($name) => self::id($channelId, $kind, $name, $key), $names), $names);
		$row = ['state' => $held ? 'held' : 'due', 'attempts' => 0, 'next_at' => 0, 'reason' => '', 'body' => $body];
		$known = array_column(Table::select('filesync_outbox', ['id' => array_keys($ids)], '', 0, 'id'), 'id');
		if ($known !== []) {
			Table::update('filesync_outbox', $row, ['id' => $known]);
		}
		$new = array_diff_key($ids, array_flip($known));
		$rows = array_map(
			fn ($id, $name) => [
				'id' => $id,
				'uid' => $channelId,
				'kind' => $kind,
				'name' => $name,
				'created' => Clock::now(),
			] + $row,
			array_keys($new),
			$new,
		);
		foreach (array_chunk($rows, 100) as $some) {
			if (! Table::tryInsert('filesync_outbox', ...$some)) {
				// Another process requested one of them just now.
				foreach ($some as $one) {
					self::add($channelId, $kind, $one['name'], $body, $held, $key);
				}
			}
		}
	}

	/** Makes the held calls about a file due. */
	public static function release(int $channelId, string $hash): void
	{
		self::releaseAll($channelId, [$hash]);
	}

	/**
	 * Makes the held calls about some files due.
	 *
	 * @param list<string> $hashes
	 */
	public static function releaseAll(int $channelId, array $hashes): void
	{
		if ($hashes !== []) {
			Table::update(
				'filesync_outbox',
				['state' => 'due'],
				['uid' => $channelId, 'name' => $hashes, 'state' => 'held'],
			);
		}
	}

	/** Makes a call due now that is tried again later. */
	public static function soon(int $channelId, string $kind, string $name): void
	{
		$due = ['id' => self::id($channelId, $kind, $name, ''), 'state' => 'due', 'next_at >' => Clock::now()];
		if (Table::first('filesync_outbox', $due, '', 'id')) {
			Table::update('filesync_outbox', ['next_at' => 0], $due);
		}
	}

	/** Forgets a call. */
	public static function done(int $channelId, string $kind, string $name): void
	{
		Table::delete('filesync_outbox', ['uid' => $channelId, 'kind' => $kind, 'name' => $name]);
	}

	/**
	 * Makes the due calls of one channel: the given kinds, or all except previews, which have a job of their own.
	 *
	 * @param list<string>      $kinds
	 * @param ?\Closure(): bool $isOver Called after each; true postpones the rest.
	 *
	 * @return bool Whether there may be more: only so many are made at a time.
	 */
	public static function run(int $channelId, array $kinds = [], ?\Closure $isOver = null): bool
	{
		$where = ['uid' => $channelId, 'state' => 'due', 'next_at <=' => Clock::now()] + self::possible($kinds);
		$ids = array_column(Table::select('filesync_outbox', $where, 'created, id', self::AT_ONCE, 'id'), 'id');
		$channel = $ids === [] ? null : Clones::channel($channelId);
		foreach ($ids as $id) {
			// One at a time: a body can hold posts.
			$row = Table::first('filesync_outbox', ['id' => $id, 'state' => 'due']);
			if ($row) {
				self::attempt($channel, $row);
			}
			if ($isOver && $isOver()) {
				return true;
			}
		}

		return count($ids) === self::AT_ONCE;
	}

	/**
	 * Makes due calls of a kind together that were not tried before, unless other short calls wait, among which they
	 * have their place. If they fail, or kill the process, each is tried alone.
	 *
	 * @param \Closure(Channel, list<string>): list<string> $call Gets the names; returns those that are done. The
	 *     others are tried alone.
	 *
	 * @return bool Whether there may be more.
	 */
	public static function runTogether(Channel $channel, string $kind, \Closure $call): bool
	{
		$due = ['uid' => $channel->id, 'state' => 'due', 'next_at <=' => Clock::now()];
		$fresh = self::possible([$kind]) + ['attempts' => 0] + $due;
		$ids = array_column(Table::select('filesync_outbox', $fresh, 'created, id', self::AT_ONCE, 'id'), 'id');
		$others = ['kind' => array_values(array_diff(self::QUICK, [$kind]))] + $due;
		if (count($ids) < 2 || Table::first('filesync_outbox', $others, '', 'id') !== null) {
			return false;
		}
		$mine = self::begin($ids);
		$names = array_column(Table::select('filesync_outbox', $mine, 'created, id', 0, 'name'), 'name');
		try {
			$done = $call($channel, $names);
			Table::delete('filesync_outbox', ['name' => $done] + $mine);
			if (count($done) < count($names)) {
				Table::update('filesync_outbox', ['next_at' => 0, 'reason' => ''], $mine);
			}
		} catch (\Throwable $e) {
			Log::failure("outbox calls $kind", $e);
			// One of them may stop the others, but where all must wait, each alone must too.
			Table::update(
				'filesync_outbox',
				($e instanceof Postponed ? [] : ['next_at' => 0]) + ['reason' => self::reason($e)],
				$mine,
			);

			return false;
		}

		return count($ids) === self::AT_ONCE;
	}

	/**
	 * Returns the next due calls of a kind with short bodies, of the channel whose turn was longest ago: one if other
	 * channels wait too.
	 *
	 * @return list<OutboxRow>
	 */
	public static function next(string $kind, int $most): array
	{
		$due = self::possible([$kind]) + ['state' => 'due', 'next_at <=' => Clock::now()];
		$channels = array_map('intval', array_column(
			Table::select('filesync_outbox', $due, '', 0, 'DISTINCT uid'),
			'uid',
		));

		return (
			$channels
				? Table::select(
					'filesync_outbox',
					['uid' => ServedLast::order($kind, $channels)[0]] + $due,
					'created, id',
					count($channels) > 1 ? 1 : $most,
				)
				: []
		);
	}

	/**
	 * Makes one call, unless another process is making it.
	 *
	 * @param ?Channel  $channel The channel of the row; null if it is gone.
	 * @param OutboxRow $row
	 */
	public static function attempt(?Channel $channel, array $row): void
	{
		$attempts = (int) $row['attempts'] + 1;
		if ($attempts > self::MOST_ATTEMPTS) {
			Table::update('filesync_outbox', ['state' => 'parked'], ['id' => $row['id']]);
			return;
		}
		$mine = ['id' => $row['id'], 'attempts' => $attempts, 'reason' => self::UNDER_WAY . Token::make()];
		Table::update(
			'filesync_outbox',
			['next_at' => Clock::now() + Backoff::rising(60)->seconds($attempts)] + $mine,
			['id' => $row['id'], 'attempts' => (int) $row['attempts'], 'state' => 'due'],
		);
		if (Table::first('filesync_outbox', $mine, '', 'id') && self::isDone($channel, $row, $mine)) {
			Table::delete('filesync_outbox', $mine);
		}
	}

	/**
	 * Makes calls of a channel one after the other, and notes together which were begun and which are done. One that
	 * was tried before is tried alone; so is each of them later if the process is killed.
	 *
	 * @param ?Channel         $channel See attempt().
	 * @param list<OutboxRow>  $rows
	 * @param \Closure(): bool $isOver  Called after each; true leaves the rest for later.
	 */
	public static function attemptEach(?Channel $channel, array $rows, \Closure $isOver): void
	{
		[$fresh, $tried] = [[], []];
		foreach ($rows as $row) {
			(int) $row['attempts'] === 0 ? ($fresh[$row['id']] = $row) : ($tried[] = $row);
		}
		if (count($fresh) < 2) {
			[$fresh, $tried] = [[], $rows];
		}
		$isLate = $fresh !== [] && self::attemptFresh($channel, $fresh, $isOver);
		foreach ($isLate ? [] : $tried as $row) {
			self::attempt($channel, $row);
			if ($isOver()) {
				return;
			}
		}
	}

	/**
	 * @param ?Channel                             $channel See attempt().
	 * @param non-empty-array<string, OutboxRow> $rows    By their ids.
	 * @param \Closure(): bool                     $isOver
	 *
	 * @return bool Whether it is over.
	 */
	private static function attemptFresh(?Channel $channel, array $rows, \Closure $isOver): bool
	{
		$begun = self::begin(array_map(strval(...), array_keys($rows)));
		$left = array_column(Table::select('filesync_outbox', $begun, 'created, id', 0, 'id'), 'id');
		$isLate = false;
		$done = [];
		while (! $isLate && $left !== []) {
			$id = array_shift($left);
			if (self::isDone($channel, $rows[$id], ['id' => $id] + $begun)) {
				$done[] = $id;
			}
			$isLate = $isOver();
		}
		if ($done !== []) {
			Table::delete('filesync_outbox', ['id' => $done] + $begun);
		}
		if ($left !== []) {
			Table::update(
				'filesync_outbox',
				['attempts' => 0, 'next_at' => 0, 'reason' => ''],
				['id' => $left] + $begun,
			);
		}

		return $isLate;
	}

	/**
	 * Begins calls together that were not tried before. Returns what the rows of those say that no other process has
	 * begun.
	 *
	 * @param non-empty-list<string> $ids
	 *
	 * @return array{id: list<string>, attempts: int, reason: string}
	 */
	private static function begin(array $ids): array
	{
		$begun = ['attempts' => 1, 'reason' => self::UNDER_WAY . Token::make()];
		Table::update(
			'filesync_outbox',
			['next_at' => Clock::now() + Backoff::rising(60)->seconds(1)] + $begun,
			['id' => $ids, 'attempts' => 0, 'state' => 'due'],
		);

		return ['id' => $ids] + $begun;
	}

	/**
	 * Makes a call that has begun. Returns whether it is done; if not, its row says how it goes on.
	 *
	 * @param ?Channel             $channel See attempt().
	 * @param OutboxRow            $row
	 * @param array<string, mixed> $mine    What the row says as long as it is this call.
	 */
	private static function isDone(?Channel $channel, array $row, array $mine): bool
	{
		try {
			$rest = FollowUps::call($channel, $row);
			if ($rest === null) {
				return true;
			}
			Table::update(
				'filesync_outbox',
				['body' => $rest, 'attempts' => 0, 'next_at' => 0, 'reason' => ''],
				$mine,
			);
		} catch (Later $e) {
			Table::update(
				'filesync_outbox',
				['attempts' => 0, 'next_at' => Clock::now() + $e->seconds, 'reason' => $e->getMessage()]
				+ ($e->body === null ? [] : ['body' => $e->body]),
				$mine,
			);
		} catch (\Throwable $e) {
			Log::failure('outbox call ' . $row['kind'], $e);
			Table::update(
				'filesync_outbox',
				['reason' => self::reason($e)],
				['id' => $row['id']],
			);
		}

		return false;
	}

	/**
	 * Returns the channels with due calls.
	 *
	 * @return list<int>
	 */
	public static function dueChannels(): array
	{
		$due = Table::select(
			'filesync_outbox',
			['state' => 'due', 'next_at <=' => Clock::now()] + self::possible(),
			'',
			0,
			'DISTINCT uid',
		);

		return array_map('intval', array_column($due, 'uid'));
	}

	private static function reason(\Throwable $e): string
	{
		return get_class($e) . ': ' . $e->getMessage();
	}

	private static function id(int $channelId, string $kind, string $name, string $key): string
	{
		return hash('sha256', "$channelId\n$kind\n$name" . ($key === '' ? '' : "\n$key"));
	}

	/**
	 * Excludes calls of parts that are off; of all kinds also previews, and while the extension is missing the calls
	 * that need it.
	 *
	 * @param list<string> $kinds
	 *
	 * @return array<string, list<string>>
	 */
	private static function possible(array $kinds = []): array
	{
		$off = [];
		foreach (self::PARTS as $part => $waiting) {
			if (! Parts::has($part)) {
				array_push($off, ...$waiting);
			}
		}
		$kinds = $kinds ?: (Runtime::extensionProblem() === null ? [] : self::QUICK);

		return $kinds ? ['kind' => array_values(array_diff($kinds, $off))] : ['kind <>' => ['preview', ...$off]];
	}
}
