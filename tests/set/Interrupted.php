<?php

namespace Set;

use TestHub\Databases;

/**
 * Restores to clones that end early again and again: cancelled by another command or a signal, and killed, each time a
 * little later. Whenever one ends, what is shown is whole; in the end the same command makes the clone
 * what the first hub was, and the other clones are to be told.
 */
final class Interrupted
{
	/** So many kills of one clone, after it was cancelled and before it may end. */
	private const TOGETHER = 5;
	/** How long a restore takes that copies slowly, about. */
	private const SECONDS = 8;

	public int $kills = 0;
	public int $cancels = 0;
	/** How many of the kills came before the end. */
	public int $cut = 0;

	/** @var list<string> */
	private array $wrong = [];

	/**
	 * @param list<string>           $words The command that restores.
	 * @param string                 $first The address of the first hub.
	 * @param \Closure(string): void $make Makes a clone in a folder.
	 * @param \Closure(list<string>, ?array, list<string>, string): mixed $begin Begins a command on a hub.
	 * @param \Closure(string): list<string> $compare Says how a clone differs from the first hub.
	 */
	public function __construct(
		private readonly string $folder,
		private readonly array $words,
		private readonly string $first,
		private readonly \Closure $make,
		private readonly \Closure $begin,
		private readonly \Closure $compare,
	) {}

	/** @return list<string> What is wrong. */
	public function run(int $kills): array
	{
		$this->fresh("$this->folder/usual");
		$start = microtime(true);
		$said = $this->restore("$this->folder/usual");
		$usual = (microtime(true) - $start) * 1e6;
		$rate = max(65536, intdiv($said['bytes']['restore'] ?? 0, self::SECONDS));
		for ($number = 0; $this->kills < $kills && count($this->wrong) < 20; $number++) {
			$clone = "$this->folder/cut-$number";
			$this->fresh($clone);
			$this->end(['config', 'set', 'bytes_per_second', (string) $rate], $clone);
			$this->cancel($clone);
			$this->look($clone, "after cancel $this->cancels");
			$this->end(['config', 'clear', 'bytes_per_second'], $clone);
			for ($n = 0; $n < self::TOGETHER && $this->kills < $kills; $n++) {
				$this->kill($clone, (int) (($usual * ($this->kills + (mt_rand(0, 99) / 100))) / $kills));
				$this->look($clone, "after kill $this->kills");
			}
			$this->restore($clone);
			foreach ([...($this->compare)($clone), ...$this->untold($clone), ...$this->left($clone)] as $fault) {
				$this->wrong[] = "clone $number: $fault";
			}
			exec('rm -rf ' . escapeshellarg($clone));
		}

		return $this->wrong;
	}

	/** Makes a clone that has nothing: a copy of the first one where its database is a file. */
	private function fresh(string $clone): void
	{
		$blank = "$this->folder/blank";
		is_dir($blank) || ($this->make)($blank);
		$about = file_get_contents("$blank/hub.json");
		if (! str_contains($about, 'sqlite:')) {
			($this->make)($clone);
			return;
		}
		exec('cp -a ' . escapeshellarg($blank) . ' ' . escapeshellarg($clone));
		file_put_contents("$clone/hub.json", strtr($about, [$blank => $clone]));
	}

	private function kill(string $clone, int $microseconds): void
	{
		$process = ($this->begin)($this->words, $pipes, [], $clone);
		usleep($microseconds);
		$this->cut += (int) proc_get_status($process)['running'];
		proc_terminate($process, SIGKILL);
		proc_close($process);
		$this->kills++;
	}

	/** Stops a restore that copies slowly, a moment after it began. */
	private function cancel(string $clone): void
	{
		$process = ($this->begin)($this->words, $pipes, [], $clone);
		$database = $this->database($clone);
		$begun = "SELECT count(*) FROM filesync_restore WHERE state = 'running'";
		while (proc_get_status($process)['running'] && ! (int) $database->query($begun)->fetchColumn()) {
			usleep(20000);
		}
		usleep(mt_rand(0, 500000));
		if ($this->cancels % 2) {
			proc_terminate($process, SIGINT);
		} else {
			$this->end(['restore', 'alice', '--cancel'], $clone);
		}
		$said = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);
		$status = proc_close($process);
		$this->cancels++;
		if ($status !== 75 || ! str_contains($said, '"state":"stopped"')) {
			$this->wrong[] = "cancel $this->cancels: the restore ended with $status: $said";
		}
	}

	/** @return array<string, mixed> What the restore says that nobody disturbs. */
	private function restore(string $clone): array
	{
		[$status, $said] = $this->end($this->words, $clone);
		if (! in_array($status, [0, 1], true)) {
			$this->wrong[] = "an undisturbed restore ended with $status: $said";
		}

		return json_decode($said, true) ?? [];
	}

	/**
	 * @param list<string> $words
	 *
	 * @return array{int, string}
	 */
	private function end(array $words, string $clone): array
	{
		$process = ($this->begin)($words, $pipes, [], $clone);
		$said = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);

		return [proc_close($process), $said];
	}

	/** Looks whether all that is shown has the bytes of its row. */
	private function look(string $clone, string $when): void
	{
		foreach ($this->database($clone)->query(
			'SELECT hash, content, filesize, os_storage, is_dir FROM attach',
		) as $row) {
			$path = "$clone/" . Databases::bytes($row['content']);
			$isThere = (int) $row['is_dir']
				? is_dir($path)
				: is_file($path) && filesize($path) === (int) $row['filesize'];
			if ((int) $row['os_storage'] && ! $isThere) {
				$this->wrong[] = "$when: {$row['hash']} is shown without its bytes";
			}
		}
	}

	/** @return list<string> Whether the other clones are to be told, or were asked already. */
	private function untold(string $clone): array
	{
		$database = $this->database($clone);
		$peers = $database->query("SELECT peer FROM filesync_reconcile WHERE role = 'ask'")
			->fetchAll(\PDO::FETCH_COLUMN);
		$open = (int) $database->query('SELECT count(*) FROM filesync_restore WHERE is_untold = 1')->fetchColumn();

		return [
			...($peers === [$this->first] ? [] : ['a comparison is due with ' . json_encode($peers)]),
			...($open === 0 ? [] : ['its clones are to be told yet']),
		];
	}

	/**
	 * What is left on the disk of restores that ended. Scales that a killed process had made and not yet noted are
	 * partial files that nobody knows, which cron removes; those of files and crops come from the set, and are used up.
	 *
	 * @return list<string>
	 */
	private function left(string $clone): array
	{
		$left = [
			...(glob("$clone/store/[[]data]/filesync/*/restore/*") ?: []),
			...(glob("$clone/store/[[]data]/filesync/*/*-[047].*.partial") ?: []),
		];

		return array_map(fn ($path) => basename($path) . ' is left', $left);
	}

	private function database(string $clone): \PDO
	{
		return Databases::connect(json_decode(file_get_contents("$clone/hub.json"), true)['database']);
	}
}
