<?php

namespace Set;

/**
 * A backup set as somebody reads it who has only docs/backup-set.md: lists, metadata, bytes, signature. It uses no code
 * of filesync.
 */
final class Bag
{
	/** @var array<string, string> Digest by path. */
	public readonly array $manifest;
	/** @var array<string, array> Metadata by hash. */
	public readonly array $entries;
	public readonly array $about;

	public function __construct(public readonly string $folder)
	{
		$lines = [];
		foreach (file("$folder/manifest-sha256.txt", FILE_IGNORE_NEW_LINES) as $line) {
			$lines[substr($line, 66)] = substr($line, 0, 64);
		}
		$this->manifest = $lines;
		$this->about = self::json("$folder/set.json");
		$entries = [];
		foreach ($lines as $path => $sha256) {
			if (preg_match('#^data/metadata/(..)/([A-Za-z0-9-]+)\.json$#D', (string) $path, $found)) {
				$entry = self::json("$folder/$path");
				if ($entry['hash'] !== $found[2] || $entry['filesync_set'] !== 1) {
					throw new \RuntimeException("$path is not what its name says");
				}
				$entries[$entry['hash']] = $entry;
			}
		}
		$this->entries = $entries;
	}

	/** Returns what is wrong, as common tools see it. */
	public function faults(): array
	{
		$faults = [];
		foreach (['manifest-sha256.txt', 'tagmanifest-sha256.txt'] as $list) {
			exec(
				'cd ' . escapeshellarg($this->folder) . " && sha256sum --check --strict --quiet $list 2>&1",
				$said,
				$status,
			);
			$status === 0 || ($faults[] = "sha256sum of $list: " . implode('; ', array_slice($said, 0, 3)));
		}
		$listed = array_keys($this->manifest);
		$found = [];
		foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(
			"$this->folder/data",
			\FilesystemIterator::SKIP_DOTS,
		)) as $path => $file) {
			$found[] = substr($path, strlen($this->folder) + 1);
		}
		foreach (array_diff($found, $listed) as $path) {
			$faults[] = "$path is in no list";
		}
		$bytes = array_sum(array_map(filesize(...), array_map(fn ($path) => "$this->folder/$path", $found)));
		if (! preg_match('/^Payload-Oxum: (\d+)\.(\d+)$/m', file_get_contents("$this->folder/bag-info.txt"), $sum)) {
			$faults[] = 'bag-info.txt has no Payload-Oxum';
		} elseif ([(int) $sum[1], (int) $sum[2]] !== [$bytes, count($found)]) {
			$faults[] = "Payload-Oxum is $sum[1].$sum[2], not $bytes." . count($found);
		}

		return [...$faults, ...$this->faultsOfSignature()];
	}

	/** Reads the bytes of a part, which may be in the metadata, and returns their digest. */
	public function sha256(array $part): string
	{
		if (isset($part['base64'])) {
			$bytes = base64_decode($part['base64'], true);
			[$size, $sha256] = [strlen($bytes), hash('sha256', $bytes)];
		} else {
			$path = "$this->folder/{$part['path']}";
			[$size, $sha256] = [filesize($path), hash_file('sha256', $path)];
		}
		if ($size !== $part['size'] || $sha256 !== $part['sha256']) {
			throw new \RuntimeException('a part is not what its metadata says');
		}

		return $sha256;
	}

	/** The signature, by `openssl` alone. */
	private function faultsOfSignature(): array
	{
		$signature = self::json("$this->folder/channel-signature.json");
		$digest = hash_file('sha256', "$this->folder/tagmanifest-sha256.txt");
		if ($signature['sha256'] !== $digest || $signature['channel_hash'] !== $this->about['channel']['hash']) {
			return ['the signature is of something else'];
		}
		$folder = sys_get_temp_dir() . '/signature-' . getmypid();
		mkdir($folder);
		file_put_contents("$folder/key.pem", $this->about['channel']['key']);
		file_put_contents("$folder/signature", base64_decode($signature['signature']));
		file_put_contents("$folder/message", "\xFFfilesync-set-1\n{$signature['channel_hash']}\n$digest\n");
		exec(
			"openssl dgst -sha512 -verify $folder/key.pem -signature $folder/signature $folder/message 2>&1",
			$said,
			$status,
		);
		exec("rm -r $folder");

		return $status === 0 ? [] : ['openssl: ' . implode('; ', $said)];
	}

	private static function json(string $path): array
	{
		$text = @file_get_contents($path);

		return $text === false
			? throw new \RuntimeException("$path is not here")
			: json_decode($text, true, 64, JSON_THROW_ON_ERROR);
	}
}
