<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\FileLock;
use FileSync\Addon\Restore\Intake;

if (! class_exists('App', false)) {
	exit;
}

/** What went wrong in the drop box, for Status.txt: few programs for folders show the words of a refusal. */
final class Remarks
{
	private const MOST = 20;

	/** Notes one about a name. */
	public static function add(Session $session, string $name, string $words): void
	{
		$path = self::path($session);
		$lock = FileLock::open("$path.lock");
		if (! $lock?->take()) {
			return;
		}
		$remarks = array_filter(self::read($path), fn (array $one) => $one['name'] !== $name);
		$remarks[] = ['name' => $name, 'words' => $words, 'time' => Clock::now()];
		@file_put_contents($path, json_encode(
			array_slice($remarks, -self::MOST),
			JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
		));
		$lock->release();
	}

	/** @return list<array{name: string, words: string, time: int}> The latest last. */
	public static function of(Session $session): array
	{
		return self::read(self::path($session));
	}

	/** @return list<array{name: string, words: string, time: int}> */
	private static function read(string $path): array
	{
		/** @var list<array{name: string, words: string, time: int}> */
		return is_file($path) ? json_decode((string) file_get_contents($path), true) ?? [] : [];
	}

	private static function path(Session $session): string
	{
		return Intake::folder($session->channelId, $session->id) . '/remarks';
	}
}
