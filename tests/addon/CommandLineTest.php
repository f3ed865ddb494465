<?php

use FileSync\Addon\Console\CommandLine;
use FileSync\Addon\Console\Option;
use FileSync\Addon\Console\Verbs;
use FileSync\Addon\Console\WrongUsage;
use PHPUnit\Framework\Attributes\DataProvider;

/** One table says what the command understands: parsing, errors, help and the docs agree with it. */
final class CommandLineTest extends AddonTestCase
{
	public function test_the_help_of_every_verb_shows_all_that_it_takes_in_80_columns(): void
	{
		[$code, $all] = $this->runVerb('--help');
		$this->assertSame(0, $code);
		foreach (Verbs::all() as $name => $verb) {
			[$code, $text] = $this->runVerb($name, '--help');
			$this->assertSame([0, [0, $text]], [$code, $this->runVerb('help', $name)]);
			foreach ($verb->options as $option) {
				$this->assertMatchesRegularExpression("/^  {$option->usage()}  +\\S/m", $text);
			}
			foreach (array_keys($verb->forms) as $form) {
				$this->assertStringContainsString("cli.php {$verb->written($form)}", $text);
			}
			$this->assertSame($verb->needsExtension, str_contains($text, 'PHP extension is missing'), $name);
			$this->assertStringContainsString($verb->help, preg_replace('/\s+/', ' ', $text));
			$this->assertStringContainsString(" $name $verb->help ", preg_replace('/\s+/', ' ', $all));
			$this->assertLessThan(80, max(array_map(strlen(...), explode("\n", $text . $all))));
		}
	}

	/**
	 * @dataProvider wrong
	 */
	#[DataProvider('wrong')]
	public function test_what_is_not_understood_is_named_with_what_can_be_written_instead(
		string $line,
		string $said,
	): void {
		$this->expectException(WrongUsage::class);
		$this->expectExceptionMessage($said);
		CommandLine::read(preg_split('/ /', $line, -1, PREG_SPLIT_NO_EMPTY));
	}

	public static function wrong(): array
	{
		return [
			['', 'a verb is missing'],
			['statsu', 'there is no verb "statsu"; did you mean status?'],
			['nonsense', 'there is no verb "nonsense"; these are the verbs:'],
			['status --x', 'unknown option --x for verb status; it takes --json, --help'],
			['status --seconds 3', 'unknown option --seconds for verb status'],
			['undo 12345678 --json', 'unknown option --json for verb undo; it takes --help'],
			['status --json=1', '--json takes no value'],
			['missing --channel', '--channel needs a value: --channel NICK'],
			['missing --channel=', '--channel needs a value: --channel NICK'],
			['missing --channel --json', '--channel needs a value: --channel NICK'],
			['work --seconds soon', '--seconds cannot be "soon": it must be a whole number of seconds'],
			['work --seconds=-1', '--seconds cannot be "-1"'],
			['repair --seconds 3', '--seconds does not go with `repair`, but with `repair files`'],
			['repair items --seconds 3', '--seconds does not go with `repair items`, but with `repair files`'],
			[
				'doctor --only nonsense',
				'--only cannot be "nonsense": it must be one or more of these, separated by commas: hub, ',
			],
			['doctor --only hub,nonsense', '--only cannot be "hub,nonsense"'],
			['doctor --only hub,', '--only cannot be "hub,"'],
			['doctor --only hub --only php', '--only is given twice'],
			['config get workers --json', '--json does not go with `config get NAME`, but with `config`'],
			['packets accept all --json', '--json does not go with `packets accept ID|all`, but with `packets`'],
			['config --scope site', '--scope does not go with `config`, but with `config get NAME`, `config set NAME'],
			['status all', 'status takes no arguments, so leave out "all"'],
			['undo', '`undo` is not understood'],
			['undo a b', '`undo a b` is not understood'],
			['packets accept', '`packets accept` is not understood'],
			['packets refuse all', '`packets refuse all` is not understood'],
			['repair files photos', '`repair files photos` is not understood'],
			['config set workers', '`config set workers` is not understood'],
		];
	}

	public function test_values_are_read_behind_a_space_and_behind_an_equals_sign(): void
	{
		$line = CommandLine::read(['repair', '--seconds=0', 'files', '--channel', 'alice', '--json']);
		$this->assertSame(
			[['files'], 0, 'alice', true, false],
			[
				$line->words,
				$line->options->seconds(),
				$line->options->text(Option::Channel),
				$line->options->has(Option::Json),
				$line->options->has(Option::DryRun),
			],
		);
		$this->assertSame(['set', 'x_accel', ''], CommandLine::read(['config', 'set', 'x_accel', ''])->words);
		$this->assertNull(CommandLine::read(['work'])->options->seconds());
	}

	public function test_usage_goes_to_standard_error_with_status_2_and_help_to_standard_output(): void
	{
		$this->assertSame(
			[
				2,
				[
					'filesync: unknown option --x for verb status; it takes --json, --help',
					'usage: cli.php status [--json]',
				],
			],
			$this->inAProcess('status --x 2>&1 >/dev/null'),
		);
		$this->assertSame(2, $this->inAProcess('2>&1')[0]);
		[$code, $said] = $this->inAProcess('statsu 2>&1');
		$this->assertSame([2, 'filesync: there is no verb "statsu"; did you mean status?'], [$code, $said[0]]);
		$this->assertStringContainsString('show what is in transit', implode($said));
		$this->assertSame([0, []], $this->inAProcess('status --help 2>&1 >/dev/null'));
	}

	public function test_without_the_extension_the_verbs_that_need_it_say_so_and_the_others_work(): void
	{
		$refused = [];
		foreach (Verbs::all() as $name => $verb) {
			$command = $verb->written(str_replace('ID', '12345678', (string) array_key_first($verb->forms)));
			[$code, $said] = $this->inAProcess("$command 2>&1");
			$code === 75 && $said === ['filesync: the PHP extension filesync is not loaded'] && ($refused[] = $name);
		}
		$this->assertSame(
			[
				'backfill',
				'verify',
				'work',
				'repair',
				'backup',
				'verify-set',
				'list',
				'prune',
				'restore',
				'import-dump',
				'rehearse',
			],
			$refused,
		);
	}

	public function test_the_readme_lists_every_verb_as_it_is(): void
	{
		preg_match_all(
			'/^sudo -u www-data php addon\/filesync\/cli\.php (\S+)(?: [A-Z]+)* +# (.+)$/m',
			file_get_contents(__DIR__ . '/../../README.md'),
			$found,
		);
		$this->assertSame(
			array_map(fn ($verb) => $verb->help, Verbs::all()),
			array_combine($found[1], $found[2]),
		);
	}

	public function test_every_command_in_the_docs_is_understood(): void
	{
		$root = dirname(__DIR__, 2);
		$count = 0;
		$docs = preg_grep('/CHANGELOG/', glob("$root/{,docs/}*.md", GLOB_BRACE), PREG_GREP_INVERT);
		foreach ([...$docs, "$root/tools/dist.README"] as $file) {
			$text = preg_replace('/"\$\([^)]*\)"/', 'value', file_get_contents($file));
			preg_match_all('/^ *sudo .*|`[^`\n]+`/m', $text, $codes);
			foreach (preg_replace('/.*\bcli\.php |[`#].*/', '', preg_grep('/\bcli\.php [a-z]/', $codes[0])) as $line) {
				$words = preg_split('/ /', $line, -1, PREG_SPLIT_NO_EMPTY);
				$this->assertNotNull(CommandLine::read($words), basename($file) . ": $line");
				$count++;
			}
		}
		$this->assertGreaterThan(30, $count);
	}

	public function test_every_verb_that_a_text_of_the_addon_names_is_there(): void
	{
		$named = [];
		foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(dirname(__DIR__, 2) . '/php')) as $file) {
			if ($file->getExtension() === 'php') {
				preg_match_all('/\bcli\.php ([a-z-]+)/', file_get_contents($file), $found);
				$named += array_flip($found[1]);
			}
		}
		$this->assertSame([], array_diff_key($named, Verbs::all()));
		$this->assertArrayHasKey('packets', $named);
	}

	/** Runs the command in a process of its own, where the extension is missing; returns status and lines. */
	private function inAProcess(string $words): array
	{
		$file = escapeshellarg(dirname(__DIR__) . '/testhub/bin/cli.php');
		exec(
			'cd ' . escapeshellarg((string) getcwd()) . ' && ' . escapeshellarg(PHP_BINARY) . " $file $words",
			$said,
			$code,
		);

		return [$code, $said];
	}
}
