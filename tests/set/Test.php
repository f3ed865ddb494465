<?php

namespace Set;

use TestHub\Databases;
use TestHub\Pair;

require_once __DIR__ . '/../testhub/Pair.php';
require_once __DIR__ . '/Comparison.php';
require_once __DIR__ . '/Interrupted.php';
require_once __DIR__ . '/Reading.php';
require_once __DIR__ . '/Recorded.php';
require_once __DIR__ . '/RoundTrip.php';
require_once __DIR__ . '/Rows.php';

/**
 * A channel's backup set, made by the hub's command, is what the hub's tables and store say; and restored to a fresh
 * clone, it makes that what the first hub was.
 */
final class Test
{
	private const URL = 'http://127.0.0.1:9321';
	private const CLONE_URL = 'http://127.0.0.1:9322';

	/** What a restore says of files whose bytes a set should have, and has not. */
	private const LOST = ['file_missing' => 1, 'file_damaged' => 1];

	private readonly string $hub;
	private readonly string $set;
	private int $wrong = 0;
	private string $tools = '';
	private ?RoundTrip $trip = null;

	public function __construct(
		private readonly string $folder,
		private readonly string $extension,
		private readonly string $break,
		private readonly int $seed,
		private readonly int $kills,
		private readonly int $moves,
		private readonly int $restoreKills,
	) {
		$this->hub = "$folder/hub";
		$this->set = "$folder/set";
		$bin = __DIR__ . '/../testhub/bin';
		$this->make($this->hub, self::URL);
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
		$this->step('restored to a fresh clone', $this->restore(...));
		if (in_array($this->break, ['', 'resign'], true)) {
			$this->step('nobody signs what was forged', $this->forge(...));
		}
		if ($this->break === '') {
			$this->step("restored, and killed $this->restoreKills times", $this->interrupt(...));
		}
		printf(
			"%d files, %d posts, %d crops: %s\n",
			$this->trip?->files ?? 0,
			$this->trip?->posts ?? 0,
			$this->trip?->crops ?? 0,
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

	/** Makes a hub with the addon; a clone of the first one if that is there. */
	private function make(string $hub, string $url): void
	{
		$bin = __DIR__ . '/../testhub/bin';
		Pair::run([
			PHP_BINARY,
			"$bin/make-hub.php",
			$hub,
			'--url',
			$url,
			'--nick',
			'alice',
			...($hub === $this->hub ? [] : ['--clone-of', $this->hub]),
			'--addon',
			__DIR__ . '/../../php',
			'--extension',
			$this->extension,
		]);
		Pair::run(["$bin/in-hub", $hub, PHP_BINARY, 'util/addons', 'install', 'filesync']);
	}

	/** @return list<string> What restores a set, while no other hub answers. */
	private function restoring(string $set): array
	{
		return ['restore', 'alice', $set, '--without', self::URL, '--json'];
	}

	/** Restores the set to a clone that has nothing, while the first hub is away, and compares both. */
	private function restore(): array
	{
		$clone = "$this->folder/clone";
		$this->make($clone, self::CLONE_URL);
		$wrong = $this->awayFrom(function () use ($clone): array {
			[, $text] = $this->command([...$this->restoring($this->set), '--dry-run'], $clone);
			$plan = json_decode($text, true) ?? [];
			[$status, $text] = $this->command($this->restoring($this->set), $clone);
			$done = json_decode($text, true) ?? [];
			$wrong = in_array($status, [0, 1], true) ? [] : ["restore ended with $status: $text"];
			foreach (['files', 'bytes', 'folders', 'crops', 'posts', 'posts_left'] as $what) {
				if (($plan[$what] ?? null) != ($done[$what] ?? null)) {
					$wrong[] =
						"planned $what: "
						. json_encode($plan[$what] ?? null)
						. ', done: '
						. json_encode($done[$what] ?? null);
				}
			}
			[, $text] = $this->command($this->restoring($this->set), $clone);
			$again = json_decode($text, true) ?? [];
			if (array_diff_key($again['files'] ?? [], ['here' => 1, 'no_bytes' => 1]) || ($again['posts'] ?? 1) !== 0) {
				$wrong[] = "the second time something was left to do: $text";
			}

			return $wrong;
		});
		$this->trip = $this->compared($clone, self::CLONE_URL);

		return [...$wrong, ...$this->trip->wrong()];
	}

	/** Restores to clones end early, at moments by chance; the last one of each makes it what the first hub was. */
	private function interrupt(): array
	{
		mt_srand($this->seed);
		$interrupted = new Interrupted(
			$this->folder,
			$this->restoring($this->set),
			self::URL,
			fn ($clone) => $this->make($clone, self::CLONE_URL),
			$this->begin(...),
			fn ($clone) => $this->compared($clone, self::CLONE_URL)->wrong(),
		);
		$wrong = $interrupted->run($this->restoreKills);
		echo
			"    $interrupted->cut of $interrupted->kills kills came before the end, and $interrupted->cancels cancellations\n"
		;

		return $wrong;
	}

	/** A set in which somebody changed a word of the channel's own posts is restored, and nothing signs that text. */
	private function forge(): array
	{
		$clone = "$this->folder/forged";
		$this->make($clone, self::CLONE_URL);
		exec('cp -a ' . escapeshellarg($this->set) . ' ' . escapeshellarg("$this->set-forged"));
		$changed = 0;
		foreach (glob("$this->set-forged/data/metadata/*/*.json") as $path) {
			$text = file_get_contents($path);
			$forged = str_replace('a picture: ', 'a forgery: ', $text);
			if ($forged !== $text) {
				file_put_contents($path, $forged);
				$changed++;
			}
		}
		[$status, $text] = $this->command([...$this->restoring("$this->set-forged"), '--trust'], $clone);
		$wrong = in_array($status, [0, 1], true) ? [] : ["restore ended with $status: $text"];
		$this->command(['repair', 'items'], $clone);
		$database = Databases::connect(json_decode(file_get_contents("$clone/hub.json"), true)['database']);
		$channel = $database->query('SELECT * FROM channel')->fetch(\PDO::FETCH_ASSOC);
		if ($this->break === 'resign') {
			foreach ($database->query("SELECT id, body FROM item WHERE body LIKE '%a forgery: %'")
				->fetchAll() as $row) {
				openssl_sign($row['body'], $signature, $channel['channel_prvkey'], OPENSSL_ALGO_SHA256);
				$encoded = 'sha256.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '=');
				$database->prepare('UPDATE item SET sig = ? WHERE id = ?')->execute([$encoded, $row['id']]);
			}
		}
		$posts = $database->query("SELECT mid, body, sig FROM item WHERE body LIKE '%a forgery: %'")->fetchAll();
		if ($changed === 0 || $posts === []) {
			$wrong[] = "nothing was forged: $changed files, " . count($posts) . ' posts';
		}
		foreach ($posts as $post) {
			if (RoundTrip::isSigned($channel['channel_pubkey'], $post['body'], (string) $post['sig'])) {
				$wrong[] = "the forged post {$post['mid']} is signed by the channel";
			}
		}

		return $wrong;
	}

	private function compared(string $clone, string $url): RoundTrip
	{
		$hub = json_decode(file_get_contents("$clone/hub.json"), true);

		return RoundTrip::compare(
			$this->rows(),
			new Rows(Databases::connect($hub['database']), $clone, 'alice'),
			self::URL,
			$url,
		);
	}

	/** Works while the first hub cannot be read. */
	private function awayFrom(\Closure $work): array
	{
		rename($this->hub, "$this->hub.off");
		try {
			return $work();
		} finally {
			rename("$this->hub.off", $this->hub);
		}
	}

	/** @return array{int, string} */
	private function command(array $words, ?string $hub = null): array
	{
		$process = $this->begin($words, $pipes, [], $hub);
		$text = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);

		return [proc_close($process), $text];
	}

	/** @param list<string> $before What runs the command. */
	private function begin(array $words, ?array &$pipes, array $before = [], ?string $hub = null): mixed
	{
		return proc_open(
			[
				...$before,
				__DIR__ . '/../testhub/bin/in-hub',
				$hub ?? $this->hub,
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
		} elseif ($this->break !== '' && $this->break !== 'resign') {
			throw new \RuntimeException("BREAK is digest, manifest or resign, and not $this->break");
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
				[$status, $text] = $this->command(['restore', 'alice', $this->set, '--dry-run', '--json']);
				$plan = json_decode($text, true) ?? [];
				if (! ($plan['set_cut_off'] ?? false) || array_intersect_key($plan['files'], self::LOST)) {
					$faults[] = "a restore through the journal ended with $status: $text";
				}
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
		for ($tries = 0, $status = 0; $tries < 20 && in_array($status, [0, 1], true); $tries++) {
			// Nothing needs room where files were only renamed.
			$this->change();
			[$status, $text] = $this->command(['backup', 'alice', $this->set, '--json']);
		}
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
