<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A key that the owner of a channel made for a program: table filesync_door_key, which has no key but its digest.
 *
 * A restore key begins one restore within seven days, and goes on with it as long as that lives; it reads nothing. A
 * backup key reads the channel's files and their posts until nobody has used it for a year; it writes nothing. The
 * password of a drop box is a key too, the only one of its kind: it begins a restore within seven days, and ends with
 * that. A pass reads the whole channel; whoever logs in and says the account's password gets one, which nobody keeps.
 * So does whoever brings a channel to this hub: that pass is of an account, and of no channel.
 *
 * @import-type DoorKeyRow from \FileSync\Addon\Hub\Rows
 */
final class Key
{
	public const RESTORE = 'restore';
	public const BACKUP = 'backup';
	public const BOX = 'box';
	public const PASS = 'pass';
	public const CREATE = 'create';
	/** How long each lives at most: a backup key from its last use, every other one from when it was made. */
	public const LIFE_SECONDS = [
		self::RESTORE => 7 * 86400,
		self::BACKUP => 365 * 86400,
		self::BOX => 7 * 86400,
		self::PASS => 12 * 3600,
		self::CREATE => 12 * 3600,
	];
	/**
	 * A pass ends when nobody has used it for so long. The private key is given or taken for no longer after the
	 * password.
	 */
	public const PASS_SECONDS = 600;
	/** A channel has no more at once. */
	public const MOST = 20;
	private const FORM = '/^(fs[rbpc])_([0-9a-f]{16})_([0-9a-f]{64})$/D';
	private const PREFIX = [self::RESTORE => 'fsr', self::BACKUP => 'fsb', self::PASS => 'fsp', self::CREATE => 'fsc'];
	/** Of a password, which people may type: half as many as in other keys, 128 bits. */
	private const BOX_BYTES = 16;

	private function __construct(
		/** Names it; no secret. */
		public readonly string $id,
		public readonly int $channelId,
		/** Of a pass that is of no channel. */
		public readonly int $accountId,
		public readonly string $kind,
		/** What it began; empty: nothing yet. */
		public readonly string $session,
		public readonly int $created,
		public readonly int $expires,
		/** 0: never. */
		public readonly int $usedAt,
		public readonly string $usedFrom,
		private readonly int $requests,
	) {}

	/**
	 * Makes one, and returns its text, which nobody can see again; null if the channel has too many.
	 *
	 * A pass takes the place of the channel's earlier one.
	 *
	 * @param self::RESTORE|self::BACKUP|self::PASS $kind
	 */
	public static function make(int $channelId, string $kind = self::RESTORE): ?string
	{
		self::prune();
		if ($kind === self::PASS) {
			Table::delete('filesync_door_key', ['uid' => $channelId, 'kind' => self::PASS]);
		} elseif (Table::count('filesync_door_key', ['uid' => $channelId]) >= self::MOST) {
			return null;
		}

		return self::insert($kind, $kind === self::PASS ? self::PASS_SECONDS : self::LIFE_SECONDS[$kind], $channelId);
	}

	/** Makes the pass of an account, in place of an earlier one, and returns its text, which nobody can see again. */
	public static function makeForAccount(int $accountId): string
	{
		self::prune();
		Table::delete('filesync_door_key', ['aid' => $accountId, 'kind' => self::CREATE]);

		return self::insert(self::CREATE, self::PASS_SECONDS, 0, $accountId);
	}

	/** @param self::RESTORE|self::BACKUP|self::PASS|self::CREATE $kind */
	private static function insert(string $kind, int $seconds, int $channelId, int $accountId = 0): string
	{
		[$id, $secret, $now] = [bin2hex(random_bytes(8)), bin2hex(random_bytes(32)), Clock::now()];
		Table::insert('filesync_door_key', [
			'id' => $id,
			'uid' => $channelId,
			'aid' => $accountId,
			'kind' => $kind,
			'digest' => hash('sha256', $secret),
			'session' => '',
			'created' => $now,
			'expires' => $now + $seconds,
			'used_at' => 0,
			'used_from' => '',
			'requests' => 0,
		]);

		return self::PREFIX[$kind] . "_{$id}_$secret";
	}

	/**
	 * Returns how long a pass is good, for whoever gets one.
	 *
	 * @param self::PASS|self::CREATE $kind
	 *
	 * @return array<string, int>
	 */
	public static function terms(string $kind): array
	{
		return [
			'identity_seconds' => self::PASS_SECONDS,
			'idle_seconds' => self::PASS_SECONDS,
			'seconds' => self::LIFE_SECONDS[$kind],
		];
	}

	/**
	 * Makes the password of a channel's drop box, which nobody can see again. It takes the place of an earlier one,
	 * and goes on with what that began; null if the channel has too many keys.
	 */
	public static function makeBox(int $channelId): ?string
	{
		self::prune();
		$before = self::ofBox($channelId);
		if (! $before && Table::count('filesync_door_key', ['uid' => $channelId]) >= self::MOST) {
			return null;
		}
		[$secret, $now] = [bin2hex(random_bytes(self::BOX_BYTES)), Clock::now()];
		Table::delete('filesync_door_key', ['uid' => $channelId, 'kind' => self::BOX]);
		Table::insert('filesync_door_key', [
			'id' => bin2hex(random_bytes(8)),
			'uid' => $channelId,
			'kind' => self::BOX,
			'digest' => hash('sha256', $secret),
			'session' => $before->session ?? '',
			'created' => $now,
			'expires' => $now + self::LIFE_SECONDS[self::BOX],
			'used_at' => 0,
			'used_from' => '',
			'requests' => 0,
		]);

		return $secret;
	}

	/** Returns the key of a channel's drop box, or null. */
	public static function ofBox(int $channelId): ?self
	{
		$row = Table::first('filesync_door_key', ['uid' => $channelId, 'kind' => self::BOX], 'created DESC, id');
		$key = $row ? self::read($row) : null;

		return $key && ! $key->isOver() ? $key : null;
	}

	/** Returns the key of a channel's drop box if this is its password; takes as long for a channel that has none. */
	public static function findBox(int $channelId, string $password): ?self
	{
		$key = self::ofBox($channelId);
		$row = $key ? Table::first('filesync_door_key', ['id' => $key->id]) : null;

		return hash_equals($row['digest'] ?? str_repeat('-', 64), hash('sha256', $password)) ? $key : null;
	}

	/** @return list<self> Those of a channel, the newest first. */
	public static function of(int $channelId): array
	{
		return array_map(
			self::read(...),
			Table::select('filesync_door_key', ['uid' => $channelId], 'created DESC, id'),
		);
	}

	/** Returns the key with this text, or null. */
	public static function find(string $text): ?self
	{
		$part = [];
		$isKey = preg_match(self::FORM, $text, $part) === 1;
		$row = $isKey ? Table::first('filesync_door_key', ['id' => $part[2]]) : null;
		$isIt = hash_equals($row['digest'] ?? str_repeat('-', 64), hash('sha256', $part[3] ?? ''));
		$isIt = $isIt && (self::PREFIX[$row['kind'] ?? ''] ?? null) === ($part[1] ?? '');
		$key = $row && $isIt ? self::read($row) : null;

		return $key && ! $key->isOver() ? $key : null;
	}

	/** Ends one of a channel at once, with what it is sending. */
	public static function revoke(int $channelId, string $id): void
	{
		$row = Table::first('filesync_door_key', ['id' => $id, 'uid' => $channelId]);
		if ($row) {
			Table::delete('filesync_door_key', ['id' => $id, 'uid' => $channelId]);
			$session = Session::find($row['session']);
			if ($session && $session->state === Session::OPEN) {
				$session->end('revoked', 'The key was revoked on the page of the channel.');
			}
		}
	}

	/** Ends it at once. */
	public function remove(): void
	{
		Table::delete('filesync_door_key', ['id' => $this->id]);
	}

	/** Forgets those that open nothing any more. */
	public static function prune(): void
	{
		foreach ([['expires <' => Clock::now()], ['kind' => self::BOX, 'session <>' => '']] as $of) {
			foreach (Table::select('filesync_door_key', $of) as $row) {
				if (self::read($row)->isOver()) {
					Table::delete('filesync_door_key', ['id' => $row['id']]);
				}
			}
		}
	}

	/** Tells whether it opens nothing any more. */
	public function isOver(): bool
	{
		if ($this->kind === self::BOX && $this->session !== '') {
			return ! Session::find($this->session)?->isLive();
		}

		return $this->expires <= Clock::now() && ! ($this->session !== '' && Session::find($this->session)?->isLive());
	}

	/**
	 * Notes that it is used now, and from where.
	 *
	 * @throws Refusal It is used too often.
	 */
	public function use(string $address): void
	{
		[$now, $most] = [Clock::now(), Config::number('upload_requests_per_second')];
		$requests = $this->usedAt === $now ? $this->requests + 1 : 1;
		if ($requests > $most) {
			throw new Refusal(
				429,
				'too_many_requests',
				"This key has sent $most requests in this second, as many as it may. Wait a second.",
				['limit' => $most],
				['Retry-After' => '1'],
			);
		}
		Table::update(
			'filesync_door_key',
			['used_at' => $now, 'used_from' => substr($address, 0, 64), 'requests' => $requests]
			+ match ($this->kind) {
				self::BACKUP => ['expires' => $now + self::LIFE_SECONDS[self::BACKUP]],
				self::PASS, self::CREATE => ['expires' => min(
					$now + self::PASS_SECONDS,
					$this->created + self::LIFE_SECONDS[$this->kind],
				)],
				default => [],
			},
			['id' => $this->id],
		);
	}

	/** Tells whether the password was said so short a time ago that the channel's private key may be given or taken. */
	public function isFresh(): bool
	{
		return (
			in_array($this->kind, [self::PASS, self::CREATE], true)
			&& ($this->created + self::PASS_SECONDS) > Clock::now()
		);
	}

	/** Binds it to what it began. */
	public function bind(string $session): void
	{
		Table::update('filesync_door_key', ['session' => $session], ['id' => $this->id, 'session' => '']);
	}

	/** @param DoorKeyRow $row */
	private static function read(array $row): self
	{
		return new self(
			id: $row['id'],
			channelId: (int) $row['uid'],
			accountId: (int) $row['aid'],
			kind: $row['kind'],
			session: $row['session'],
			created: (int) $row['created'],
			expires: (int) $row['expires'],
			usedAt: (int) $row['used_at'],
			usedFrom: $row['used_from'],
			requests: (int) $row['requests'],
		);
	}
}
