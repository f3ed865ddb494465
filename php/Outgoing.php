<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Revisions;
use FileSync\Addon\Order\Site;
use FileSync\Addon\Order\Vector;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Sends the changes made here: one packet for each file, after the request that made them, with what they have seen.
 *
 * Before core changes anything an intention is written; what is marked meanwhile, or is new since, is compared with what we know
 * (Revisions) and sent once core is done. Where the process was killed in between, cron does it (recover()). What another hub
 * told is known already, so it is never sent back.
 */
final class Outgoing
{
	private const ABANDONED_SECONDS = 120;
	private const RECOVERED_AT_ONCE = 100;
	/** How long a packet waits for the digest of its file. */
	private const DIGEST_MS = 2000;
	/** Pages whose POST requests change files, beside those that call attach_store. */
	private const PAGES = ['photos', 'attach_edit', 'filestorage', 'file_upload', 'profile_photo', 'cover_photo', 'item'];
	private const READS = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', ''];

	/** @var array<int, array> By channel: the intention's name, what was there before, and the hashes that are marked. */
	private static array $begun = [];
	private static bool $isRegistered = false;

	/** Writes down that files of a channel may change in this process, before they do. */
	public static function begin(int $channelId): void
	{
		if (isset(self::$begun[$channelId]) || self::isTakingIn() || ! Config::serves($channelId)) {
			return;
		}
		$begun = ['since' => gmdate('Y-m-d H:i:s', Config::now() - 2), 'above' => self::newest($channelId)];
		$name = Config::token();
		Outbox::add($channelId, 'intent', $name, json_encode($begun), true);
		self::$begun[$channelId] = $begun + ['name' => $name, 'marked' => []];
		if (! self::$isRegistered) {
			self::$isRegistered = true;
			$root = getcwd();
			register_shutdown_function(function () use ($root) {
				// PHP-FPM is back in a folder of its own by then, and the hub's paths are relative.
				is_dir($root) && chdir($root);
				self::flush(true);
			});
		}
	}

	/** Begins for a page that is about to change files of who is logged in. WebDAV logs in later: see mayWrite(). */
	public static function beginRequest(string $module): void
	{
		if (self::isWriting() && in_array($module, self::PAGES, true) && local_channel()) {
			self::begin((int) local_channel());
		}
	}

	/** Begins for WebDAV, which has just found that who asks may write a channel's files. */
	public static function mayWrite(int $channelId): void
	{
		try {
			self::isWriting() && self::begin($channelId);
		} catch (\Throwable $e) {
			Config::logFailure('a request that changes files', $e);
		}
	}

	/** Looks at the arguments of core's attach_store before it reads them. */
	public static function beforeStore(mixed &$arr): void
	{
		$isRowsOnly = self::changesOnlyRows($arr);
		if ($isRowsOnly && (self::isTakingIn() || PHP_SAPI === 'cli')) {
			self::holdDate($arr);
			return;
		}
		if (self::isTakingIn() || ! is_array($arr)) {
			return;
		}
		$channelId = self::storingChannel();
		if (! Config::serves($channelId)) {
			return;
		}
		self::begin($channelId);
		if (! empty($arr['hash']) && is_string($arr['hash'])) {
			self::mark($channelId, $arr['hash']);
		}
		// With `visible` the same key silences the delivery of the photo's post.
		if (empty($arr['visible']) || $arr['visible'] === 'false') {
			$arr['nosync'] = true;
		}
	}

	/** Takes note that a file was changed, so that it is sent. */
	public static function mark(int $channelId, string $hash): void
	{
		self::begin($channelId);
		if (isset(self::$begun[$channelId])) {
			self::$begun[$channelId]['marked'][$hash] = true;
		}
	}

	/** Takes note of a folder and all beneath it. */
	public static function markBeneath(int $channelId, string $hash): void
	{
		$own = Store::attach($channelId, $hash);
		foreach ($own ? Deletion::beneath($channelId, $own) : [] as $row) {
			self::mark($channelId, $row['hash']);
		}
	}

	/** Stands in for core's attach_export_data where core calls it to send a change: we send it. */
	public static function export(mixed $channel, mixed $hash, mixed $deleted, array $rest): mixed
	{
		try {
			$channelId = (int) ($channel['channel_id'] ?? 0);
			if (! is_string($hash) || ! Config::serves($channelId)) {
				return \attach_export_data($channel, $hash, $deleted, ...$rest);
			}
			if (! self::isTakingIn()) {
				$deleted ? self::begin($channelId) : self::mark($channelId, $hash);
			}
			$caller = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 3)[2]['class'] ?? '';
			// That packet also carries the profile.
			if (! $deleted && $caller === 'Zotlabs\Module\Profile_photo' && ! self::withhold($channelId, $hash)) {
				Turn::take($channelId, fn () => Revisions::notice($channel, $hash, true));
				unset(self::$begun[$channelId]['marked'][$hash]);
				return self::entry($channel, $hash, false);
			}
		} catch (\Throwable $e) {
			Config::logFailure('a change about to be sent', $e);
		}

		return [];
	}

	/** Deletes as core does, for the channel's owner, and sends that. */
	public static function delete(mixed $channelId, mixed $hash, array $rest): mixed
	{
		try {
			// What an admin clears away on this hub only stays with the owner elsewhere: core sends nothing then.
			if (in_array((int) local_channel(), [0, (int) $channelId], true)) {
				self::beforeDelete((int) $channelId, (string) $hash);
			}
		} catch (\Throwable $e) {
			Config::logFailure('a delete about to be sent', $e);
		}

		return \attach_delete($channelId, $hash, ...$rest);
	}

	/** Writes down what is about to be deleted with what it has seen; sent once it is gone. */
	public static function beforeDelete(int $channelId, string $hash): void
	{
		if (self::isTakingIn() || ! Config::serves($channelId) || ! $own = Store::attach($channelId, $hash)) {
			return;
		}
		self::begin($channelId);
		$channel = Clones::channel($channelId);
		$beneath = [];
		Turn::take($channelId, function () use ($channel, $own, &$beneath) {
			foreach (Deletion::beneath((int) $channel['channel_id'], $own) as $row) {
				$beneath[$row['hash']] = Revisions::seen(Revisions::notice($channel, $row['hash'], true));
			}
		});
		Outbox::add($channelId, 'deleting', $hash, json_encode(['beneath' => $beneath]), true);
		self::$begun[$channelId]['deleting'][$hash] = true;
	}

	/** Takes note that core deleted a file because its post was deleted. */
	public static function deletedWithPost(int $channelId, string $hash): void
	{
		if (self::isTakingIn() || $hash === '' || ! Config::serves($channelId)) {
			return;
		}
		self::begin($channelId);
		Outbox::add($channelId, 'deleting', $hash, json_encode(['beneath' => [$hash => []]]), true);
	}

	/** Works off what this process began. Core is done, and the person who waits for the page has it. */
	public static function flush(bool $isEnd = false): void
	{
		$begun = self::$begun;
		self::$begun = [];
		if ($isEnd && function_exists('fastcgi_finish_request')) {
			session_write_close();
			fastcgi_finish_request();
		}
		foreach ($begun as $channelId => $own) {
			try {
				self::$begun = [];
				self::settle($channelId, $own['name'], array_keys($own['marked']), $own['since'], (int) $own['above']);
				Outbox::run($channelId, ['announce', 'deleted']);
			} catch (\Throwable $e) {
				Config::logFailure('sending changes', $e);
			}
		}
	}

	/** Works off what a killed process began. One process at a time: what two find changed would be sent twice. */
	public static function recover(): void
	{
		$token = Config::token();
		if (! Lease::take('recover', $token, self::ABANDONED_SECONDS)) {
			return;
		}
		$old = ['kind' => 'intent', 'created <' => Config::now() - self::ABANDONED_SECONDS];
		$channels = array_map('intval', array_column(Table::select('filesync_outbox', $old, '', 0, 'DISTINCT uid'), 'uid'));
		$until = Config::now() + intdiv(self::ABANDONED_SECONDS, 2);
		foreach (ServedLast::order('recover', $channels) as $n => $channelId) {
			if ($n > 0 && Config::now() >= $until) {
				// Their turn comes first the next time.
				break;
			}
			ServedLast::note('recover', $channelId);
			self::recoverChannel($channelId, $old);
		}
		self::releaseAllHere();
		Lease::giveBack('recover', $token);
	}

	private static function recoverChannel(int $channelId, array $old): void
	{
		$hashes = null;
		foreach (Table::select('filesync_outbox', ['uid' => $channelId] + $old, 'created', self::RECOVERED_AT_ONCE) as $row) {
			try {
				$begun = json_decode($row['body'], true, 4, JSON_THROW_ON_ERROR);
				$hashes ??= Clones::channel($channelId) ? self::different($channelId) : [];
				self::settle($channelId, $row['name'], $hashes, $begun['since'], (int) $begun['above']);
				// What differed is noted by now.
				$hashes = [];
			} catch (\Throwable $e) {
				Config::logFailure('sending what a process left', $e);
				// Behind all others.
				Table::update('filesync_outbox', ['created' => Config::now()], ['id' => $row['id']]);
			}
		}
	}

	/** Wants our state of a file sent: another hub showed that it does not know it. */
	public static function answer(int $channelId, string $hash, bool $isGone): void
	{
		Incoming::isLate() ? Incoming::answerLate($hash) : Outbox::add($channelId, $isGone ? 'deleted' : 'announce', $hash);
	}

	/** Sends the present state of a file, or its delete, to the other clones. */
	public static function send(array $channel, string $hash, bool $isDelete, array $beneath = []): void
	{
		$channelId = (int) $channel['channel_id'];
		// In this order: what is still to come has no row yet, and is told once it has.
		if (! $isDelete && (self::withhold($channelId, $hash) || ! Store::attach($channelId, $hash))) {
			return;
		}
		$isDelete || Turn::take($channelId, fn () => Revisions::notice($channel, $hash, true));
		$entry = self::entry($channel, $hash, $isDelete, $beneath);
		if (! empty($entry['attach'])) {
			\Zotlabs\Lib\Libsync::build_sync_packet($channelId, ['file' => [$entry]]);
			Turn::take($channelId, fn () => self::told($channel, $hash));
		}
	}

	/** Returns what tells another clone how a file stands here, or that it was deleted; null if it is on its way, or nothing is known of it. */
	public static function state(array $channel, string $hash, bool $withPosts): ?array
	{
		$channelId = (int) $channel['channel_id'];
		// Who asks too early hears of it later.
		if (self::withhold($channelId, $hash)) {
			return null;
		}
		if (! Store::attach($channelId, $hash)) {
			$isGone = (Revisions::find($channelId, $hash)['state'] ?? '') === 'gone';

			return $isGone ? self::entry($channel, $hash, true) ?: null : null;
		}
		Turn::take($channelId, fn () => Revisions::notice($channel, $hash));
		$entry = self::entry($channel, $hash, false, [], 0);

		return is_array($entry) && ! empty($entry['attach']) ? ($withPosts ? $entry : array_diff_key($entry, ['item' => 1])) : null;
	}

	/** Returns what tells another clone of a file: its rows, its posts, our sibling. The bytes of thumbnails do not travel in packets. */
	private static function entry(array $channel, string $hash, bool $isDelete, array $beneath = [], int $digestMs = self::DIGEST_MS): mixed
	{
		$entry = \attach_export_data($channel, $hash, $isDelete);
		foreach (is_array($entry) ? $entry['photo'] ?? [] : [] as $i => $photo) {
			if ((int) $photo['imgscale'] > 0 && ! (int) $photo['os_storage']) {
				$entry['photo'][$i]['content'] = '';
			}
		}

		if (! $isDelete && Config::extensionProblem() === null) {
			// Whoever has these bytes need not fetch them.
			Digests::of(Facts::of($channel, $hash, 0), microtime(true) * 1000 + $digestMs);
		}

		return Sibling::add($channel, $entry, $isDelete, $beneath);
	}

	/** Compares the hashes, and all that is new since, with what is known; wants the changed ones sent, and ends the intention. */
	private static function settle(int $channelId, string $intention, array $marked, string $since, int $above): void
	{
		$channel = Clones::channel($channelId);
		if ($channel) {
			Turn::take($channelId, function () use ($channel, $channelId, $marked, $since, $above) {
				foreach (Table::select('attach', ['uid' => $channelId, 'id >' => $above], 'id', 0, 'hash') as $row) {
					self::noticeOne($channel, $row['hash'], false);
				}
				foreach (Table::select('attach', ['uid' => $channelId, 'edited >=' => $since, 'is_dir' => 0], 'id', 0, 'hash') as $row) {
					self::noticeOne($channel, $row['hash'], false);
				}
				foreach ($marked as $hash) {
					self::noticeOne($channel, (string) $hash, true);
				}
				foreach (Table::select('filesync_outbox', ['uid' => $channelId, 'kind' => 'deleting'], 'created') as $row) {
					self::buryIfGone($channelId, $row);
				}
			});
		}
		Outbox::done($channelId, 'intent', $intention);
	}

	private static function noticeOne(array $channel, string $hash, bool $isMarked): void
	{
		$file = Revisions::notice($channel, $hash, true);
		if ($file['state'] === 'here' && ($isMarked || $file['changed'] ?? [])) {
			Outbox::add($file['uid'], 'announce', $hash);
		}
		if ($file['is_dir'] && in_array('place', $file['changed'] ?? [], true) && self::wasMoved($file) && ! Peers::allSpeak($channel)) {
			// A hub without filesync moves the folder alone, and loses what lies beneath it until it is told of each.
			foreach (array_slice(Deletion::beneath($file['uid'], Store::attach($file['uid'], $hash)), 1) as $row) {
				Outbox::add($file['uid'], 'announce', $row['hash']);
			}
		}
	}

	private static function wasMoved(array $file): bool
	{
		$before = $file['place']['past'][0]['print'] ?? null;

		return $before !== null && strstr($before, "\n", true) !== strstr($file['place']['print'], "\n", true);
	}

	private static function buryIfGone(int $channelId, array $row): void
	{
		if (! Store::attach($channelId, $row['name'])) {
			$beneath = json_decode($row['body'], true)['beneath'] ?? [];
			$component = Site::component($channelId);
			foreach (array_keys($beneath) as $hash) {
				$file = Revisions::find($channelId, (string) $hash) ?? Revisions::unknown($channelId, (string) $hash);
				if ($file['state'] !== 'gone' && ! Store::attach($channelId, (string) $hash)) {
					Queue::drop($channelId, (string) $hash);
					Revisions::save(['state' => 'gone', 'gone' => Vector::next(Vector::join(Revisions::seen($file), array_intersect_key($file['gone'], [$component => 1])), $component), 'wanted' => [], 'here' => []] + $file);
				}
			}
			unset($beneath[$row['name']]);
			Outbox::add($channelId, 'deleted', $row['name'], json_encode(['beneath' => $beneath]));
		}
		Outbox::done($channelId, 'deleting', $row['name']);
	}

	/** Returns the hashes of a channel whose rows are not as we know them. */
	private static function different(int $channelId): array
	{
		$known = [];
		foreach (Table::select('filesync_file', ['uid' => $channelId, 'state' => 'here'], '', 0, 'hash, here') as $row) {
			$known[$row['hash']] = json_decode($row['here'], true);
		}
		$terms = [];
		foreach (Table::select('term', ['uid' => $channelId, 'otype' => TERM_OBJ_FILE], 'tid', 0, 'oid, ttype, term, url') as $term) {
			$terms[$term['oid']][] = $term;
		}
		$different = [];
		$columns = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid, content';
		foreach (array_keys($known) ? Table::select('attach', ['uid' => $channelId], 'id', 0, $columns) : [] as $row) {
			if (isset($known[$row['hash']]) && Revisions::prints(Store::withTrueSize($row), $terms[$row['id']] ?? []) != array_diff_key($known[$row['hash']], Revisions::DIGESTS)) {
				$different[] = $row['hash'];
			}
		}

		return $different;
	}

	/** Writes down which values the clones without filesync were told. */
	private static function told(array $channel, string $hash): void
	{
		$file = Revisions::find((int) $channel['channel_id'], $hash);
		foreach ($file ? Clones::others($channel) : [] as $clone) {
			$hub = Clones::normalise($clone['url']) ?? $clone['url'];
			foreach (Revisions::GROUPS as $group) {
				$file['peers'][$hub][$group] = ['print' => $file[$group]['print'], 'sent' => 1];
			}
		}
		$file && Revisions::save($file);
	}

	/** Keeps the date of a file of which core changes only the row while it takes something in, and says nothing of it. */
	private static function holdDate(array &$arr): void
	{
		try {
			// Core does not say for which channel it stores; two of one hub may have a file of that hash.
			$where = ['hash' => $arr['hash']] + (Incoming::channelId() ? ['uid' => Incoming::channelId()] : []);
			$owners = array_filter(Table::select('attach', $where, 'id', 0, 'uid, edited'), fn ($own) => Config::serves((int) $own['uid']));
			if (! $owners) {
				return;
			}
			$arr['nosync'] = true;
			if (count(array_unique(array_column($owners, 'edited'))) === 1) {
				// Core would also date the file now, and the next real change from the origin would look old.
				$arr['created'] = $arr['edited'] = substr(reset($owners)['edited'], 0, 19);
			}
		} catch (\Throwable $e) {
			$arr['nosync'] = true;
			Config::logFailure('a change about to be sent', $e);
		}
	}

	/** Tells whether a file must not be sent now; then it is sent once its bytes are here, or once it is clear that ours stay. */
	private static function withhold(int $channelId, string $hash): bool
	{
		if (! self::isWithheld($channelId, $hash)) {
			return false;
		}
		self::announceOnceHere($channelId, $hash);
		// It may have been published meanwhile, before it could know of our wish.
		self::releaseIfHere($channelId, $hash);

		return true;
	}

	/** Wants the state of a file sent once its bytes are here. Who adds this before they are wanted misses no end of their way. */
	public static function announceOnceHere(int $channelId, string $hash): void
	{
		Outbox::add($channelId, 'announce', $hash, '', true);
	}

	/** Lets what waits for the bytes of a file go on if none are on their way. */
	public static function releaseIfHere(int $channelId, string $hash): void
	{
		self::isWithheld($channelId, $hash) || Outbox::release($channelId, $hash);
	}

	/** Does so for all files: a process may have been killed between the end of the bytes' way and the word that they are here. */
	private static function releaseAllHere(): void
	{
		$held = ['o.kind' => 'announce', 'o.state' => 'held', 'o.created <' => Config::now() - self::ABANDONED_SECONDS, "coalesce(t.id,'')" => ''];
		foreach (Table::select(Queue::withholding('filesync_outbox o', 'o.uid', 'o.name'), $held, 'o.created', 100, 'o.uid, o.name') as $row) {
			self::releaseIfHere((int) $row['uid'], $row['name']);
		}
	}

	/** Tells whether a file's bytes are on their way, or stuck on it, so that ours are older than the origin's. */
	private static function isWithheld(int $channelId, string $hash): bool
	{
		return Queue::isLive($channelId, $hash)
			|| Table::first('filesync_transfer', ['uid' => $channelId, 'hash' => $hash, 'state' => 'parked', 'kind <>' => Queue::TOLD], '', 'id') !== null;
	}

	private static function isWriting(): bool
	{
		return ! in_array($_SERVER['REQUEST_METHOD'] ?? '', self::READS, true);
	}

	/** Tells whether attach_store is called to change a row only, as core's permission repair does. */
	private static function changesOnlyRows(mixed $arr): bool
	{
		return is_array($arr) && ! empty($arr['hash']) && is_string($arr['hash']) && empty($arr['visible'])
			&& ! array_intersect_key($arr, array_flip(['src', 'source', 'album', 'newalbum', 'directory', 'folder', 'filename', 'id']));
	}

	/** Tells whether this process is taking in what another hub sent. */
	private static function isTakingIn(): bool
	{
		return Incoming::channelId() > 0 || (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' && argc() > 0 && argv(0) === 'zot');
	}

	/** Returns the channel that core's attach_store, which called the hook, stores for; core does not tell the hook. */
	private static function storingChannel(): int
	{
		foreach (debug_backtrace(0, 12) as $frame) {
			if ($frame['function'] === 'attach_store') {
				return (int) ($frame['args'][0]['channel_id'] ?? 0);
			}
		}

		return 0;
	}

	private static function newest(int $channelId): int
	{
		return (int) (Table::first('attach', ['uid' => $channelId], 'id DESC', 'id')['id'] ?? 0);
	}
}
