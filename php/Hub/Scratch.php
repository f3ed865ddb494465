<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\PConfig;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Makes scratch channels, on which filesync tries what it does, and removes them again with all that they left. Nobody
 * else makes one.
 *
 * A scratch channel has an identity of its own that was never used before, belongs to no account, is hidden, has no
 * connection and lives on no other hub. Before its row is written, its number, name and identity are in a note of ours.
 * Whatever cleans up touches a channel only if all three are those of the note, and the name has the form that only
 * scratch channels have: after a database was restored, the number may be somebody's.
 *
 * Nothing of core's removal of channels is used: it tells other hubs.
 */
final class Scratch
{
	public const LEASE = Rehearsing::LEASE;
	/** Longer than whoever uses it is silent: nobody cleans up behind one that is still running. */
	private const LEASE_SECONDS = 180;

	/** Enough for what lives a minute, and ten times as quick to make as the keys of people. */
	private const KEY_BITS = 2048;

	/** Core's word for those whom a channel's owner lets see something: everybody, also who is not logged in. */
	private const ANYBODY = 1;
	private const MOST_TRIES = 50;
	/** So long it is kept for whoever wants one; they try again sooner. */
	private const WANTED_SECONDS = 1800;
	private const TRY_MICROSECONDS = 20000;

	/** Tables with rows of a channel, and the column that has its number. */
	private const BY_NUMBER = [
		'abook' => 'abook_channel',
		'abconfig' => 'chan',
		'app' => 'app_channel',
		'atoken' => 'atoken_uid',
		'attach' => 'uid',
		'cal' => 'cal_uid',
		'chatroom' => 'cr_uid',
		'dreport' => 'dreport_channel',
		'event' => 'uid',
		'item' => 'uid',
		'likes' => 'channel_id',
		'menu' => 'menu_channel_id',
		'menu_item' => 'mitem_channel_id',
		'notify' => 'uid',
		'obj' => 'obj_channel',
		'outq' => 'outq_channel',
		'pconfig' => 'uid',
		'pgrp' => 'uid',
		'pgrp_member' => 'uid',
		'photo' => 'uid',
		'poll' => 'poll_channel',
		'profext' => 'channel_id',
		'profile' => 'uid',
		'profile_check' => 'uid',
		'source' => 'src_channel_id',
		'term' => 'uid',
		'verify' => 'channel',
		'xign' => 'uid',
		'xperm' => 'xp_channel',
	];

	/** Tables with rows about an identity, and the column that names it. */
	private const BY_IDENTITY = [
		'dreport' => 'dreport_xchan',
		'hubloc' => 'hubloc_hash',
		'item' => 'author_xchan',
		'updates' => 'ud_hash',
		'xchan' => 'xchan_hash',
		'xconfig' => 'xchan',
		'xlink' => 'xlink_xchan',
		'xprof' => 'xprof_hash',
		'xtag' => 'xtag_hash',
	];

	private readonly string $nick;
	private readonly int $endsAt;

	/** @param list<string> $found What earlier ones left and was left alone, in sentences. */
	private function __construct(
		public readonly Channel $channel,
		public readonly array $found,
		private readonly ScratchUse $use,
		private readonly string $token,
		int $began,
	) {
		$this->nick = $channel->nick;
		$this->endsAt = $began + $use->mostSeconds;
	}

	/**
	 * Makes a scratch channel and makes it that of this process. What killed processes left is removed before.
	 *
	 * @throws Postponed Another one is in use, or too little space is free.
	 */
	public static function make(?ScratchUse $use = null): self
	{
		$use ??= ScratchUse::rehearsal();
		if (PHP_SAPI !== 'cli') {
			throw new \LogicException('scratch channels are made by a command or a job, never in a web request');
		}
		if (self::roomBytes() < $use->mostBytes) {
			$headroom = Config::number('headroom_bytes');
			throw new Postponed(
				"a $use->word needs $use->mostBytes bytes on disk beside the $headroom bytes that stay free"
				. ' (headroom_bytes)',
				true,
			);
		}
		// By its token the next one knows what has it.
		$token = "$use->word-" . Token::make();
		if (! Lease::take(self::LEASE, $token, self::LEASE_SECONDS)) {
			if ($use->isUrgent) {
				self::want();
			}
			throw new Postponed(self::inUse($use), true);
		}
		try {
			Config::clear('scratch_wanted', 'state');
			$found = self::clean();
			$scratch = new self(self::create($token), $found, $use, $token, Clock::now());
			Rehearsing::with($scratch->channel, $use->hasOrigin);
			if ($use->isShown) {
				PConfig::Set($scratch->channel->id, 'perm_limits', 'view_storage', self::ANYBODY);
			}

			return $scratch;
		} catch (\Throwable $e) {
			try {
				self::clean();
			} finally {
				Lease::giveBack(self::LEASE, $token);
			}
			throw $e;
		}
	}

	/** Says what has the one that there is, and not whose. */
	private static function inUse(ScratchUse $use): string
	{
		$word = (string) strstr(Lease::holder(self::LEASE), '-', true);
		$what = match ($word) {
			'' => 'something else',
			$use->word => "another $word",
			default => "a $word",
		};

		return "$what has the hub's one hidden channel";
	}

	/** Notes that somebody needs one, or needs that there is none: a drill of a set that was sent gives way. */
	public static function want(): void
	{
		Config::set('scratch_wanted', (string) Clock::now(), 'state');
	}

	/** Tells whether somebody needs one who could not make it. */
	public static function isWanted(): bool
	{
		return (int) Config::get('scratch_wanted', 'state') > (Clock::now() - self::WANTED_SECONDS);
	}

	/** Returns the scratch channel with a name, if it is there; any process may ask. */
	public static function named(string $nick): ?Channel
	{
		$note = Rehearsing::isNick($nick) ? Table::first('filesync_scratch', ['nick' => $nick], '', 'uid, hash') : null;
		$row = $note
			? Table::first('channel', [
				'channel_id' => (int) $note['uid'],
				'channel_hash' => $note['hash'],
				'channel_address' => $nick,
			])
			: null;

		return $row ? Channel::of($row) : null;
	}

	/** Returns how many bytes a scratch channel may have on disk now. */
	public static function roomBytes(): int
	{
		$free = @disk_free_space('store');

		return $free === false ? PHP_INT_MAX : max(0, (int) $free - Config::number('headroom_bytes'));
	}

	/**
	 * Tells whether whoever uses it may go on, and keeps the channel for them.
	 *
	 * @throws Postponed It took too long, or too much space.
	 */
	public function goOn(): void
	{
		if (Clock::now() >= $this->endsAt) {
			throw new Postponed("the {$this->use->word} took longer than {$this->use->mostSeconds} seconds", true);
		}
		$bytes = self::bytesIn(self::root($this->nick)) + self::bytesIn(Store::dataRoot($this->channel->id));
		if ($bytes > $this->use->mostBytes) {
			throw new Postponed(
				"the {$this->use->word} used more than {$this->use->mostBytes} bytes on disk",
				true,
			);
		}
		if (
			! Lease::extend(self::LEASE, $this->token, self::LEASE_SECONDS)
			|| ! Lease::extend(self::workerLease($this->channel->id), $this->token, self::LEASE_SECONDS)
		) {
			throw new Postponed(
				"the {$this->use->word} was interrupted, and another process has removed its channel",
				true,
			);
		}
	}

	/**
	 * Lets the channel live on the hub of its packets too while something is done: only for another hub does core queue
	 * what it sends on its own. Nothing is delivered there.
	 */
	public function elsewhere(\Closure $work): void
	{
		$there = self::hubThere($this->channel);
		self::add('hubloc_', ['id'], $there);
		try {
			$work();
		} finally {
			Table::delete('hubloc', ['hubloc_hash' => $this->channel->hash, 'hubloc_url' => $there['url']]);
		}
	}

	/**
	 * Returns the packets that core has queued on its own since the last call; one that cannot be read is empty.
	 *
	 * @return list<array>
	 */
	public function queued(): array
	{
		$packets = [];
		$mine = ['outq_channel' => $this->channel->id, 'outq_posturl like' => Rehearsing::ORIGIN . '/%'];
		foreach (Table::select('outq', $mine, 'outq_created', 0, 'outq_notify') as $row) {
			$packets[] = self::dataOf(Rehearsing::decoded($row['outq_notify'])['data'] ?? null);
		}
		Table::delete('outq', $mine);

		return $packets;
	}

	private static function dataOf(mixed $data): array
	{
		return is_string($data) ? Rehearsing::decoded($data) : (is_array($data) ? $data : []);
	}

	/** Returns what core was about to send for the channel in any process, null if nothing. */
	public function attempt(): ?string
	{
		$waits = array_values(array_filter(
			array_column(
				Table::select('outq', ['outq_channel' => $this->channel->id], '', 0, 'outq_posturl'),
				'outq_posturl',
			),
			fn ($url) => ! str_starts_with($url, Rehearsing::ORIGIN . '/'),
		));
		$note = Table::first('filesync_scratch', ['nick' => $this->nick], '', 'attempt');

		return match (true) {
			$note !== null && $note['attempt'] !== '' => $note['attempt'],
			$waits !== [] => "a delivery to {$waits[0]}",
			default => null,
		};
	}

	/** Returns the token that holds the channel's worker lease. */
	public function token(): string
	{
		return $this->token;
	}

	/**
	 * Removes the channel and all that it left. Returns why it was left alone, or null.
	 */
	public function end(): ?string
	{
		Rehearsing::with(null);
		try {
			return self::removeBy([
				'uid' => $this->channel->id,
				'nick' => $this->nick,
				'hash' => $this->channel->hash,
			], true);
		} finally {
			Lease::giveBack(self::LEASE, $this->token);
		}
	}

	/**
	 * Removes what killed processes left, unless a scratch channel is in use.
	 *
	 * @return list<string> What was left alone, in sentences.
	 */
	public static function sweep(): array
	{
		$token = Token::make();
		if (
			! Table::first('filesync_scratch', [], '', 'nick')
			|| ! Lease::take(self::LEASE, $token, self::LEASE_SECONDS)
		) {
			return [];
		}
		try {
			return self::clean();
		} finally {
			Lease::giveBack(self::LEASE, $token);
		}
	}

	/** @return list<string> */
	private static function clean(): array
	{
		$left = [];
		foreach (Table::select('filesync_scratch', [], 'created') as $note) {
			$left[] = self::removeBy($note);
		}

		return array_values(array_filter($left));
	}

	/**
	 * Removes what a note names, and the note. Returns why it left all alone, or null.
	 *
	 * @param array{uid: scalar|null, nick: string, hash: string, ...} $note
	 * @param bool $isOurs Whether this process was given the number.
	 */
	private static function removeBy(array $note, bool $isOurs = false): ?string
	{
		$why = self::remove((int) $note['uid'], $note['nick'], $note['hash'], $isOurs);
		if ($why === null) {
			Table::delete('filesync_scratch', ['nick' => $note['nick']]);
		} else {
			Log::write($why);
		}

		return $why;
	}

	/** Writes the note, then the channel and what belongs to one. */
	private static function create(string $token): Channel
	{
		$key = openssl_pkey_new(['private_key_bits' => self::KEY_BITS, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
		$private = $signature = '';
		if (! $key || ! openssl_pkey_export($key, $private)) {
			throw new \RuntimeException('PHP cannot make a key: ' . (openssl_error_string() ?: 'unknown'));
		}
		$public = openssl_pkey_get_details($key)['key'] ?? '';
		$nick = 'filesync-scratch-' . bin2hex(random_bytes(8));
		$guid = self::encoded(random_bytes(64));
		$hash = self::encoded(hash('whirlpool', $guid . $public, true));
		openssl_sign($guid, $signature, $private, OPENSSL_ALGO_SHA256);
		$names = ['guid' => $guid, 'guid_sig' => 'sha256.' . self::encoded($signature), 'hash' => $hash];
		$now = gmdate('Y-m-d H:i:s', Clock::now());
		$row = self::rowOf($names, $nick, $public, $private, $now);
		$channelId = self::number($row, $hash);
		Table::insert('filesync_scratch', [
			'nick' => $nick,
			'uid' => $channelId,
			'hash' => $hash,
			'attempt' => '',
			'created' => Clock::now(),
		]);
		// Before it can be anybody's work.
		Lease::take(self::workerLease($channelId), $token, self::LEASE_SECONDS);
		Table::insert('channel', ['channel_id' => $channelId] + $row);
		$here = self::hubOf($names, $private, $nick, $now);
		self::add('xchan_', [], [
			'pubkey' => $public,
			'addr' => $here['addr'],
			'url' => $here['id_url'],
			'name' => 'filesync',
			'network' => 'zot6',
			'hidden' => 1,
			'photo_date' => $now,
			'name_date' => $now,
			'updated' => $now,
		] + $names);
		self::add('hubloc_', ['id'], $here);
		foreach ([
			'profile' => [
				'uid' => $channelId,
				'profile_guid' => $nick,
				'is_default' => 1,
				'profile_name' => 'filesync',
			],
			'abook' => ['abook_channel' => $channelId, 'abook_xchan' => $hash, 'abook_self' => 1],
		] as $table => $columns) {
			if (! Table::missing([$table])) {
				self::add('', ['id', 'abook_id'], $columns, $table);
			}
		}
		os_mkdir(self::root($nick), STORAGE_DEFAULT_PERMISSIONS, true);

		return Channel::of(Table::first('channel', ['channel_id' => $channelId]) ?? throw new \RuntimeException(
			'the scratch channel was not stored',
		));
	}

	/**
	 * Returns the columns of the channel's own row, but for its number.
	 *
	 * @param array{guid: string, guid_sig: string, hash: string} $names
	 *
	 * @return array<string, scalar|null>
	 */
	private static function rowOf(array $names, string $nick, string $public, string $private, string $now): array
	{
		return self::like(
			'channel_',
			['id'],
			[
				'primary' => 1,
				'name' => 'filesync',
				'address' => $nick,
				'pubkey' => $public,
				'prvkey' => $private,
				'pageflags' => 1,
				// Core tells a directory about a channel of which it has none for long.
				'dirdate' => $now,
				'lastpost' => $now,
				'active' => $now,
				'timezone' => 'UTC',
				'allow_cid' => "<{$names['hash']}>",
			]
			+ $names
			+ self::proofKeys(),
		);
	}

	/**
	 * Returns the number that the database gives the next channel, and to none after it: it is asked with a row that is
	 * never there.
	 */
	private static function number(array $row, string $hash): int
	{
		$number = Table::transaction(
			function () use ($row, $hash): int {
				Table::insert('channel', $row);

				return (int) (Table::first('channel', ['channel_hash' => $hash], '', 'channel_id')['channel_id'] ?? 0);
			},
			fn () => false,
		);
		if (Table::first('channel', ['channel_hash' => $hash], '', 'channel_id')) {
			Table::delete('channel', ['channel_hash' => $hash]);
			throw new \RuntimeException(
				"the hub's table channel knows no transactions: rehearsals need one that does (InnoDB)",
			);
		}

		return $number ?: throw new \RuntimeException('the database gives no number to a channel');
	}

	/**
	 * Returns the columns of a hubloc row that says where the channel lives: here alone.
	 *
	 * @param array{guid: string, guid_sig: string, hash: string} $names
	 *
	 * @return array<string, scalar|null>
	 */
	private static function hubOf(array $names, string $private, string $nick, string $now): array
	{
		$signature = '';
		openssl_sign(z_root(), $signature, $private, OPENSSL_ALGO_SHA256);
		$host = (string) parse_url(z_root(), PHP_URL_HOST);
		$port = parse_url(z_root(), PHP_URL_PORT);
		$host .= $port ? ":$port" : '';
		$here = [];
		// As another channel of this hub has it.
		$known = Table::first('hubloc', ['hubloc_url' => z_root(), 'hubloc_deleted' => 0], 'hubloc_id') ?? [];
		foreach (['host', 'callback', 'sitekey', 'site_id'] as $name) {
			$here[$name] = $known["hubloc_$name"] ?? '';
		}

		return (
			[
				'id_url' => z_root() . "/channel/$nick",
				'addr' => "$nick@" . ((string) $here['host'] ?: $host),
				'network' => 'zot6',
				'url' => z_root(),
				'url_sig' => 'sha256.' . self::encoded($signature),
				'primary' => 1,
				'updated' => $now,
				'connected' => $now,
			]
			+ $here
			+ $names
		);
	}

	/** @return array<string, scalar|null> The columns of a hubloc row of the hub of the channel's packets. */
	private static function hubThere(Channel $channel): array
	{
		$url = Rehearsing::ORIGIN;
		$now = gmdate('Y-m-d H:i:s', Clock::now());
		$signature = '';
		openssl_sign($url, $signature, $channel->privateKey(), OPENSSL_ALGO_SHA256);

		return [
			'guid' => $channel->guid,
			'hash' => $channel->hash,
			'id_url' => "$url/channel/" . Rehearsing::NICK_THERE,
			'addr' => Rehearsing::NICK_THERE . '@' . substr($url, strlen('http://')),
			'network' => 'zot6',
			'url' => $url,
			'url_sig' => 'sha256.' . self::encoded($signature),
			'host' => substr($url, strlen('http://')),
			'callback' => "$url/zot",
			'updated' => $now,
			'connected' => $now,
		];
	}

	/** @return array<string, string> The Ed25519 keys of a channel, as hubs that have them keep them. */
	private static function proofKeys(): array
	{
		if (! function_exists('sodium_crypto_sign_keypair')) {
			return [];
		}
		$pair = sodium_crypto_sign_keypair();
		$text = fn (string $key) => rtrim(base64_encode($key), '=');

		return [
			'epubkey' => $text(sodium_crypto_sign_publickey($pair)),
			'eprvkey' => $text(sodium_crypto_sign_secretkey($pair)),
		];
	}

	/**
	 * Adds a new row to a table of core; see like().
	 *
	 * @param list<string>               $without
	 * @param array<string, scalar|null> $given
	 */
	private static function add(string $prefix, array $without, array $given, string $table = ''): void
	{
		Table::insert($table ?: rtrim($prefix, '_'), self::like($prefix, $without, $given, $table));
	}

	/**
	 * Returns a new row of a table of core: columns that are not given are empty, as their kind is in another row.
	 *
	 * @param string                     $prefix  Of the columns; without an underscore it is the table's name.
	 * @param list<string>         $without Columns that the database fills.
	 * @param array<string, scalar|null> $given   By name without the prefix; those that the table lacks are left out.
	 *
	 * @return array<string, scalar|null>
	 */
	private static function like(string $prefix, array $without, array $given, string $table = ''): array
	{
		$table = $table === '' ? rtrim($prefix, '_') : $table;
		$other = Table::rows($table, [], '', 1)[0] ?? [];
		$row = [];
		foreach ($other as $column => $value) {
			$row[$column] = match (true) {
				$value === null => null,
				is_int($value), is_bool($value), is_float($value) => 0,
				preg_match('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/', $value) === 1 => Core::noDate(),
				is_numeric($value) => 0,
				default => '',
			};
		}
		foreach ($given as $name => $value) {
			$row[$prefix . $name] = $value;
		}
		$unknown = Table::lacking($table, $row);
		foreach ($without as $name) {
			$unknown[$prefix . $name] = $unknown[$name] = true;
		}

		return array_filter(array_diff_key($row, $unknown), fn ($value) => $value !== null);
	}

	/**
	 * Removes a scratch channel, table by table, its own row last: whatever ends this in between, the next time goes
	 * on. Returns why it left all alone, or null.
	 *
	 * @param bool $isOurs Whether this process was given the number: what it wrote goes even if another process took it
	 *     for killed, and removed the channel meanwhile.
	 */
	private static function remove(int $channelId, string $nick, string $hash, bool $isOurs): ?string
	{
		$row = Table::first('channel', ['channel_id' => $channelId], '', 'channel_id, channel_hash, channel_address');
		$elsewhere = Table::first(
			'channel',
			['channel_hash' => $hash, 'channel_id <>' => $channelId],
			'',
			'channel_id',
		);
		if (
			! Rehearsing::isNick($nick)
			|| $channelId < 1
			|| $hash === ''
			|| $elsewhere
			|| ($row
			&& ($row['channel_hash'] !== $hash
			|| $row['channel_address'] !== $nick))
		) {
			return "a note of a rehearsal names channel $channelId as $nick, and here that is another channel: nothing of it was touched";
		}
		if ($row || $isOurs) {
			self::removeFiles($channelId, $nick);
			self::removeRows($channelId);
			Rehearsing::forgetListing($channelId);
		}
		// These are nobody else's, whatever became of the number.
		self::removeJobs($nick);
		self::removeSession($nick);
		Locations::forget($hash);
		foreach (self::BY_IDENTITY as $table => $column) {
			if (! Table::missing([$table]) && ! Table::lacking($table, [$column => 1])) {
				Table::delete($table, [$column => $hash]);
			}
		}
		foreach (Table::select('filesync_lease', ['name like' => "%-$channelId%"], '', 0, 'id, name') as $lease) {
			if (preg_match("/^(channel|place-[a-z]+)-$channelId(-\\d+)?$/D", $lease['name'])) {
				Table::delete('filesync_lease', ['id' => $lease['id']]);
			}
		}
		if ($row) {
			Table::delete('channel', [
				'channel_id' => $channelId,
				'channel_hash' => $hash,
				'channel_address' => $nick,
			]);
		}

		return null;
	}

	private static function removeRows(int $channelId): void
	{
		foreach (Table::pages('item', ['uid' => $channelId], 100, 'id') as $items) {
			if (! Table::missing(['iconfig'])) {
				Table::delete('iconfig', ['iid' => array_map(fn ($item) => (int) $item['id'], $items)]);
			}
		}
		foreach (self::BY_NUMBER as $table => $column) {
			if (! Table::missing([$table]) && ! Table::lacking($table, [$column => 1])) {
				Table::delete($table, [$column => $channelId]);
			}
		}
		foreach (Table::OURS as $table) {
			if ($table !== 'filesync_scratch' && ! Table::lacking($table, ['uid' => 1])) {
				Table::delete($table, ['uid' => $channelId]);
			}
		}
		foreach (Table::rows('filesync_setting', ['scope like' => "%:$channelId"], '', 0, 'id, scope') as $setting) {
			if (preg_match("/^[a-z]+:$channelId$/D", (string) $setting['scope'])) {
				Table::delete('filesync_setting', ['id' => $setting['id']]);
			}
		}
		Table::delete('filesync_setting', ['id' => "component-$channelId"]);
		Table::delete('filesync_setting', ['scope' => 'progress', 'name' => "overview:$channelId"]);
		Table::delete('filesync_peer', ['url' => Rehearsing::ORIGIN]);
		// Core notes any hub for which it has queued something.
		if (! Table::missing(['site'])) {
			Table::delete('site', ['site_url' => Rehearsing::ORIGIN]);
		}
	}

	/** Removes background jobs about the files of a scratch channel: their names begin with its own. */
	private static function removeJobs(string $nick): void
	{
		if (! Table::missing(['workerq'])) {
			Table::delete('workerq', ['workerq_data like' => "%$nick%"]);
		}
	}

	/** Removes the session of those who looked at a scratch channel's files, and what the hub had to say to them. */
	private static function removeSession(string $nick): void
	{
		foreach (['session' => ['sid' => $nick], 'xconfig' => ['xchan' => "sse_id.$nick"]] as $table => $where) {
			if (! Table::missing([$table]) && ! Table::lacking($table, $where)) {
				Table::delete($table, $where);
			}
		}
	}

	private static function removeFiles(int $channelId, string $nick): void
	{
		// Crops that the hub keeps apart, beside those of all channels.
		foreach (Table::select(
			'photo',
			['uid' => $channelId, 'os_storage' => 1],
			'id',
			0,
			'resource_id, content',
		) as $photo) {
			$name = preg_quote($photo['resource_id'], '#');
			if (preg_match("#^store/\\[data\\]/\\[xchan\\]/[A-Za-z0-9]/[A-Za-z0-9]/$name-\\d$#D", $photo['content'])) {
				@unlink($photo['content']);
			}
		}
		foreach ([self::root($nick), "store/[data]/$nick", Store::dataRoot($channelId)] as $folder) {
			// A job of the hub may be making a preview there; once the folder has another name, it finds none.
			$gone = "$folder.removed";
			self::removeTree($gone);
			if (is_link($folder)) {
				@unlink($folder);
			} elseif (is_dir($folder)) {
				@rename($folder, $gone);
			}
			for ($try = 1; self::removeTree($gone) && $try < self::MOST_TRIES; $try++) {
				usleep(self::TRY_MICROSECONDS);
			}
			if (is_dir($folder) || is_dir($gone)) {
				throw new \RuntimeException("the folder $folder cannot be removed");
			}
		}
	}

	/** Removes a folder with all in it, and follows no link. Tells whether it is still there. */
	private static function removeTree(string $path): bool
	{
		foreach ((is_link($path) || ! is_dir($path) ? [] : scandir($path)) ?: [] as $name) {
			if ($name !== '.' && $name !== '..') {
				if (is_dir("$path/$name") && ! is_link("$path/$name")) {
					self::removeTree("$path/$name");
				} else {
					@unlink("$path/$name");
				}
			}
		}
		clearstatcache();
		if (is_link($path)) {
			return ! @unlink($path);
		}

		return is_dir($path) && ! @rmdir($path);
	}

	private static function bytesIn(string $path): int
	{
		$bytes = 0;
		foreach ((is_link($path) || ! is_dir($path) ? [] : scandir($path)) ?: [] as $name) {
			if ($name !== '.' && $name !== '..') {
				$bytes += is_dir("$path/$name") ? self::bytesIn("$path/$name") : (int) @filesize("$path/$name");
			}
		}

		return $bytes;
	}

	private static function root(string $nick): string
	{
		return "store/$nick";
	}

	/** A lease without which no worker takes the channel's work. */
	private static function workerLease(int $channelId): string
	{
		return "channel-$channelId";
	}

	private static function encoded(string $bytes): string
	{
		return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
	}
}
