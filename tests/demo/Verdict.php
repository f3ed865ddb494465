<?php

declare(strict_types=1);

use TestHub\Pair;

/**
 * Compares what hub A was given with what hub B has: by sha256sum over both stores, scale by scale, and prints the table.
 */
final class Verdict {

	private $pair;
	private $rows = [];
	private $good = 0;

	/** @param array $given path of each original => its hash on hub A */
	public function __construct(Pair $pair, array $given) {
		$this->pair = $pair;
		$originals = $this->digests($pair->folder . '/originals');
		$on_a = $this->digests($pair->hub('a') . '/store/' . $pair->nicks['a']);
		$on_b = $this->digests($pair->hub('b') . '/store/' . $pair->nicks['b']);
		foreach ($given as $path => $hash) {
			$row = $this->compare(basename($path), (string) $hash, $originals[basename($path)], $on_a, $on_b);
			$this->good += $row['good'] ? 1 : 0;
			$this->rows[] = $row;
		}
	}

	public function isGood(): bool {
		return $this->good === count($this->rows);
	}

	public function show(): void {
		$line = "%-14s %-12s %14s  %-8s %-30s %8s\n";
		printf("\n" . $line, 'file', 'state on B', 'bytes', 'digests', 'how fetched', 'seconds');
		foreach ($this->rows as $row) {
			printf($line, $row['name'], $row['state'], $row['bytes'], $row['digests'], $row['how'], $row['seconds']);
		}
		list($php, $rss) = $this->workerMemory();
		print $rss ? sprintf("\nworkers on hub B: at most %s of PHP memory, %s resident\n", mib($php), mib($rss)) : "\nworkers on hub B: still at it\n";
		printf("%d of %d files verified on hub B\n", $this->good, count($this->rows));
	}

	/** Returns SHA-256 by file name beneath a folder, as sha256sum says. */
	private function digests(string $folder): array {
		$digests = [];
		foreach (Pair::run(['find', $folder, '-type', 'f', '-exec', 'sha256sum', '{}', '+'], false) as $line) {
			$digests[basename(substr($line, 66))] = substr($line, 0, 64);
		}
		return $digests;
	}

	/** Compares one file with all its scales, and the row by which B shows it. */
	private function compare(string $name, string $hash, string $original, array $on_a, array $on_b): array {
		$a = $this->row('a', $hash);
		$b = $this->row('b', $hash);
		$doubles = $this->pair->rows('b', 'SELECT hash FROM attach GROUP BY hash HAVING COUNT(*) > 1');
		$scales = [$hash];
		foreach ($this->pair->rows('a', "SELECT imgscale FROM photo WHERE resource_id = '$hash' AND imgscale > 0") as $photo) {
			$scales[] = $hash . '-' . $photo['imgscale'];
		}
		$equal = array_filter($scales, function ($scale) use ($on_a, $on_b) {
			return isset($on_a[$scale], $on_b[$scale]) && $on_a[$scale] === $on_b[$scale];
		});
		$shown = $a && $b && $a['display_path'] === $b['display_path'] && $a['filesize'] === $b['filesize'] && !$doubles;
		return [
			'name' => $name,
			'good' => $shown && count($equal) === count($scales) && $original === ($on_b[$hash] ?? ''),
			'state' => $doubles ? 'double rows' : $this->state($hash, (bool) $b),
			'bytes' => number_format($b['filesize'] ?? 0),
			'digests' => count($equal) . ' of ' . count($scales),
		] + $this->fetched($hash);
	}

	private function row(string $hub, string $hash): ?array {
		return $this->pair->rows($hub, "SELECT display_path, filesize FROM attach WHERE hash = '$hash'")[0] ?? null;
	}

	/** Says how B came by the bytes, as its addon's rows tell: way, byte it went on from after the cut, seconds with all scales. */
	private function fetched(string $hash): array {
		$how = '';
		$seconds = 0.0;
		foreach ($this->transfers($hash) as $transfer) {
			$result = json_decode($transfer['result'], true) ?: [];
			$seconds += $result['seconds'] ?? 0;
			if ((int) $transfer['scale'] === 0 && $result) {
				$how = $result['rung'] . ($result['resumed_at_byte'] ? ' from byte ' . number_format($result['resumed_at_byte']) : '');
			}
		}
		return ['how' => $how ?: '-', 'seconds' => $seconds ? number_format($seconds, 2) : '-'];
	}

	private function state(string $hash, bool $is_shown): string {
		foreach ($this->transfers($hash) as $transfer) {
			if ($transfer['state'] !== 'published') {
				return $transfer['state'];
			}
		}
		return $is_shown ? 'published' : 'unknown';
	}

	private function transfers(string $hash): array {
		return $this->pair->rows('b', "SELECT scale, state, result FROM filesync_transfer WHERE hash = '$hash' ORDER BY scale");
	}

	/** Returns the largest PHP memory and resident memory of B's workers. */
	private function workerMemory(): array {
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
