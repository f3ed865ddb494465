<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Revisions;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The transfers: one row per channel, hash and photo scale that needs bytes.
 *
 * Every change names the generation, the state and (once leased) the token that it saw, and is read back: whoever was
 * overtaken notices and does nothing. A newer packet raises the generation, except while a row is being published; then it
 * waits in `pending`.
 */
final class Queue
{
	/** States in which the bytes are still to come. */
	public const LIVE = ['staged', 'waiting', 'to_make', 'leased', 'verified', 'publishing'];
	/** States of a photo in which its scales wait for it. */
	private const BLOCKING = [...self::LIVE, 'parked'];
	/** Kinds of parking after which our own bytes are the newest, so that changes of the file are sent again. */
	public const OURS_STAY = ['conflict', 'NotFound'];
	/** Kinds of parking that keep nothing from being told: our bytes stand, or a person is asked whether they do. */
	public const TOLD = [...self::OURS_STAY, Brake::KIND];
	public const LEASE_SECONDS = 180;
	/** The kind of parking that ends by itself once the channel's limit lets the file in. */
	public const TOO_LARGE = 'size_limit';
	private const SIZED = 'id, generation, state, length(entry) + length(pending) + length(names) as text_bytes';
	/** What rows that are leased at once may say together. */
	private const MOST_TEXT_BYTES = 4194304;
	/** The priority of what was found missing: what changes now comes before it. */
	public const LATE = 100;

	/** Returns the row of a transfer, or null. */
	public static function find(int $channelId, string $hash, int $scale): ?array
	{
		return Table::first('filesync_transfer', ['id' => self::id($channelId, $hash, $scale)]);
	}

	/**
	 * Wants the bytes that a packet announced.
	 *
	 * @param array $wanted uid, hash, scale, size_bytes, edited, mimetype, folder, origin, nick, names, entry, base, kind, reason.
	 *   A `kind` parks it at once; the state `to_make` is for Scales; a `priority` of one's own: LATE lets all others go first.
	 *
	 * @return 'staged'|'older'|'again' `older`: what is on its way is newer. `again`: it was published just now; look again.
	 */
	public static function stage(array $wanted): string
	{
		$id = self::id($wanted['uid'], $wanted['hash'], $wanted['scale']);
		for ($try = 0; $try < 5; $try++) {
			$now = Config::now();
			$fresh = $wanted + ['state' => $wanted['kind'] === '' ? 'staged' : 'parked', 'token' => '', 'lease_until' => 0, 'attempts' => 0,
				'next_at' => $now, 'priority' => self::priority($wanted['size_bytes']), 'pending' => '', 'sha256' => '', 'intent' => '',
				'result' => '', 'updated' => $now];
			$old = Table::first('filesync_transfer', ['id' => $id]);
			if (! $old) {
				if (Table::tryInsert('filesync_transfer', ['id' => $id, 'generation' => 1, 'created' => $now] + $fresh)) {
					return 'staged';
				}
				continue;
			}
			$same = self::announcedBytes($old) === $wanted['size_bytes'] && $old['edited'] === $wanted['edited'];
			$live = in_array($old['state'], self::LIVE, true);
			if ($wanted['scale'] > 0 && ($live || $old['state'] === 'parked') && ! $same && FileChange::isOldNews($wanted['edited'], $old['edited'])) {
				return 'older';
			}
			if ($old['state'] === 'published' && $try > 0) {
				return 'again';
			}
			$seen = ['id' => $id, 'generation' => (int) $old['generation'], 'state' => $old['state']];
			if ($old['state'] === 'publishing') {
				$set = ['pending' => json_encode($wanted)];
			} elseif ($live && $same && $wanted['kind'] === '') {
				$set = array_intersect_key($wanted, array_flip(['entry', 'names', 'origin', 'nick', 'folder', 'mimetype']));
			} else {
				$set = ['generation' => (int) $old['generation'] + 1] + $fresh;
			}
			Table::update('filesync_transfer', $set, $seen);
			$now = Table::first('filesync_transfer', ['id' => $id]);
			if ($now && ! array_diff_assoc(array_map('strval', $set), array_map('strval', $now))) {
				if (isset($set['generation'])) {
					self::removePartial($old);
				}
				return 'staged';
			}
		}
		throw new Postponed('the transfer is changed by many at once', true);
	}

	/** Tells whether a transfer's bytes are to replace ours one day. */
	public static function isWanted(?array $transfer): bool
	{
		return $transfer && in_array($transfer['state'], self::BLOCKING, true) && ! ($transfer['state'] === 'parked' && in_array($transfer['kind'], self::OURS_STAY, true));
	}

	/** Gives what is on its way for a file the name, place, access and categories that were accepted since. */
	public static function amend(int $channelId, string $hash, array $row, array $folders, string $owner): void
	{
		foreach (array_column(Table::select('filesync_transfer', ['uid' => $channelId, 'hash' => $hash, 'state' => self::BLOCKING], '', 0, 'id'), 'id') as $id) {
			$transfer = Table::first('filesync_transfer', ['id' => $id, 'state' => self::BLOCKING], '', 'scale, entry, pending');
			if (! $transfer) {
				continue;
			}
			$set = ['folder' => $row['folder']];
			foreach (['entry', 'pending'] as $column) {
				$body = json_decode($transfer[$column], true);
				$entry = $column === 'pending' && $body ? json_decode($body['entry'], true) : $body;
				if (! $entry) {
					continue;
				}
				$entry = (int) $transfer['scale'] > 0 ? ScaleEntry::amended($entry, $row) : self::amended($entry, $row, $folders, $owner);
				$set[$column] = json_encode($column === 'pending' ? ['entry' => json_encode($entry), 'folder' => $row['folder']] + $body : $entry);
			}
			Table::update('filesync_transfer', $set, ['id' => $id]);
		}
	}

	private static function amended(array $entry, array $row, array $folders, string $owner): array
	{
		$entry['attach'] = $row + $entry['attach'];
		$entry['photo'] = $entry['photo'] ? Access::narrower($entry['photo'], $row, $owner) + $entry['photo'] : null;
		$last = end($folders);
		if (($last['hash'] ?? '') === $row['folder']) {
			$entry['folders'] = $folders;
		}

		return $entry;
	}

	/**
	 * Leases due transfers of one channel.
	 *
	 * @return list<array>
	 */
	public static function claim(int $channelId, string $token, int $most): array
	{
		do {
			$now = Config::now();
			$due = Table::select('filesync_transfer', ['uid' => $channelId, 'state' => ['staged', 'waiting'], 'next_at <=' => $now],
				'priority, next_at, created', $most, self::SIZED);
			$due = self::first($due);
			foreach ($due as $row) {
				Table::update('filesync_transfer', ['state' => 'leased', 'token' => $token, 'lease_until' => $now + self::LEASE_SECONDS, 'updated' => $now],
					['id' => $row['id'], 'generation' => (int) $row['generation'], 'state' => $row['state']]);
			}
			$mine = $due ? Table::select('filesync_transfer', ['id' => array_column($due, 'id'), 'state' => 'leased', 'token' => $token], 'priority, next_at, created') : [];
			$free = self::withoutHeld($channelId, $mine);
		} while ($mine && ! $free);

		return $free;
	}

	/** Leaves out, and gives back, what may not displace what is here now. */
	private static function withoutHeld(int $channelId, array $rows): array
	{
		$channel = $rows ? Clones::channel($channelId) : null;

		return array_values(array_filter($rows, function ($row) use ($channel) {
			$reason = $channel ? Brake::hold($channel, $row) : null;
			if ($reason !== null) {
				self::park($row, Brake::KIND, $reason);
			} elseif ($channel && Brake::mustSpareDisk($channel, $row)) {
				self::advance($row, 'leased', 'waiting', ['token' => '', 'lease_until' => 0, 'kind' => 'Storage', 'reason' => 'what it replaces is kept, and the disk is nearly full',
					'next_at' => Config::now() + max(60, Config::number('storage_pause_seconds'))]);
			} else {
				return true;
			}

			return false;
		}));
	}

	/**
	 * Leases the scales of a channel that can be made now: what they are made of is not on its way any more.
	 *
	 * @return list<array>
	 */
	public static function claimToMake(int $channelId, string $token, int $most): array
	{
		$now = Config::now();
		$due = Table::select(self::withSource(), ['t.uid' => $channelId, 't.state' => 'to_make', 't.next_at <=' => $now, "coalesce(f.id,'')" => ''], 't.created, t.hash, t.scale', $most, 't.id, t.generation, length(t.entry) as text_bytes');
		$due = self::first($due);
		foreach ($due as $row) {
			Table::update('filesync_transfer', ['state' => 'leased', 'token' => $token, 'lease_until' => $now + self::LEASE_SECONDS, 'updated' => $now],
				['id' => $row['id'], 'generation' => (int) $row['generation'], 'state' => 'to_make']);
		}

		return $due ? Table::select('filesync_transfer', ['id' => array_column($due, 'id'), 'state' => 'leased', 'token' => $token], 'created, hash, scale') : [];
	}

	/** Returns the first of some rows, as many as fit into memory together: at least one. */
	private static function first(array $due): array
	{
		$bytes = 0;
		foreach ($due as $n => $row) {
			$bytes += (int) $row['text_bytes'];
			if ($n > 0 && $bytes > self::MOST_TEXT_BYTES) {
				return array_slice($due, 0, $n);
			}
		}

		return $due;
	}

	/** Moves the deadline of all that a worker leased. Returns id => generation of what it still holds. */
	public static function heartbeat(string $token): array
	{
		$where = ['token' => $token, 'state' => ['leased', 'verified', 'publishing']];
		Table::update('filesync_transfer', ['lease_until' => Config::now() + self::LEASE_SECONDS], $where);

		return array_map('intval', array_column(Table::select('filesync_transfer', $where, '', 0, 'id, generation'), 'generation', 'id'));
	}

	/** Moves a row to another state if nobody overtook us; returns the row as it is then, or null. */
	public static function advance(array $row, string $from, string $to, array $set = []): ?array
	{
		$set += ['state' => $to, 'updated' => Config::now()];
		$where = ['id' => $row['id'], 'generation' => (int) $row['generation'], 'token' => $row['token'], 'state' => $from];
		Table::update('filesync_transfer', $set, $where);
		$now = Table::first('filesync_transfer', ['id' => $row['id'], 'generation' => (int) $row['generation'], 'token' => $set['token'] ?? $row['token'], 'state' => $to]);

		return $now && (! isset($set['intent']) || $now['intent'] === $set['intent']) ? $now : null;
	}

	/** Puts a transfer back for later after a failure that will pass. */
	public static function retryLater(array $row, string $kind, string $reason, ?int $retryAfter): void
	{
		$attempts = (int) $row['attempts'] + 1;
		if ($kind === 'Corrupt' && $attempts >= Config::number('corrupt_attempts')) {
			self::park($row, $kind, $reason);
			return;
		}
		self::advance($row, $row['state'], 'waiting', ['token' => '', 'lease_until' => 0, 'attempts' => $attempts,
			'next_at' => Config::now() + self::wait($attempts, $retryAfter), 'kind' => $kind, 'reason' => $reason, 'intent' => '']);
	}

	private static function wait(int $attempts, ?int $retryAfter = null): int
	{
		// Who says when to come back is believed, at first even if that is soon.
		$first = min(Config::number('retry_first_seconds'), $retryAfter === null ? PHP_INT_MAX : max(1, $retryAfter));
		$wait = (int) min(Config::number('retry_most_seconds'), $first * 2 ** min($attempts - 1, 20));
		$wait += random_int(0, intdiv($wait, 4));

		return max($wait, min($retryAfter ?? 0, 86400));
	}

	/** Notes how many bytes a hub has of what its packet said less of, so that room for all of them is looked for: at once, and later each time that they are more. */
	public static function restate(array $row, int $bytes, string $kind, string $reason): void
	{
		$attempts = (int) $row['attempts'] + (self::announcedBytes($row) === (int) $row['size_bytes'] ? 0 : 1);
		self::advance($row, $row['state'], 'waiting', ['token' => '', 'lease_until' => 0, 'attempts' => $attempts, 'next_at' => Config::now() + ($attempts > (int) $row['attempts'] ? self::wait($attempts) : 0),
			'size_bytes' => $bytes, 'priority' => max((int) $row['priority'], self::priority($bytes)), 'result' => json_encode(['announced_bytes' => self::announcedBytes($row)]),
			'kind' => $kind, 'reason' => $reason, 'intent' => '']);
	}

	/** Returns the size of which a transfer's packet told; a hub may have stated more since. */
	public static function announcedBytes(array $row): int
	{
		return (int) (json_decode($row['result'], true)['announced_bytes'] ?? $row['size_bytes']);
	}

	/** Sets a transfer aside until a person, another packet or another source brings it back. False if we were overtaken. */
	public static function park(array $row, string $kind, string $reason, array $set = []): bool
	{
		if ($kind === 'NotFound' && (int) $row['scale'] === 0 && Revisions::buryAgain((int) $row['uid'], $row['hash'])) {
			$isDropped = self::advance($row, $row['state'], 'dropped', ['token' => '', 'lease_until' => 0, 'reason' => $reason]) !== null;
			$isDropped && self::dropScales((int) $row['uid'], $row['hash']);

			return $isDropped;
		}
		$isParked = self::advance($row, $row['state'], 'parked', $set + ['token' => '', 'lease_until' => 0, 'kind' => $kind, 'reason' => $reason, 'intent' => '']) !== null;
		if ($isParked && in_array($kind, self::OURS_STAY, true)) {
			Outbox::release((int) $row['uid'], $row['hash']);
		}

		return $isParked;
	}

	/** Brings back what was too large for its channel and is so no longer. */
	public static function releaseFitting(): void
	{
		$parked = ['state' => 'parked', 'kind' => self::TOO_LARGE];
		foreach (array_column(Table::select('filesync_transfer', $parked, '', 0, 'DISTINCT uid'), 'uid') as $channelId) {
			$limit = Config::numberFor('file_max_bytes', (int) $channelId);
			$fits = $limit ? ['scale' => 0, 'size_bytes <=' => $limit] : [];
			$hashes = array_column(Table::select('filesync_transfer', ['uid' => (int) $channelId] + $parked + $fits, '', 0, 'DISTINCT hash'), 'hash');
			foreach (array_chunk($hashes, 200) as $some) {
				Table::update('filesync_transfer', ['state' => 'staged', 'kind' => '', 'reason' => '', 'next_at' => Config::now(), 'updated' => Config::now()],
					['uid' => (int) $channelId, 'hash' => $some] + $parked);
			}
		}
	}

	/**
	 * Takes a row over from a worker that died while publishing it, or only sleeps; returns the row as it is then, or null.
	 *
	 * The generation rises. The caller gives the partial file the name that goes with it: none that the other knows leads to it then.
	 */
	public static function takeOver(array $row, string $token): ?array
	{
		$set = ['generation' => (int) $row['generation'] + 1, 'token' => $token, 'lease_until' => Config::now() + self::LEASE_SECONDS];
		Table::update('filesync_transfer', $set, ['id' => $row['id'], 'generation' => (int) $row['generation'], 'token' => $row['token'], 'state' => 'publishing']);

		return Table::first('filesync_transfer', ['id' => $row['id'], 'generation' => $set['generation'], 'token' => $token, 'state' => 'publishing']);
	}

	/** Tells whether a row that carries a worker's token is still that worker's. */
	public static function isHeld(array $row): bool
	{
		return (self::heartbeat($row['token'])[$row['id']] ?? null) === (int) $row['generation'];
	}

	/** Stops all transfers of this hub for a while: its disk is full or fails. */
	public static function pause(string $reason): void
	{
		Config::set('storage_paused_until', (string) (Config::now() + Config::number('storage_pause_seconds')), 'state');
		Config::set('storage_paused_reason', $reason, 'state');
		Config::log('transfers pause: ' . $reason);
	}

	/** Returns until when transfers pause, 0 if they do not. */
	public static function pausedUntil(): int
	{
		$until = Config::number('storage_paused_until', 'state');

		// Further away than a pause is long: the clock was ahead.
		return $until > Config::now() && $until <= Config::now() + max(3600, Config::number('storage_pause_seconds')) ? $until : 0;
	}

	/** Gives unfinished transfers back, or only one; that is no failed attempt. */
	public static function release(string $token, ?string $id = null, int $nextAt = 0): void
	{
		Table::update('filesync_transfer', ['state' => 'staged', 'token' => '', 'lease_until' => 0, 'next_at' => $nextAt, 'updated' => Config::now()],
			['token' => $token, 'state' => 'leased'] + ($id === null ? [] : ['id' => $id]));
	}

	/** Gives back what dead workers held. What was being published is not touched: Publish::recover looks at it. */
	public static function recoverLeases(): void
	{
		// Further away than any that we give: the clock was ahead.
		Table::update('filesync_transfer', ['lease_until' => 0], ['lease_until >' => Config::now() + 10 * self::LEASE_SECONDS]);
		Table::update('filesync_transfer', ['state' => 'staged', 'token' => '', 'lease_until' => 0],
			['state' => 'leased', 'lease_until <' => Config::now()]);
	}

	/** Forgets the transfers of a file and removes what arrived. */
	public static function drop(int $channelId, string $hash): void
	{
		foreach (Table::select('filesync_transfer', ['uid' => $channelId, 'hash' => $hash], '', 0, 'id, uid, hash, scale, generation, state') as $row) {
			if ($row['state'] === 'publishing') {
				throw new Postponed('the file is being published', true);
			}
			Table::delete('filesync_transfer', ['id' => $row['id']]);
			self::removePartial($row);
		}
	}

	/** Ends a transfer whose bytes are not wanted any more: what is here stands, and may be told. */
	public static function giveUp(array $row): void
	{
		if (self::advance($row, $row['state'], 'dropped', ['token' => '', 'lease_until' => 0])) {
			self::removePartial($row);
			self::dropScales((int) $row['uid'], $row['hash']);
			Outbox::release((int) $row['uid'], $row['hash']);
		}
	}

	/** Forgets the scales of a photo that are not wanted any more because the photo is not. */
	public static function dropScales(int $channelId, string $hash): void
	{
		foreach (Table::select('filesync_transfer', ['uid' => $channelId, 'hash' => $hash, 'scale >' => 0, 'state' => ['staged', 'waiting', 'to_make', 'leased', 'verified']], '', 0, 'id, uid, hash, scale, generation') as $row) {
			Table::delete('filesync_transfer', ['id' => $row['id'], 'state' => ['staged', 'waiting', 'to_make', 'leased', 'verified']]);
			self::removePartial($row);
		}
	}

	/** Returns how many transfers of a channel that were found missing wait for their turn. */
	public static function countWaiting(int $channelId): int
	{
		return Table::count('filesync_transfer', ['uid' => $channelId, 'state' => ['staged', 'waiting'], 'priority' => self::LATE]);
	}

	/** Tells whether a file has bytes on their way. */
	public static function isLive(int $channelId, string $hash): bool
	{
		return Table::first('filesync_transfer', ['uid' => $channelId, 'hash' => $hash, 'state' => self::LIVE], '', 'id') !== null;
	}

	/** Returns the channels that have something to fetch or publish now. */
	public static function dueChannels(): array
	{
		$now = Config::now();
		$due = Table::select('filesync_transfer', ['state' => ['staged', 'waiting'], 'next_at <=' => $now], '', 0, 'DISTINCT uid');
		$lost = Table::select('filesync_transfer', ['state' => ['leased', 'publishing'], 'lease_until <' => $now], '', 0, 'DISTINCT uid');


		return array_values(array_unique([...array_map('intval', array_column([...$due, ...$lost], 'uid')), ...self::channelsToPublish($now), ...self::channelsToMake($now)]));
	}

	/** Returns the channels that have scales to make of what is here. */
	public static function channelsToMake(int $now): array
	{
		$due = Table::select(self::withSource(), ['t.state' => 'to_make', 't.next_at <=' => $now, "coalesce(f.id,'')" => ''], '', 0, 'DISTINCT t.uid');

		return array_map('intval', array_column($due, 'uid'));
	}

	/** Returns the channels that have verified bytes whose turn has come and that nobody is publishing. */
	public static function channelsToPublish(int $now): array
	{
		$whole = ['t.state' => 'verified', 't.lease_until <' => $now, 't.next_at <=' => $now];
		$files = Table::select('filesync_transfer t', $whole + ['t.scale' => 0], '', 0, 'DISTINCT t.uid');
		$scales = Table::select(self::withBlocker('0'), $whole + ['t.scale >' => 0, "coalesce(f.id,'')" => ''], '', 0, 'DISTINCT t.uid');

		return array_map('intval', array_column([...$files, ...$scales], 'uid'));
	}

	/** Returns the tables that give a scale `t` together with the transfer `f` of what it is made of, if that is still to come. */
	private static function withSource(): string
	{
		return self::withBlocker('CASE WHEN t.scale < 4 THEN 0 WHEN t.scale < 7 THEN 4 ELSE 7 END');
	}

	/** Returns a table together with the transfers `t`, under way or stuck on it, that keep a file of its rows from being told of. */
	public static function withholding(string $table, string $channel, string $hash): string
	{
		return "$table LEFT JOIN filesync_transfer t ON t.uid = $channel AND t.hash = $hash AND (t.state IN ('" . implode("', '", self::LIVE) . "')"
			. " OR (t.state = 'parked' AND t.kind NOT IN ('" . implode("', '", self::TOLD) . "')))";
	}

	private static function withBlocker(string $scale): string
	{
		return "filesync_transfer t LEFT JOIN filesync_transfer f ON f.uid = t.uid AND f.hash = t.hash AND f.scale = $scale AND f.state IN ('" . implode("', '", self::BLOCKING) . "')";
	}

	/** Tells whether a verified row's turn has come: the scales of a photo wait for the photo. */
	public static function mayPublish(array $row): bool
	{
		$file = (int) $row['scale'] > 0 ? self::find((int) $row['uid'], $row['hash'], 0) : null;

		return ! $file || ! in_array($file['state'], self::BLOCKING, true);
	}

	/** Returns when the next retry of anything is due, or null if nothing waits. */
	public static function nextDue(): ?int
	{
		$row = Table::first('filesync_transfer', ['state' => ['staged', 'waiting']], '', 'min(next_at) as next_at');

		return isset($row['next_at']) ? (int) $row['next_at'] : null;
	}

	/** Returns the base name of a transfer's partial file. */
	public static function partialName(array $row): string
	{
		return $row['hash'] . '-' . (int) $row['scale'] . '.' . (int) $row['generation'];
	}

	/** Removes what arrived of a transfer, or only the notes about it. */
	public static function removePartial(array $row, bool $onlyNotes = false): void
	{
		$base = Store::dataRoot((int) $row['uid']) . '/' . self::partialName($row);
		foreach ($onlyNotes ? ['.index'] : ['.partial', '.index'] as $end) {
			if (is_file($base . $end)) {
				@unlink($base . $end);
			}
		}
	}

	/** Removes what arrived of a generation that is over. One that only another worker holds now is left to it. */
	public static function removeOvertaken(array $row): void
	{
		$now = Table::first('filesync_transfer', ['id' => $row['id']], '', 'generation');
		if (! $now || (int) $now['generation'] !== (int) $row['generation']) {
			self::removePartial($row);
		}
	}

	/** Small files first: the exponent of the size in MiB. */
	private static function priority(int $sizeBytes): int
	{
		return (int) ceil(log(max(1, $sizeBytes / 1048576), 2));
	}

	private static function id(int $channelId, string $hash, int $scale): string
	{
		return hash('sha256', "$channelId\n$hash\n$scale");
	}
}
