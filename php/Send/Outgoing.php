<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Begun;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Peers\Sibling;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\Tree;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Sends changes made here: one packet for each file, after the request that made them, with their vectors.
 *
 * Before core changes anything, an intention is written; files that are marked meanwhile, or are new since, are
 * compared with our records (Revisions) and sent once core is done. If the process was killed in between, cron does it
 * (recover()). Changes from other hubs are already recorded, so they are never sent back.
 */
final class Outgoing
{
	private const ABANDONED_SECONDS = 120;
	private const RECOVERED_AT_ONCE = 100;
	/** How long a packet waits for the digest of its file. */
	private const DIGEST_MS = 2000;
	/** Pages whose POST requests change files, beside those that call attach_store. */
	private const PAGES = [
		'photos',
		'attach_edit',
		'filestorage',
		'file_upload',
		'profile_photo',
		'cover_photo',
		'item',
	];
	private const READS = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', ''];

	/** Records that files of a channel may change in this process, before they do. */
	public static function begin(int $channelId): void
	{
		if (Begun::has($channelId) || self::isTakingIn() || ! Config::serves($channelId, Parts::SENDER)) {
			return;
		}
		$begun = ['since' => gmdate('Y-m-d H:i:s', Clock::now() - 2), 'above' => self::newest($channelId)];
		$name = Token::make();
		Outbox::add($channelId, 'intent', $name, json_encode($begun), true);
		Begun::add($channelId, $begun + ['name' => $name, 'marked' => []]);
		$root = getcwd();
		Begun::atEnd(function () use ($root) {
			// By then PHP-FPM is back in its own folder, and the hub's paths are relative.
			is_dir($root) && chdir($root);
			self::flush(true);
		});
	}

	/**
	 * Begins for a page that is about to change the logged-in channel's files. WebDAV logs in later: see mayWrite().
	 */
	public static function beginRequest(string $module): void
	{
		if (self::isWriting() && in_array($module, self::PAGES, true) && Core::localChannel()) {
			self::begin(Core::localChannel());
		}
	}

	/** Begins for WebDAV, which has just found that the requester may write a channel's files. */
	public static function mayWrite(int $channelId): void
	{
		try {
			self::isWriting() && self::begin($channelId);
		} catch (\Throwable $e) {
			Log::failure('a request that changes files', $e);
		}
	}

	/** Examines the arguments of core's attach_store before core reads them. */
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
		if (! Config::serves($channelId, Parts::SENDER)) {
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

	/** Records that a file was changed, so that it is sent. */
	public static function mark(int $channelId, string $hash): void
	{
		self::begin($channelId);
		if (Begun::has($channelId)) {
			Begun::mark($channelId, $hash);
		}
	}

	/** Records a changed folder and everything beneath it. */
	public static function markBeneath(int $channelId, string $hash): void
	{
		$own = Store::attach($channelId, $hash);
		foreach ($own ? Tree::beneath($channelId, $own) : [] as $row) {
			self::mark($channelId, $row['hash']);
		}
	}

	/** Replaces core's attach_export_data when core calls it to send a change: we send it. */
	public static function export(mixed $channel, mixed $hash, mixed $deleted, array $rest): mixed
	{
		try {
			$channelId = (int) ($channel['channel_id'] ?? 0);
			if (! is_string($hash) || ! Config::serves($channelId, Parts::SENDER)) {
				return Core::export($channel, $hash, $deleted, ...$rest);
			}
			if (! self::isTakingIn()) {
				$deleted ? self::begin($channelId) : self::mark($channelId, $hash);
			}
			$caller = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 3)[2]['class'] ?? '';
			// That packet also carries the profile.
			if (! $deleted && $caller === 'Zotlabs\Module\Profile_photo' && ! self::withhold($channelId, $hash)) {
				Turn::take($channelId, fn () => Revisions::notice($channel, $hash, true));
				Begun::unmark($channelId, $hash);
				return self::entry($channel, $hash, false);
			}
		} catch (\Throwable $e) {
			Log::failure('a change about to be sent', $e);
		}

		return [];
	}

	/** Deletes like core, for the channel's owner, and sends the delete. */
	public static function delete(mixed $channelId, mixed $hash, array $rest): mixed
	{
		try {
			// Files that an admin removes on this hub stay with the owner elsewhere: core sends nothing then.
			if (in_array(Core::localChannel(), [0, (int) $channelId], true)) {
				self::beforeDelete((int) $channelId, (string) $hash);
			}
		} catch (\Throwable $e) {
			Log::failure('a delete about to be sent', $e);
		}

		return Core::delete($channelId, $hash, ...$rest);
	}

	/** Records files that are about to be deleted, with their vectors; the delete is sent once they are gone. */
	public static function beforeDelete(int $channelId, string $hash): void
	{
		if (
			self::isTakingIn()
			|| ! Config::serves($channelId, Parts::SENDER)
			|| ! ($own = Store::attach($channelId, $hash))
		) {
			return;
		}
		self::begin($channelId);
		$channel = Clones::channel($channelId);
		$beneath = Turn::take($channelId, function () use ($channel, $channelId, $own) {
			$seen = [];
			foreach (Tree::beneath($channelId, $own) as $row) {
				$seen[$row['hash']] = Revisions::seen(Revisions::notice($channel, $row['hash'], true));
			}

			return $seen;
		});
		Outbox::add($channelId, 'deleting', $hash, json_encode(['beneath' => $beneath]), true);
		Begun::mark($channelId, $hash, 'deleting');
	}

	/** Records that core deleted a file because its post was deleted. */
	public static function deletedWithPost(int $channelId, string $hash): void
	{
		if (self::isTakingIn() || $hash === '' || ! Config::serves($channelId, Parts::SENDER)) {
			return;
		}
		self::begin($channelId);
		Outbox::add($channelId, 'deleting', $hash, json_encode(['beneath' => [$hash => []]]), true);
	}

	/** Finishes the intentions of this process. Core is done, and the reader has the page. */
	public static function flush(bool $isEnd = false): void
	{
		$begun = Begun::take();
		if ($isEnd && function_exists('fastcgi_finish_request')) {
			session_write_close();
			fastcgi_finish_request();
		}
		foreach ($begun as $channelId => $own) {
			try {
				Begun::take();
				self::settle($channelId, $own['name'], array_keys($own['marked']), $own['since'], (int) $own['above']);
				Outbox::run($channelId, ['announce', 'deleted']);
			} catch (\Throwable $e) {
				Log::failure('sending changes', $e);
			}
		}
	}

	/** Finishes the intentions of killed processes. One process at a time: two would send the same changes twice. */
	public static function recover(): void
	{
		$token = Token::make();
		if (! Lease::take('recover', $token, self::ABANDONED_SECONDS)) {
			return;
		}
		$old = ['kind' => 'intent', 'created <' => Clock::now() - self::ABANDONED_SECONDS];
		$channels = array_map('intval', array_column(
			Table::select('filesync_outbox', $old, '', 0, 'DISTINCT uid'),
			'uid',
		));
		$until = Clock::now() + intdiv(self::ABANDONED_SECONDS, 2);
		foreach (ServedLast::order('recover', $channels) as $n => $channelId) {
			if ($n > 0 && Clock::now() >= $until) {
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
		foreach (Table::select(
			'filesync_outbox',
			['uid' => $channelId] + $old,
			'created',
			self::RECOVERED_AT_ONCE,
		) as $row) {
			try {
				$begun = json_decode($row['body'], true, 4, JSON_THROW_ON_ERROR);
				$hashes ??= Clones::channel($channelId) ? self::different($channelId) : [];
				self::settle($channelId, $row['name'], $hashes, $begun['since'], (int) $begun['above']);
				// The differences are recorded by now.
				$hashes = [];
			} catch (\Throwable $e) {
				Log::failure('sending the changes of a killed process', $e);
				// After all others.
				Table::update('filesync_outbox', ['created' => Clock::now()], ['id' => $row['id']]);
			}
		}
	}

	/** Requests sending our state of a file: another hub showed that it does not know it. */
	public static function answer(int $channelId, string $hash, bool $isGone): void
	{
		Reception::isLate()
			? Reception::answerLate($hash)
			: Outbox::add($channelId, $isGone ? 'deleted' : 'announce', $hash);
	}

	/** Sends the present state of a file, or its delete, to the other clones. */
	public static function send(array $channel, string $hash, bool $isDelete, array $beneath = []): void
	{
		$channelId = (int) $channel['channel_id'];
		// In this order: a file that is still to arrive has no row yet, and is announced once it has one.
		if (! $isDelete && (self::withhold($channelId, $hash) || ! Store::attach($channelId, $hash))) {
			return;
		}
		if (! $isDelete) {
			Turn::take($channelId, fn () => Revisions::notice($channel, $hash, true));
		}
		$entry = self::entry($channel, $hash, $isDelete, $beneath);
		if (! empty($entry['attach'])) {
			Core::send($channelId, ['file' => [$entry]]);
			Turn::take($channelId, fn () => self::told($channel, $hash));
		}
	}

	/**
	 * Returns the entry for a file's state here, or for its delete; null if it is arriving, or nothing is known about
	 * it.
	 */
	public static function state(array $channel, string $hash, bool $withPosts): ?array
	{
		$channelId = (int) $channel['channel_id'];
		// A clone that asks too early is told later.
		if (self::withhold($channelId, $hash)) {
			return null;
		}
		if (! Store::attach($channelId, $hash)) {
			$isGone = (Revisions::find($channelId, $hash)['state'] ?? '') === 'gone';

			return $isGone ? (self::entry($channel, $hash, true) ?: null) : null;
		}
		Turn::take($channelId, fn () => Revisions::notice($channel, $hash));
		$entry = self::entry($channel, $hash, false, [], 0);

		return (
			is_array($entry) && ! empty($entry['attach'])
				? ($withPosts ? $entry : array_diff_key($entry, ['item' => 1]))
				: null
		);
	}

	/**
	 * Returns the entry for a file: its rows, its posts, our sibling key. Packets do not contain the bytes of
	 * thumbnails.
	 */
	private static function entry(
		array $channel,
		string $hash,
		bool $isDelete,
		array $beneath = [],
		int $digestMs = self::DIGEST_MS,
	): mixed {
		$entry = Core::export($channel, $hash, $isDelete);
		foreach (is_array($entry) ? $entry['photo'] ?? [] : [] as $i => $photo) {
			if ((int) $photo['imgscale'] > 0 && ! (int) $photo['os_storage']) {
				$entry['photo'][$i]['content'] = '';
			}
		}

		if (! $isDelete && Runtime::extensionProblem() === null) {
			// A clone that has these bytes need not fetch them.
			Digests::of(Facts::of($channel, $hash, 0), (Clock::exact() * 1000) + $digestMs);
		}

		return Sibling::add($channel, $entry, $isDelete, $beneath);
	}

	/**
	 * Compares the hashes, and all new files, with our records; requests sending the changed ones, and ends the
	 * intention.
	 */
	private static function settle(int $channelId, string $intention, array $marked, string $since, int $above): void
	{
		$channel = Clones::channel($channelId);
		if ($channel) {
			Turn::take($channelId, function () use ($channel, $channelId, $marked, $since, $above) {
				foreach (Table::select('attach', ['uid' => $channelId, 'id >' => $above], 'id', 0, 'hash') as $row) {
					self::noticeOne($channel, $row['hash'], false);
				}
				foreach (Table::select(
					'attach',
					['uid' => $channelId, 'edited >=' => $since, 'is_dir' => 0],
					'id',
					0,
					'hash',
				) as $row) {
					self::noticeOne($channel, $row['hash'], false);
				}
				foreach ($marked as $hash) {
					self::noticeOne($channel, (string) $hash, true);
				}
				foreach (Table::select(
					'filesync_outbox',
					['uid' => $channelId, 'kind' => 'deleting'],
					'created',
				) as $row) {
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
		if (
			$file['is_dir']
			&& in_array('place', $file['changed'] ?? [], true)
			&& self::wasMoved($file)
			&& ! Peers::allSpeak($channel)
		) {
			// A hub without filesync moves the folder alone, and loses everything beneath it until it is told about
			// each file.
			foreach (array_slice(Tree::beneath($file['uid'], Store::attach($file['uid'], $hash)), 1) as $row) {
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
					Revisions::save([
						'state' => 'gone',
						'gone' => Vector::next(
							Vector::join(Revisions::seen($file), array_intersect_key($file['gone'], [$component => 1])),
							$component,
						),
						'wanted' => [],
						'here' => [],
					] + $file);
				}
			}
			unset($beneath[$row['name']]);
			Outbox::add($channelId, 'deleted', $row['name'], json_encode(['beneath' => $beneath]));
		}
		Outbox::done($channelId, 'deleting', $row['name']);
	}

	/** Returns the hashes of a channel whose rows differ from our records. */
	private static function different(int $channelId): array
	{
		$known = [];
		foreach (Table::select(
			'filesync_file',
			['uid' => $channelId, 'state' => 'here'],
			'',
			0,
			'hash, here',
		) as $row) {
			$known[$row['hash']] = json_decode($row['here'], true);
		}
		$terms = [];
		foreach (Table::select(
			'term',
			['uid' => $channelId, 'otype' => Core::TERM_OF_FILE],
			'tid',
			0,
			'oid, ttype, term, url',
		) as $term) {
			$terms[$term['oid']][] = $term;
		}
		$different = [];
		$columns = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid, content';
		foreach (array_keys($known) ? Table::select('attach', ['uid' => $channelId], 'id', 0, $columns) : [] as $row) {
			if (
				isset($known[$row['hash']])
				&& Revisions::prints(Store::withTrueSize($row), $terms[$row['id']] ?? []) != array_diff_key(
					$known[$row['hash']],
					Revisions::DIGESTS,
				)
			) {
				$different[] = $row['hash'];
			}
		}

		return $different;
	}

	/** Records the values that were sent to clones without filesync. */
	private static function told(array $channel, string $hash): void
	{
		$file = Revisions::find((int) $channel['channel_id'], $hash);
		foreach ($file ? Clones::others($channel) : [] as $clone) {
			$hub = Clones::normalise($clone['url']) ?? $clone['url'];
			foreach (Judge::GROUPS as $group) {
				$file['peers'][$hub][$group] = ['print' => $file[$group]['print'], 'sent' => 1];
			}
		}
		$file && Revisions::save($file);
	}

	/** Keeps a file's date, and sends nothing, when core changes only its row while applying something. */
	private static function holdDate(array &$arr): void
	{
		try {
			// Core does not say for which channel it stores; two of one hub may have a file of that hash.
			$where = ['hash' => $arr['hash']] + (Reception::channelId() ? ['uid' => Reception::channelId()] : []);
			$owners = array_filter(Table::select('attach', $where, 'id', 0, 'uid, edited'), fn ($own) => Config::serves(
				(int) $own['uid'],
				Parts::SENDER,
			));
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
			Log::failure('a change about to be sent', $e);
		}
	}

	/**
	 * Tells whether a file must not be sent now; it is then sent once its bytes are here, or once it is clear that ours
	 * stay.
	 */
	private static function withhold(int $channelId, string $hash): bool
	{
		if (! self::isWithheld($channelId, $hash)) {
			return false;
		}
		self::announceOnceHere($channelId, $hash);
		// It may have been published meanwhile, without noticing our request.
		self::releaseIfHere($channelId, $hash);

		return true;
	}

	/**
	 * Requests sending a file's state once its bytes are here. Add this before requesting them, so that their arrival
	 * cannot be missed.
	 */
	public static function announceOnceHere(int $channelId, string $hash): void
	{
		Outbox::add($channelId, 'announce', $hash, '', true);
	}

	/** Releases requests that wait for a file's bytes if none are arriving. */
	public static function releaseIfHere(int $channelId, string $hash): void
	{
		self::isWithheld($channelId, $hash) || Outbox::release($channelId, $hash);
	}

	/** Does so for all files: a process may have been killed between the arrival of the bytes and its record. */
	private static function releaseAllHere(): void
	{
		$held = [
			'o.kind' => 'announce',
			'o.state' => 'held',
			'o.created <' => Clock::now() - self::ABANDONED_SECONDS,
			't.id is' => null,
		];
		foreach (Table::select(
			Queue::withholding('filesync_outbox o', 'o.uid', 'o.name'),
			$held,
			'o.created',
			100,
			'o.uid, o.name',
		) as $row) {
			self::releaseIfHere((int) $row['uid'], $row['name']);
		}
	}

	/** Tells whether a file's bytes are arriving or stuck, so that ours are older than the origin's. */
	private static function isWithheld(int $channelId, string $hash): bool
	{
		return (
			Queue::isLive($channelId, $hash)
			|| Table::first(
				'filesync_transfer',
				['uid' => $channelId, 'hash' => $hash, 'state' => TransferState::PARKED, 'kind <>' => Queue::TOLD],
				'',
				'id',
			) !== null
		);
	}

	private static function isWriting(): bool
	{
		return ! in_array($_SERVER['REQUEST_METHOD'] ?? '', self::READS, true);
	}

	/** Tells whether attach_store is called to change only a row, such as by core's permission repair. */
	private static function changesOnlyRows(mixed $arr): bool
	{
		return (
			is_array($arr)
			&& ! empty($arr['hash'])
			&& is_string($arr['hash'])
			&& empty($arr['visible'])
			&& ! array_intersect_key($arr, array_flip([
				'src',
				'source',
				'album',
				'newalbum',
				'directory',
				'folder',
				'filename',
				'id',
			]))
		);
	}

	/** Tells whether this process is applying another hub's data. */
	private static function isTakingIn(): bool
	{
		return (
			Reception::channelId() > 0
			|| (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' && Core::module() === 'zot')
		);
	}

	/**
	 * Returns the channel for which core's attach_store, which called the hook, stores; core does not pass it to the
	 * hook.
	 */
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
