<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Status\Words;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Shows the progress of a command on standard error: a one-line bar on a terminal, elsewhere a plain line now and then
 * on request.
 */
final class ProgressBar
{
	private const WIDTH = 24;
	private const EVERY_SECONDS = 0.2;
	private const EVERY_SECONDS_PLAIN = 5.0;

	private readonly bool $isTerminal;
	private readonly float $startedAt;
	private float $shownAt = 0.0;
	private int $length = 0;
	/** The progress at the start: earlier work says nothing about the speed. */
	private ?int $from = null;

	/**
	 * @param bool      $isQuiet  Whether to show no bar on a terminal, because the output is for programs.
	 * @param bool      $isWanted Whether to show progress elsewhere than on a terminal.
	 * @param ?resource $stream   Standard error.
	 */
	public function __construct(
		bool $isQuiet = false,
		private readonly bool $isWanted = false,
		private $stream = STDERR,
		?bool $isTerminal = null,
	) {
		$this->isTerminal =
			! $isQuiet && ($isTerminal ?? ($stream === STDERR ? self::isTerminal() : stream_isatty($stream)));
		$this->startedAt = Clock::exact();
	}

	/** Tells whether standard error goes to a terminal, perhaps that of root, who started this as the hub's user. */
	public static function isTerminal(): bool
	{
		return stream_isatty(STDERR) || getenv('FILESYNC_TERMINAL') === '1';
	}

	/** Tells whether the next update is due. */
	public function isDue(): bool
	{
		return (
			($this->isTerminal || $this->isWanted)
			&& Clock::exact()
			>= ($this->shownAt + ($this->isTerminal ? self::EVERY_SECONDS : self::EVERY_SECONDS_PLAIN))
		);
	}

	/**
	 * Shows the progress.
	 *
	 * @param int    $done In the unit of `$all`, which is 0 if unknown.
	 * @param string $what The progress in words.
	 */
	public function show(int $done, int $all, string $what): void
	{
		$this->shownAt = Clock::exact();
		$this->from ??= $done;
		$done = min($done, $all);
		$seconds = Clock::exact() - $this->startedAt;
		$left =
			$done > $this->from && $seconds > 2
				? (int) ceil(($seconds * ($all - $done)) / ($done - $this->from))
				: null;
		$text = $all > 0 ? sprintf('%3d %% ', intdiv(100 * $done, $all)) : '';
		$text .= $what . ($left === null || $done === $all ? '' : ', ' . self::time($left) . ' left');
		$this->line(
			$this->isTerminal && $all > 0
				? str_pad('[' . str_repeat('#', intdiv(self::WIDTH * $done, $all)), self::WIDTH + 1, '.') . '] ' . $text
				: $text,
		);
	}

	/** Shows how many of all bytes are done, and at what it is, if the next update is due. */
	public function bytes(int $done, int $all, string $what): void
	{
		if ($all > 0 && $this->isDue()) {
			$far = Words::size(min($done, $all)) . ' of ' . Words::size($all);
			$this->show($done, $all, "$far   " . Log::oneLine($what));
		}
	}

	/** Removes the bar, before something else is printed. */
	public function clear(): void
	{
		if ($this->length) {
			fwrite($this->stream, "\r" . str_repeat(' ', $this->length) . "\r");
			$this->length = 0;
		}
	}

	private function line(string $text): void
	{
		if (! $this->isTerminal) {
			fwrite($this->stream, "$text\n");
			return;
		}
		// A line that is too long would stay on the screen.
		$text = mb_strimwidth($text, 0, max(20, (int) (getenv('COLUMNS') ?: 80) - 1), '…');
		fwrite($this->stream, "\r$text" . str_repeat(' ', max(0, $this->length - mb_strwidth($text))));
		$this->length = mb_strwidth($text);
	}

	/** Returns a duration as it shows it. */
	public static function time(int $seconds): string
	{
		return $seconds < 3600
			? sprintf('%d:%02d', intdiv($seconds, 60), $seconds % 60)
			: sprintf('%d h %02d min', intdiv($seconds, 3600), intdiv($seconds, 60) % 60);
	}
}
