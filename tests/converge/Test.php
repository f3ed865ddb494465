<?php

namespace Converge;

/** Three hubs of one channel, random changes on each, packets that come late, twice, in another order or never. */
final class Test
{
	private const NAMES = ['a', 'b', 'c'];
	private const OPERATIONS = [
		'create' => 20,
		'put' => 25,
		'rename' => 10,
		'move' => 8,
		'davmove' => 4,
		'mkdir' => 5,
		'access' => 8,
		'categories' => 5,
		'copy' => 3,
		'delete' => 8,
		'rmdir' => 1,
		'twins' => 1,
		'back' => 2,
	];

	/** @var array<string, HubProcess> */
	private array $hubs = [];
	/** @var list<array> Packets on their way: from, to, id, body, due. */
	private array $wire = [];
	/** @var array<string, array> By digest: the operation and the hub that saved it. */
	private array $ledger = [];
	/**
	 * @var array<string, array<string, bool>> By digest: the hubs with filesync that showed it, by a save or after
	 *     a transfer.
	 */
	private array $held = [];
	/**
	 * @var array<string, array<string, bool>> By digest: the hubs where a person replaced or deleted it. What was
	 *     given up there is kept elsewhere.
	 */
	private array $givenUp = [];
	private int $excused = 0;
	private array $trail = [];
	private int $step = 0;
	private string $stock = '';
	private array $snapshot = [];

	public function __construct(
		private readonly int $seed,
		private readonly int $operations,
		private readonly string $folder,
		?string $stock = null,
		private bool $isReliable = false,
	) {
		mt_srand($seed);
		$this->stock = $stock ?? ($seed % 2 ? self::NAMES[intdiv($seed, 4) % 3] : '');
	}

	/** Starts the hubs. */
	public function start(): void
	{
		// The key is a new one each time; what the order of changes could depend on is not.
		$identity = ['hash' => hash('sha256', "alice $this->seed")] + \TestHub\Maker::identity('alice', 2048);
		$folders = $urls = [];
		foreach (self::NAMES as $n => $name) {
			$urls[$name] = 'http://127.0.0.1:' . (9100 + $n);
			$folders[$urls[$name]] = "$this->folder/$name";
		}
		foreach (self::NAMES as $n => $name) {
			$this->hubs[$name] = new HubProcess($name, "$this->folder/$name", $urls[$name], [
				'identity' => $identity,
				'seed' => $this->seed,
				'stock' => $name === $this->stock,
				'skew' => [0, 600, -600][($n + $this->seed) % 3],
				'folders' => $folders,
				'others' => array_values(array_diff($urls, [$urls[$name]])),
			]);
			$this->hubs[$name]->ask('rows');
		}
	}

	/** A digest of all that happened. */
	public function digest(): string
	{
		return substr(hash('sha256', implode("\n", $this->trail)), 0, 12);
	}

	public function stop(): void
	{
		array_map(fn ($hub) => $hub->stop(), $this->hubs);
	}

	/** Does random operations, with packets and workers in between. */
	public function run(): void
	{
		// Of eight seeds in a row two, one of them with a hub without filesync.
		$isRolledBack = (intdiv($this->seed, 2) % 4) === 1;
		for ($this->step = 1; $this->step <= $this->operations; $this->step++) {
			Clock::pass(mt_rand(1, 20));
			$this->actSomewhere($this->random());
			$this->deliver(mt_rand(0, 4));
			if (mt_rand(0, 3) === 0) {
				$this->work(self::NAMES[mt_rand(0, 2)]);
			}
			if ($isRolledBack && $this->step === intdiv($this->operations, 2)) {
				$this->snapshot($this->stock === 'b' ? 'c' : 'b');
			} elseif ($isRolledBack && $this->step === min($this->operations, intdiv($this->operations, 2) + 340)) {
				$this->restore();
			}
		}
		$this->quiet();
		$this->exchange();
	}

	/** Makes up for what the wire lost: one hub after another tells what it has. */
	public function exchange(): void
	{
		$this->isReliable = true;
		// What waits for another try is due. One that fails again by chance would wait for hours.
		Clock::pass(7 * 3600);
		array_map(fn ($hub) => $hub->ask('reliable'), $this->hubs);
		foreach (self::NAMES as $name) {
			$this->hubs[$name]->ask('tell');
			$this->collect($name, true);
			$this->quiet();
		}
		// What is kept back from packets, because newer bytes are wanted, is still given in a comparison.
		$speaking = array_diff(self::NAMES, [$this->stock]);
		foreach ($speaking as $name) {
			foreach (array_diff($speaking, [$name]) as $other) {
				$known = array_keys($this->hubs[$name]->ask('rows'));
				$this->hubs[$name]->ask('late', $this->hubs[$other]->ask('state', $known));
				$this->collect($name, true);
			}
		}
		// Whoever still waits for a version that no hub has any more gives it up, and tells what is here instead.
		for ($try = 0; $try < 6; $try++) {
			$this->quiet();
			Clock::pass(7 * 3600);
		}
	}

	/** Does a random operation; two of them are done in two steps. */
	private function actSomewhere(array $what): void
	{
		$name = self::NAMES[mt_rand(0, 2)];
		if ($what['op'] === 'twins') {
			// A folder of one name, made on two clones that do not know it of each other.
			foreach (self::NAMES as $each) {
				$each === $name || $this->operate($each, ['op' => 'mkdir', 'folder' => ''] + $what);
			}
		} elseif ($what['op'] === 'back') {
			$done = $this->operate($name, ['op' => 'rename'] + $what);
			$this->deliver(mt_rand(0, 3));
			$done && $this->operate($name, ['op' => 'rename', 'hash' => $done['hash'], 'name' => $done['was']]);
		} else {
			$this->operate($name, $what);
		}
	}

	/** Does one operation on a hub and takes its packets. */
	public function operate(string $name, array $what): ?array
	{
		$done = $this->hubs[$name]->ask('do', $what + ['seed' => mt_rand()]);
		if ($done) {
			$this->trail[] =
				"$this->step $name {$what['op']} {$done['hash']} "
				. substr($done['sha256'] ?? '', 0, 12)
				. ' '
				. ($what['name'] ?? '');
			foreach ($done['replaced'] ?? [] as $sha256) {
				$this->givenUp[$sha256][$name] = true;
			}
			if (isset($done['sha256'])) {
				unset($this->givenUp[$done['sha256']][$name]);
				$this->ledger[$done['sha256']] ??= [
					'hub' => $name,
					'step' => $this->step,
					'hash' => $done['hash'],
					'op' => $what['op'],
				];
				if ($name !== $this->stock) {
					$this->held[$done['sha256']][$name] = true;
				}
			}
		}
		$this->collect($name, true);

		return $done;
	}

	/** Takes new packets from a hub's queue and sends them on their way. */
	public function collect(string $name, bool $isLossy): void
	{
		$isLossy = $isLossy && ! $this->isReliable;
		foreach ($this->hubs[$name]->ask('packets') as $packet) {
			$to = array_search($packet['to'], array_map(fn ($hub) => $hub->url, $this->hubs), true);
			// Nothing that goes to or comes from a hub without filesync is lost for good: it could not be made up for.
			$canLose = $isLossy && $name !== $this->stock && $to !== $this->stock;
			$copies = $isLossy ? [1, 1, 1, 1, 1, 1, 1, 1, 2, $canLose ? 0 : 1][mt_rand(0, 9)] : 1;
			for ($n = 0; $n < $copies; $n++) {
				$this->wire[] = [
					'from' => $name,
					'to' => $to,
					'id' => $packet['id'],
					'body' => $packet['body'],
					'due' => $this->step + ($isLossy ? mt_rand(0, 12) ** mt_rand(0, 2) : 0),
					'is_last' => $n === 0,
				];
			}
			if ($copies === 0) {
				$this->trail[] = "$this->step lost $name>$to " . $this->about($packet['body']);
				$this->hubs[$name]->ask('delivered', [$packet['id']]);
			}
		}
	}

	/** Delivers so many of the packets that are due, in random order. */
	public function deliver(int $most): void
	{
		for ($n = 0; $n < $most; $n++) {
			$due = $heads = [];
			foreach ($this->wire as $key => $packet) {
				// A hub's queue for another keeps its order. Hubs with filesync are tried harder than that; one without
				// would end with any old state.
				$queue =
					$packet['from'] === $this->stock || $packet['to'] === $this->stock
						? $packet['from'] . $packet['to']
						: $key;
				if (! isset($heads[$queue]) && $packet['due'] <= $this->step) {
					$due[] = $key;
				}
				$heads[$queue] = true;
			}
			if (! $due) {
				return;
			}
			$this->hand($due[mt_rand(0, count($due) - 1)]);
		}
	}

	/** Delivers all that is on its way from a hub to another, the oldest first or last. */
	public function give(string $from, string $to, bool $isReversed = false): int
	{
		$keys = array_keys(array_filter(
			$this->wire,
			fn ($packet) => $packet['from'] === $from && $packet['to'] === $to,
		));
		array_map($this->hand(...), $isReversed ? array_reverse($keys) : $keys);

		return count($keys);
	}

	/** Changes what packets on their way from a hub to another say of the order of changes. */
	public function forge(string $from, string $to, \Closure $forge): void
	{
		foreach ($this->wire as &$packet) {
			if ($packet['from'] === $from && $packet['to'] === $to) {
				$envelope = json_decode($packet['body'], true);
				$data = json_decode($envelope['data'], true);
				foreach ($data['file'] as &$entry) {
					$entry['filesync'] = $forge($entry['filesync']);
				}
				unset($entry);
				$packet['body'] = json_encode(['data' => json_encode($data)] + $envelope);
			}
		}
	}

	/** Forgets all that is on its way from a hub to another. */
	public function lose(string $from, string $to): void
	{
		$this->wire = array_filter($this->wire, fn ($packet) => $packet['from'] !== $from || $packet['to'] !== $to);
	}

	private function hand(int $key): void
	{
		$packet = $this->wire[$key];
		unset($this->wire[$key]);
		$this->trail[] = "$this->step {$packet['from']}>{$packet['to']} " . $this->about($packet['body']);
		$this->hubs[$packet['to']]->ask('receive', [$packet['body']]);
		if ($packet['is_last']) {
			$this->hubs[$packet['from']]->ask('delivered', [$packet['id']]);
		}
		$this->collect($packet['to'], true);
	}

	public function work(string $name): void
	{
		foreach ($this->hubs[$name]->ask('work') as $sha256) {
			$this->held[$sha256][$name] = true;
		}
		$this->collect($name, true);
	}

	/** Delivers and works until nothing is on its way any more. */
	public function quiet(): void
	{
		for ($round = 0, $calm = 0; $calm < 4 && $round < 400; $round++) {
			$this->step++;
			Clock::pass(200);
			$isCalm = ! $this->wire;
			while ($this->wire) {
				$this->step += 144;
				$this->deliver(count($this->wire));
			}
			foreach (self::NAMES as $name) {
				$this->work($name);
			}
			$calm = $isCalm && ! $this->wire ? $calm + 1 : 0;
		}
		if ($calm < 4) {
			throw new Difference(
				"packets go round and round:\n" . implode("\n", array_slice($this->trail, -12))
					. $this->trailOf(explode(' ', end($this->trail))[2], true),
			);
		}
	}

	/** @throws Difference The hubs do not show the same, or a version is lost. */
	public function check(): void
	{
		$rows = array_map(fn ($hub) => $hub->ask('rows'), $this->hubs);
		$reference = self::NAMES[$this->stock === 'a' ? 1 : 0];
		$wrong = [];
		foreach ($rows as $name => $own) {
			foreach ($own + $rows[$reference] as $hash => $row) {
				if (
					$name === $this->stock
					&& isset($own[$hash])
					&& ! $own[$hash]['is_whole']
					&& ! isset($rows[$reference][$hash])
				) {
					// A hub without filesync shows rows whose bytes it lost or mixed up with another version's. Where
					// nobody else has them, they are nowhere.
					continue;
				}
				$difference = self::compare($own[$hash] ?? null, $rows[$reference][$hash] ?? null);
				if ($difference !== '') {
					$wrong[] =
						"$hash: $name and $reference differ: $difference" . $this->trailOf($hash, count($wrong) < 3);
				}
			}
			foreach ($name === $this->stock ? [] : $this->hubs[$name]->ask('strays') as $stray) {
				$wrong[] = "$name: $stray";
			}
			foreach ($name === $this->stock ? [] : $own as $hash => $row) {
				if (! $row['is_whole']) {
					$wrong[] =
						"$hash: $name shows what is not whole: {$row['path']}"
						. $this->trailOf($hash, count($wrong) < 3);
				}
			}
		}
		$present = [];
		foreach ($this->hubs as $name => $hub) {
			foreach ([...array_column($rows[$name], 'sha256'), ...$hub->ask('kept')] as $sha256) {
				$present[$sha256] = true;
			}
		}
		foreach ($this->ledger as $sha256 => $saved) {
			if (isset($present[$sha256])) {
				continue;
			}
			// What only a hub without filesync ever had is that hub's own loss, and what a person replaced before any
			// other hub had it that person's.
			$excuse = ! array_diff_key($this->held[$sha256] ?? [], $this->givenUp[$sha256] ?? []);
			$this->excused += (int) $excuse;
			if (! $excuse) {
				$wrong[] =
					'lost: '
					. substr($sha256, 0, 12)
					. ", saved at step {$saved['step']} on {$saved['hub']} by {$saved['op']} of {$saved['hash']}"
					. $this->trailOf($saved['hash'], count($wrong) < 3);
			}
		}
		if ($wrong) {
			throw new Difference(count($wrong) . " differences:\n" . implode("\n", array_slice($wrong, 0, 12)));
		}
	}

	/** Returns how many files and folders each hub has. */
	public function counts(): array
	{
		return array_map(fn ($hub) => count($hub->ask('rows')), $this->hubs);
	}

	/**
	 * Returns how many versions are nowhere any more because a person replaced them before another hub had them, or no
	 * hub with filesync ever had them.
	 */
	public function excused(): int
	{
		return $this->excused;
	}

	public function hub(string $name): HubProcess
	{
		return $this->hubs[$name];
	}

	private static function compare(?array $one, ?array $other): string
	{
		if (! $one || ! $other) {
			return ($one ? 'only on the first: ' : 'only on the second: ') . (($one ?? $other))['name'];
		}
		$names = array_map(fn ($row) => preg_replace('/(\(\d+\))+(?=(\.[^.]*)?$)/', '', $row['name']), [$one, $other]);
		foreach ([
			...($names[0] === $names[1] ? [] : ['name']),
			'folder',
			'access',
			'terms',
			'sha256',
			...($one['is_dir'] ? [] : ['size']),
		] as $part) {
			if ($one[$part] !== $other[$part]) {
				return "$part: " . json_encode($one[$part]) . ' and ' . json_encode($other[$part]);
			}
		}
		return '';
	}

	private function random(): array
	{
		$n = mt_rand(1, array_sum(self::OPERATIONS));
		foreach (self::OPERATIONS as $op => $weight) {
			if (($n -= $weight) <= 0) {
				break;
			}
		}
		$friends = ['', '<x>', '<y>', '<x><y>', '<x><z>'];

		return [
			'op' => $op,
			'name' => 'name ' . mt_rand(1, 40) . ($op === 'mkdir' ? '' : '.txt'),
			'bytes' => "bytes of step $this->step " . str_repeat('x', mt_rand(0, 200)),
			'list' => $friends[mt_rand(0, 4)],
			'terms' => array_slice(['trip', 'home', 'work'], mt_rand(0, 2), mt_rand(0, 2)),
		];
	}

	/** An hour is 340 operations here. */
	public function snapshot(string $name): void
	{
		exec('cp -a ' . escapeshellarg("$this->folder/$name") . ' ' . escapeshellarg("$this->folder/$name.backup"));
		$this->snapshot = [
			'name' => $name,
			'ledger' => $this->ledger,
			'rows' => $this->hubs[$name]->ask('rows'),
			'kept' => $this->hubs[$name]->ask('kept'),
		];
	}

	public function restore(): void
	{
		$name = $this->snapshot['name'];
		$others = array_filter($this->hubs, fn ($hub) => $hub->name !== $name && $hub->name !== $this->stock);
		$elsewhere = [];
		foreach ($others as $hub) {
			$elsewhere += array_flip([...array_column($hub->ask('rows'), 'sha256'), ...$hub->ask('kept')]);
		}
		$restored = array_flip([...array_column($this->snapshot['rows'], 'sha256'), ...$this->snapshot['kept']]);
		foreach ($this->held as $sha256 => $hubs) {
			if (! isset($restored[$sha256])) {
				unset($this->held[$sha256][$name]);
			}
		}
		foreach ($this->ledger as $sha256 => $saved) {
			// What only the restored hub had is lost by the restore.
			if (
				$saved['hub'] === $name
				&& ! isset($this->snapshot['ledger'][$sha256])
				&& ! isset($elsewhere[$sha256])
			) {
				unset($this->ledger[$sha256]);
			}
		}
		$old = $this->hubs[$name];
		$old->stop();
		exec(
			'rm -rf ' . escapeshellarg($old->folder) . ' && mv ' . escapeshellarg("$old->folder.backup") . ' '
				. escapeshellarg($old->folder),
		);
		$this->wire = array_filter($this->wire, fn ($packet) => $packet['from'] !== $name);
		$this->hubs[$name] = new HubProcess($name, $old->folder, $old->url, $old->settings);
		$this->trail[] = "$this->step $name is restored to an hour ago";
	}

	private function about(string $body): string
	{
		$file = json_decode(json_decode($body, true)['data'], true)['file'][0] ?? [];
		$last = end($file['attach']) ?: [];

		return (
			($last['hash'] ?? '')
			. (
				! empty($last['deleted'])
					? ' deleted'
					: ' '
					. ($last['filename'] ?? '')
					. ' in '
					. ($last['folder'] ?? '')
					. ' '
					. ($last['filesize'] ?? '')
					. ':'
					. ($last['edited'] ?? '')
			)
			. (
				isset($file['filesync'])
					? ' '
					. json_encode(
						$file['filesync']['gone'] ?? array_column($file['filesync']['revision'] ?? [], 'seen'),
					)
					: ''
			)
		);
	}

	private function trailOf(string $hash, bool $isWanted): string
	{
		if (! $isWanted) {
			return '';
		}
		$lines = array_slice(array_unique(preg_grep('/' . preg_quote($hash, '/') . '/', $this->trail)), -40);
		foreach (getenv('VERBOSE') ? $this->hubs : [] as $hub) {
			$lines[] = $hub->name . ': ' . json_encode($hub->ask('trail', [$hash]));
		}

		return "\n    " . implode("\n    ", $lines);
	}
}
