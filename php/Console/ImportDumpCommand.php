<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Accounts;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Import\Run;
use FileSync\Addon\Import\Section;
use FileSync\Addon\Import\Survey;

if (! class_exists('App', false)) {
	exit;
}

/** `import-dump`: imports a channel, or posts, from a hub's own export. */
final class ImportDumpCommand implements Task
{
	private const MOST_NAMED = 20;

	private readonly bool $isJson;
	private readonly ProgressBar $bar;
	private bool $isStopped = false;
	private int $all = 0;

	public function __construct(private readonly Options $options)
	{
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson, ! $this->isJson || $options->has(Option::Progress));
	}

	/** Reads the export, and imports it unless only a look was wanted. */
	public function run(array $words): int
	{
		Interruption::listen(function (): void {
			$this->isStopped = true;
		});
		$path = realpath($words[0]);
		try {
			if ($path === false || ! is_file($path)) {
				throw new Problem('no_export', "There is no file $words[0].");
			}

			return $this->import($path, $words[1] ?? null);
		} catch (Problem $e) {
			$this->bar->clear();
			$told = $e->kind === Run::SLICE_FAILED
				? new Problem($e->kind, $e->getMessage() . ' The same command tries it again.', previous: $e)
				: $e;

			return Failure::tell($told, $this->isJson, ['file' => $words[0]]);
		}
	}

	private function import(string $path, ?string $nick): int
	{
		$dump = Survey::open($path);
		$survey = Survey::of($dump, $path, fn () => $this->isStopped);
		if ($survey === null) {
			return $this->stopped();
		}
		if ($this->options->has(Option::DryRun)) {
			$this->say(['state' => 'plan'] + $this->facts($survey), ['would import ' . self::listed($survey)]);

			return 0;
		}
		[$accountId, $channelId] = $this->whose($survey, $nick);
		$choice = [
			'nick' => $this->options->text(Option::Nick) ?? '',
			'primary' => $this->options->has(Option::Primary),
		];
		$job = Job::of((string) hash_file('sha256', $path), $accountId, $channelId, $choice);
		if ($job->state !== Job::FIRST || $job->part > 0) {
			$this->say(null, ['goes on with the import that was begun']);
		}
		$this->all = $survey->bytes();
		$done = (new Run($job, $dump, $survey, $path, fn () => $this->isStopped, $this->show(...)))->work();
		$this->bar->clear();

		return $done === null ? $this->stopped() : $this->tell($survey, $done);
	}

	/** @return array{int, int} The account, and the channel if it is here. */
	private function whose(Survey $survey, ?string $nick): array
	{
		$guid = $survey->guid();
		$channel = $nick === null ? Clones::byGuid($guid) : Channels::named($nick);
		if ($nick !== null && $guid !== '' && $channel?->guid !== $guid) {
			throw new Problem('other_channel', "The export is of another channel than $nick; leave out $nick.");
		}
		if ($channel !== null) {
			return [$channel->accountId, $channel->id];
		}
		if ($guid === '') {
			throw new WrongUsage('the export does not have the channel in it, so name one of this hub behind the file');
		}
		$address = $this->options->text(Option::Account) ?? throw new WrongUsage(
				'the channel is not on this hub, so say whose it becomes: --account EMAIL',
			);

		return [
			Accounts::byEmail($address) ?? throw new Problem('no_account', "This hub has no account of $address."),
			0,
		];
	}

	private function stopped(): int
	{
		$this->say(['state' => 'stopped'], ['stopped; the same command goes on']);

		return 75;
	}

	private function tell(Survey $survey, Job $done): int
	{
		$channel = Clones::channel($done->channelId);
		$missing = $done->countMissing();
		$lines = [
			($channel === null ? '' : "$channel->nick: ") . 'imported ' . self::listed($survey),
		];
		if ($missing > 0) {
			$lines[] =
				($missing === 1 ? '1 of the posts was' : number_format($missing) . ' of the posts were')
				. ' not taken by the hub, also the second time:';
			array_push($lines, ...array_map(fn ($mid) => "    $mid", $done->refusedPosts(self::MOST_NAMED)));
			if ($missing > self::MOST_NAMED) {
				$lines[] = '    and ' . number_format($missing - self::MOST_NAMED) . ' more';
			}
		}
		if ($done->refused > 0) {
			$lines[] =
				($done->refused === 1 ? '1 other row was' : number_format($done->refused) . ' other rows were')
				. ' not taken: they are not what a hub writes, belong to a group that is not in the file,'
				. ' or are more connections than the account may have';
		}
		if ($survey->head !== []) {
			$lines[] =
				"the channel's files now come from its other hubs, by comparison (`status` shows them);"
				. ' files that no hub has come from a backup set (`restore`)';
		}
		$this->say(
			[
				'state' => 'done',
				'channel' => $channel?->nick,
				'posts_refused' => $missing,
				'rows_refused' => $done->refused,
			] + $this->facts($survey),
			$lines,
		);

		return ($missing + $done->refused) > 0 ? 1 : 0;
	}

	/** @return array<string, int> How many elements each section has. */
	private function facts(Survey $survey): array
	{
		$facts = [];
		foreach (Section::cases() as $section) {
			$facts[$section->value] = $survey->count($section);
		}

		return ['channels' => $survey->head === [] ? 0 : 1, 'bytes' => $survey->bytes()] + array_filter($facts);
	}

	/** Returns in words what is in an export. */
	private static function listed(Survey $survey): string
	{
		$counts = [];
		foreach (Section::cases() as $section) {
			// People are those of connections, and their hubs; members are in groups; events have posts.
			$isPart = in_array(
				$section,
				[Section::Xchan, Section::Hubloc, Section::GroupMember, Section::EventItem],
				true,
			);
			$count = $isPart ? 0 : $survey->count($section);
			if ($count > 0) {
				$counts[$section->words()] = [$section, $count + ($counts[$section->words()][1] ?? 0)];
			}
		}
		$words = array_map(fn ($one) => $one[0]->counted($one[1]), array_values($counts));

		return implode(', ', $survey->head === [] ? $words : ['the channel', ...$words]);
	}

	/**
	 * @param ?array<string, mixed> $facts
	 * @param list<string>          $lines
	 */
	private function say(?array $facts, array $lines): void
	{
		$this->bar->clear();
		Answer::say($this->isJson, $facts, $lines);
	}

	private function show(int $bytes, string $what): void
	{
		$this->bar->bytes($bytes, $this->all, $what);
	}
}
