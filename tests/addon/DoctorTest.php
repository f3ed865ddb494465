<?php

use FileSync\Addon\Doctor;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Request;
use FileSync\Addon\Serve;

/** `doctor` says what is wrong with this hub's own set-up, and how to mend it. */
final class DoctorTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		$this->receive($this->file('f1', 'the bytes'));
		$this->work();
	}

	public function test_a_hub_that_is_right_has_no_findings(): void
	{
		$this->assertSame(['extension' => true, 'reachable' => true, 'tickets' => true, 'authorization' => true, 'ranges' => true, 'headers' => true, 'length' => true],
			$this->examine(fn ($answer) => $answer));
	}

	public function test_without_a_file_what_a_file_is_needed_for_is_not_known(): void
	{
		attach_delete(1, 'f1');
		$this->assertNull($this->examine(fn ($answer) => $answer)['ranges']);
	}

	/** @dataProvider set_ups */
	public function test_what_is_wrong_is_said_with_its_remedy(Closure $change, array $expected): void
	{
		$found = $this->examine($change, $findings);
		$this->assertSame($expected, array_intersect_key($found, $expected));
		foreach ($findings as $one) {
			$this->assertSame($one['ok'] !== true, $one['remedy'] !== '', $one['check']);
		}
	}

	public function set_ups(): array
	{
		$onRead = fn (Closure $change) => fn ($answer, $method) => $method === 'POST' ? $answer : $change($answer);

		return [
			'it cannot reach itself' => [fn () => ['status' => 0, 'headers' => [], 'body' => '', 'error' => 'no route'], ['reachable' => false]],
			'getfile/ticket is a page' => [fn () => ['status' => 200, 'headers' => [], 'body' => '<html>', 'error' => ''], ['tickets' => false]],
			'Authorization is dropped' => [fn ($answer, $method, $headers) => $answer, ['authorization' => false]],
			'the header for the web server is passed on' => [$onRead(fn ($answer) => ['status' => 200, 'body' => '', 'headers' => ['x-accel-redirect' => '/x']] + $answer), ['ranges' => false]],
			'ranges are ignored' => [$onRead(fn ($answer) => ['status' => 200, 'body' => 'the bytes'] + $answer), ['ranges' => false]],
			'another byte' => [$onRead(fn ($answer) => ['body' => 'X'] + $answer), ['ranges' => false]],
			'compressed' => [$onRead(fn ($answer) => ['body' => "\x1f\x8b", 'headers' => ['content-encoding' => 'gzip'] + $answer['headers']] + $answer), ['ranges' => false]],
			'sniffing is allowed' => [$onRead(fn ($answer) => ['headers' => array_diff_key($answer['headers'], ['x-content-type-options' => 1])] + $answer), ['ranges' => true, 'headers' => false]],
		];
	}

	public function test_the_command_says_it_and_its_status_too(): void
	{
		exec(escapeshellarg(PHP_BINARY) . ' addon/filesync/cli.php doctor --json', $lines, $status);
		$findings = array_column(json_decode($lines[0], true), null, 'check');
		$this->assertSame([1, false], [$status, $findings['extension']['ok']]);
		$this->assertStringContainsString('not loaded', $findings['extension']['finding']);
		Config::set('enabled', '0');
		$this->assertNull((new Doctor(fn () => $this->fail('nothing is asked')))->examine()[1]['ok']);
	}

	/** Examines this hub, whose web server answers as it is changed to; returns what is right by check. */
	private function examine(Closure $change, ?array &$findings = null): array
	{
		$isDropped = (new ReflectionFunction($change))->getNumberOfParameters() === 3;
		$findings = (new Doctor(function (string $method, string $path, array $headers, string $body = '') use ($change, $isDropped) {
			$names = [];
			foreach ($headers as $line) {
				[$name, $value] = explode(': ', $line, 2);
				$names[strtolower($name)] = $value;
			}
			$request = new Request($method, explode('/', ltrim($path, '/')), $isDropped ? array_diff_key($names, ['authorization' => 1]) : $names, [], $body);
			$response = Serve::answer($request);
			$file = $response->file;
			$bytes = $file ? file_get_contents($file['root'] . '/' . $file['path'], false, null, $file['offset'], $file['length']) : $response->body;
			$answer = ['status' => $response->status, 'headers' => array_change_key_case($response->headers), 'body' => $method === 'HEAD' ? '' : $bytes, 'error' => ''];

			return $change(...array_slice([$answer, $method, $headers], 0, (new ReflectionFunction($change))->getNumberOfParameters()));
		}))->examine();

		return array_column($findings, 'ok', 'check');
	}
}
