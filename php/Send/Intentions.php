<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Begun;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Storage\Tree;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Finds the changes of a request, even if its process is killed.
 *
 * Before core changes anything, an intention is written; files that are marked meanwhile, or are new since, are
 * compared with our records (Revisions) and announced once core is done. If the process was killed in between, cron
 * does it (recover()).
 *
 * @import-type Known from \FileSync\Addon\Order\Judge
 * @import-type Seen from Vector
 */
final class Intentions
{
	private const ABANDONED_SECONDS = 120;
	private const PAGE_ROWS = 500;

	private const RECOVERED_AT_ONCE = 100;

	/** Records that files of a channel may change in this process, before they do. */
	public static function begin(int $channelId): void
	{
		if (
			Begun::has($channelId)
			|| Begun::isLeaving($channelId)
			|| Reception::isTakingIn()
			|| ! Config::serves($channelId, Parts::SENDER)
		) {
			return;
		}
		$begun = ['since' => gmdate('Y-m-d H:i:s', Clock::now() - 2), 'above' => self::newest($channelId)];
		$name = Token::make();
		Outbox::add($channelId, 'intent', $name, json_encode($begun), true);
		Begun::add($channelId, $begun + ['name' => $name, 'marked' => []]);
		$root = getcwd();
		Begun::atEnd(function () use ($root) {
			// By then PHP-FPM is back in its own folder, and the hub's paths are relative.
			if (is_dir($root)) {
				chdir($root);
			}
			self::flush(true);
		});
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
				self::settle(
					$channelId,
					$own['name'],
					array_keys($own['marked']),
					$own['since'],
					(int) $own['above'],
					array_map(strval(...), array_keys($own['deleting'])),
				);
				if (Outbox::run($channelId, ['announce', 'deleted'])) {
					Doorbell::ring();
				}
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
		Withholding::releaseAllHere(self::ABANDONED_SECONDS);
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

	/**
	 * Compares the hashes, and all new files, with our records; requests sending the changed ones, and ends the
	 * intention.
	 *
	 * @param list<string> $deleting The hashes that this process deleted.
	 */
	private static function settle(
		int $channelId,
		string $intention,
		array $marked,
		string $since,
		int $above,
		array $deleting = [],
	): void {
		$channel = Clones::channel($channelId);
		if ($channel) {
			Turn::take($channelId, function () use ($channel, $channelId, $marked, $since, $above, $deleting) {
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
				foreach (self::joined($channelId, self::deleting($channelId, $deleting)) as $hash => $beneath) {
					self::buryIfGone($channelId, (string) $hash, $beneath);
				}
			});
		}
		Outbox::done($channelId, 'intent', $intention);
	}

	/**
	 * Returns the notes of deletes that are made or given up. Another process may be about to make one whose file is
	 * still here.
	 *
	 * @param list<string> $own The hashes that this process deleted.
	 *
	 * @return list<array{name: string, body: string, ...}>
	 */
	private static function deleting(int $channelId, array $own): array
	{
		$where = ['uid' => $channelId, 'kind' => 'deleting'];
		$since = Clock::now() - self::ABANDONED_SECONDS;

		return array_values(array_filter(
			Table::select('filesync_outbox', $where, 'created', 0, 'name, body, created'),
			fn ($row) => (
				in_array($row['name'], $own, true)
				|| (int) $row['created'] < $since
				|| ! Store::attach($channelId, $row['name'])
			),
		));
	}

	private static function noticeOne(Channel $channel, string $hash, bool $isMarked): void
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

	/**
	 * Joins deletes beneath a folder to the delete of the folder, if each was noted alone.
	 *
	 * @param list<array<string, scalar|null>> $rows Of the outbox.
	 *
	 * @return array<array<Seen>> By what was deleted, all that was deleted with it.
	 */
	private static function joined(int $channelId, array $rows): array
	{
		/** @var array<array<Seen>> $deleted */
		$deleted = [];
		/** @var array<string> $with */
		$with = [];
		foreach ($rows as $row) {
			/** @var array{beneath?: array<Seen>, with?: string} $body */
			$body = json_decode((string) $row['body'], true);
			$name = (string) $row['name'];
			$deleted[$name] = $body['beneath'] ?? [];
			$with[$name] = $body['with'] ?? $name;
		}
		foreach ($deleted as $name => $beneath) {
			$with = array_fill_keys(array_keys(array_diff_key($beneath, [$name => 1])), (string) $name) + $with;
		}
		foreach (array_keys($deleted) as $hash) {
			$folder = $with[$with[$hash]] ?? '';
			if (
				$folder !== (string) $hash
				&& isset($deleted[$folder])
				&& ! Store::attach($channelId, $folder)
				&& ! Store::attach($channelId, (string) $hash)
			) {
				$deleted[$folder] += $deleted[$hash];
				unset($deleted[$hash]);
				Outbox::done($channelId, 'deleting', (string) $hash);
			}
		}

		return $deleted;
	}

	/** @param array<Seen> $beneath What was deleted with it, and what the delete has seen of each. */
	private static function buryIfGone(int $channelId, string $name, array $beneath): void
	{
		if (! Store::attach($channelId, $name)) {
			$component = Site::component($channelId);
			foreach (array_keys($beneath) as $hash) {
				/** @var Known $file */
				$file = Revisions::find($channelId, (string) $hash) ?? Revisions::unknown($channelId, (string) $hash);
				// Noted once it was gone.
				$beneath[$hash] = $beneath[$hash] ?: Revisions::seen($file);
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
			unset($beneath[$name]);
			Outbox::add($channelId, 'deleted', $name, json_encode(['beneath' => $beneath]));
		}
		Outbox::done($channelId, 'deleting', $name);
	}

	/** Returns the hashes of a channel whose rows differ from our records. */
	private static function different(int $channelId): array
	{
		$different = [];
		$columns = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid, content';
		foreach (Table::pages('attach', ['uid' => $channelId], self::PAGE_ROWS, $columns) as $rows) {
			$here = ['state' => 'here'] + Revisions::keys($channelId, array_column($rows, 'hash'));
			$known = array_column(Table::select('filesync_file', $here, '', 0, 'hash, here'), 'here', 'hash');
			$terms = [];
			foreach (Table::select(
				'term',
				['uid' => $channelId, 'otype' => Core::TERM_OF_FILE, 'oid' => array_column($rows, 'id')],
				'tid',
				0,
				'oid, ttype, term, url',
			) as $term) {
				$terms[$term['oid']][] = $term;
			}
			foreach ($rows as $row) {
				/** @var ?array<string, mixed> $prints */
				$prints = json_decode($known[$row['hash']] ?? 'null', true);
				if (
					$prints !== null
					&& Revisions::prints(Store::withTrueSize($row), $terms[$row['id']] ?? []) != array_diff_key(
						$prints,
						Revisions::DIGESTS,
					)
				) {
					$different[] = $row['hash'];
				}
			}
		}

		return $different;
	}

	private static function newest(int $channelId): int
	{
		return (int) (Table::first('attach', ['uid' => $channelId], 'id DESC', 'id')['id'] ?? 0);
	}
}
