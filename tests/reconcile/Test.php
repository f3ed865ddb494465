<?php

namespace Reconcile;

require_once __DIR__ . '/../testhub/Pair.php';

use TestHub\Pair;

/** Drives two test hubs: what they have drifts apart, they are compared, and are looked at. */
final class Test
{
	private const DAMAGED = 20;
	private const BASE_BYTES = 10000;
	private const BYTES_EACH = 1200;
	private const KINDS = [
		'create',
		'put',
		'rename',
		'move',
		'access',
		'categories',
		'delete',
		'vanish',
		'rewrite',
		'mkdir',
		'create',
		'put',
		'photo',
		'davmove',
		'rename',
		'create',
		'put',
		'access',
		'delete',
		'move',
		'rmdir',
	];

	private ?Pair $pair = null;
	private float $startedAt;

	public function __construct(
		private readonly string $folder,
		private readonly string $extension,
		private readonly int $seed,
		private readonly int $files,
		private readonly int $drift,
		private readonly string $break,
	) {
		$this->startedAt = microtime(true);
	}

	/** Runs all parts; returns the exit code. */
	public function run(): int
	{
		$equal = $this->bothWithFilesync();
		$stock = $this->break === '' ? $this->oneWithout() : [0, 0];
		$equal = [$equal[0] + $stock[0], $equal[1] + $stock[1]];
		echo "converged: $equal[0] of $equal[1] files equal\n";

		return $equal[0] === $equal[1] ? 0 : 1;
	}

	public function stop(): void
	{
		$this->pair?->stop();
	}

	/** @return array{int, int} How many of how many are equal. */
	private function bothWithFilesync(): array
	{
		$this->start('two', true);
		$this->on('a', 'fill', ['seed' => $this->seed, 'files' => $this->files]);
		$this->on('b', 'fill', ['seed' => $this->seed, 'files' => $this->files]);
		$this->note('filled');
		foreach (['a' => 2, 'b' => 3] as $hub => $n) {
			$this->on($hub, 'change', [
				'seed' => ($this->seed * 10) + $n,
				'count' => intdiv($this->drift, 2),
				'kinds' => self::KINDS,
			]);
		}
		$common = array_keys(array_intersect_key($this->on('a', 'rows'), $this->on('b', 'rows')));
		mt_srand($this->seed);
		for ($n = 0; $n < 6; $n++) {
			// Both sides at once, neither knowing of the other.
			$hash = $common[mt_rand(0, count($common) - 1)];
			foreach (['a', 'b'] as $hub) {
				$this->on($hub, 'change', [
					'seed' => ($this->seed * 100) + $n,
					'count' => 1,
					'hash' => $hash,
					'kinds' => [['put', 'rename', 'access', 'delete'][($n + ($hub === 'b' && $n > 3 ? 1 : 0)) % 4]],
					'on' => $hub,
				]);
			}
		}
		$this->note('drifted');
		$dry = $this->backfill('a', '--dry-run');
		$first = $this->backfill('a');
		if ($this->break === 'skip') {
			$this->pair->execute('b', "DELETE FROM filesync_reconcile WHERE role = 'pull'");
		}
		$this->settle();
		$pulled = json_decode(
			$this->pair->rows('b', "SELECT stats FROM filesync_reconcile WHERE role = 'pull'")[0]['stats'] ?? '[]',
			true,
		);
		$differences = $first['missing_here'] + $first['missing_there'] + $first['different'];
		$bytes = $first['bytes'] + ($pulled['bytes'] ?? 0);
		printf(
			"%d differences, %d rounds, %d bytes there and %d back: %.0f each\n",
			$differences,
			$first['rounds'],
			$first['bytes'],
			$pulled['bytes'] ?? 0,
			$bytes / max(1, $differences),
		);
		$this->expect($differences >= ($this->drift / 3), "only $differences differences from $this->drift changes");
		$this->expect(
			[$dry['missing_here'], $dry['missing_there']] === [$first['missing_here'], $first['missing_there']],
			'a dry run tells the same',
		);
		$this->expect(
			$bytes <= (self::BASE_BYTES + (self::BYTES_EACH * $differences)),
			"$bytes bytes for $differences differences",
		);
		$equal = $this->compare();
		$unequal = $this->knownDifferently();
		$again = $this->backfill('b');
		printf(
			"compared again: %d, %d, %d differ, %d bytes\n",
			$again['missing_here'],
			$again['missing_there'],
			$again['different'],
			$again['bytes'],
		);
		$this->expect(
			$this->break !== '' || [$again['missing_here'], $again['missing_there'], $again['different']] === [0, 0, 0],
			"a second comparison finds something; known differently before it:\n"
				. implode("\n", array_slice($unequal, 0, 5)),
		);
		$this->break === '' && $this->damage();
		$this->pair->stop();

		return $equal;
	}

	/** Bytes change on the disk of hub b: they are found and come from hub a. */
	private function damage(): void
	{
		$before = $this->on('b', 'rows');
		$this->pair->command('b', 'verify', '--json');
		// Who was just written to is not looked at.
		sleep(3);
		$damaged = $this->on('b', 'damage', ['seed' => $this->seed, 'count' => self::DAMAGED]);
		sleep(3);
		$found = array_filter(
			array_map(
				fn ($line) => json_decode($line, true),
				explode("\n", $this->pair->command('b', 'verify', '--json')),
			),
			fn ($line) => ($line['verdict'] ?? '') === 'damaged',
		);
		$this->note('damage looked for');
		$this->expect(
			! array_diff(array_column($found, 'hash'), array_keys($damaged)),
			'what is sound is said to be damaged',
		);
		$this->settle();
		$after = $this->on('b', 'rows');
		$healed = count(array_filter(
			array_keys($damaged),
			fn ($hash) => (
				in_array($hash, array_column($found, 'hash'), true)
				&& $after[$hash]['sha256'] === $before[$hash]['sha256']
			),
		));
		echo "damaged on disk: $healed of ", self::DAMAGED, " found and healed\n";
		$changed = array_filter($after, fn ($row, $hash) => $row !== ($before[$hash] ?? null), ARRAY_FILTER_USE_BOTH);
		$this->expect(
			$healed === self::DAMAGED && ! $changed && count($after) === count($before),
			'damage stays: ' . json_encode(array_slice($changed, 0, 3, true)),
		);
		$this->note('healed');
	}

	/** Hub a has no filesync: what differs comes by its API, and goes there as packets. @return array{int, int} */
	private function oneWithout(): array
	{
		$this->start('stock', false);
		$files = intdiv($this->files, 5);
		foreach (['a', 'b'] as $hub) {
			$this->on($hub, 'fill', ['seed' => $this->seed, 'files' => $files]);
		}
		$this->on('a', 'change', [
			'seed' => ($this->seed * 10) + 4,
			'count' => 20,
			'kinds' => ['create', 'put', 'rename', 'move', 'access', 'vanish', 'mkdir'],
		]);
		$this->on('b', 'change', [
			'seed' => ($this->seed * 10) + 5,
			'count' => 20,
			'kinds' => ['create', 'put', 'rename', 'move', 'access', 'delete', 'vanish', 'mkdir'],
		]);
		$this->note('drifted from a stock hub');
		foreach (['a', 'b'] as $hub) {
			$this->inHub(
				$hub,
				'-r',
				'require "include/cli_startup.php"; cli_startup(); set_config("testhub", "without_workers", 0);',
			);
		}
		$first = $this->backfill('b');
		$this->settle();
		printf(
			"against a stock hub: missing here %d, missing there %d, different %d, sent %d\n",
			$first['missing_here'],
			$first['missing_there'],
			$first['different'],
			$first['told'] ?? 0,
		);
		$equal = $this->compare();
		$again = $this->backfill('b');
		$this->expect(($again['told'] ?? 0) === 0, 'a stock hub is sent what it has');
		$this->pair->stop();

		return $equal;
	}

	private function start(string $name, bool $both): void
	{
		mkdir("$this->folder/$name");
		$this->pair = new Pair("$this->folder/$name", [
			'addon' => __DIR__ . '/../../php',
			'extension' => $this->extension,
			'both' => $both,
			'nicks' => ['b' => 'alice2'],
		]);
		foreach ($both ? ['a', 'b'] : ['b'] as $hub) {
			// A seed may delete a folder with half of the files beneath it: nobody is here to agree to that.
			foreach ([
				'allow_private_addresses' => 1,
				'retry_first_seconds' => 1,
				'retry_most_seconds' => 2,
				'linger_seconds' => 3,
				'delete_max_files' => 100000,
			] as $setting => $value) {
				$this->pair->command($hub, 'config', 'set', $setting, $value);
			}
		}
		foreach (['a', 'b'] as $hub) {
			$this->inHub(
				$hub,
				'-r',
				'require "include/cli_startup.php"; cli_startup(); set_config("testhub", "without_workers", 1);',
			);
			$this->pair->serve($hub);
		}
	}

	/** Compares now, and returns what the command says. */
	private function backfill(string $hub, string ...$more): array
	{
		$said = $this->pair->command($hub, 'backfill', '--json', ...$more);
		$line = json_decode(strtok($said, "\n"), true);
		$this->expect(is_array($line) && $line['outcome'] === 'over', "hub $hub: $said");
		$this->note("compared by $hub");

		return $line;
	}

	/** Does what waits on both hubs, until nothing does. */
	private function settle(): void
	{
		// A failed call, such as when SQLite was busy, is made again after a minute.
		for ($round = 0, $end = microtime(true) + 600; microtime(true) < $end; $round++) {
			foreach (['a', 'b'] as $hub) {
				Pair::run([
					__DIR__ . '/../testhub/bin/in-hub',
					$this->pair->hub($hub),
					PHP_BINARY,
					__DIR__ . '/../testhub/bin/cron.php',
					'.',
				], false);
				$this->inHub($hub, 'Zotlabs/Daemon/Master.php', 'Queueworker');
			}
			if (! $this->isBusy('a') && ! $this->isBusy('b')) {
				$this->note("settled after $round rounds");
				return;
			}
			usleep(300000);
		}
		echo
			"the hubs do not come to rest:\n",
			$this->pair->command('a', 'status'),
			"\n",
			$this->pair->command('b', 'status'),
			"\n"
		;
	}

	private function isBusy(string $hub): bool
	{
		$has = fn ($sql) => (bool) $this->pair->rows($hub, $sql);
		$isOurs = in_array('filesync_reconcile', $this->pair->tables($hub), true);

		return (
			$has('SELECT outq_hash FROM outq')
			|| $has('SELECT workerq_id FROM workerq')
			|| (
				$isOurs
				&& (
					$has(
						"SELECT id FROM filesync_transfer WHERE state IN ('staged', 'waiting', 'leased', 'verified', 'publishing')",
					)
					|| $has("SELECT id FROM filesync_reconcile WHERE role = 'pull' AND next_at > 0")
					|| $has("SELECT id FROM filesync_outbox WHERE state = 'due'")
					|| $has("SELECT id FROM filesync_packet WHERE state = 'staged'")
				)
			)
		);
	}

	/** Returns what the hubs know of each file that they do not know the same of. @return list<string> */
	private function knownDifferently(): array
	{
		foreach (['a', 'b'] as $hub) {
			foreach ($this->pair->rows($hub, 'SELECT hash, state, bytes, place, access FROM filesync_file') as $row) {
				$values = array_map(fn ($group) => json_decode($row[$group], true), ['bytes', 'place', 'access']);
				array_walk($values, fn (&$value) => ksort($value['vector']));
				$known[$row['hash']][$hub] =
					$row['state']
					. (
						$row['state'] === 'gone'
							? ''
							: ' ' . json_encode(array_map(fn ($value) => [$value['print'], $value['vector']], $values))
					);
			}
		}
		$lines = [];
		foreach ($known ?? [] as $hash => $states) {
			if (($states['a'] ?? '') !== ($states['b'] ?? '')) {
				$lines[] = "$hash\n    a " . ($states['a'] ?? 'nothing') . "\n    b " . ($states['b'] ?? 'nothing');
			}
		}

		return $lines;
	}

	/** Compares rows and bytes; prints the first that differ. */
	private function compare(): array
	{
		[$a, $b] = [$this->on('a', 'rows'), $this->on('b', 'rows')];
		$all = $a + $b;
		$equal = 0;
		$shown = 0;
		foreach (array_keys($all) as $hash) {
			$isEqual =
				isset($a[$hash], $b[$hash])
				&& self::comparable($a[$hash]) === self::comparable($b[$hash])
				&& $a[$hash]['sha256'] !== 'absent';
			$equal += (int) $isEqual;
			if (! $isEqual && $shown++ < 8) {
				echo "$hash: a ", json_encode($a[$hash] ?? null), "\n    b ", json_encode($b[$hash] ?? null), "\n";
				foreach (['a', 'b'] as $hub) {
					$known = in_array('filesync_file', $this->pair->tables($hub), true)
						? $this->pair->rows(
							$hub,
							"SELECT state, bytes, place, wanted, gone, here FROM filesync_file WHERE hash = '$hash'",
						)
						: [];
					echo "    $hub knows ", json_encode($known), "\n";
				}
			}
		}
		$this->note('looked at');

		return [$equal, count($all)];
	}

	private static function comparable(array $row): array
	{
		sort($row['terms']);

		return $row['is_dir'] ? ['size' => 0] + $row : $row;
	}

	private function on(string $hub, string $verb, array $what = []): mixed
	{
		$lines = Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->pair->hub($hub),
			PHP_BINARY,
			'-d',
			'memory_limit=512M',
			__DIR__ . '/drift.php',
			$this->pair->hub($hub),
			$verb,
			json_encode($what),
		]);

		return json_decode(end($lines), true);
	}

	private function inHub(string $hub, string ...$arguments): array
	{
		return Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->pair->hub($hub),
			PHP_BINARY,
			...$arguments,
		], false);
	}

	private function expect(bool $is, string $otherwise): void
	{
		if (! $is) {
			throw new \RuntimeException($otherwise);
		}
	}

	private function note(string $what): void
	{
		getenv('VERBOSE') && printf("%7.1f s  %s\n", microtime(true) - $this->startedAt, $what);
	}
}
