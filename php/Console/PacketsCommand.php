<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\BrakeAnswer;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Receive\Replay;
use FileSync\Addon\Send\Intentions;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `packets`: lists changes from other clones that wait for approval, above all unusually large ones; accepts or
 * dismisses them.
 */
final class PacketsCommand implements Task
{
	private const SHORTEST_ID = 8;

	public function __construct(private readonly Options $options) {}

	/** Runs `packets`, `packets accept ID|all` or `packets dismiss ID|all`. */
	public function run(array $words): int
	{
		if ($words) {
			return Activity::isMissing() ? 75 : self::decide($words[0], $words[1]);
		}

		return self::list($this->options->has(Option::Json));
	}

	private static function list(bool $json): int
	{
		$lines = Brake::lines();
		foreach ($lines as $line) {
			$one = [
				'id' => $line['id'],
				'channel' => $line['channel'],
				'state' => 'parked',
				'about' => Words::displaced($line),
				'reason' => number_format($line['waiting']) . ' files wait for approval',
				'when' => gmdate('Y-m-d H:i:s', $line['since']),
			];
			self::say($one, $json);
		}
		$rows = Table::select('filesync_packet', [], 'created', 0, HeldPackets::COLUMNS);
		foreach ($rows as $row) {
			$one = [
				'id' => $row['id'],
				'channel' => (int) $row['uid'],
				'state' => $row['state'],
				'about' => self::about($row),
				'reason' => $row['reason'],
				'when' => gmdate('Y-m-d H:i:s', intdiv((int) $row['created'], 1000000)),
			];
			self::say($one, $json);
		}
		$dropped = DroppedPackets::counts();
		foreach ($json ? [] : $dropped as $peer => $count) {
			echo
				Log::oneLine(
					"$count packets from $peer were dropped because too many are held; a comparison recovers them",
				),
				"\n"
			;
		}
		if (! $rows && ! $lines && ! $dropped && ! $json) {
			echo "no packet is waiting\n";
		}

		return $lines || in_array('parked', array_column($rows, 'state'), true) ? 1 : ($rows || $dropped ? 75 : 0);
	}

	private static function say(array $one, bool $json): void
	{
		echo
			$json
				? json_encode($one) . "\n"
				: Log::oneLine(sprintf(
					'%s  %s UTC  %-6s  channel %d: %s: %s',
					substr($one['id'], 0, 12),
					$one['when'],
					$one['state'],
					$one['channel'],
					$one['about'],
					$one['reason'],
				)) . "\n"
		;
	}

	private static function decide(string $action, string $id): int
	{
		$isId = strlen($id) >= self::SHORTEST_ID && ctype_xdigit($id);
		$lines = array_values(array_filter(
			Brake::lines(),
			fn ($line) => $id === 'all' || ($isId && str_starts_with($line['id'], $id)),
		));
		$rows = $id === 'all'
			? Table::select('filesync_packet', ['state' => 'parked'], 'created', 0, HeldPackets::COLUMNS)
			: (count($lines) === 1 ? [] : self::find($id));
		foreach ($id === 'all' || count($lines) === 1 ? $lines : [] as $line) {
			BrakeAnswer::decide($line, $action === 'accept');
			Intentions::flush();
			echo
				Log::oneLine(
					($action === 'accept' ? 'accepted: ' : 'dismissed, our files are being restored: ')
						. Words::displaced($line),
				),
				"\n"
			;
		}
		foreach ($rows as $row) {
			try {
				$action === 'accept' ? Replay::accept($row) : Replay::dismiss($row);
			} catch (\Throwable $e) {
				fwrite(
					STDERR,
					Log::oneLine('filesync: ' . substr($row['id'], 0, 12) . ' still waits: ' . $e->getMessage()) . "\n",
				);
				return 1;
			}
		}
		foreach (array_unique(array_column($rows, 'uid')) as $channelId) {
			Outbox::run((int) $channelId, ['announce', 'deleted']);
		}
		Doorbell::ring();
		if ($rows || ! $lines) {
			echo
				$action === 'accept' ? 'accepted ' : 'dismissed ',
				count($rows),
				count($rows) === 1 ? " packet\n" : " packets\n"
			;
		}

		return $rows || $lines ? 0 : 1;
	}

	private static function find(string $id): array
	{
		$rows = strlen($id) < self::SHORTEST_ID || ! ctype_xdigit($id)
			? []
			: Table::select('filesync_packet', ['state' => 'parked', 'id like' => "$id%"], '', 0, HeldPackets::COLUMNS);
		if (count($rows) !== 1) {
			fwrite(
				STDERR,
				$rows
					? 'filesync: ' . count($rows) . " ids begin with \"$id\"; give more characters\n"
					: "filesync: no parked packet \"$id\": give at least "
					. self::SHORTEST_ID
					. " characters of an id that `packets` lists, or `all`\n",
			);
			return [];
		}

		return $rows;
	}

	/** Describes a packet in words. */
	private static function about(array $row): string
	{
		$about = HeldPackets::about($row);
		if (! $about) {
			return 'an unreadable packet';
		}
		$host = (string) parse_url($about['from'], PHP_URL_HOST);
		if ($about['name'] !== null) {
			return "$host changed {$about['name']}";
		}
		$channel = Clones::channel((int) $row['uid']);
		$names = array_map(
			fn ($hash) => ($channel ? Store::attach((int) $row['uid'], $hash)['display_path'] ?? null : null) ?? $hash,
			$about['deletes'],
		);
		$rest = $about['delete_count'] - count($names);

		return "$host deleted " . implode(', ', $names) . ($rest ? " and $rest more" : '');
	}
}
