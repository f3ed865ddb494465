<?php

declare(strict_types=1);

use TestHub\Pair;

/**
 * Compares what hub A was given with what hub B has, and prints the table: by sha256sum over both stores; scales, which
 * B makes itself, by what B's row says of them, which must be true of the file, and as large as A's picture.
 */
final class Verdict
{
	private $pair;
	private $rows = [];
	private $good = 0;
	/** @var array<string, array<string, string>> by hub and name of a file in its store, its path */
	private $paths = [];

	/** @param array $given path of each original => its hash on hub A */
	public function __construct(Pair $pair, array $given)
	{
		$this->pair = $pair;
		$originals = $this->digests($pair->folder . '/originals');
		$on_a = $this->digests($pair->hub('a') . '/store/' . $pair->nicks['a'], 'a');
		$on_b = $this->digests($pair->hub('b') . '/store/' . $pair->nicks['b'], 'b');
		foreach ($given as $path => $hash) {
			$row = $this->compare(basename($path), (string) $hash, $originals[basename($path)], $on_a, $on_b);
			$this->good += $row['good'] ? 1 : 0;
			$this->rows[] = $row;
		}
	}

	public function isGood(): bool
	{
		return $this->good === count($this->rows);
	}

	public function show(): void
	{
		$line = "%-14s %-12s %14s  %-7s %-6s %-30s %8s\n";
		printf("\n" . $line, 'file', 'state on B', 'bytes', 'digest', 'scales', 'how fetched', 'seconds');
		foreach ($this->rows as $row) {
			printf(
				$line,
				$row['name'],
				$row['state'],
				$row['bytes'],
				$row['digest'],
				$row['scales'],
				$row['how'],
				$row['seconds'],
			);
		}
		list($php, $rss) = $this->workerMemory();
		print
			$rss
				? sprintf("\nworkers on hub B: at most %s of PHP memory, %s resident\n", mib($php), mib($rss))
				: "\nworkers on hub B: still at it\n";
		printf("%d of %d files verified on hub B\n", $this->good, count($this->rows));
	}

	/** Returns SHA-256 by file name beneath a folder, as sha256sum says. */
	private function digests(string $folder, string $hub = ''): array
	{
		$digests = [];
		foreach (Pair::run(['find', $folder, '-type', 'f', '-exec', 'sha256sum', '{}', '+'], false) as $line) {
			$digests[basename(substr($line, 66))] = substr($line, 0, 64);
			$this->paths[$hub][basename(substr($line, 66))] = substr($line, 66);
		}
		return $digests;
	}

	/** Compares one file with all its scales, and the row by which B shows it. */
	private function compare(string $name, string $hash, string $original, array $on_a, array $on_b): array
	{
		$a = $this->row('a', $hash);
		$b = $this->row('b', $hash);
		$doubles = $this->pair->rows('b', 'SELECT hash FROM attach GROUP BY hash HAVING COUNT(*) > 1');
		$scales = $this->scales('a', $hash);
		$on_b_too = $this->scales('b', $hash);
		$right = array_filter(array_keys($scales), function ($scale) use ($scales, $on_b_too) {
			return (
				isset($on_b_too[$scale])
				&& $on_b_too[$scale]['picture'] === $scales[$scale]['picture']
				&& $on_b_too[$scale]['row'] === $on_b_too[$scale]['file']
			);
		});
		$is_equal = $original === ($on_a[$hash] ?? '') && $original === ($on_b[$hash] ?? '');
		$shown =
			$a && $b && $a['display_path'] === $b['display_path'] && $a['filesize'] === $b['filesize'] && ! $doubles;
		return (
			[
				'name' => $name,
				'good' => $shown && $is_equal && count($right) === count($scales),
				'state' => $doubles ? 'double rows' : $this->state($hash, (bool) $b),
				'bytes' => number_format($b['filesize'] ?? 0),
				'digest' => $is_equal ? 'equal' : 'differs',
				'scales' => $scales ? count($right) . ' of ' . count($scales) : '-',
			] + $this->fetched($hash)
		);
	}

	/** Returns the size of each scale's picture, and what row and file say of it. */
	private function scales(string $hub, string $hash): array
	{
		$found = [];
		foreach ($this->pair->rows(
			$hub,
			"SELECT imgscale, width, height, filesize FROM photo WHERE resource_id = '$hash' AND imgscale > 0",
		) as $row) {
			$path = $this->paths[$hub]["$hash-{$row['imgscale']}"] ?? '';
			$size = @getimagesize($path) ?: [0, 0];
			$found[(int) $row['imgscale']] = [
				'picture' => [$size[0], $size[1]],
				'row' => [(int) $row['width'], (int) $row['height'], (int) $row['filesize']],
				'file' => [$size[0], $size[1], (int) @filesize($path)],
			];
		}
		return $found;
	}

	private function row(string $hub, string $hash): ?array
	{
		return $this->pair->rows($hub, "SELECT display_path, filesize FROM attach WHERE hash = '$hash'")[0] ?? null;
	}

	/**
	 * Says how B came by the bytes, as its addon's rows tell: way, byte it went on from after the cut, seconds with all
	 * scales.
	 */
	private function fetched(string $hash): array
	{
		$how = '';
		$seconds = 0.0;
		foreach ($this->transfers($hash) as $transfer) {
			$result = json_decode($transfer['result'], true) ?: [];
			$seconds += $result['seconds'] ?? 0;
			if ((int) $transfer['scale'] === 0 && $result) {
				$how =
					$result['rung']
					. ($result['resumed_at_byte'] ? ' from byte ' . number_format($result['resumed_at_byte']) : '');
			}
		}
		return ['how' => $how ?: '-', 'seconds' => $seconds ? number_format($seconds, 2) : '-'];
	}

	private function state(string $hash, bool $is_shown): string
	{
		foreach ($this->transfers($hash) as $transfer) {
			if ($transfer['state'] !== 'published') {
				return $transfer['state'];
			}
		}
		return $is_shown ? 'published' : 'unknown';
	}

	private function transfers(string $hash): array
	{
		return $this->pair->rows(
			'b',
			"SELECT scale, state, result FROM filesync_transfer WHERE hash = '$hash' ORDER BY scale",
		);
	}

	/** Returns the largest PHP memory and resident memory of B's workers. */
	private function workerMemory(): array
	{
		$php = $rss = 0;
		foreach (file($this->pair->hub('b') . '/processes.log') as $line) {
			$process = json_decode($line, true);
			if (isset($process['jobs']['Addon'])) {
				$php = max($php, $process['php_peak_bytes']);
				$rss = max($rss, $process['rss_peak_bytes']);
			}
		}
		return [$php, $rss];
	}
}
