<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Drill\Certificate;
use FileSync\Addon\Drill\Drill;
use FileSync\Addon\Drill\Proof;
use FileSync\Addon\Drill\Sample;
use FileSync\Addon\Drill\Wish;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/** `restore --drill`: tries a restore, and prints its certificate. */
final class DrillReport
{
	/** What does not go with it: a drill is of what the last run left, and of all that the sample takes. */
	private const NOT_WITH = [
		Option::DryRun,
		Option::Beneath,
		Option::At,
		Option::Replace,
		Option::Deleted,
		Option::AsCopy,
		Option::Without,
	];
	/** How each is proven; %s stands for the hub's address. */
	private const HOW = [
		'signature' => "the set: its list of files is signed by the channel's key, checked without the extension",
		'metadata' => 'what the set says of them: digests of that list',
		'restored' => 'restored to the hidden channel as a restore does it, each byte checked before it was shown',
		'bytes' => 'bytes: read back from %s, as their owner, by SHA-256',
		'names' => 'names: as %s says them',
		'crops' => 'crops: read back from %s, as their owner, by SHA-256',
		'strangers' => 'strangers: given by %s what everybody may see, and nothing else',
		'rows' => "rows: in the hub's tables as the set has them, with their folders, read by other code than the restore's",
		'access' => 'access lists: likewise',
		'categories' => 'categories: likewise',
		'posts' => "posts: their signatures in the set, by the channel's key",
		'silence' => 'nothing was about to be sent to other hubs',
		'removed' => 'the hidden channel and all that was restored to it are removed',
	];
	private const CANNOT = [
		"that the channel's clones on other hubs take over what comes back",
		"that the channel's own identity and its private key can be restored",
		'that posts are stored again: only their signatures were checked, in the set',
		'how the hub does under load',
	];

	private readonly bool $isJson;
	private readonly ProgressBar $bar;

	/** @param \Closure(): bool $mustStop */
	public function __construct(private readonly Options $options, private readonly \Closure $mustStop)
	{
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson);
	}

	/** Drills the set of a channel. 0: all of the sample was proven; 1: not all; 75: it cannot be done now. */
	public function run(Channel $channel, string $folder): int
	{
		foreach (self::NOT_WITH as $option) {
			if ($this->options->has($option)) {
				throw new WrongUsage("--{$option->word()} does not go with --drill");
			}
		}
		$sample = $this->options->text(Option::DrillSample) ?? (string) Wish::PERCENT;
		try {
			$certificate = Drill::run(
				$channel,
				$folder,
				new Wish(
					$sample === 'all' ? 100 : (int) rtrim($sample, '%'),
					$this->options->text(Option::Seed) ?? Wish::seed(),
					$this->options->has(Option::Trust),
				),
				Words::size(...),
				$this->show(...),
				$this->mustStop,
			);
		} catch (Problem $e) {
			$this->bar->clear();

			return Failure::tell($e, $this->isJson, ['channel' => $channel->nick, 'folder' => $folder]);
		}
		$this->bar->clear();
		echo $this->isJson ? self::json($certificate, $folder) : self::text($certificate);

		return $certificate->hasPassed() ? 0 : 1;
	}

	private static function json(Certificate $certificate, string $folder): string
	{
		return (
			json_encode(
				['folder' => $folder] + $certificate->facts + ['cannot' => self::CANNOT],
				Json::FLAGS | JSON_THROW_ON_ERROR,
			) . "\n"
		);
	}

	private static function text(Certificate $certificate): string
	{
		$facts = $certificate->facts;
		$lines = [
			"filesync $facts[filesync] tried on $facts[hub], with a hidden channel, to restore the set of $facts[set_of]",
			"the run of $facts[set_run], of $facts[set_updated]; the channel's key has the SHA-256 "
				. substr($facts['set_key'], 0, 16),
			sprintf(
				'%d %% by the seed %s: %s and %s, %s, of %s, %s',
				$facts['percent'],
				$facts['seed'],
				Words::files($facts['files']),
				self::number($facts['folders'], 'folder', 'folders'),
				Words::size($facts['bytes']),
				Words::files($facts['of_files']),
				Words::size($facts['of_bytes']),
			),
		];
		foreach ($facts['kinds'] as $kind => $name) {
			$lines[] = '    ' . Sample::KINDS[$kind] . ": $name";
		}
		foreach (Proof::cases() as $proof) {
			$entry = $facts['proofs'][$proof->value] ?? null;
			if ($entry !== null) {
				array_push($lines, ...self::ofProof($proof, $entry, $facts['hub']));
			}
		}
		array_push($lines, ...self::remarks($certificate));
		$lines[] = 'A drill cannot show';
		foreach (self::CANNOT as $each) {
			$lines[] = "    $each";
		}
		if ($facts['files'] < $facts['of_files']) {
			$lines[] =
				'    '
				. self::number($facts['of_files'] - $facts['files'], 'file', 'files')
				. ' that the sample has not';
		}
		$lines[] =
			($certificate->hasPassed() ? 'PASSED' : 'FAILED')
			. gmdate(': Y-m-d H:i:s', $certificate->endedAt())
			. " UTC, in $facts[seconds] s";

		return implode('', array_map(fn ($line) => Log::oneLine($line) . "\n", $lines));
	}

	/**
	 * @param array{proven: int, failed: int, named: list<array{name: string, why: string}>} $entry
	 *
	 * @return list<string>
	 */
	private static function ofProof(Proof $proof, array $entry, string $hub): array
	{
		$how = sprintf(self::HOW[$proof->value], $hub);
		$lines = $entry['proven'] > 0 ? [sprintf('proven  %9s  %s', number_format($entry['proven']), $how)] : [];
		if ($entry['failed'] > 0) {
			$lines[] = sprintf('NOT     %9s  %s', number_format($entry['failed']), $how);
			foreach ($entry['named'] as $named) {
				$lines[] = "    {$named['name']}: {$named['why']}";
			}
			$more = $entry['failed'] - count($entry['named']);
			if ($more > 0) {
				$lines[] = '    and ' . number_format($more) . ' more';
			}
		}

		return $lines;
	}

	/** @return list<string> */
	private static function remarks(Certificate $certificate): array
	{
		$facts = $certificate->facts;
		$lines = [];
		if ($facts['believed']) {
			$lines[] = 'the channel did not sign the set: access and categories were believed, as asked for (--trust)';
		}
		if ($facts['without_bytes'] > 0) {
			$lines[] = Words::files($facts['without_bytes']) . ' of the set had no bytes on the hub when it was made';
		}
		if ($facts['left_out'] > 0) {
			$lines[] = Words::files($facts['left_out']) . ' would have been too much, and are not in the sample';
		}
		if ($facts['closed'] > 0) {
			$lines[] =
				Words::files($facts['closed'])
				. ' everybody may see: not asked for as a stranger, because this hub shows nothing to strangers';
		}
		if ($facts['numbered'] > 0) {
			$lines[] =
				self::number($facts['numbered'], 'name has', 'names have')
				. ' a number now, because another one in the folder is the same without regard to case';
		}
		if ($facts['posts_unsigned'] > 0) {
			$lines[] =
				self::number($facts['posts_unsigned'], 'post of the channel has', 'posts of the channel have')
				. ' no signature that fits; a restore marks them, and no hub signs them: '
				. implode(', ', $facts['posts_unsigned_of']);
		}
		if ($facts['posts_of_others'] > 0) {
			$lines[] =
				self::number($facts['posts_of_others'], 'post of somebody else', 'posts of others')
				. ': proven by the digests of the list alone';
		}

		return $lines;
	}

	private static function number(int $count, string $one, string $more): string
	{
		return number_format($count) . ' ' . ($count === 1 ? $one : $more);
	}

	private function show(int $bytes, string $name): void
	{
		if ($this->bar->isDue()) {
			$this->bar->show($bytes, 0, Words::size($bytes) . '   ' . Log::oneLine($name));
		}
	}
}
