<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Exclusion;
use FileSync\Addon\Backup\Outlook;
use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Backup\Result;
use FileSync\Addon\Backup\Run;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** `backup`: writes the backup set of a channel, or of every channel, or brings it up to date. */
final class BackupCommand implements Task
{
	private readonly bool $isJson;
	private readonly ProgressBar $bar;
	private bool $isStopped = false;
	private int $all = 0;

	public function __construct(private readonly Options $options)
	{
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson);
	}

	/** Writes one set after another. The exit code is that of the worst. */
	public function run(array $words): int
	{
		if (count($words) === 1 && ! $this->options->has(Option::All)) {
			throw new WrongUsage('name the channel before the folder, or give --all');
		}
		Interruption::listen(function (): void {
			$this->isStopped = true;
		});
		$codes = [];
		foreach ($this->sets($words) as [$channel, $folder]) {
			$codes[] = $this->backUp($channel, $folder);
			if ($this->isStopped) {
				break;
			}
		}

		return ExitCode::worst($codes);
	}

	/**
	 * @param list<string> $words
	 *
	 * @return list<array{Channel, string}>
	 */
	private function sets(array $words): array
	{
		if (count($words) === 2) {
			return [[Channels::named($words[0]), $words[1]]];
		}
		try {
			$folder = Place::writable($words[0], ! $this->options->has(Option::DryRun));
		} catch (Problem $e) {
			throw new WrongUsage($e->getMessage());
		}

		return array_map(
			fn ($channel) => [$channel, "$folder/" . Place::nameFor($channel)],
			array_values(array_filter(array_map(Clones::channel(...), Clones::local()))),
		);
	}

	private function backUp(Channel $channel, string $folder): int
	{
		$exclusion = new Exclusion($this->options->texts(Option::Exclude));
		$limits = Outlook::limits();
		try {
			if ($this->options->has(Option::DryRun)) {
				return $this->look($channel, $folder, $limits, $exclusion);
			}
			$folder = Place::writable($folder);
			$this->all = Table::sum('attach', 'filesize', ['uid' => $channel->id]);
			$run = new Run($channel, $folder, $limits, $exclusion, $this->show(...));
			$result = $run->work(fn () => $this->isStopped, true);
			$this->bar->clear();
			if ($result === null) {
				$this->say($channel, $folder, ['state' => 'stopped'], 'stopped; the same command goes on');
				return 75;
			}
			Outlook::learn($result);

			return $this->tell($channel, $folder, $result);
		} catch (Problem $e) {
			$this->bar->clear();

			return Failure::tell($e, $this->isJson, ['channel' => $channel->nick, 'folder' => $folder]);
		}
	}

	/** @param array{headroom_bytes: int, bytes_per_second?: int} $limits */
	private function look(Channel $channel, string $folder, array $limits, Exclusion $exclusion): int
	{
		$outlook = Outlook::of($channel, $folder, $limits, $exclusion);
		$this->say(
			$channel,
			$folder,
			[
				'files' => $outlook->files,
				'bytes' => $outlook->bytes,
				'new_files' => $outlook->newFiles,
				'new_bytes' => $outlook->newBytes,
				'seconds' => $outlook->seconds,
			],
			sprintf(
				'%s: %s, %s; %s, %s would be copied, in about %s',
				$channel->nick,
				Words::files($outlook->files),
				Words::size($outlook->bytes),
				Words::files($outlook->newFiles),
				Words::size($outlook->newBytes),
				ProgressBar::time($outlook->seconds),
			),
		);

		return 0;
	}

	private function tell(Channel $channel, string $folder, Result $result): int
	{
		$counts = $result->counts;
		$text = sprintf(
			'%s: %s in %s folders, %s photos with %s crops, %s posts; %s, %s of them copied now',
			$channel->nick,
			Words::files($counts['files']),
			number_format($counts['folders']),
			number_format($counts['photos']),
			number_format($counts['crops']),
			number_format($counts['posts']),
			Words::size($counts['bytes']),
			Words::size($counts['copied_bytes']),
		);
		$changes = [];
		foreach (['new', 'replaced', 'changed', 'moved', 'removed'] as $what) {
			if ($counts[$what]) {
				$changes[] = number_format($counts[$what]) . " $what";
			}
		}
		$text .= $changes === [] ? "\nnothing has changed since the last run" : "\n" . implode(', ', $changes);
		foreach ($result->lacks as $lack) {
			$text .= "\nnot in it: $lack->words";
		}
		$more = $result->missing - count($result->lacks);
		$text .= $more > 0 ? "\nand $more more, which set.json lists" : '';
		$this->say(
			$channel,
			$folder,
			['run' => $result->run]
			+ $counts
			+ [
				'missing' => $result->missing,
				'lacking' => $result->lacking,
				'seconds' => round($result->seconds, 3),
				'continued' => $result->isContinued,
				'lacks' => array_map(fn ($lack) => $lack->listed(), $result->lacks),
			],
			$text,
		);

		return $result->missing ? 1 : 0;
	}

	/** @param array<string, mixed> $facts */
	private function say(Channel $channel, string $folder, array $facts, string $text): void
	{
		Answer::say(
			$this->isJson,
			['channel' => $channel->nick, 'folder' => $folder] + $facts,
			explode("\n", $text),
		);
	}

	private function show(int $bytes, string $name): void
	{
		$this->bar->bytes($bytes, $this->all, $name);
	}
}
