<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Decision;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The restore of a channel in words for its owner: the plan, how far it is, how it ended.
 *
 * @type Asked = array{url: string, state: string, filesync: bool, why: string, last_contact: ?string}
 * @type Counted = array{
 *     files?: array<string, int>, bytes?: array<string, int>, folders?: array<string, int>,
 *     named?: array<string, list<array{name: string, why: string}>>, categories?: int, links_dropped?: int,
 *     crops_lost?: int,
 *     groups_unknown?: array<string, string>, posts?: int, posts_unsigned?: int, posts_of_strangers?: int,
 *     posts_unproven?: int, posts_left?: array<string, int>, unproven?: int, signed_by?: string, trusted?: bool,
 *     set_cut_off?: bool, crops_lost?: int, untraced?: int, clones?: list<Asked>, held_by?: list<string>,
 *     set_updated?: string, room?: int, quota_short?: int, disk_short?: int,
 *     findings?: list<array{code: string, path: string, why: ?string}>
 * }
 */
final class RestoreWords
{
	private const NAMED = 5;

	/** Names what a form is about: a plan that was made later has another. */
	public static function seal(Job $job): string
	{
		return substr(hash('sha256', "$job->created\n$job->list\n{$job->choice->text()}"), 0, 24);
	}

	/**
	 * Returns it.
	 *
	 * @param Job::PAGE|Job::UPLOAD $door Of the page that shows it, which begins and changes only what it asked for.
	 *
	 * @return array{
	 *     state: string, title: string, what: string, percent: int, progress: string, lines: list<string>,
	 *     stays: list<array{text: string, names: list<string>}>, warnings: list<string>, seal: string, may_start: bool,
	 *     may_cancel: bool, is_live: bool, asks_replace: bool, asks_deleted: bool, is_replace: bool, is_deleted: bool,
	 *     asks_trust: bool, is_trust: bool, may_change: bool,
	 *     away: list<array{id: string, url: string, is_left_out: bool, label: string}>
	 * }
	 */
	public static function of(Job $job, string $door = Job::PAGE): array
	{
		/** @var Counted $plan */
		$plan = $job->plan;
		$isPlan = $job->state === JobState::Planned;
		/** @var Counted $counted */
		$counted = $isPlan ? $plan : json_decode((string) json_encode($job->done()->facts()), true);
		$isCounted = $isPlan || $job->state->isOver();
		$short = $isPlan ? self::short($plan) : '';
		$away = array_map(
			fn ($clone): array => [
				'id' => substr(hash('sha256', $clone['url']), 0, 12),
				'url' => $clone['url'],
				'is_left_out' => $clone['state'] === 'left_out',
				'label' => sprintf(
					t('Go on without %s: what was deleted there comes back until it is there again.'),
					Words::host($clone['url']),
				),
			],
			$isPlan ? [...self::inState($plan, 'away'), ...self::inState($plan, 'left_out')] : [],
		);

		return [
			'state' => $job->state->value,
			'title' => self::title($job),
			'what' => self::what($job),
			'percent' => $job->percent(),
			'progress' => self::progress($job),
			'lines' => $isCounted && ($job->begun + (int) $isPlan) > 0 ? self::lines($counted, $isPlan, $plan) : [],
			'stays' => $isCounted ? self::stays($counted) : [],
			'warnings' => [
				...($short === '' ? [] : [$short]),
				...($isPlan ? self::warnings($plan) : self::afterwards($counted)),
				...($job->code === '' ? [] : [self::trouble($job->code)]),
			],
			'seal' => self::seal($job),
			'may_start' =>
				$job->door === $door
					&& $isPlan
					&& $short === ''
					&& self::inState($plan, 'away') === []
					&& self::hasWork($plan),
			'may_change' =>
				$job->door === $door
					&& (
						self::asksReplace($plan, $job->choice)
						|| self::asksDeleted($plan, $job->choice)
						|| self::asksTrust($job)
						|| $away !== []
					),
			'away' => $away,
			'may_cancel' => $job->isForWorkers()
				&& in_array(
					$job->state,
					[
						JobState::Planning,
						JobState::Waiting,
						JobState::Running,
					],
					true,
				),
			'is_live' => $job->state->isLive(),
			'asks_replace' => self::asksReplace($plan, $job->choice),
			'asks_deleted' => self::asksDeleted($plan, $job->choice),
			'is_replace' => $job->choice->mayReplace,
			'is_deleted' => $job->choice->mayRevive,
			'asks_trust' => self::asksTrust($job),
			'is_trust' => $job->choice->isTrusted,
		];
	}

	/**
	 * Returns the clones that a plan could not ask, or did not.
	 *
	 * @return list<string> Their URLs.
	 */
	public static function away(Job $job): array
	{
		/** @var Counted $plan */
		$plan = $job->plan;

		return array_column([...self::inState($plan, 'away'), ...self::inState($plan, 'left_out')], 'url');
	}

	/**
	 * @param Counted $plan
	 *
	 * @return list<Asked>
	 */
	private static function inState(array $plan, string $state): array
	{
		return array_values(array_filter($plan['clones'] ?? [], fn ($clone) => $clone['state'] === $state));
	}

	/** @param Counted $plan */
	private static function asksReplace(array $plan, Choice $choice): bool
	{
		return self::count($plan, Decision::Differs) > 0 || $choice->mayReplace;
	}

	/** @param Counted $plan */
	private static function asksDeleted(array $plan, Choice $choice): bool
	{
		return (
			(self::count($plan, Decision::Deleted) + ($plan['folders'][Decision::Deleted->value] ?? 0)) > 0
			|| $choice->mayRevive
		);
	}

	/** Tells whether its owner may say that the set is the own one: only hubs sign the sets that they make. */
	private static function asksTrust(Job $job): bool
	{
		/** @var Counted $plan */
		$plan = $job->plan;

		return $job->door === Job::UPLOAD && ! $job->choice->asCopy && ($plan['signed_by'] ?? 'channel') !== 'channel';
	}

	private static function title(Job $job): string
	{
		return match (true) {
			$job->door === Job::COMMAND && $job->state->isLive() => t('The admin of this hub is restoring files.'),
			$job->state === JobState::Planning => t('Counting what would be restored.'),
			$job->state === JobState::Planned => t('This would be restored.'),
			$job->state === JobState::Waiting => t('It begins in a moment.'),
			$job->state === JobState::Running => t('Restoring.'),
			$job->state === JobState::Stopping => t('It stops after the file under way.'),
			$job->state === JobState::Stopped && $job->begun === 0 => t('Nothing was restored.'),
			$job->state === JobState::Stopped => t('Stopped. What was restored stays.'),
			$job->state === JobState::Done => sprintf(t('Restored %s.'), Words::ago($job->updated)),
			default => t('That did not work.'),
		};
	}

	private static function what(Job $job): string
	{
		$names = $job->choice->names;
		$what =
			$names === [] && $job->choice->only === null
				? t('everything')
				: Log::oneLine($job->choice->only ?? implode('/', $names));
		$at = $job->choice->at;

		return $at === null
			? $what
			: sprintf(t('%1$s, as of %2$s'), $what, substr($at, 0, 10) . ' ' . substr($at, 11, 5));
	}

	private static function progress(Job $job): string
	{
		return $job->planFiles === 0
			? ''
			: Words::amount(
				min($job->doneFiles, $job->planFiles),
				$job->planFiles,
				min($job->doneBytes, $job->planBytes),
				$job->planBytes,
			);
	}

	/**
	 * @param Counted $counted
	 * @param Counted $plan
	 *
	 * @return list<string>
	 */
	private static function lines(array $counted, bool $isPlan, array $plan): array
	{
		$work = Decision::WORK;
		$files = self::sum($counted['files'] ?? [], $work);
		$folders = self::sum($counted['folders'] ?? [], $work);
		$replaced = self::count($counted, Decision::Replace);
		$revived = self::count($counted, Decision::Revive);

		return array_values(array_filter([
			$files > 0
				? sprintf(
					t('%1$s, %2$s'),
					Words::files($files),
					Words::size(self::sum($counted['bytes'] ?? [], $work)),
				)
				: ($isPlan ? t('No file is missing.') : t('No file was missing.')),
			$replaced > 0 ? sprintf(t('of these replaced: %s'), Words::files($replaced)) : '',
			$revived > 0 ? sprintf(t('of these deleted before: %s'), Words::files($revived)) : '',
			$folders > 0 ? sprintf(t('folders: %s'), number_format($folders)) : '',
			($counted['categories'] ?? 0) > 0
				? sprintf(t('categories: %s'), number_format($counted['categories'] ?? 0))
				: '',
			($counted['posts'] ?? 0) > 0 ? sprintf(t('posts: %s'), number_format($counted['posts'] ?? 0)) : '',
			self::count($counted, Decision::Here) > 0
				? sprintf(t('here already: %s'), Words::files(self::count($counted, Decision::Here)))
				: '',
			$isPlan && isset($plan['room']) && self::short($plan) === ''
				? sprintf(t('room that is left after it: %s'), Words::size($plan['room']))
				: '',
			$isPlan && ($plan['set_updated'] ?? '') !== ''
				? sprintf(
					t('the backup set was made %s UTC'),
					strtr(substr($plan['set_updated'] ?? '', 0, 16), ['T' => ' ']),
				)
				: '',
		]));
	}

	/**
	 * Returns what is left as it is, with the first names.
	 *
	 * @param Counted $counted
	 *
	 * @return list<array{text: string, names: list<string>}>
	 */
	private static function stays(array $counted): array
	{
		$words = [
			[Decision::Differs, t('differ here and stay: %s')],
			[Decision::Deleted, t('were deleted since and stay deleted: %s')],
			[Decision::Newer, t('are newer on another hub and come from there: %s')],
			[Decision::Arriving, t('are on their way from another hub: %s')],
			[Decision::NoBytes, t('had no bytes on the hub when the set was made: %s')],
			[Decision::Missing, t('are missing in the backup set: %s')],
			[Decision::Damaged, t('are damaged in the backup set: %s')],
			[Decision::TooLarge, t('are larger than this hub accepts: %s')],
			[Decision::Refused, t('cannot be here: %s')],
		];
		$stays = [];
		foreach ($words as [$decision, $text]) {
			$count = self::count($counted, $decision) + ($counted['folders'][$decision->value] ?? 0);
			if ($count > 0) {
				$names = array_column($counted['named'][$decision->value] ?? [], 'name');
				$more = $count - count($names);
				$stays[] = [
					'text' => sprintf($text, number_format($count)),
					'names' => [
						...array_map(Log::oneLine(...), $names),
						...($more > 0 ? [sprintf(t('and %s more'), number_format($more))] : []),
					],
				];
			}
		}
		if (($counted['crops_lost'] ?? 0) > 0) {
			$stays[] = [
				'text' => sprintf(
					t('crops that are missing or damaged in the backup set; crop these photos again: %s'),
					number_format($counted['crops_lost'] ?? 0),
				),
				'names' => array_map(Log::oneLine(...), array_column($counted['named']['crop_lost'] ?? [], 'name')),
			];
		}

		return $stays;
	}

	/**
	 * @param Counted $plan
	 *
	 * @return list<string>
	 */
	private static function warnings(array $plan): array
	{
		$away = array_map(
			fn ($clone): string => $clone['last_contact'] === null
				? sprintf(
					t('%s does not answer. It cannot say what was deleted there.'),
					Words::host($clone['url']),
				)
				: sprintf(
					t('%1$s does not answer (last contact %2$s). It cannot say what was deleted there.'),
					Words::host($clone['url']),
					Words::ago((int) strtotime($clone['last_contact'])),
				),
			self::inState($plan, 'away'),
		);
		$stock = array_map(
			fn ($clone): string => $clone['filesync']
				? ''
				: sprintf(
					t('%s is without filesync: it cannot say what was deleted there.'),
					Words::host($clone['url']),
				),
			self::inState($plan, 'asked'),
		);
		$held = array_map(
			fn ($url): string => sprintf(
				t('%s will hold what is replaced, because it is much, until you press Accept on its page.'),
				Words::host($url),
			),
			$plan['held_by'] ?? [],
		);

		return array_values(array_filter([
			...$away,
			...$stock,
			...$held,
			$plan['set_cut_off'] ?? false
				? t('The last backup was cut off. What it would have left is shown.')
				: '',
			self::damaged($plan) !== []
				? sprintf(
					t('lists of the backup set that are damaged, and are read as far as they can be: %s'),
					Words::all(self::damaged($plan), self::NAMED),
				)
				: '',
			($plan['signed_by'] ?? 'channel') === 'channel' || ($plan['trusted'] ?? false)
				? ''
				: t(
					"The backup set does not carry this channel's signature. Files are restored for you alone, without categories and posts.",
				),
			($plan['signed_by'] ?? 'channel') === 'channel' && ($plan['unproven'] ?? 0) > 0
				? sprintf(
					t('restored for you alone, because nothing proves who may see them: %s'),
					number_format($plan['unproven'] ?? 0),
				)
				: '',
			...self::afterwards($plan),
		]));
	}

	/**
	 * Returns the lists of the set with which something is wrong. That it is not signed is said elsewhere.
	 *
	 * @param Counted $plan
	 *
	 * @return list<string>
	 */
	private static function damaged(array $plan): array
	{
		$findings = array_filter($plan['findings'] ?? [], fn ($one) => $one['code'] !== 'unsigned');

		return array_values(array_map(fn ($one) => Log::oneLine($one['path']), $findings));
	}

	/**
	 * @param Counted $counted
	 *
	 * @return list<string>
	 */
	private static function afterwards(array $counted): array
	{
		return array_values(array_filter([
			($counted['untraced'] ?? 0) > 0
				? sprintf(
					t('on no hub that could say; whether they were lost or deleted cannot be told: %s'),
					Words::files($counted['untraced'] ?? 0),
				)
				: '',
			($counted['groups_unknown'] ?? []) !== []
				? sprintf(
					t('groups that are not here; nobody in them sees what is restored: %s'),
					Words::all(
						array_map(Log::oneLine(...), array_values($counted['groups_unknown'] ?? [])),
						self::NAMED,
					),
				)
				: '',
			($counted['links_dropped'] ?? 0) > 0
				? sprintf(
					t('lose links of posts that are not here: %s'),
					Words::files($counted['links_dropped'] ?? 0),
				)
				: '',
			($counted['posts_unsigned'] ?? 0) > 0
				? sprintf(
					t('posts of yours that are restored unsigned: %s'),
					number_format($counted['posts_unsigned'] ?? 0),
				)
				: '',
			($counted['posts_of_strangers'] ?? 0) > 0
				? sprintf(
					t('comments by people whom this hub does not know, without name and picture: %s'),
					number_format($counted['posts_of_strangers'] ?? 0),
				)
				: '',
			($counted['posts_unproven'] ?? 0) > 0
				? sprintf(
					t('posts that are left out, because nothing proves them: %s'),
					number_format($counted['posts_unproven'] ?? 0),
				)
				: '',
			array_sum($counted['posts_left'] ?? []) > 0
				? sprintf(t('posts that are left out: %s'), number_format(array_sum($counted['posts_left'] ?? [])))
				: '',
		]));
	}

	private static function trouble(string $code): string
	{
		return match ($code) {
			'quota_short' => t("the account's storage is full"),
			'disk_short' => t("There is not enough room on this hub's disk now. It goes on when there is."),
			'clone_unreachable' => t(
				'Another hub of this channel does not answer, and cannot say what was deleted there. It goes on when it does.',
			),
			'set_changed' => t('The backup set was brought up to date meanwhile. It is counted again and goes on.'),
			'set_cut_off' => t('The last backup was cut off. The next one completes the set; try again then.'),
			'session_expired' => t('It waited for 14 days and was put away. You can ask for it again.'),
			'path_refused', 'set_refused' => t(
				'The backup set is badly damaged. Nothing was restored. The admin of this hub can see why.',
			),
			default => t('The admin of this hub can see why.'),
		};
	}

	/** @param Counted $plan */
	private static function short(array $plan): string
	{
		return match (true) {
			($plan['quota_short'] ?? 0) > 0 => sprintf(
				t('There is not enough room in your account: short by %s. Restore less, or delete something.'),
				Words::size($plan['quota_short'] ?? 0),
			),
			($plan['disk_short'] ?? 0) > 0 => sprintf(
				t("There is not enough room on this hub's disk: short by %s. Restore less, or ask its admin."),
				Words::size($plan['disk_short'] ?? 0),
			),
			default => '',
		};
	}

	/** @param Counted $plan */
	private static function hasWork(array $plan): bool
	{
		return (
			(self::sum($plan['files'] ?? [], Decision::WORK) + self::sum($plan['folders'] ?? [], Decision::WORK)) > 0
			|| (($plan['posts'] ?? 0) + ($plan['categories'] ?? 0)) > 0
		);
	}

	/** @param Counted $counted */
	private static function count(array $counted, Decision $of): int
	{
		return $counted['files'][$of->value] ?? 0;
	}

	/**
	 * @param array<string, int> $counts
	 * @param list<Decision>     $of
	 */
	private static function sum(array $counts, array $of): int
	{
		return array_sum(array_map(fn ($one) => $counts[$one->value] ?? 0, $of));
	}
}
