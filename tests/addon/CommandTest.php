<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\TransferBatch;

/** I3: every file is in one known state, and `missing` lists all that are not present. */
final class CommandTest extends AddonTestCase
{
	public function test_status_and_missing_tell_what_is_on_its_way_stuck_or_damaged(): void
	{
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
		$this->receive($this->file('f1', 'one'), $this->file('f2', 'two', ['filename' => 'two.txt'], ['d1' => 'D']));
		[$code, $text] = $this->runVerb('missing', '--json');
		$lines = array_map(fn ($line) => json_decode($line, true), explode("\n", trim($text)));
		$states = array_column($lines, 'state', 'name');
		ksort($states);
		$this->assertSame([75, ['D/two.txt' => 'staged', 'f1.bin' => 'staged']], [$code, $states]);
		$this->assertSame(75, $this->runVerb('status')[0]);

		unset(TransferBatch::$answers['f2-0']);
		[$code, $text] = $this->runVerb('work', '--json', '--until-idle', '--seconds', '20');
		$summary = json_decode($text, true);
		$this->assertSame([1, 1, 3], [$code, $summary['states']['published']['files'], $summary['bytes']]);
		$this->assertGreaterThan(1000000, $summary['resident_peak_bytes']);
		[$code, $text] = $this->runVerb('missing');
		$this->assertSame(1, $code);
		$this->assertStringContainsString('parked    f2 scale 0 of channel 1: D/two.txt, 3 bytes: not there', $text);
		$this->assertStringContainsString('parked: f2 scale 0 of channel 1: NotFound', $this->runVerb('status')[1]);

		dbq('DELETE FROM filesync_transfer');
		unlink('store/alice/f1');
		[$code, $text] = $this->runVerb('missing');
		$this->assertSame([1, true], [$code, str_contains($text, 'nothing is on disk')]);
	}

	public function test_work_until_idle_waits_for_a_retry(): void
	{
		Config::set('retry_first_seconds', '1');
		$this->receive($this->file('f1', 'one'));
		TransferBatch::$answers['f1-0'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'cut off'];
		TransferBatch::$duringStep = function () {
			if (count(TransferBatch::$added) > 1) {
				TransferBatch::$answers['f1-0'] = 'one';
			}
		};
		$this->assertSame(0, $this->runVerb('work', '--json', '--until-idle', '--seconds=20')[0]);
		$this->assertSame('one', $this->shown('f1'));
	}

	public function test_settings_are_read_written_and_known(): void
	{
		$this->assertSame([0, "60\n"], $this->runVerb('config', 'get', 'retry_first_seconds'));
		$this->assertSame(0, $this->runVerb('config', 'set', 'retry_first_seconds', '1')[0]);
		$this->assertSame("1\n", $this->runVerb('config', 'get', 'retry_first_seconds')[1]);
		$this->assertSame(0, $this->runVerb('config', 'clear', 'retry_first_seconds')[0]);
		$this->assertSame(
			array_keys(FileSync\Addon\Hub\Settings::ALL),
			array_keys(json_decode($this->runVerb('config', '--json')[1], true)),
		);
	}

	public function test_a_scope_that_is_not_there_is_refused_with_those_that_are(): void
	{
		Config::set('enabled', '0', 'channel:99');
		$cli = self::cli() . ' config';
		foreach ([
			'get workers --scope everywhere' => [2, 'workers has no scope everywhere, but: site'],
			'get enabled --scope everywhere' => [2, 'enabled has no scope everywhere, but: site, channel:<id>'],
			'get nonsense' => [2, 'there is no setting nonsense; `config` lists them'],
			'set enabled 0 --scope channel:98' => [2, 'this hub has no channel:98; there are: channel:1 (alice)'],
			'set enabled 0 --scope channel:11' => [2, 'this hub has no channel:11; there are: channel:1 (alice)'],
			'get enabled --scope channel:99' => [2, 'this hub has no channel:99; there are: channel:1 (alice)'],
			'clear enabled --scope channel:99' => [0, ''],
			'set enabled 0 --scope channel:1' => [0, ''],
		] as $words => [$status, $said]) {
			$lines = [];
			exec("$cli $words 2>&1", $lines, $code);
			$this->assertSame(
				[$status, $said === '' ? '' : "filesync: $said"],
				[$code, implode("\n", $lines)],
				$words,
			);
		}
		$scopes = array_column(
			Table::select('filesync_setting', ['name' => 'enabled', 'value' => '0'], '', 0, 'scope'),
			'scope',
		);
		$this->assertSame(['channel:1'], $scopes);
	}

	public function test_a_command_looks_at_one_channel_where_it_is_told_to(): void
	{
		$other = TestHub\Maker::channel(TestHub\Maker::identity('bob', 1024), 'bob');
		$this->receive($this->file('f1', 'bytes'));
		FileSync\Addon\Hub\Table::insert('attach', [
			'uid' => (int) $other['channel_id'],
			'aid' => 1,
			'os_storage' => 0,
			'content' => 'old',
			'filesize' => 3,
		] + array_diff_key($this->row(['hash' => 'f2', 'filename' => 'b.bin']), ['id' => 1, 'term' => 1]));
		$this->assertSame(75, $this->runVerb('missing', '--channel', 'alice')[0]);
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing', '--channel=bob'));
		$this->work();
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'files', '--channel', 'alice'));
		$this->assertStringContainsString('database  f2', $this->runVerb('repair', 'files', '--channel', 'bob')[1]);
		$this->assertSame("nothing is kept\n", $this->runVerb('kept', '--channel', 'alice')[1]);
		$this->assertStringContainsString('repair ', $this->runVerb('kept', '--channel', 'bob')[1]);
		$this->assertSame([1, ''], $this->runVerb('verify', '--channel', 'carol'));
		$this->assertSame(2, $this->runVerb('status', '--channel', 'alice')[0]);
		$this->assertSame(
			[2, 2],
			[$this->runVerb('repair', '--seconds', '9')[0], $this->runVerb('repair', 'items', '--seconds', '9')[0]],
			'only files are mended by the clock',
		);
	}

	public function test_a_bar_stays_in_its_line_on_a_terminal_and_is_a_plain_line_elsewhere(): void
	{
		$shown = function (bool $isTerminal, bool $isWanted, int ...$done) {
			$stream = fopen('php://memory', 'w+');
			$bar = new FileSync\Addon\Console\ProgressBar(false, $isWanted, $stream, $isTerminal);
			foreach ($done as $one) {
				$bar->isDue() && $bar->show($one, 200, "$one of 200 files");
				usleep(210000);
			}
			$bar->clear();
			rewind($stream);

			return stream_get_contents($stream);
		};
		$text = $shown(true, false, 0, 100, 200);
		$this->assertStringNotContainsString("\n", $text);
		$this->assertStringContainsString("\r[............]   0 % 0 of 200 files", preg_replace(
			'/\.{12}\.{12}/',
			'............',
			$text,
		));
		$this->assertStringContainsString(
			'[' . str_repeat('#', 12) . str_repeat('.', 12) . '] ' . ' 50 % 100 of 200 files',
			$text,
		);
		$this->assertStringEndsWith("\r", $text);
		$this->assertSame("  0 % 0 of 200 files\n", $shown(false, true, 0, 100));
		$this->assertSame('', $shown(false, false, 0, 100));
	}
}
