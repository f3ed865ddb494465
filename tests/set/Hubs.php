<?php

namespace Set;

use TestHub\Databases;
use TestHub\Pair;

require_once __DIR__ . '/../testhub/Pair.php';
require_once __DIR__ . '/Rows.php';

/** Hubs of one channel, made in a folder, whose commands are run, and that are put back to what they were. */
final class Hubs
{
	private const BIN = __DIR__ . '/../testhub/bin';
	private int $port = 9341;
	/** @var array<string, string> */
	private array $urls = [];
	/** @var array<string, string> The URL of the other hub of each clone. */
	private array $others = [];

	public function __construct(public readonly string $folder, private readonly string $extension)
	{
		mkdir($folder);
	}

	/** Makes a hub with the addon; a clone of the one of a name, if one is given. */
	public function make(string $name, string $cloneOf = ''): string
	{
		$url = $this->urls[$name] = 'http://127.0.0.1:' . $this->port++;
		if ($cloneOf !== '') {
			$this->others[$name] = $this->urls[$cloneOf];
		}
		Pair::run([
			PHP_BINARY,
			self::BIN . '/make-hub.php',
			$this->path($name),
			'--url',
			$url,
			'--nick',
			'alice',
			...($cloneOf === '' ? [] : ['--clone-of', $this->path($cloneOf)]),
			'--addon',
			__DIR__ . '/../../php',
			'--extension',
			$this->extension,
		]);
		$this->script($name, 'util/addons', 'install', 'filesync');
		$this->script(
			$name,
			'-r',
			'require "include/cli_startup.php"; cli_startup(); set_config("testhub", "without_workers", 1);',
		);

		return $url;
	}

	public function path(string $name): string
	{
		return "$this->folder/$name";
	}

	/** Copies a hub or set as it is now; `$to` is what is replaced. */
	public function copy(string $from, string $to): void
	{
		Pair::run(['rm', '-rf', $this->path($to)]);
		Pair::run(['cp', '-a', $this->path($from), $this->path($to)]);
	}

	/** Runs a script in a hub. */
	public function script(string $name, string ...$words): array
	{
		return Pair::run([self::BIN . '/in-hub', $this->path($name), PHP_BINARY, ...$words]);
	}

	/**
	 * Runs the addon's command. No hub is served, so a restore asks none.
	 *
	 * @return array{int, array<string, mixed>, string} Exit code, what is said for programs, the text.
	 */
	public function command(string $name, string ...$words): array
	{
		$without = $words[0] === 'restore' && isset($this->others[$name]) ? ['--without', $this->others[$name]] : [];
		$process = proc_open(
			[self::BIN . '/in-hub', $this->path($name), PHP_BINARY, 'addon/filesync/cli.php', ...$words, ...$without],
			[1 => ['pipe', 'w'], 2 => ['redirect', 1]],
			$pipes,
		);
		$text = stream_get_contents($pipes[1]);

		return [proc_close($process), json_decode($text, true) ?? [], $text];
	}

	/** Returns the database of a hub, or of a copy of one. */
	public function database(string $name): \PDO
	{
		return Databases::connect("sqlite:{$this->path($name)}/hub.sqlite");
	}

	public function rows(string $name): Rows
	{
		return new Rows($this->database($name), $this->path($name), 'alice');
	}

	/**
	 * Returns all that a hub has: digests of files by path, and rows by table. Its database's own files and its logs
	 * are not files of it.
	 *
	 * @return array<string, mixed>
	 */
	public function state(string $name): array
	{
		$state = [];
		$folder = $this->path($name);
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($folder, \FilesystemIterator::SKIP_DOTS),
			\RecursiveIteratorIterator::SELF_FIRST,
		) as $at) {
			$path = substr((string) $at, strlen($folder) + 1);
			if (! preg_match('~^hub\.sqlite|\.log$|/restore\.lock$~', $path)) {
				$state[$path] = $at->isFile() ? hash_file('md5', (string) $at) : 'folder';
			}
		}
		$database = $this->database($name);
		foreach (Databases::tables($database, 'sqlite:') as $table) {
			// A copy has other files of the hub to remember; what filesync verified, it may remember.
			$where = match ($table) {
				'config' => " WHERE k <> 'filesync_looked'",
				'filesync_setting' => " WHERE name <> 'locations'",
				default => '',
			};
			$rows = $database->query("SELECT * FROM $table$where")->fetchAll(\PDO::FETCH_ASSOC);
			$rows = array_map(serialize(...), $rows);
			sort($rows);
			$state["table $table"] = $rows;
		}
		ksort($state);

		return $state;
	}

	public function remove(): void
	{
		getenv('KEEP') ? (print "$this->folder\n") : Pair::run(['rm', '-rf', $this->folder]);
	}
}
