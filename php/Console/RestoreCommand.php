<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Decision;
use FileSync\Addon\Restore\Plan;
use FileSync\Addon\Restore\Run;
use FileSync\Addon\Restore\Tally;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** `restore`: brings the files of a backup set back to a channel. */
final class RestoreCommand implements Task
{
	/** What is not restored: of one file, of more, and what helps. */
	private const LEFT = [
		[Decision::Differs, 'differs here and stays', 'differ here and stay', "; `--replace` takes the set's bytes"],
		[
			Decision::Deleted,
			'was deleted on this channel after the backup and stays deleted',
			'were deleted on this channel after the backup and stay deleted',
			'; `--deleted` brings back what was deleted',
		],
		[
			Decision::Newer,
			'is newer on another clone and comes from there',
			'are newer on another clone and come from there',
			'',
		],
		[
			Decision::Arriving,
			'is on its way from another clone',
			'are on their way from another clone',
			'; the same command goes on',
		],
		[Decision::NoBytes, 'had no bytes', 'had no bytes', ' on the hub when the set was made'],
		[Decision::Missing, 'is missing', 'are missing', ' in the folder of the set'],
		[Decision::Damaged, 'is not what was saved', 'are not what was saved', ''],
		[Decision::TooLarge, 'is larger', 'are larger', ' than file_max_bytes allows'],
		[Decision::Refused, 'cannot be here', 'cannot be here', ''],
	];
	/** Why posts are left out. */
	private const WHY = [
		'malformed' => 'they are not what a hub would have written',
		'not_about_file' => 'they belong to no conversation of this channel about the file',
		'no_post' => 'they are polls or events',
		'deleted' => 'they were deleted',
		'expired' => 'their time is over',
		'code' => 'they hold code, which this channel may not have',
		'post_missing' => 'what they answer is not here',
		'hub_refused' => 'the hub refused them; its log says why',
		'author_forged' => 'they name an author whose key does not fit',
		'author_unknown' => 'nobody knows their author',
	];

	private const MOST_GROUPS_NAMED = 20;

	private readonly bool $isJson;
	private readonly ProgressBar $bar;
	private bool $isStopped = false;
	private int $all = 0;

	public function __construct(private readonly Options $options)
	{
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson);
	}

	/** Plans, and restores unless only the plan is wanted. */
	public function run(array $words): int
	{
		Interruption::listen(function (): void {
			$this->isStopped = true;
		});
		$channel = Channels::named($words[0]);
		if (count($words) === 1) {
			return match (true) {
				$this->options->has(Option::Status) => (new RestoreStatus($channel, $this->isJson))->show(),
				$this->options->has(Option::Cancel) => (new RestoreStatus($channel, $this->isJson))->cancel(),
				default => throw new WrongUsage('name the folder of the set, or give --status or --cancel'),
			};
		}
		if ($this->options->has(Option::Drill)) {
			return (new DrillReport($this->options, fn () => $this->isStopped))->run($channel, $words[1]);
		}
		if ($this->options->has(Option::DrillSample) || $this->options->has(Option::Seed)) {
			throw new WrongUsage('--sample and --seed go with --drill');
		}
		$choice = new Choice(
			mayReplace: $this->options->has(Option::Replace),
			mayRevive: $this->options->has(Option::Deleted),
			asCopy: $this->options->has(Option::AsCopy),
			isTrusted: $this->options->has(Option::Trust),
			only: $this->options->text(Option::Beneath),
			without: $this->options->texts(Option::Without),
			at: $this->options->time(Option::At),
		);
		try {
			if (! $this->options->has(Option::DryRun)) {
				Underway::refuseSecond($channel);
			}
			$run = new Run($channel, $words[1], $choice, fn () => $this->isStopped, $this->show(...));
			$plan = $run->plan();
			$this->bar->clear();
			if ($this->options->has(Option::DryRun)) {
				$this->tellPlan($channel, $words[1], $plan);
				$run->needClones();
				$plan->needRoom(Words::size(...));

				return RestoreStatus::code($plan->tally);
			}
			$run->needClones();
			$plan->needRoom(Words::size(...));
			$this->all = $plan->bytes();
			$done = $run->work($plan);
			$this->bar->clear();
			if ($done === null) {
				$this->say($channel, $words[1], ['state' => 'stopped'], ['stopped; the same command goes on']);

				return 75;
			}
			$this->tellDone($channel, $words[1], $plan, $done);

			return RestoreStatus::code($done);
		} catch (Problem $e) {
			$this->bar->clear();

			return Failure::tell($e, $this->isJson, ['channel' => $channel->nick, 'folder' => $words[1]]);
		}
	}

	private function tellPlan(Channel $channel, string $folder, Plan $plan): void
	{
		$tally = $plan->tally;
		$lines = [
			$this->options->has(Option::At)
				? "the set of $plan->address, as the run of $plan->run left it"
				: "the set of $plan->address, of $plan->updated",
			sprintf(
				'would restore %s (%s), %s, %s posts; %s left on the hub after that',
				Words::files($plan->files()),
				Words::size($plan->bytes()),
				self::folders($tally->folders(Decision::Restore, Decision::Revive)),
				number_format($tally->posts),
				Words::size($plan->room),
			),
		];
		$this->say(
			$channel,
			$folder,
			['state' => 'plan'] + self::ofPlan($plan) + ['room' => $plan->room] + $tally->facts(),
			[...$lines, ...$this->remarks($plan, $tally)],
		);
	}

	private function tellDone(Channel $channel, string $folder, Plan $plan, Tally $done): void
	{
		$work = [Decision::Restore, Decision::Mend, Decision::Replace, Decision::Revive];
		$line = sprintf(
			'%s (%s), %s, %s, %s restored and checked',
			Words::files($done->files(...$work)),
			Words::size($done->bytes(...$work)),
			self::folders($done->folders(...$work)),
			$done->crops === 1 ? '1 crop' : number_format($done->crops) . ' crops',
			$done->posts === 1 ? '1 post' : number_format($done->posts) . ' posts',
		);
		$this->say(
			$channel,
			$folder,
			['state' => 'done'] + self::ofPlan($plan) + $done->facts(),
			[$line, ...$this->remarks($plan, $done)],
		);
	}

	/** @return array<string, mixed> */
	private static function ofPlan(Plan $plan): array
	{
		return [
			'set_of' => $plan->address,
			'set_updated' => $plan->updated,
			'set_run' => $plan->run,
			'set_cut_off' => $plan->isCutOff,
			'signed_by' => $plan->signedBy,
			'trusted' => $plan->isTrusted,
			'findings' => $plan->findings,
			'quota_short' => $plan->quotaShort,
			'disk_short' => $plan->diskShort,
			'clones' => array_map(fn ($clone) => $clone->facts(), $plan->clones),
			'held_by' => array_map(fn ($clone) => $clone->url, $plan->holding),
		];
	}

	/** @return list<string> */
	private function remarks(Plan $plan, Tally $tally): array
	{
		$lines = $plan->isCutOff
			? [
				'the last run of this backup was cut off while it was put in place; it is read as that run would leave it',
			]
			: [];
		foreach ($plan->findings as $finding) {
			if (! in_array($finding['code'], ['unsigned', 'signature_wrong', 'file_extra'], true)) {
				$lines[] = "{$finding['path']} in the set is not as the last run wrote it";
			}
		}
		if ($tally->unproven > 0) {
			$why = match (true) {
				$plan->isTrusted => 'they are not what the signed list names',
				$plan->signedBy === 'nobody' => 'the set is not signed',
				default => 'the signature does not fit',
			};
			$lines[] =
				number_format($tally->unproven)
				. " come for the owner alone, without categories and posts, because $why; `--trust` takes the rest";
		}
		array_push($lines, ...self::aboutAccess($tally));
		$isHere = $tally->files(Decision::Here);
		if ($isHere > 0) {
			$lines[] = Words::files($isHere) . ($isHere === 1 ? ' is' : ' are') . ' here already';
		}
		foreach (self::LEFT as [$decision, $one, $more, $rest]) {
			$count = $tally->files($decision) + $tally->folders($decision);
			if ($count > 0) {
				$lines[] = ($count === 1 ? "1 file $one" : number_format($count) . " files $more") . $rest;
				foreach ($tally->named($decision) as $named) {
					$lines[] = "    {$named['name']}" . ($named['why'] === '' ? '' : ": {$named['why']}");
				}
			}
		}
		if ($tally->untraced > 0) {
			$lines[] =
				($tally->untraced === 1 ? '1 file is' : number_format($tally->untraced) . ' files are')
				. ' on no hub'
				. (array_filter($plan->clones, fn ($clone) => $clone->isLeftOut) ? ' that was asked' : '')
				. '; whether '
				. ($tally->untraced === 1 ? 'it was' : 'they were')
				. ' lost or deleted cannot be told';
		}
		if ($tally->cropsLost > 0) {
			$lines[] =
				(
					$tally->cropsLost === 1
						? '1 crop is missing or not what was saved'
						: number_format($tally->cropsLost) . ' crops are missing or not what was saved'
				) . '; crop these photos again';
			foreach ($tally->withoutCrops() as $named) {
				$lines[] = "    {$named['name']}";
			}
		}

		return [...$lines, ...self::aboutPosts($tally), ...self::aboutClones($plan)];
	}

	/** @return list<string> */
	private static function aboutAccess(Tally $tally): array
	{
		$lines = [];
		if ($tally->categories > 0) {
			$lines[] = $tally->categories === 1
				? '1 category is added to what is here'
				: number_format($tally->categories) . ' categories are added to what is here';
		}
		if ($tally->lostLinks > 0) {
			$lines[] =
				($tally->lostLinks === 1 ? '1 comes' : number_format($tally->lostLinks) . ' come')
				. ' without links of posts that are not here';
		}
		$groups = $tally->unknownGroups;
		if ($groups) {
			$names = array_map(
				fn (string $name, int|string $hash): string => $name === '' ? (string) $hash : $name,
				$groups,
				array_keys($groups),
			);
			$more = count($names) - self::MOST_GROUPS_NAMED;
			$lines[] =
				(
					count($names) === 1
						? '1 group of access lists is not on this hub, and admits nobody: '
						: number_format(count($names))
						. ' groups of access lists are not on this hub, and admit nobody: '
				)
				. implode(', ', array_slice($names, 0, self::MOST_GROUPS_NAMED))
				. ($more > 0 ? ', and ' . number_format($more) . ' more' : '');
		}

		return $lines;
	}

	/** @return list<string> */
	private static function aboutPosts(Tally $tally): array
	{
		$number = fn (int $count, string $one, string $more): string => (
			number_format($count) . ' ' . ($count === 1 ? $one : $more)
		);
		$lines = [];
		if ($tally->postsUnsigned > 0) {
			$lines[] =
				$number($tally->postsUnsigned, 'post of the channel carries', 'posts of the channel carry')
				. ' no valid signature, and comes unsigned';
		}
		if ($tally->postsOfStrangers > 0) {
			$lines[] =
				$number($tally->postsOfStrangers, 'comment', 'comments')
				. ' by '
				. $number($tally->strangers(), 'person', 'people')
				. ' whom this hub does not know, without name and picture';
		}
		if ($tally->postsUnproven > 0) {
			$lines[] =
				$number($tally->postsUnproven, 'post is', 'posts are') . ' left out, because nothing proves them';
		}
		if ($tally->postsOfCopies > 0) {
			$lines[] = $number($tally->postsOfCopies, 'post is', 'posts are') . ' left out: copies have none';
		}
		foreach ($tally->postsLeft as $why => $count) {
			$lines[] = $number($count, 'post is', 'posts are') . ' left out: ' . (self::WHY[$why] ?? $why);
		}

		return $lines;
	}

	/** @return list<string> */
	private static function aboutClones(Plan $plan): array
	{
		$lines = [];
		foreach ($plan->clones as $clone) {
			$lines[] = match (true) {
				$clone->isLeftOut
					=> "{$clone->name()} was not asked ({$clone->contact()}); what was deleted there goes again"
					. ' when it is compared',
				$clone->failure !== '' => "{$clone->name()} does not answer ({$clone->contact()}): $clone->failure",
				$clone->isStock
					=> "{$clone->name()} has no filesync: it said what it has, and cannot say what was deleted",
				default => "{$clone->name()} said what was deleted and changed there",
			};
		}
		foreach ($plan->holding as $clone) {
			$lines[] =
				"{$clone->name()} will hold what is replaced, because it is much, until its owner presses \"Accept\" on"
				. " $clone->url/filesync";
		}

		return $lines;
	}

	private static function folders(int $count): string
	{
		return $count === 1 ? '1 folder' : number_format($count) . ' folders';
	}

	/**
	 * @param array<string, mixed> $facts
	 * @param list<string>         $lines
	 */
	private function say(Channel $channel, string $folder, array $facts, array $lines): void
	{
		Answer::say($this->isJson, ['channel' => $channel->nick, 'folder' => $folder] + $facts, $lines);
	}

	private function show(int $bytes, string $name): void
	{
		$this->bar->bytes($bytes, $this->all, $name);
	}
}
