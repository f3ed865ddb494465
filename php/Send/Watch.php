<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Begun;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Tree;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Catches what is about to change files here: core's functions that are replaced or hooked, pages and WebDAV.
 *
 * Changes from other hubs are already recorded, so they are never sent back.
 */
final class Watch
{
	/** Pages, and the door of a theme, whose requests change files, beside those that call attach_store. */
	private const PAGES = [
		'photos',
		'attach_edit',
		'filestorage',
		'file_upload',
		'profile_photo',
		'cover_photo',
		'item',
		'spa',
	];

	private const READS = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', ''];

	/**
	 * Begins for a page that is about to change the logged-in channel's files. WebDAV logs in later: see mayWrite().
	 */
	public static function beginRequest(string $module): void
	{
		if (self::isWriting() && in_array($module, self::PAGES, true) && Core::localChannel()) {
			Intentions::begin(Core::localChannel());
		}
	}

	/** Replaces core's perm_is_allowed. */
	public static function isAllowed(mixed $channelId, mixed $observer, mixed $permission, mixed ...$rest): bool
	{
		$isAllowed = Core::isAllowed($channelId, $observer, $permission, ...$rest);
		if ($isAllowed && $permission === 'write_storage') {
			self::mayWrite((int) $channelId);
		}

		return $isAllowed;
	}

	/** Begins for WebDAV, which has just found that the requester may write a channel's files. */
	public static function mayWrite(int $channelId): void
	{
		try {
			if (self::isWriting()) {
				Intentions::begin($channelId);
			}
		} catch (\Throwable $e) {
			Log::failure('a request that changes files', $e);
		}
	}

	/** Examines the arguments of core's attach_store before core reads them. */
	public static function beforeStore(mixed &$arr): void
	{
		$isRowsOnly = self::changesOnlyRows($arr);
		if ($isRowsOnly && (Reception::isTakingIn() || PHP_SAPI === 'cli')) {
			self::holdDate($arr);
			return;
		}
		if (Reception::isTakingIn() || ! is_array($arr)) {
			return;
		}
		$channelId = self::storingChannel();
		if (! Config::serves($channelId, Parts::SENDER)) {
			return;
		}
		Intentions::begin($channelId);
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
		Intentions::begin($channelId);
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
	public static function export(mixed $given, mixed $hash, mixed $deleted = false, mixed ...$rest): mixed
	{
		try {
			$channel = is_string($hash) ? Clones::given($given, Parts::SENDER) : null;
			if (! $channel || ! is_string($hash)) {
				return Core::export($given, $hash, $deleted, ...$rest);
			}
			$channelId = $channel->id;
			if (! Reception::isTakingIn()) {
				$deleted ? Intentions::begin($channelId) : self::mark($channelId, $hash);
			}
			$isProfile = array_filter(
				debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 5),
				fn ($frame) => ($frame['class'] ?? '') === 'Zotlabs\Module\Profile_photo',
			) !== [];
			// That packet also carries the profile.
			if (
				! $deleted
				&& $isProfile
				&& ! Withholding::withhold($channelId, $hash)
			) {
				Turn::take($channelId, fn () => Revisions::notice($channel, $hash, true));
				Begun::unmark($channelId, $hash);
				return Announcement::entry($channel, $hash, false);
			}
		} catch (\Throwable $e) {
			Log::failure('a change about to be sent', $e);
		}

		return [];
	}

	/** Deletes like core, for the channel's owner, and sends the delete. */
	public static function delete(mixed $channelId, mixed $hash, mixed ...$rest): mixed
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
			Reception::isTakingIn()
			|| Begun::isLeaving($channelId)
			|| ! Config::serves($channelId, Parts::SENDER)
			|| ! ($own = Store::attach($channelId, $hash))
		) {
			return;
		}
		Intentions::begin($channelId);
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

	/**
	 * Records that core deleted a file, whoever called for it.
	 *
	 * @param bool $isTold Whether core tells the clones itself, whoever deletes.
	 */
	public static function deleted(int $channelId, string $hash, bool $isTold): void
	{
		if (
			$hash === ''
			|| Reception::isTakingIn()
			|| Begun::isDeleting()
			|| Begun::isLeaving($channelId)
			// Files that an admin removes on this hub stay with the owner elsewhere.
			|| (! $isTold
			&& ! in_array(Core::localChannel(), [0, $channelId], true))
			|| ! Config::serves($channelId, Parts::SENDER)
			|| Outbox::has($channelId, 'deleting', $hash)
		) {
			return;
		}
		Intentions::begin($channelId);
		$note = ['beneath' => [$hash => []], 'with' => self::deletedWith($channelId) ?? $hash];
		Outbox::add($channelId, 'deleting', $hash, json_encode($note, JSON_THROW_ON_ERROR), true);
	}

	/**
	 * Returns the file that core is deleting, or the folder with all beneath it: core begins with the contents, and
	 * calls the hook for each.
	 */
	private static function deletedWith(int $channelId): ?string
	{
		$uppermost = null;
		foreach (self::calls('attach_delete') as [$ofChannel, $hash]) {
			if ($ofChannel === $channelId) {
				$uppermost = $hash;
			}
		}

		return $uppermost;
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

	private static function isWriting(): bool
	{
		return ! in_array($_SERVER['REQUEST_METHOD'] ?? '', self::READS, true);
	}

	/**
	 * Returns the channel for which core's attach_store, which called the hook, stores; core does not pass it to the
	 * hook.
	 */
	private static function storingChannel(): int
	{
		return self::calls('attach_store', 12)[0][0] ?? 0;
	}

	/**
	 * Returns the channels and hashes with which a function of core's is being called, the latest call first.
	 *
	 * @return list<array{int, string}>
	 */
	private static function calls(string $function, int $frames = 0): array
	{
		$calls = [];
		/** @var list<array{function: string, args?: array{array{channel_id?: scalar}|scalar|null, mixed}}> $trace */
		$trace = debug_backtrace(0, $frames);
		foreach ($trace as $frame) {
			if ($frame['function'] === $function) {
				$channel = $frame['args'][0] ?? 0;
				$hash = $frame['args'][1] ?? '';
				$calls[] = [
					(int) (is_array($channel) ? $channel['channel_id'] ?? 0 : $channel),
					is_string($hash) ? $hash : '',
				];
			}
		}

		return $calls;
	}
}
