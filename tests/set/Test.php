<?php

namespace Set;

use TestHub\Databases;
use TestHub\Pair;

require_once __DIR__ . '/../testhub/Pair.php';
require_once __DIR__ . '/Comparison.php';
require_once __DIR__ . '/Reading.php';
require_once __DIR__ . '/Rows.php';

/** A channel's backup set, made by the hub's command, is what the hub's tables and store say. */
final class Test
{
	private readonly string $hub;
	private readonly string $set;
	private int $wrong = 0;
	private string $tools = '';

	public function __construct(
		private readonly string $folder,
		string $extension,
		private readonly string $break,
		private readonly int $seed,
		private readonly int $kills,
		private readonly int $moves,
	) {
		$this->hub = "$folder/hub";
		$this->set = "$folder/set";
		$bin = __DIR__ . '/../testhub/bin';
		Pair::run([
			PHP_BINARY,
			"$bin/make-hub.php",
			$this->hub,
			'--url',
			'http://127.0.0.1:9321',
			'--nick',
			'alice',
			'--addon',
			__DIR__ . '/../../php',
			'--extension',
			$extension,
		]);
		Pair::run(["$bin/in-hub", $this->hub, PHP_BINARY, 'util/addons', 'install', 'filesync']);
		$made = Pair::run(["$bin/in-hub", $this->hub, PHP_BINARY, __DIR__ . '/fill.php', $this->hub]);
		echo 'made: ', implode("\n", $made), "\n";
	}

	/** Returns the exit code: 0 if all is equal. */
	public function run(): int
	{
		$this->step('a first run', fn () => $this->backUp());
		$this->damage();
		$this->step('the set is what the hub has', $this->compare(...));
		if ($this->break === '') {
			$this->step('nothing has changed', function () {
				$said = $this->backUp();
				return (
					$said['unchanged'] === $said['listed'] && $said['copied_bytes'] === 0
						? []
						: ['copied again: ' . json_encode($said)]
				);
			});
			$this->step('the set is still that', $this->compare(...));
			$this->step("it is while $this->moves changes are made", $this->move(...));
			$this->step('and after them', $this->compare(...));
			$this->step("killed $this->kills times", $this->kill(...));
			$this->step('the disk full', $this->full(...));
			$this->step('and is what the hub has in the end', $this->compare(...));
			$this->step('verify-set agrees', fn () => $this->verify());
		}
		echo "$this->tools\n";
		$counts = $this->rows()->counts();
		printf(
			"%d files, %d posts, %d crops: %s\n",
			$counts['files'],
			$counts['posts'],
			$counts['crops'],
			$this->wrong ? "$this->wrong faults" : 'all equal',
		);

		return $this->wrong ? 1 : 0;
	}

	/** Damages a set of two runs in many places, one at a time; returns the exit code: 0 if exactly that was found. */
	public function damageEverywhere(): int
	{
		return $this->withSet([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->hub,
			PHP_BINARY,
			__DIR__ . '/damage.php',
			$this->hub,
			$this->set,
			(string) $this->seed,
		]);
	}

	/** Tries the recipes of the documentation with a set of two runs; returns the exit code: 0 if all give it back. */
	public function recipes(): int
	{
		return $this->withSet([__DIR__ . '/recipes', $this->set]);
	}

	/** Makes a set of two runs; returns the exit code of a command that is run then. */
	private function withSet(array $command): int
	{
		foreach ([1, 2] as $run) {
			$said = $this->backUp();
			if (! isset($said['run'])) {
				echo json_encode($said), "\n";

				return 1;
			}
			$run === 1 && $this->change();
		}
		passthru(implode(' ', array_map(escapeshellarg(...), $command)), $status);

		return $status;
	}

	/** @param \Closure(): array $work Returns what is wrong. */
	private function step(string $name, \Closure $work): void
	{
		$start = microtime(true);
		$wrong = $work();
		$wrong = array_is_list($wrong) ? $wrong : [];
		printf("%-45s %s, %.1f s\n", $name, $wrong ? 'WRONG' : 'ok', microtime(true) - $start);
		foreach (array_slice($wrong, 0, 10) as $fault) {
			echo "    $fault\n";
		}
		$this->wrong += count($wrong);
	}

	/** Runs the command, and returns what it says for programs. */
	private function backUp(): array
	{
		[$status, $text] = $this->command(['backup', 'alice', $this->set, '--json']);
		$said = json_decode(strtok($text, "\n"), true) ?? [];

		return in_array($status, [0, 1], true) ? $said : ["backup ended with $status: $text"];
	}

	/** @return array{int, string} */
	private function command(array $words): array
	{
		$process = $this->begin($words, $pipes);
		$text = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);

		return [proc_close($process), $text];
	}

	/** @param list<string> $before What runs the command. */
	private function begin(array $words, ?array &$pipes, array $before = []): mixed
	{
		return proc_open(
			[
				...$before,
				__DIR__ . '/../testhub/bin/in-hub',
				$this->hub,
				PHP_BINARY,
				'addon/filesync/cli.php',
				...$words,
			],
			[1 => ['pipe', 'w'], 2 => ['pipe', 'w']],
			$pipes,
		);
	}

	/** Breaks the set on purpose, so that a test of it that cannot fail shows. */
	private function damage(): void
	{
		if ($this->break === 'digest') {
			$files = glob("$this->set/data/files/*.bin");
			$bytes = file_get_contents($files[0]);
			$bytes[0] = chr(ord($bytes[0]) ^ 1);
			file_put_contents($files[0], $bytes);
		} elseif ($this->break === 'manifest') {
			$lines = file("$this->set/manifest-sha256.txt");
			array_pop($lines);
			file_put_contents("$this->set/manifest-sha256.txt", implode('', $lines));
		} elseif ($this->break !== '') {
			throw new \RuntimeException("BREAK is digest or manifest, and not $this->break");
		}
	}

	/** Compares the set with the hub's tables and store. */
	private function compare(): array
	{
		return [...Comparison::wrong(Reading::of($this->set), $this->rows()), ...$this->witnesses()];
	}

	/** @return list<string> What common tools find wrong with the set, also those that need a set that is in place. */
	private function witnesses(): array
	{
		exec(escapeshellarg(__DIR__ . '/witnesses') . ' ' . escapeshellarg($this->set) . ' 2>&1', $said, $status);
		$this->tools = implode(', ', preg_grep('/^witnesses: /', $said));

		return $status === 0 ? [] : $said;
	}

	private function rows(): Rows
	{
		$hub = json_decode(file_get_contents("$this->hub/hub.json"), true);

		return new Rows(Databases::connect($hub['database']), $this->hub, 'alice');
	}

	/** Backs up while the owner changes files; every name and digest in the set belonged together at some moment. */
	private function move(): array
	{
		$log = "$this->folder/states.jsonl";
		$mover = proc_open(
			[
				__DIR__ . '/../testhub/bin/in-hub',
				$this->hub,
				PHP_BINARY,
				__DIR__ . '/mover.php',
				$this->hub,
				(string) $this->moves,
				(string) $this->seed,
				$log,
			],
			[1 => ['pipe', 'w'], 2 => ['file', "$this->folder/mover.log", 'w']],
			$pipes,
		);
		fgets($pipes[1]);
		$wrong = [];
		$runs = $certain = 0;
		do {
			$isRunning = proc_get_status($mover)['running'];
			[$status] = $this->command(['backup', 'alice', $this->set, '--json']);
			in_array($status, [0, 1], true) || ($wrong[] = "backup ended with $status");
			$sets[] = array_map(
				fn ($entry) => [
					implode('/', $entry['path']),
					(string) $entry['sha256'],
				],
				array_filter(Reading::of($this->set)->entries, fn ($entry) => $entry['kind'] === 'file'),
			);
			$runs++;
		} while ($isRunning);
		fgets($pipes[1]) === "done\n" || ($wrong[] =
			'the mover ended early: ' . file_get_contents("$this->folder/mover.log"));
		proc_close($mover);
		$states = [];
		foreach (file($log) as $line) {
			[$hash, $path, $sha256] = json_decode($line, true);
			$states["$hash $path $sha256"] = true;
			$moved[$hash] = true;
		}
		foreach ($sets as $n => $files) {
			foreach ($files as $hash => [$path, $sha256]) {
				if (isset($moved[$hash])) {
					$certain++;
					isset($states["$hash $path $sha256"]) || ($wrong[] = "run $n: $hash was never $path with $sha256");
				}
			}
		}
		echo "    $runs runs meanwhile, $certain names and digests, ", count($states), " states\n";

		return $wrong;
	}

	/**
	 * Kills runs. After each, the set can be read, through its journal if the run was cut off while it was put in
	 * place; and once that was finished without the hub, it says the same.
	 */
	private function kill(): array
	{
		mt_srand($this->seed);
		$wrong = [];
		$cut = 0;
		$start = microtime(true);
		$this->change();
		$this->backUp();
		$usual = microtime(true) - $start;
		for ($n = 0; $n < $this->kills; $n++) {
			$this->change();
			$isAtRename = ($n % 2) === 0;
			// The first renames are of the journal, the others put the run in place.
			$trace = ['strace', '-f', '-o', '/dev/null', '-e', 'inject=renameat2:signal=KILL:when=' . mt_rand(3, 30)];
			$process = $this->begin(['backup', 'alice', $this->set, '--json'], $pipes, $isAtRename ? $trace : []);
			if ($isAtRename) {
				stream_get_contents($pipes[1]);
			} else {
				usleep((int) ((1e6 * $usual * mt_rand(10, 110)) / 100));
				proc_terminate($process, SIGKILL);
			}
			proc_close($process);
			$found = Reading::of($this->set);
			$faults = $found->faults;
			if ($found->isCutOff) {
				$cut++;
				[$status, $text] = $this->command(['verify-set', $this->set, '--finish']);
				$after = Reading::of($this->set);
				$status === 0 || ($faults[] = "verify-set --finish ended with $status: $text");
				$after->isCutOff && ($faults[] = 'it is still cut off');
				[$after->entries, $after->about] === [
					$found->entries,
					$found->about,
				] || ($faults[] = 'what was read through the journal is not what is there once the run was finished');
				array_push($faults, ...$after->faults);
			}
			array_push($faults, ...$this->witnesses());
			$faults && array_push($wrong, "kill $n:", ...$faults);
		}
		echo "    $cut of them while the run was put in place\n";
		$cut || ($wrong[] = 'none was killed while it was put in place');
		$said = $this->backUp();
		array_is_list($said) && $said && ($wrong[] = $said[0]);

		return $wrong;
	}

	/** Changes some files, so that a run has something to do. */
	private function change(): void
	{
		Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->hub,
			PHP_BINARY,
			__DIR__ . '/mover.php',
			$this->hub,
			'6',
			(string) mt_rand(1, 1000000),
			'/dev/null',
		]);
	}

	/** A run that fills the disk leaves the last one whole, and goes on once there is room. */
	private function full(): array
	{
		$this->change();
		Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->hub,
			PHP_BINARY,
			'addon/filesync/cli.php',
			'config',
			'set',
			'headroom_bytes',
			(string) ((int) disk_free_space($this->folder) + (1 << 40)),
		]);
		[$status, $text] = $this->command(['backup', 'alice', $this->set, '--json']);
		$wrong = $status === 75 && str_contains($text, '"disk_short"') ? [] : ["backup ended with $status: $text"];
		$wrong = [...$wrong, ...Reading::of($this->set)->faults, ...$this->witnesses()];
		Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->hub,
			PHP_BINARY,
			'addon/filesync/cli.php',
			'config',
			'clear',
			'headroom_bytes',
		]);
		$said = $this->backUp();

		return [...$wrong, ...(array_is_list($said) ? $said : [])];
	}

	private function verify(): array
	{
		[$status, $text] = $this->command(['verify-set', $this->set]);

		return (
			$status === 0 && str_contains($text, 'signed by the channel alice')
				? []
				: ["verify-set ended with $status: $text"]
		);
	}
}
