<?php

namespace Set;

use TestHub\Databases;

/**
 * Restores to a clone that end early again and again: killed, cancelled by another command, stopped by a signal, each a
 * little later than the last. Whenever one ends, what is shown is whole; in the end the same command makes the clone
 * what the first hub was, and the other clones are to be told.
 */
final class Interrupted
{
	/** So many kills of one clone, then it is cancelled, then it may end. */
	private const TOGETHER = 3;

	public int $kills = 0;
	public int $cancels = 0;
	/** How many of the kills, and of the others, came before the end. */
	public int $cut = 0;
	public int $stopped = 0;

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
		$start = microtime(true);
		$this->fresh("$this->folder/usual");
		$ended = $this->restore("$this->folder/usual");
		$usual = (microtime(true) - $start) * 1e6;
		$ended === 0 || $ended === 1 || ($this->wrong[] = "an undisturbed restore ended with $ended");
		for ($number = 0; $this->kills < $kills && count($this->wrong) < 20; $number++) {
			$clone = "$this->folder/cut-$number";
			$this->fresh($clone);
			for ($n = 0; $n < self::TOGETHER && $this->kills < $kills; $n++) {
				$this->kill($clone, (int) (($usual * ($this->kills + (mt_rand(0, 99) / 100))) / $kills));
				$this->look($clone, "after kill $this->kills");
			}
			$this->cancel($clone, (int) (($usual * mt_rand(10, 90)) / 100));
			$this->look($clone, "after cancel $this->cancels");
			$ended = $this->restore($clone);
			$ended === 0 || $ended === 1 || ($this->wrong[] = "clone $number: the last restore ended with $ended");
			foreach ([...($this->compare)($clone), ...$this->untold($clone), ...$this->left($clone)] as $fault) {
				$this->wrong[] = "clone $number: $fault";
			}
			exec('rm -rf ' . escapeshellarg($clone));
		}
		if (($this->cut * 3) < $this->kills) {
			$this->wrong[] = "only $this->cut of $this->kills kills came before the end";
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

	private function cancel(string $clone, int $microseconds): void
	{
		$process = ($this->begin)($this->words, $pipes, [], $clone);
		usleep($microseconds);
		if ($this->cancels % 2) {
			proc_terminate($process, SIGINT);
		} else {
			proc_close(($this->begin)(['restore', 'alice', '--cancel'], $others, [], $clone));
		}
		$said = stream_get_contents($pipes[1]);
		$status = proc_close($process);
		$isStopped = $status === 75 && str_contains($said, '"stopped"');
		// Before its handler is there, a signal ends the process.
		if (! $isStopped && ! in_array($status, [0, 1, -1, 130], true)) {
			$this->wrong[] = "a cancelled restore ended with $status: $said";
		}
		$this->stopped += (int) $isStopped;
		$this->cancels++;
	}

	private function restore(string $clone): int
	{
		$process = ($this->begin)($this->words, $pipes, [], $clone);
		$said = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);
		$status = proc_close($process);
		$status === 0 || $status === 1 || ($this->wrong[] = $said);

		return $status;
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

	/** @return list<string> What is left on the disk of restores that ended. */
	private function left(string $clone): array
	{
		$left = [
			...(glob("$clone/store/[[]data]/filesync/*/restore/*") ?: []),
			...(glob("$clone/store/[[]data]/filesync/*/*.partial") ?: []),
		];

		return array_map(fn ($path) => basename($path) . ' is left', $left);
	}

	private function database(string $clone): \PDO
	{
		return Databases::connect(json_decode(file_get_contents("$clone/hub.json"), true)['database']);
	}
}
