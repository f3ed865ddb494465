<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** Lets a command end at a good moment if somebody interrupts it. */
final class Interruption
{
	/** @param \Closure(): void $note Called when that happens. */
	public static function listen(\Closure $note): void
	{
		if (function_exists('pcntl_async_signals')) {
			pcntl_async_signals(true);
			foreach ([SIGINT, SIGTERM, SIGHUP] as $signal) {
				pcntl_signal($signal, static function () use ($note): void {
					$note();
				});
			}
		}
	}
}
