<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Restore\Intake;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Files and their metadata without the lists of their set: they get lists that name the metadata files, which nobody
 * signed. So what comes back is for the owner alone.
 */
final class LooseFiles
{
	/** So many are listed in memory. */
	private const MOST = 100_000;

	/** Writes the lists. */
	public static function list(Channel $channel, Session $session): void
	{
		$folder = Intake::set($channel->id, $session->id);
		foreach ([
			...(glob("$folder/*.txt") ?: []),
			...(glob("$folder/*.json") ?: []),
			...(glob("$folder/runs/*") ?: []),
		] as $old) {
			unlink($old);
		}
		$lists = [
			'bagit.txt' => "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
			'manifest-sha256.txt' => self::manifest($session),
			'set.json' => self::set($channel, $session),
		];
		$tags = '';
		foreach ($lists as $name => $text) {
			$tags .= hash('sha256', $text) . "  $name\n";
		}
		foreach ($lists + ['tagmanifest-sha256.txt' => $tags] as $name => $text) {
			if (file_put_contents("$folder/$name", $text) !== strlen($text)) {
				throw Refusal::full();
			}
		}
	}

	/** Of two metadata files of one file the later version counts. */
	private static function manifest(Session $session): string
	{
		if (Name::count($session, Kind::Metadata) > self::MOST) {
			throw new Refusal(
				507,
				'lists_missing',
				'More than '
				. self::MOST
				. ' metadata files came without the lists of their set. Send these too: they are beside the folder data.',
			);
		}
		$latest = [];
		foreach (Name::ofKind($session, Kind::Metadata) as $one) {
			$hash = strtolower($one->says);
			$known = $latest[$hash] ?? null;
			if (! $known || [$known['since'], $known['sha256']] < [$one->since, $one->sha256]) {
				$latest[$hash] = ['hash' => $one->says, 'since' => $one->since, 'sha256' => $one->sha256];
			}
		}
		$lines = [];
		foreach ($latest as $one) {
			$room = strtolower(substr(str_pad($one['hash'], 2, '_'), 0, 2));
			$lines["data/metadata/$room/{$one['hash']}.json"] = $one['sha256'];
		}
		ksort($lines, SORT_STRING);

		return implode('', array_map(fn ($path, $sha256) => "$sha256  $path\n", array_keys($lines), $lines));
	}

	/** Returns the `set.json` that came, or one that names this channel. */
	private static function set(Channel $channel, Session $session): string
	{
		$set = Name::latest($session, Kind::Set, 1)[0] ?? null;
		if ($set) {
			return (string) file_get_contents(
				Intake::folder($channel->id, $session->id) . '/' . Intake::place($set->sha256),
			);
		}

		return json_encode([
			'filesync_set' => 1,
			'id' => $session->id,
			'run' => gmdate('Y-m-d\THis\Z', $session->created),
			'updated' => gmdate('Y-m-d\TH:i:s\Z', $session->created),
			'channel' => ['nick' => $channel->nick, 'hash' => $channel->hash],
			'origin' => ['url' => Web::root()],
			'signed_by' => null,
		], JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR) . "\n";
	}
}
