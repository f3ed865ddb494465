<?php

declare(strict_types=1);

use TestHub\Pair;

/**
 * Watches hub B's disk: how many files it shows, how many bytes arrived, how fast; and notices when nothing goes on any
 * more.
 */
final class Progress
{
	private $pair;
	private $expected;
	private $shown = 0.0;
	private $bytes = 0;
	private $moved;
	private $asked = 0.0;
	private $counted = [0, 0];
	private $patience;

	/** @param int $patience seconds without a new byte and without work that is due, after which it gives up */
	public function __construct(Pair $pair, int $expected, int $patience)
	{
		$this->patience = $patience;
		$this->pair = $pair;
		$this->expected = $expected;
		$this->moved = microtime(true);
	}

	/** Prints a line each second, and at once with an event. */
	public function show(string $event = ''): void
	{
		$now = microtime(true);
		if ($event === '' && ($now - $this->shown) < 1) {
			return;
		}
		list($files, $bytes) = $this->count();
		$rate = $this->shown ? max(0, $bytes - $this->bytes) / max(0.05, $now - $this->shown) : 0;
		say(sprintf(
			'%3d of %d files  %10s  %9s/s%s',
			$files,
			$this->expected,
			mib($bytes),
			mib($rate),
			$event === '' ? '' : '  -- ' . $event,
		));
		if ([$files, $bytes] !== $this->counted) {
			$this->counted = [$files, $bytes];
			$this->moved = $now;
		}
		$this->bytes = $bytes;
		$this->shown = $now;
	}

	/**
	 * Says whether B has come to rest: neither hub works and B expects nothing more, or nothing has moved for long.
	 * To be asked only once hub A has taken everything.
	 *
	 * @param bool $was_cut whether hub A was cut off and is back
	 */
	public function isOver(bool $was_cut): bool
	{
		$this->asked = $this->asked ?: microtime(true);
		if ((microtime(true) - max($this->moved, $this->asked)) > $this->patience) {
			return true;
		}
		return $was_cut && ! $this->pair->isBusy('a') && ! $this->pair->isBusy('b') && $this->expectedByItself() === 0;
	}

	/** Returns how many files B will get without anybody's help, as its own command says. */
	private function expectedByItself(): int
	{
		$lines = Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->pair->hub('b'),
			PHP_BINARY,
			'addon/filesync/cli.php',
			'missing',
			'--json',
		], false);
		$expected = 0;
		foreach ($lines as $line) {
			$file = json_decode($line, true);
			if (! isset($file['state'])) {
				throw new RuntimeException("hub B cannot say what it misses:\n" . implode("\n", $lines));
			}
			$expected += in_array($file['state'], ['parked', 'damaged'], true) ? 0 : 1;
		}
		return $expected;
	}

	/** Returns files shown and bytes on B's disk, unfinished ones included. */
	private function count(): array
	{
		$store = $this->pair->hub('b') . '/store/';
		$published = array_filter(
			Pair::run(['find', $store . $this->pair->nicks['b'], '-type', 'f', '-printf', '%s %f\n'], false),
			function ($line) {
				return substr($line, -6) !== '.thumb';
			},
		);
		$partial = Pair::run(['find', $store . '[data]', '-name', '*.partial', '-printf', '%s\n'], false);
		$files = preg_grep('/^\d+ [0-9a-f]{8}-[0-9a-f-]{27}$/', $published);
		return [count($files), array_sum(array_map('intval', $published)) + array_sum(array_map('intval', $partial))];
	}
}
