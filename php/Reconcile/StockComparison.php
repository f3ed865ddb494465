<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\FileChange;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\OriginApi;
use FileSync\Addon\Hub\OriginFiles;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Revisions;
use FileSync\Addon\Outgoing;
use FileSync\Addon\Packet;
use FileSync\Addon\Queue;
use FileSync\Addon\Refused;
use FileSync\Exception\PermanentException;
use FileSync\Exception\TemporaryException;
use FileSync\Inventory;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Compares a channel's files with those of a clone that does not speak filesync, by the listing of its API. What differs is asked for
 * one by one and taken in as any packet is; what it lacks, or what stands here, is sent as ordinary packets, a few at a time, and only
 * while none waits for that hub.
 */
final class StockComparison
{
	/** States of a run that is compared in this way. */
	public const STATES = ['reading', 'asking', 'sending'];

	private const FETCH_AT_ONCE = 20;
	private const SEND_AT_ONCE = 5;
	private const SEND_SECONDS = 2;
	private const FETCH_SECONDS = 60;
	private const PAGE = 1000;
	private const COLUMNS = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid';
	private const ACCESS = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];

	public function __construct(private readonly array $channel, private readonly Run $run, private readonly bool $isDry = false)
	{
	}

	/**
	 * Works until a moment, or until the run waits for something; true once it is over.
	 *
	 * @throws PeerFailure
	 */
	public function work(float $until, ?\Closure $progress = null): bool
	{
		if (! OriginApi::isAllowed($this->run->peer)) {
			throw new PeerFailure('reading the API of ' . $this->run->peer . ' is forbidden here (dav_allowed)');
		}
		try {
			do {
				$isOver = $this->step($until);
				$progress && $progress($this->run);
			} while ($isOver === false && microtime(true) < $until);
		} catch (PermanentException | TemporaryException $e) {
			// The snapshot is gone or damaged, or their list is too long: from the beginning, later.
			$this->run->save(['state' => 'idle']);
			throw new PeerFailure($e->getMessage());
		} catch (\RuntimeException $e) {
			throw $e instanceof PeerFailure ? $e : new PeerFailure($e->getMessage());
		}

		return $isOver === true;
	}

	/** Does one piece; true: the run is over, null: it waits. */
	private function step(float $until): ?bool
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
					return $this->isDry;
				}
				return false;
		}
	}

	/** Goes on reading the other side's list until a moment; true once it is in the snapshot. */
	private function read(float $until): bool
	{
		$there = $this->run->inventory();
		$cursor = $this->run->position;
		while ($cursor) {
			[$rows, $cursor] = OriginFiles::next($this->channel, $this->run->peer, $cursor);
			foreach ($rows as $row) {
				preg_match(Packet::HASH, $row['hash']) && $there->add($row['hash'], ...self::texts($row));
			}
			if (microtime(true) >= $until) {
				break;
			}
		}
		$this->run->keep();
		$this->run->save(['position' => $cursor ?? []]);

		return ! $cursor;
	}

	/** Lists what is here in native memory, compares it with the snapshot of the other side and notes what differs. */
	private function compare(): void
	{
		$here = new Inventory();
		for ($after = 0; $rows = Table::select('attach', ['uid' => $this->run->uid, 'id >' => $after], 'id', self::PAGE, self::COLUMNS); $after = (int) end($rows)['id']) {
			foreach ($rows as $row) {
				$here->add($row['hash'], ...self::texts($row));
			}
		}
		$there = $this->run->inventory();
		$here->seal();
		$there->seal();
		for ($message = $here->begin(); $message !== null;) {
			$message = $here->advance($there->answer($message));
		}
		$counts = ['missing_here' => 0, 'missing_there' => 0, 'different' => 0, 'conflict' => 0];
		$differ = ['missing_here' => [], 'different' => [], 'missing_there' => []];
		for ($offset = 0; $some = $here->differences($offset, self::PAGE); $offset += self::PAGE) {
			foreach ($some as $one) {
				$counts[Comparison::verdict($one)]++;
				$differ[Comparison::verdict($one)][] = $one['hash'] ?? $there->find($one['key']);
			}
		}
		$this->run->stats = $counts + ['present' => $here->count() - $counts['missing_there'] - $counts['different'], 'entries' => $here->count(), 'rounds' => $here->rounds()] + $this->run->stats;
		$this->run->save(['state' => 'asking', 'stats' => $this->run->stats, 'position' => ['offset' => 0],
			'body' => $differ + ['send' => $differ['missing_there']]]);
	}

	/** Content and metadata as a listing tells them: categories are not among them. */
	private static function texts(array $row): array
	{
		$row += self::ACCESS + ['filename' => '', 'folder' => '', 'filesize' => 0, 'is_dir' => 0, 'edited' => ''];
		$prints = Revisions::prints(['filesize' => min((int) $row['filesize'], FileChange::COLUMN_END)] + $row, []);

		return [$prints['bytes'], $prints['place'] . "\n" . $prints['access']];
	}

	/** Takes some of the files in that are otherwise there. */
	private function fetch(float $until): ?bool
	{
		if (Queue::countWaiting($this->run->uid) > 500) {
			$this->run->save(['next_at' => Config::now() + self::FETCH_SECONDS]);
			return null;
		}
		$offset = $this->run->position['offset'];
		$some = array_slice([...$this->run->body['missing_here'], ...$this->run->body['different']], $offset, self::FETCH_AT_ONCE);
		$taken = 0;
		foreach ($some as $hash) {
			if ($taken && microtime(true) >= $until) {
				break;
			}
			$taken++;
			$entry = OriginFiles::export($this->channel, $this->run->peer, $hash);
			if ($entry && Intake::hashOf($entry) === $hash && Intake::take($this->channel, $this->run->peer, $entry) !== null && $this->isOursAnother($hash, $entry)) {
				$this->run->body['send'][] = $hash;
			}
		}
		$isAll = $taken === count($some) && $taken < self::FETCH_AT_ONCE;
		$this->run->save(['body' => $this->run->body, 'position' => ['offset' => $isAll ? 0 : $offset + $taken], 'state' => $isAll ? 'sending' : 'asking']);

		return false;
	}

	/** Tells whether what stands here now is to be sent: another name, place, access, or other bytes, or that the file was deleted. */
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
		[$ours, $theirs] = [Revisions::prints($own, Revisions::terms($own)), $told ? Revisions::prints($told, $told['term']) : []];
		if (! $theirs) {
			return false;
		}
		$isSamePlace = $own['folder'] === $told['folder'] && FileChange::isNameOrVariant($own['filename'], $told['filename']);

		return ! $isSamePlace || $ours['access'] !== $theirs['access'] || (! $isLive && $ours['bytes'] !== $theirs['bytes'] && (int) $theirs['bytes'] !== FileChange::COLUMN_END);
	}

	/** Sends some of what that hub lacks. */
	private function send(float $until): ?bool
	{
		$send = $this->run->body['send'];
		if (! $send) {
			$this->run->postpone();
			return true;
		}
		if (Clones::isSending($this->channel, Clones::normalise($this->run->peer) ?? $this->run->peer)) {
			$this->run->save(['next_at' => Config::now() + self::SEND_SECONDS]);
			return null;
		}
		for ($sent = $looked = 0; $send && $sent < self::SEND_AT_ONCE && (! $looked || microtime(true) < $until); $looked++) {
			$hash = array_shift($send);
			$own = Store::attach($this->run->uid, $hash);
			$isGone = ! $own && (Revisions::find($this->run->uid, $hash)['state'] ?? '') === 'gone';
			if ($own || $isGone) {
				$isWanted = $isGone === OriginFiles::has($this->channel, $this->run->peer, $hash) || ($own && in_array($hash, $this->run->body['different'], true));
				$isWanted && Outgoing::send($this->channel, $hash, $isGone);
				$sent += (int) $isWanted;
			}
		}
		$this->run->stats['told'] = ($this->run->stats['told'] ?? 0) + $sent;
		$this->run->save(['body' => ['send' => $send] + $this->run->body, 'stats' => $this->run->stats]);

		return false;
	}
}
