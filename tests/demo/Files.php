<?php

declare(strict_types=1);

use TestHub\Pair;

/** The files that hub A is given: uploaded as its owner does, in processes of A. */
final class Files
{
	private $pair;
	private $uploads = [];
	private $given = [];

	public function __construct(Pair $pair)
	{
		$this->pair = $pair;
	}

	/** Begins uploading; photos and other files go side by side. An entry may be `<uuid>=<path>`. */
	public function upload(string $folder, array $others, array $photos): void
	{
		foreach (array_filter([$others, ...array_chunk($photos, (int) ceil(count($photos) / 2))]) as $n => $entries) {
			$output = $this->pair->folder . '/uploaded-' . $n;
			$command = [
				__DIR__ . '/../testhub/bin/in-hub',
				$this->pair->hub('a'),
				PHP_BINARY,
				__DIR__ . '/../testhub/bin/upload.php',
				$this->pair->hub('a'),
				$this->pair->nicks['a'],
				$folder,
			];
			$this->uploads[$output] = proc_open(
				array_merge($command, $entries),
				[['file', '/dev/null', 'r'], ['file', $output, 'w'], STDERR],
				$pipes,
			);
			foreach ($entries as $entry) {
				$this->given[] = preg_replace('/^[0-9a-f-]{36}=/', '', $entry);
			}
			if ($n === 0) {
				// The folders are made by the first upload; two at once would make them twice.
				$this->untilFoldersAre($folder);
			}
		}
	}

	/** Says whether hub A has taken everything. */
	public function areUploaded(): bool
	{
		foreach ($this->uploads as $output => $process) {
			$status = proc_get_status($process);
			if ($status['running']) {
				return false;
			}
			if ($status['exitcode'] > 0) {
				throw new RuntimeException('an upload on hub A failed');
			}
		}
		return true;
	}

	/** Returns what A was given: path of the original => hash on the hub, or null if A did not take it. */
	public function given(): array
	{
		$hashes = [];
		foreach (array_keys($this->uploads) as $output) {
			foreach (file($output) as $line) {
				$stored = json_decode($line, true);
				$hashes[$stored['file']] = $stored['hash'];
			}
		}
		$given = [];
		foreach ($this->given as $path) {
			$given[$path] = $hashes[realpath($path)] ?? null;
		}
		return $given;
	}

	public static function uuid(): string
	{
		return vsprintf('%s%s-%s-4%.3s-8%.3s-%s%s%s', str_split(bin2hex(random_bytes(16)), 4));
	}

	private function untilFoldersAre(string $folder): void
	{
		for (
			$end = microtime(true) + Pair::PATIENCE;
			microtime(true) < $end
			&& ! $this->pair->rows('a', "SELECT id FROM attach WHERE is_dir = 1 AND display_path = '$folder'");
		) {
			usleep(20000);
		}
	}
}
