<?php

namespace Set;

use TestHub\Pair;

require_once __DIR__ . '/../testhub/Pair.php';

/**
 * Makes sets that no hub would write, with lists that fit them, signed by the channel itself: nothing else than what a
 * reader makes sure of stands between them and a hub.
 */
final class Forger
{
	public string $key;
	/** @var array<string, string> Paths of metadata files by the true names of files. */
	private array $metadata = [];

	public function __construct(private readonly string $honest, private string $to)
	{
		foreach (glob("$honest/data/metadata/*/*.json") as $path) {
			$attach = json_decode(file_get_contents($path), true)['attach'];
			$this->metadata[end($attach)['filename']] = substr($path, strlen($honest) + 1);
		}
	}

	/** Starts again with the honest set. */
	public function begin(): void
	{
		Pair::run(['rm', '-rf', $this->to]);
		Pair::run(['cp', '-a', $this->honest, $this->to]);
	}

	public function path(string $path = ''): string
	{
		return rtrim("$this->to/$path", '/');
	}

	/** Returns where the metadata file of a file or folder is. */
	public function of(string $name): string
	{
		return $this->metadata[$name];
	}

	/** Returns a metadata file of the honest set. */
	public function honest(string $name): array
	{
		return json_decode(file_get_contents("$this->honest/{$this->of($name)}"), true);
	}

	/** Writes a metadata file as JSON. */
	public function write(string $name, array $metadata): void
	{
		$this->text($this->of($name), self::json($metadata));
	}

	/** Writes a file. */
	public function text(string $path, string $text): void
	{
		@mkdir(dirname($this->path($path)), 0700, true);
		file_put_contents($this->path($path), $text);
	}

	public static function json(mixed $value): string
	{
		return json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
	}

	/** Writes the lists so that they fit what is there. */
	public function relist(): void
	{
		$lines = [];
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($this->path('data'), \FilesystemIterator::SKIP_DOTS),
		) as $at) {
			$lines[substr((string) $at, strlen($this->to) + 1)] = hash_file('sha256', (string) $at);
		}
		$this->list('manifest-sha256.txt', $lines);
	}

	/** Adds lines to the list of files. */
	public function addLines(string ...$paths): void
	{
		$lines = [];
		foreach (file($this->path('manifest-sha256.txt'), FILE_IGNORE_NEW_LINES) as $line) {
			$lines[substr($line, 66)] = substr($line, 0, 64);
		}
		$this->list('manifest-sha256.txt', array_fill_keys($paths, hash('sha256', 'x')) + $lines);
	}

	/** Lists what belongs to no file, and signs that. */
	public function sign(?string $key = null): void
	{
		$lines = [];
		foreach ([
			...['README.txt', 'bag-info.txt', 'bagit.txt', 'manifest-sha256.txt', 'set.json'],
			...array_map(fn ($path) => 'runs/' . basename($path), glob($this->path('runs/*.json'))),
		] as $path) {
			$lines[$path] = hash_file('sha256', $this->path($path));
		}
		$this->list('tagmanifest-sha256.txt', $lines);
		$this->signOnly($key);
	}

	public function signOnly(?string $key = null): void
	{
		$signature = json_decode(file_get_contents($this->path('channel-signature.json')), true);
		$signature['sha256'] = hash_file('sha256', $this->path('tagmanifest-sha256.txt'));
		$message = "\xFFfilesync-set-1\n{$signature['channel_hash']}\n{$signature['sha256']}\n";
		openssl_sign($message, $bytes, $key ?? $this->key, OPENSSL_ALGO_SHA512);
		$signature['signature'] = base64_encode($bytes);
		$this->text('channel-signature.json', self::json($signature) . "\n");
	}

	/** @param array<string, string> $lines Digests by path. */
	private function list(string $name, array $lines): void
	{
		ksort($lines, SORT_STRING);
		$text = '';
		foreach ($lines as $path => $digest) {
			$text .= "$digest  $path\n";
		}
		$this->text($name, $text);
	}
}
