<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Refusals;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Transfer\Meter;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * /filesync/metrics: the hub's numbers for Prometheus, in its text format. The page exists only once an admin has set
 * `metrics_token`.
 *
 * It contains no names of channels, files or other hubs.
 */
final class Metrics
{
	/** Answers a request for them. */
	public static function answer(Request $request): Response
	{
		$token = Migrations::done() ? Config::get('metrics_token') : '';
		if ($token === '') {
			return Response::nothing(404);
		}
		if (! in_array($request->method, ['GET', 'HEAD'], true)) {
			return Response::nothing(405, ['Allow' => 'GET, HEAD']);
		}
		$given = preg_match('/^Bearer +(\S+)$/iD', Web::authorization(), $found) ? $found[1] : '';
		// Digests, so that not even the length of the token shows in the time it takes.
		if (! hash_equals(hash('sha256', $token), hash('sha256', $given))) {
			if ($given !== '') {
				Refusals::count('token for /filesync/metrics');
			}
			return Response::nothing(401, ['WWW-Authenticate' => 'Bearer']);
		}
		$body = self::text();

		return new Response(
			200,
			[
				'Content-Type' => 'text/plain; version=0.0.4; charset=utf-8',
				'Content-Length' => (string) strlen($body),
				'Cache-Control' => 'no-store',
				'X-Content-Type-Options' => 'nosniff',
			],
			$body,
		);
	}

	private static function text(): string
	{
		$text = '';
		foreach (self::metrics() as [$name, $type, $help, $samples]) {
			$text .= "# HELP $name $help\n# TYPE $name $type\n";
			foreach ($samples as $labels => $value) {
				$text .= str_contains((string) $labels, '_') && $type === 'histogram'
					? "$labels $value\n"
					: $name . ($labels === 0 ? '' : '{' . $labels . '}') . " $value\n";
			}
		}

		return $text;
	}

	/** @return list<array{string, string, string, array<int|string, int|float>}> Name, type, help, values by labels. */
	private static function metrics(): array
	{
		$counts = Meter::allCounts();
		[$files, $bytes] = self::queue();
		$kept = Overview::kept();
		$undone = Queue::sums(['scale' => 0, 'state' => [...Queue::LIVE, TransferState::PARKED]]);

		return [
			[
				'filesync_info',
				'gauge',
				'Versions of the addon and of the extension in the web server.',
				['addon="' . Runtime::version() . '",extension="' . (phpversion('filesync') ?: '') . '"' => 1],
			],
			[
				'filesync_ready',
				'gauge',
				'Whether files can be fetched: filesync is active, the extension is loaded and the disk works.',
				[Activation::isActive() && Runtime::extensionProblem() === null && ! Queue::pausedUntil() ? 1 : 0],
			],
			[
				'filesync_received_bytes_total',
				'counter',
				'Bytes received from other hubs.',
				[$counts['received_bytes'] ?? 0],
			],
			[
				'filesync_transfers_total',
				'counter',
				'Transfers that ended, by outcome. One that fails and is tried again counts each time.',
				['outcome="complete"' => $counts['complete'] ?? 0, 'outcome="failed"' => $counts['failed'] ?? 0],
			],
			['filesync_transfer_seconds', 'histogram', 'How long complete transfers took.', self::histogram($counts)],
			[
				'filesync_last_success_timestamp_seconds',
				'gauge',
				'Time of the last complete transfer; 0 if never.',
				[$counts['last_success'] ?? 0],
			],
			[
				'filesync_missing_files',
				'gauge',
				'Files that are known but not here, or here in an older version.',
				[$undone['files']],
			],
			[
				'filesync_missing_bytes',
				'gauge',
				'Their size.',
				[$undone['bytes']],
			],
			['filesync_queue_files', 'gauge', 'Files and thumbnails by state; see docs/how-it-works.md.', $files],
			['filesync_queue_bytes', 'gauge', 'Their size.', $bytes],
			[
				'filesync_packets',
				'gauge',
				'Changes from other hubs that could not be applied yet (staged), wait until filesync is active on this hub (queued), need attention (parked), or were dropped because too many are held and a comparison recovers them (dropped).',
				self::byState('filesync_packet', ['staged', 'queued', 'parked'])
					+ ['state="dropped"' => array_sum(DroppedPackets::counts())],
			],
			[
				'filesync_calls',
				'gauge',
				'Posts, previews and messages still to make (due, held) or that failed (parked).',
				self::byState('filesync_outbox', ['due', 'held', 'parked']),
			],
			[
				'filesync_kept_files',
				'gauge',
				'Replaced and deleted files that are kept.',
				[$kept['files']],
			],
			['filesync_kept_bytes', 'gauge', 'Their size.', [$kept['bytes']]],
			[
				'filesync_held_files',
				'gauge',
				'Replacements and deletes that wait for approval, because one clone made very many.',
				[Table::sum('filesync_held', 'files', ['state' => 'held'])],
			],
			[
				'filesync_cron_timestamp_seconds',
				'gauge',
				"Time of the hub's last cron run; 0 if never.",
				[Config::number('cron_at', 'state')],
			],
			...self::sets(),
		];
	}

	/** @return list<array{string, string, string, array<int, int>}> Empty if there are no nightly sets. */
	private static function sets(): array
	{
		$oldest = Sets::oldest();

		return (
			$oldest === null
				? []
				: [
					[
						'filesync_backup_last_success_timestamp_seconds',
						'gauge',
						'Time of the last nightly backup of the channel whose is the oldest; 0 if one has none.',
						[$oldest],
					],
					[
						'filesync_drill_failed_channels',
						'gauge',
						'Channels of which the last restore that was tried did not prove everything.',
						[count(Drills::failed())],
					],
				]
		);
	}

	private static function queue(): array
	{
		$files = $bytes = [];
		foreach (TransferState::ALL as $state) {
			['files' => $files["state=\"$state\""], 'bytes' => $bytes["state=\"$state\""]] = Queue::sums([
				'state' => $state,
			]);
		}

		return [$files, $bytes];
	}

	private static function byState(string $table, array $states): array
	{
		$counts = [];
		foreach ($states as $state) {
			$counts["state=\"$state\""] = Table::count($table, ['state' => $state]);
		}

		return $counts;
	}

	private static function histogram(array $counts): array
	{
		$samples = [];
		foreach (Meter::SECONDS as $bound) {
			$samples["filesync_transfer_seconds_bucket{le=\"$bound\"}"] = $counts["within_$bound"] ?? 0;
		}

		return $samples
		+ [
			'filesync_transfer_seconds_bucket{le="+Inf"}' => $counts['complete'] ?? 0,
			'filesync_transfer_seconds_sum' => ($counts['milliseconds'] ?? 0) / 1000,
			'filesync_transfer_seconds_count' => $counts['complete'] ?? 0,
		];
	}
}
