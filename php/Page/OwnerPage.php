<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Revision\KeptList;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\Conflicts;
use FileSync\Addon\Status\LongFolders;
use FileSync\Addon\Status\Overview;
use FileSync\Addon\Status\Progress;
use FileSync\Addon\Status\Sets;
use FileSync\Addon\Status\StandingWords;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * /filesync, for the channel's owner: how complete the clones are, what is arriving, what is waiting and why, what can
 * be restored.
 */
final class OwnerPage
{
	public const FORM = 'filesync_page';
	public const PATH = '/filesync';

	private const ROWS = 20;
	private const MOST_ROWS = 1000;
	private const SOON_SECONDS = 3;
	private const LATER_SECONDS = 15;
	private const CRON_SECONDS = 3600;

	/** Returns the page, or the hub's own refusal for readers who are not logged in with a channel of this hub. */
	public static function show(): string
	{
		$channel = self::channel();
		if (! $channel) {
			Page::deny();
			return htmlspecialchars(t('Permission denied.'));
		}
		Page::addScript('/addon/filesync/view/js/filesync.js?filesync=' . rawurlencode(Runtime::version()));
		[$html, $say] = self::fragment($channel);

		return Page::render('filesync_page.tpl', [
			'words' => self::words(),
			'token' => Page::token(self::FORM),
			'action' => Web::root() . self::PATH,
			'state' => $html,
			'say' => $say,
			'left' => Page::collect(),
			'source' => Web::root() . self::PATH . '/state',
			'rows' => self::rows(),
			'backup' => BackupPage::isOffered($channel) ? Web::root() . BackupPage::PATH : '',
		]);
	}

	/** Returns the present contents for an open page. */
	public static function state(): Response
	{
		$channel = self::channel();
		if (! $channel) {
			return Response::json(403, ['error' => t('Permission denied.')]);
		}
		[$html, $say, $isMoving] = self::fragment($channel);

		return Response::json(200, [
			'html' => $html,
			'say' => $say,
			'token' => Page::token(self::FORM),
			'seconds' => $isMoving ? self::SOON_SECONDS : self::LATER_SECONDS,
		]);
	}

	/** Returns the page's contents for a channel, in words. */
	public static function values(Channel $channel): array
	{
		$channelId = $channel->id;
		$progress = Progress::of($channelId);
		$isPaused = self::pauseState($channelId);
		$clones = [self::here($channel, $progress), ...self::others($channel)];
		$import = ImportPart::of($channelId);

		return [
			'words' => self::words(),
			'problems' => self::problems($channel),
			'is_paused' => $isPaused,
			'clones' => $clones,
			'import' => $import,
			'arriving' => array_map(fn ($row) => self::arriving($row, (bool) $isPaused), $progress['rows']),
			'arriving_line' => self::arrivingLine($progress, (bool) $isPaused),
			'waiting' => self::waiting($channelId),
			'waiting_line' => self::waitingLine($channelId),
			'held' => array_map(self::held(...), Brake::lines($channelId)),
			'packets' => self::packets($channel),
			'conflicts' => self::conflicts($channel),
			'kept' => self::kept($channelId),
			'kept_more' => max(0, Table::count('filesync_kept', ['uid' => $channelId, 'scale' => 0, 'is_moving' => 0])
			- self::rows()),
			'kept_url' => Web::root() . self::PATH . '?kept=' . self::MOST_ROWS,
			'say' => self::say($clones[0], $progress, $channelId, (bool) $isPaused),
			'is_moving' =>
				$progress['rows'] || $progress['files'] || $progress['thumbnails'] || ImportPart::isMoving($import),
		];
	}

	/** Tells whether the owner paused a channel; null if there is nothing to pause. */
	private static function pauseState(int $channelId): ?bool
	{
		return Config::serves($channelId) ? Config::get('paused', 'channel:' . $channelId) === '1' : null;
	}

	/** Returns the channel of this hub with which the reader is logged in, or null. */
	private static function channel(): ?Channel
	{
		$channelId = Page::owner();

		return $channelId ? Clones::channel($channelId) : null;
	}

	private static function fragment(Channel $channel): array
	{
		if (! Migrations::ready() || ! Activation::isActive()) {
			$why = Migrations::ready()
				? (string) StandingWords::forOwner()
				: t('Another process is creating the tables of filesync. Look again in a minute.');
			$values =
				[
					'words' => self::words(),
					'problems' => [$why],
					'arriving_line' => '',
					'waiting_line' => '',
					'is_paused' => null,
					'kept_more' => 0,
					'kept_url' => '',
					'import' => null,
				] + array_fill_keys(['clones', 'arriving', 'waiting', 'held', 'packets', 'conflicts', 'kept'], []);
			return [Page::render('filesync_state.tpl', $values), $why, false];
		}
		$values = self::values($channel);

		return [Page::render('filesync_state.tpl', $values), $values['say'], $values['is_moving']];
	}

	private static function words(): array
	{
		return [
			'title' => t('Files on your clones'),
			'backup' => t('Look into the backup, and restore files'),
			'clones' => t('Clones'),
			'arriving' => t('Arriving'),
			'waiting' => t('Waiting'),
			'packets' => t('Changes waiting for your approval'),
			'conflicts' => t('Conflicts'),
			'conflicts_help' => t(
				'These were changed on two hubs at once. Both versions exist; keep the one that you want and delete the other.',
			),
			'kept' => t('Replaced and deleted files'),
			'kept_help' => t(
				'Files that a sync replaced or deleted are kept for a while. If you restore one, it returns on every clone.',
			),
			'none_arriving' => t('Nothing is arriving.'),
			'none_waiting' => t('Nothing is waiting.'),
			'none_kept' => t('Nothing is kept.'),
			'none_conflicts' => t('None.'),
			'show_all' => t('Show all'),
			'pause' => t('Pause'),
			'resume' => t('Resume'),
			'check' => t('Compare the clones now'),
			'retry' => t('Try again'),
			'retry_all' => t('Try everything again now'),
			'accept' => t('Accept'),
			'give_back' => t('Restore ours'),
			'agree' => t('Agree'),
			'refuse' => t('Refuse'),
			'paused' => t('Paused: nothing is fetched for this channel until you resume.'),
			'offline' => t('The hub does not answer; this page may be out of date.'),
			'not_known' => t('not known'),
		];
	}

	private static function problems(Channel $channel): array
	{
		$channelId = $channel->id;
		$disk = Queue::pausedUntil();
		$cron = Config::number('cron_at', 'state');

		return array_values(array_filter([
			StandingWords::forOwner(),
			match (true) {
				Config::get('enabled') === '0' => t('filesync is switched off on this hub.'),
				! Config::serves($channelId) => t(
					'filesync is switched off for this channel; the hub handles its files on its own.',
				),
				default => null,
			},
			Runtime::extensionProblem() === null
				? null
				: t(
					'Files cannot be fetched now: a part of filesync is missing on this hub. Its admin can see which part.',
				),
			Config::get('paused') === '1' ? t('The admin of this hub has paused fetching.') : null,
			$disk
				? sprintf(
					t("This hub's disk is full or failing. Fetching resumes in %s."),
					Words::duration($disk - Clock::now()),
				)
				: null,
			self::dropped($channelId),
			LongFolders::problem($channel),
			$cron && $cron < (Clock::now() - self::CRON_SECONDS)
				? sprintf(t("This hub's background work last ran %s. Its admin should look at it."), Words::ago($cron))
				: null,
		]));
	}

	private static function dropped(int $channelId): ?string
	{
		$hubs = array_map(Words::host(...), array_keys(DroppedPackets::counts($channelId)));

		return $hubs
			? sprintf(
				t(
					'More changes arrived than this hub can hold until they can be applied. A comparison with these clones recovers them: %s.',
				),
				implode(', ', $hubs),
			)
			: null;
	}

	private static function here(Channel $channel, array $progress): array
	{
		$counts = Overview::here($channel);
		$todo = $counts['missing_files'] + $counts['old_files'];
		$lines = [
			$counts['missing_files'] ? sprintf(t('not here yet: %s'), Words::files($counts['missing_files'])) : '',
			$counts['old_files'] ? sprintf(t('here in an older version: %s'), Words::files($counts['old_files'])) : '',
			$counts['parked_files'] ? sprintf(t('of these stuck: %s'), Words::files($counts['parked_files'])) : '',
		];

		$bytes = $todo ? min($counts['bytes'], $counts['whole_bytes'] + $progress['arrived_bytes']) : $counts['bytes'];

		return (
			['id' => 'here', 'name' => Words::host(Web::root()), 'note' => t('this hub')]
			+ self::bar($bytes, max(1, $counts['bytes']), ! $todo)
			+ [
				'text' => Words::amount($counts['whole_files'], $counts['files'], $bytes, $counts['bytes']),
				'lines' => [...array_values(array_filter($lines)), ...Sets::lines($channel->id)],
			]
		);
	}

	private static function others(Channel $channel): array
	{
		['here' => $here, 'hubs' => $there] = Overview::there($channel);
		// The page shows what it can where the queue of the hub is not as the receiver needs it.
		$packets = Parts::has(Parts::RECEIVER) ? Clones::packetsWaiting($channel) : [];
		$peers = array_column(
			array_map(fn ($peer) => ['id' => Clones::normalise($peer['url'])] + $peer, Peers::report()),
			null,
			'id',
		);
		$checks = Reconcile::last($channel);

		return array_map(function ($clone) use ($here, $there, $packets, $peers, $checks) {
			$hub = Clones::normalise($clone['url']) ?? $clone['url'];

			return (
				['id' => substr(hash('sha256', $hub), 0, 12), 'name' => Words::host($clone['url']), 'note' => '']
				+ self::other(
					$here,
					$there[$hub] ?? ['files' => 0, 'bytes' => 0],
					$peers[$hub] ?? null,
					$checks[$hub] ?? null,
					$packets[$hub] ?? 0,
				)
			);
		}, Clones::others($channel));
	}

	/** Returns how complete another hub is, as far as known. */
	private static function other(array $here, array $told, ?array $peer, ?array $check, int $packets): array
	{
		$known = $check && ! $check['missing_there'] ? $here : $told;
		if (! $known['files']) {
			return (
				self::bar(0, 0, false)
				+ ['text' => t('how much it has: not known'), 'lines' => self::about($peer, $check, 0, $packets)]
			);
		}
		$unknown = max(0, $here['files'] - $known['files']);
		// A hub that was told about all files may not have accepted them, or may have lost them.
		$row = ! $unknown && (! $check || $check['missing_there'])
			? ['percent_text' => t('knows about every file'), 'is_complete' => false]
			: [];

		return (
			$row
			+ self::bar($known['files'], $here['files'], ! $unknown)
			+ [
				'lines' => self::about($peer, $check, $check ? 0 : $unknown, $packets),
				'text' => Words::amount(
					min($known['files'], $here['files']),
					$here['files'],
					min($known['bytes'], $here['bytes']),
					$here['bytes'],
				),
			]
		);
	}

	/** Returns lines about another hub. */
	private static function about(?array $peer, ?array $check, int $unknown, int $packets): array
	{
		$isFailing = $peer && $peer['failures'] && (string) $peer['last_failure'] > (string) $peer['last_success'];

		return array_values(array_filter([
			$isFailing
				? sprintf(t('reading from it last failed %s'), Words::ago(strtotime($peer['last_failure'] . ' UTC')))
				: '',
			$packets ? sprintf(t('messages waiting for it: %s'), number_format($packets)) : '',
			$unknown ? sprintf(t('not known whether it has them: %s'), Words::files($unknown)) : '',
			$check && $check['missing_there']
				? sprintf(t('missing there: %s'), Words::files($check['missing_there']))
				: '',
			$check && $check['missing_here']
				? sprintf(t('only there so far: %s'), Words::files($check['missing_here']))
				: '',
			match ($peer['filesync'] ?? 'unknown') {
				'yes' => t('has filesync'),
				'no' => t('without filesync'),
				default => t('not known whether it has filesync'),
			},
			$peer && $peer['last_success']
				? sprintf(t('last read from %s'), Words::ago(strtotime($peer['last_success'] . ' UTC')))
				: '',
			$check ? sprintf(t('last check %s'), Words::ago($check['at'])) : t('not checked yet'),
		]));
	}

	/** Returns a bar; it never looks complete too early. */
	private static function bar(int $value, int $most, bool $isComplete): array
	{
		$percent = $isComplete ? 100 : (int) min(99, $most ? floor((100 * $value) / $most) : 0);

		return [
			'has_bar' => $most > 0,
			'percent' => $percent,
			'is_complete' => $isComplete,
			'percent_text' => Words::percent($value, $most, $isComplete),
		];
	}

	private static function arriving(array $row, bool $isPaused): array
	{
		$text = match (true) {
			$row['state'] !== TransferState::LEASED => t('complete, being moved into place'),
			$row['arrived_bytes'] > 0 && $row['arrived_bytes'] === $row['size_bytes'] => t('all here, being checked'),
			default => implode(', ', array_filter([
				sprintf(t('%1$s of %2$s'), Words::size($row['arrived_bytes']), Words::size($row['size_bytes'])),
				$row['bytes_per_second'] && ! $isPaused
					? sprintf(t('%s a second'), Words::size($row['bytes_per_second']))
					: '',
				$row['seconds'] === null || $isPaused ? '' : sprintf(t('%s left'), Words::duration($row['seconds'])),
			])),
		};

		return [
			'id' => substr($row['id'], 0, 16),
			'name' => self::name($row['name'], $row['scale']),
			'text' => $text,
			'percent' => (int) floor((100 * $row['arrived_bytes']) / max(1, $row['size_bytes'])),
		];
	}

	private static function arrivingLine(array $progress, bool $isPaused): string
	{
		$all = array_filter([
			$progress['files'] ? Words::files($progress['files']) : '',
			$progress['thumbnails'] ? sprintf(t('thumbnails: %s'), number_format($progress['thumbnails'])) : '',
		]);

		return (
			! $all
				? ''
				: implode(', ', array_filter([
					...$all,
					sprintf(t('%s to come'), Words::size($progress['todo_bytes'])),
					$isPaused
						? t('paused')
						: (
							$progress['bytes_per_second'] === null
								? t('speed not known yet')
								: sprintf(t('%s a second'), Words::size($progress['bytes_per_second']))
						),
					$isPaused || $progress['seconds'] === null
						? ''
						: sprintf(t('done in about %s'), Words::duration($progress['seconds'])),
				]))
		);
	}

	private static function waiting(int $channelId): array
	{
		$columns = 'id, uid, names, scale, kind, state, next_at, size_bytes';
		$parked = Table::select(
			'filesync_transfer',
			['uid' => $channelId, 'state' => TransferState::PARKED, 'kind <>' => Queue::BRAKE],
			'scale, updated DESC',
			self::ROWS,
			$columns,
		);
		$later = Table::select(
			'filesync_transfer',
			['uid' => $channelId, 'state' => TransferState::WAITING],
			'scale, next_at',
			self::ROWS,
			$columns,
		);

		return array_map(fn ($row) => [
			'id' => $row['id'],
			'name' => self::name(implode('/', json_decode($row['names'], true) ?: []), (int) $row['scale']),
			'why' => Words::kind($row['kind']),
			'label' => sprintf(
				t('Try again: %s'),
				self::name(implode('/', json_decode($row['names'], true) ?: []), (int) $row['scale']),
			),
			'is_stuck' => $row['state'] === TransferState::PARKED,
			'then' => match (true) {
				$row['state'] === TransferState::PARKED => t('will not be retried automatically'),
				(int) $row['next_at'] <= Clock::now() => t('next try in a moment'),
				default => sprintf(t('next try in %s'), Words::duration((int) $row['next_at'] - Clock::now())),
			},
		], [...$parked, ...$later]);
	}

	private static function waitingLine(int $channelId): string
	{
		$counts = [];
		foreach (['parked' => t('stuck: %s'), 'waiting' => t('retried automatically: %s')] as $state => $word) {
			$count = Table::count('filesync_transfer', [
				'uid' => $channelId,
				'state' => $state,
				'kind <>' => Queue::BRAKE,
			]);
			$counts[] = $count ? sprintf($word, number_format($count)) : '';
		}
		$packets = Table::count('filesync_packet', ['uid' => $channelId, 'state' => ['staged', Activation::QUEUED]]);
		$calls = Table::count('filesync_outbox', ['uid' => $channelId, 'state' => 'parked']);
		$counts[] = $packets
			? sprintf(t('changes from other hubs that could not be applied yet: %s'), number_format($packets))
			: '';
		$counts[] = $calls ? sprintf(t('posts, previews and messages that failed: %s'), number_format($calls)) : '';

		return implode('; ', array_filter($counts));
	}

	/** Returns a clone's replacements and deletes, with those that wait for approval. */
	private static function held(array $line): array
	{
		return [
			'id' => $line['id'],
			'text' => Words::displaced($line),
			'why' =>
				sprintf(
					t(
						'This is an unusually large change, and %s of its files wait for your approval. Your answer applies to all of them; Restore ours restores our versions on every clone.',
					),
					number_format($line['waiting']),
				)
					. ' '
					. t('Only the changes themselves name their hub.'),
		];
	}

	/** Returns the changes from other clones that need approval. */
	private static function packets(Channel $channel): array
	{
		$rows = [];
		foreach (Table::select(
			'filesync_packet',
			['uid' => $channel->id, 'state' => 'parked'],
			'created',
			self::ROWS,
			HeldPackets::COLUMNS,
		) as $row) {
			$about = HeldPackets::about($row);
			if (! $about) {
				continue;
			}
			$host = Words::host($about['from']);
			$rows[] = $about['name'] !== null
				? [
					'id' => $row['id'],
					'text' => sprintf(t('%1$s changed %2$s'), $host, self::name($about['name'], 0)),
					'why' => t('It could not be applied here.'),
				]
				: [
					'id' => $row['id'],
					'text' => sprintf(
						t('%1$s deleted %2$s'),
						$host,
						self::named($channel->id, $about['deletes'], $about['delete_count']),
					),
					'why' => t(
						'This is an unusually large change. Nothing is removed here until you agree; if you refuse, the files are restored there.',
					),
				];
		}

		return $rows;
	}

	private static function named(int $channelId, array $hashes, int $count): string
	{
		$names = array_column(
			Table::select('attach', ['uid' => $channelId, 'hash' => $hashes], 'id', 3, 'display_path'),
			'display_path',
		);
		$rest = $count - count($names);

		return (
			self::name(implode(', ', $names), 0)
			. ($rest > 0 ? ' ' . sprintf(t('and %s more'), number_format($rest)) : '')
		);
	}

	private static function conflicts(Channel $channel): array
	{
		$rows = Conflicts::newest($channel->id, self::ROWS);
		$root = Web::root() . '/cloud/' . rawurlencode($channel->nick) . '/';

		return array_map(fn ($row) => [
			'id' => substr($row['hash'], 0, 36),
			'name' => self::name($row['display_path'], 0),
			'url' =>
				$root . implode('/', array_map('rawurlencode', array_slice(explode('/', $row['display_path']), 0, -1))),
		], $rows);
	}

	private static function kept(int $channelId): array
	{
		$days = Config::number('kept_days');
		$rows = iterator_to_array(KeptList::each(['uid' => $channelId], self::rows()), false);
		$present = array_column(
			$rows
				? Table::select('attach', ['uid' => $channelId, 'hash' => array_column($rows, 'hash')], '', 0, 'hash')
				: [],
			'hash',
		);

		return array_map(function ($row) use ($days, $present) {
			$name = self::name($row['name'] === '' ? $row['hash'] : $row['name'], 0);

			return [
				'id' => $row['id'],
				'name' => $name,
				'text' => implode(', ', array_filter([
					$row['why'] === 'deleted'
						? sprintf(t('deleted %s'), Words::ago((int) $row['created']))
						: sprintf(t('replaced %s'), Words::ago((int) $row['created'])),
					$row['by'] === '' ? '' : sprintf(t('by %s'), Log::oneLine($row['by'])),
					Words::size((int) $row['size_bytes']),
					sprintf(t('kept until %s'), gmdate('Y-m-d', (int) $row['created'] + (86400 * $days))),
					$row['why'] === 'deleted' && in_array($row['hash'], $present, true)
						? t('the file is here again')
						: '',
				])),
				'undo' => t('Restore'),
				'undo_label' => sprintf(t('Restore %s'), $name),
			];
		}, $rows);
	}

	/** Returns the line that a screen reader reads out when it changes. */
	private static function say(array $here, array $progress, int $channelId, bool $isPaused): string
	{
		$stuck =
			Table::count('filesync_transfer', ['uid' => $channelId, 'state' => 'parked', 'kind <>' => Queue::BRAKE])
			+ count(Brake::lines($channelId))
			+ Table::count('filesync_packet', ['uid' => $channelId, 'state' => 'parked']);

		return implode(' ', array_filter([
			$isPaused ? t('Paused.') : '',
			$here['is_complete']
				? t('Everything is here.')
				: (
					$progress['files'] && ! $isPaused
						? sprintf(t('Arriving: %s.'), Words::files($progress['files']))
						: t('Something is missing here.')
				),
			$stuck ? sprintf(t('Stuck: %s.'), number_format($stuck)) : '',
		]));
	}

	private static function name(string $name, int $scale): string
	{
		return $scale > 0 ? sprintf(t('thumbnail of %s'), Log::oneLine($name)) : Log::oneLine($name);
	}

	private static function rows(): int
	{
		$asked = $_GET['kept'] ?? '';

		return is_string($asked) && ctype_digit($asked)
			? max(self::ROWS, min(self::MOST_ROWS, (int) $asked))
			: self::ROWS;
	}
}
