<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Status\Metrics;
use FileSync\Addon\Work\Housekeeping;
use FileSync\TransferBatch;

/** Numbers for Prometheus: none unless an admin wants them, none without the token, no names in them. */
final class MetricsTest extends AddonTestCase
{
	private const TOKEN = 'a-token-of-sufficient-length';

	protected function tearDown(): void
	{
		unset($_SERVER['HTTP_AUTHORIZATION'], $_SERVER['REDIRECT_REMOTE_USER']);
		parent::tearDown();
	}

	public function test_there_are_none_by_default(): void
	{
		$this->assertSame(404, $this->ask('Bearer ')->status);
		$this->assertSame(404, $this->ask(null)->status);
	}

	public function test_the_token_must_be_right_and_in_the_header(): void
	{
		Config::set('metrics_token', self::TOKEN);
		foreach ([
			null,
			'',
			'Bearer',
			'Bearer ',
			'Bearer x',
			'Bearer ' . substr(self::TOKEN, 1),
			'Basic ' . self::TOKEN,
			self::TOKEN,
			'Bearer ' . self::TOKEN . ' x',
		] as $given) {
			$answer = $this->ask($given);
			$this->assertSame([401, 'Bearer', ''], [
				$answer->status,
				$answer->headers['WWW-Authenticate'],
				$answer->body,
			]);
		}
		$_GET = ['token' => self::TOKEN];
		$this->assertSame(401, $this->ask(null)->status);
		$_GET = [];
		$this->assertSame(405, $this->ask('Bearer ' . self::TOKEN, 'POST')->status);
		$this->assertSame(200, $this->ask('bearer ' . self::TOKEN)->status);
		// As some set-ups of Apache hand it on.
		unset($_SERVER['HTTP_AUTHORIZATION']);
		$_SERVER['REDIRECT_REMOTE_USER'] = 'Bearer ' . self::TOKEN;
		$this->assertSame(200, Metrics::answer(new Request('GET', ['filesync', 'metrics']))->status);
	}

	public function test_a_short_token_is_no_setting(): void
	{
		$this->assertSame(
			[false, false, true, true],
			array_map(fn ($token) => FileSync\Addon\Hub\Settings::accepts('metrics_token', $token), [
				'short',
				self::TOKEN . "\n",
				self::TOKEN,
				'',
			]),
		);
	}

	public function test_they_are_what_prometheus_reads(): void
	{
		TransferBatch::$answers['gone-0'] = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'status 404'];
		$this->receive($this->file('here', 'the bytes'), $this->file('gone', '12345', ['filename' => 'secret.txt']));
		TransferBatch::$answers['gone-0'] = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'status 404'];
		$this->work();
		Config::set('metrics_token', self::TOKEN);
		$answer = $this->ask('Bearer ' . self::TOKEN);
		$this->assertSame('text/plain; version=0.0.4; charset=utf-8', $answer->headers['Content-Type']);
		$samples = $this->parse($answer->body);
		foreach ([
			'filesync_received_bytes_total' => 9.0,
			'filesync_transfers_total{outcome="complete"}' => 1.0,
			'filesync_transfers_total{outcome="failed"}' => 1.0,
			'filesync_transfer_seconds_bucket{le="1"}' => 1.0,
			'filesync_transfer_seconds_bucket{le="+Inf"}' => 1.0,
			'filesync_transfer_seconds_count' => 1.0,
			'filesync_transfer_seconds_sum' => 0.1,
			'filesync_missing_files' => 1.0,
			'filesync_missing_bytes' => 5.0,
			'filesync_queue_files{state="published"}' => 1.0,
			'filesync_queue_files{state="parked"}' => 1.0,
			'filesync_queue_files{state="staged"}' => 0.0,
			'filesync_ready' => 1.0,
		] as $name => $value) {
			$this->assertSame($value, $samples[$name], $name);
		}
		$this->assertEqualsWithDelta(time(), $samples['filesync_last_success_timestamp_seconds'], 60);
		foreach ([self::TOKEN, 'alice', 'secret', '127.0.0.1', 'gone', $this->channel->hash] as $name) {
			$this->assertStringNotContainsString($name, $answer->body);
		}
	}

	public function test_packets_that_were_dropped_are_counted(): void
	{
		Config::set('metrics_token', self::TOKEN);
		Config::set('held_max_packets', '1');
		$this->whileFailing(
			fn ($sql) => (bool) preg_match('/\b(from|into|update) filesync_transfer\b/i', $sql),
			fn () => $this->receive(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), [1, 2, 3])),
		);
		$samples = $this->parse($this->ask('Bearer ' . self::TOKEN)->body);
		$this->assertSame(
			[1.0, 0.0, 2.0],
			array_map(
				fn ($state) => $samples["filesync_packets{state=\"$state\"}"] ?? null,
				['staged', 'parked', 'dropped'],
			),
		);
	}

	public function test_counters_never_fall(): void
	{
		$this->receive($this->file('here', 'the bytes'));
		$this->work();
		Config::set('metrics_token', self::TOKEN);
		Housekeeping::forgetChannel(1);
		Housekeeping::forgetChannel(1);
		$this->assertSame(
			9.0,
			$this->parse($this->ask('Bearer ' . self::TOKEN)->body)['filesync_received_bytes_total'],
		);
	}

	private function ask(?string $authorization, string $method = 'GET'): Response
	{
		unset($_SERVER['HTTP_AUTHORIZATION']);
		if ($authorization !== null) {
			$_SERVER['HTTP_AUTHORIZATION'] = $authorization;
		}

		return Metrics::answer(new Request($method, ['filesync', 'metrics']));
	}

	/**
	 * Reads the text format, strictly: HELP and TYPE before the samples of each metric, every sample of the metric
	 * above it.
	 */
	private function parse(string $text): array
	{
		$this->assertStringEndsWith("\n", $text);
		$samples = $types = [];
		$name = $helped = '';
		foreach (explode("\n", rtrim($text, "\n")) as $line) {
			if (preg_match('/^# HELP ([a-z_]+) \S.*$/D', $line, $found)) {
				$helped = $found[1];
			} elseif (preg_match('/^# TYPE ([a-z_]+) (counter|gauge|histogram)$/D', $line, $found)) {
				$this->assertSame($helped, $found[1]);
				$this->assertArrayNotHasKey($found[1], $types);
				[, $name, $types[$found[1]]] = $found;
			} else {
				$this->assertSame(
					1,
					preg_match(
						'/^([a-z_]+)(\{[a-z_]+="[^"\\\\]*"(,[a-z_]+="[^"\\\\]*")*\})? (\d+(?:\.\d+)?)$/D',
						$line,
						$found,
					),
					$line,
				);
				$this->assertSame(
					$name,
					$types[$name] === 'histogram' ? preg_replace('/_(bucket|sum|count)$/D', '', $found[1]) : $found[1],
				);
				$samples[$found[1] . $found[2]] = (float) $found[4];
			}
		}

		return $samples;
	}
}
