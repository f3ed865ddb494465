<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\OriginApi;
use FileSync\Addon\Hub\OriginFiles;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\PeerFailure;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Receive\WaitingDeletes;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Transfer\Queue;
use FileSync\Exception\PermanentException;
use FileSync\Exception\TemporaryException;
use FileSync\Inventory;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Compares a channel's files with those of a clone that does not speak filesync, through the listing of its API.
 * Differing files are requested one by one and applied like packets; files that the clone lacks, or whose version here
 * wins, are sent as ordinary packets, a few at a time, and only while none waits for that hub.
 */
final class StockComparison
{
	/** States of a run of this kind. */
	public const STATES = ['reading', 'asking', 'sending'];

	private const FETCH_AT_ONCE = 20;
	/** The maximum of noted hashes to send: beyond that they are sent first. */
	private const MOST_NOTED = 500;
	private const SEND_AT_ONCE = 5;
	private const SEND_SECONDS = 2;
	private const FETCH_SECONDS = 60;
	private const PAGE = 1000;
	private const COLUMNS = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid';
	private const ACCESS = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];

	public function __construct(
		private readonly Channel $channel,
		private readonly Run $run,
		private readonly bool $isDry = false,
	) {}

	/**
	 * Works until a deadline, or until the run has to wait; true once it is over.
	 *
	 * @throws PeerFailure
	 */
	public function work(float $until, ?\Closure $progress = null): bool
	{
		if (isset($this->run->body['missing_here'])) {
			// An earlier version noted all differences in the row.
			$this->run->save(['state' => 'idle', 'body' => []]);
		}
		if (! OriginApi::isAllowed($this->run->peer)) {
			throw new PeerFailure('reading the API of ' . $this->run->peer . ' is forbidden here (dav_allowed)');
		}
		try {
			do {
				$step = $this->step($until);
				if ($progress) {
					$progress($this->run);
				}
			} while ($step === Step::GoesOn && Clock::exact() < $until);
		} catch (PermanentException|TemporaryException $e) {
			// The snapshot is gone or damaged, or the other list is too long: start over later.
			$this->run->save(['state' => 'idle']);
			throw new PeerFailure($e->getMessage());
		} catch (\RuntimeException $e) {
			throw $e instanceof PeerFailure ? $e : new PeerFailure($e->getMessage());
		}

		return $step === Step::Over;
	}

	/** Does one step. */
	private function step(float $until): Step
	{
		switch ($this->run->state) {
			case 'asking':
				return $this->fetch($until);
			case 'sending':
				return $this->send($until);
			default:
				$this->run->beginReading(OriginFiles::BEGIN);
			// no break
			case 'reading':
				if ($this->read($until)) {
					$this->compare();
					return $this->isDry ? Step::Over : Step::GoesOn;
				}
				return Step::GoesOn;
		}
	}

	/** Continues reading the other clone's list until a deadline; true once it is in the snapshot. */
	private function read(float $until): bool
	{
		$there = $this->run->inventory();
		$cursor = $this->run->position;
		while ($cursor) {
			[$rows, $cursor] = OriginFiles::next($this->channel, $this->run->peer, $cursor);
			foreach ($rows as $row) {
				if (preg_match(Bounds::HASH, $row['hash'])) {
					$there->add($row['hash'], ...self::texts($row));
				}
			}
			if (Clock::exact() >= $until) {
				break;
			}
		}
		$this->run->keep();
		$this->run->save(['position' => $cursor ?? []]);

		return ! $cursor;
	}

	/**
	 * Lists our files in native memory and compares the other clone's snapshot with the list. The differences stay with
	 * the snapshot, and are read a page at a time.
	 */
	private function compare(): void
	{
		$here = new Inventory();
		foreach (Table::each('attach', ['uid' => $this->run->uid], self::PAGE, self::COLUMNS) as $row) {
			$here->add($row['hash'], ...self::texts($row));
		}
		$there = $this->run->inventory();
		$here->seal();
		$there->seal();
		for ($message = $there->begin(); $message !== null;) {
			$message = $there->advance($here->answer($message));
		}
		$this->run->keep();
		$counts = ['missing_here' => 0, 'missing_there' => 0, 'different' => 0, 'conflict' => 0];
		foreach ($this->run->differences() as $one) {
			$counts[self::verdict($one)]++;
		}
		$this->run->stats =
			$counts
			+ [
				'present' => $here->count() - $counts['missing_there'] - $counts['different'],
				'entries' => $here->count(),
				'rounds' => $there->rounds(),
			]
			+ $this->run->stats;
		$this->run->save([
			'state' => 'asking',
			'stats' => $this->run->stats,
			'position' => ['offset' => 0],
			'body' => ['send' => []],
		]);
	}

	/** Returns how a file differs; the snapshot belongs to the other clone. */
	private static function verdict(array $difference): string
	{
		return Comparison::verdict(['here' => $difference['there'], 'there' => $difference['here']]);
	}

	/** Returns the differences, for people, once they are known. */
	public static function differences(Run $run): \Generator
	{
		foreach ($run->differences() as $one) {
			if (self::verdict($one) !== 'missing_there') {
				yield ['hash' => $one['hash'], 'verdict' => self::verdict($one)];
			}
		}
		for ($after = 0; $some = self::lacking($run, $after);) {
			foreach ($some as $hash) {
				yield ['hash' => $hash, 'verdict' => 'missing_there'];
			}
		}
	}

	/** Returns some of our files that the other clone's list lacks; `$after` is the position for continuing. */
	private static function lacking(Run $run, int &$after): array
	{
		do {
			$rows = Table::select('attach', ['uid' => $run->uid, 'id >' => $after], 'id', self::PAGE, 'id, hash');
			$after = $rows ? (int) end($rows)['id'] : $after;
			$lacking = array_filter(
				array_column($rows, 'hash'),
				fn ($hash) => $run->inventory()->find(substr(Inventory::id($hash, '', ''), 0, 16)) === null,
			);
		} while ($rows && ! $lacking);

		return array_values($lacking);
	}

	/** Returns content and metadata as in a listing, which has no categories. */
	private static function texts(array $row): array
	{
		$row += self::ACCESS + ['filename' => '', 'folder' => '', 'filesize' => 0, 'is_dir' => 0, 'edited' => ''];
		$prints = Revisions::prints(['filesize' => min((int) $row['filesize'], Bounds::COLUMN_END)] + $row, []);

		return [$prints['bytes'], $prints['place'] . "\n" . $prints['access']];
	}

	/** Applies some of the other clone's differing files. */
	private function fetch(float $until): Step
	{
		if (Queue::countWaiting($this->run->uid) > 500) {
			$this->run->save(['next_at' => Clock::now() + self::FETCH_SECONDS]);
			return Step::Waits;
		}
		$offset = $this->run->position['offset'];
		$some = $this->run->inventory()->differences($offset, self::PAGE);
		$asked = 0;
		foreach ($some as $one) {
			if ($asked && ($asked >= self::FETCH_AT_ONCE || Clock::exact() >= $until)) {
				break;
			}
			$offset++;
			$verdict = self::verdict($one);
			if ($verdict === 'missing_there') {
				continue;
			}
			$asked++;
			$entry = OriginFiles::export($this->channel, $this->run->peer, $one['hash']);
			if (
				$entry
				&& Intake::hashOf($entry) === $one['hash']
				&& Intake::take($this->channel, $this->run->peer, $entry) !== null
				&& $this->isOursAnother($one['hash'], $entry)
			) {
				$this->run->body['send'][] = [$one['hash'], $verdict === 'different'];
			}
		}
		$isFull = count($this->run->body['send']) >= self::MOST_NOTED;
		$this->run->save([
			'body' => $this->run->body,
			'position' => $some ? ['offset' => $offset] : ['after' => 0],
			'state' => $some && ! $isFull ? 'asking' : 'sending',
		]);

		return Step::GoesOn;
	}

	/**
	 * Tells whether our present state must be sent: it has another name, folder, access or other bytes, or the file was
	 * deleted.
	 */
	private function isOursAnother(string $hash, array $entry): bool
	{
		$own = Store::attach($this->run->uid, $hash);
		$isLive = Queue::isLive($this->run->uid, $hash);
		if (! $own) {
			return ! $isLive && (Revisions::find($this->run->uid, $hash)['state'] ?? '') === 'gone';
		}
		try {
			$told = Packet::read($entry)->last;
		} catch (Refused) {
			return false;
		}
		[$ours, $theirs] = [
			Revisions::prints($own, Revisions::terms($own)),
			$told ? Revisions::prints($told, $told['term']) : [],
		];
		if (! $theirs) {
			return false;
		}
		$isSamePlace =
			$own['folder'] === $told['folder'] && AttachRow::isNameOrVariant($own['filename'], $told['filename']);

		return (
			! $isSamePlace
			|| $ours['access'] !== $theirs['access']
			|| (! $isLive && $ours['bytes'] !== $theirs['bytes'] && (int) $theirs['bytes'] !== Bounds::COLUMN_END)
		);
	}

	/** Sends some files that the hub lacks; once all noted ones are sent, notes more, or continues asking. */
	private function send(float $until): Step
	{
		$send = $this->run->body['send'];
		if (! $send) {
			return $this->noteMore();
		}
		if (Clones::isSending($this->channel, Clones::normalise($this->run->peer) ?? $this->run->peer)) {
			$this->run->save(['next_at' => Clock::now() + self::SEND_SECONDS]);
			return Step::Waits;
		}
		$going = WaitingDeletes::of($this->run->uid);
		for (
			$sent = $looked = 0;
			$send && $sent < self::SEND_AT_ONCE && (! $looked || Clock::exact() < $until);
			$looked++
		) {
			[$hash, $isDifferent] = array_shift($send);
			if (isset($going[$hash])) {
				continue;
			}
			$own = Store::attach($this->run->uid, $hash);
			$isGone = ! $own && (Revisions::find($this->run->uid, $hash)['state'] ?? '') === 'gone';
			if ($own || $isGone) {
				$isWanted =
					$isGone === OriginFiles::has($this->channel, $this->run->peer, $hash) || ($own && $isDifferent);
				if ($isWanted) {
					Announcement::send($this->channel, $hash, $isGone);
				}
				$sent += (int) $isWanted;
			}
		}
		$this->run->stats['told'] = ($this->run->stats['told'] ?? 0) + $sent;
		$this->run->save(['body' => ['send' => $send] + $this->run->body, 'stats' => $this->run->stats]);

		return Step::GoesOn;
	}

	private function noteMore(): Step
	{
		if (isset($this->run->position['offset'])) {
			$this->run->save(['state' => 'asking']);
			return Step::GoesOn;
		}
		$after = $this->run->position['after'];
		$lacking = self::lacking($this->run, $after);
		if (! $lacking) {
			$this->run->postpone();
			return Step::Over;
		}
		$this->run->save([
			'position' => ['after' => $after],
			'body' => ['send' => array_map(fn ($hash) => [$hash, false], $lacking)],
		]);

		return Step::GoesOn;
	}
}
