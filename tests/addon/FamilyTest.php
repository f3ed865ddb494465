<?php

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Tested;
use PHPUnit\Framework\Attributes\DataProvider;

/** On a hub that it does not know filesync does not work, and says so. */
final class FamilyTest extends AddonTestCase
{
	/** @dataProvider versions */
	#[DataProvider('versions')]
	public function test_versions_that_were_tested_are_known(string $version, bool $isKnown): void
	{
		$this->assertSame($isKnown, Tested::has($version));
	}

	public static function versions(): array
	{
		return [
			['7.8', true],
			['7.6', false],
			['8.8.7', true],
			['8.9.3', true],
			['8.10', false],
			['8.10RC1', false],
			['8.10-dev', false],
			['8.9.5RC2', true],
			['9.0', false],
			['10.3.43', false],
			['23.07.01', false],
			['', false],
			['dev', false],
		];
	}

	public function test_on_an_unknown_version_it_does_nothing_but_hold_packets(): void
	{
		$this->change(
			'boot.php',
			TESTHUB < 10 ? "'8.8.7'" : "getenv('TESTHUB_VERSION') ?: '10.7.14'",
			"'99.1'",
		);
		$this->assertSame([1, 'WRONG hub'], $this->doctor());
		$this->assertStringContainsString(
			'filesync does not know Hubzilla 99.1',
			$this->inHub('FileSync\Addon\Page\AdminPage::values()["problems"][0]'),
		);
		$this->assertFalse($this->inHub('FileSync\Addon\Hub\Config::serves(1)'));
		$this->assertNull($this->introduction());
		file_put_contents('packet.json', json_encode([$this->file('f1', 'bytes')]));
		$this->inHub('Zotlabs\Lib\sync_files(channelx_by_n(1), json_decode(file_get_contents("packet.json"), true))');
		$this->assertSame(['queued'], array_column(Table::select('filesync_packet', []), 'state'));
		$this->assertNull($this->attach('f1'));
	}

	public function test_an_unknown_version_keeps_its_own_behaviour_where_filesync_never_was_active(): void
	{
		FileSync\Addon\Hub\Activation::forget();
		$this->change(
			'boot.php',
			TESTHUB < 10 ? "'8.8.7'" : "getenv('TESTHUB_VERSION') ?: '10.7.14'",
			"'99.1'",
		);
		$this->assertFalse($this->inHub('function_exists("Zotlabs\Lib\sync_files")'));
		$this->assertFalse($this->inHub('FileSync\Addon\Hub\Config::serves(1)'));
		$this->assertNull($this->introduction());
	}

	public function test_a_hub_whose_receiver_is_its_own_does_not_say_that_it_speaks_filesync(): void
	{
		$this->assertNotNull($this->introduction());
		file_put_contents('elsewhere.php', '<?php namespace Zotlabs\Lib; function sync_files($channel, $files) {}');
		$this->assertNull($this->introduction('require "elsewhere.php";'));
		$this->change(
			'include/import.php',
			'function sync_files($channel, $files) {',
			'function sync_files($channel, $files, $more = 0) {',
		);
		$this->assertNull($this->introduction());
	}

	public function test_a_receiver_that_cannot_take_what_is_held_is_not_tried_over_and_over(): void
	{
		Table::insert('filesync_packet', [
			'id' => str_repeat('a', 64),
			'uid' => 1,
			'hash' => 'f1',
			'state' => 'queued',
			'reason' => '',
			'body' => '{}',
			'size_bytes' => 2,
			'attempts' => 0,
			'next_at' => 0,
			'created' => 1,
			'updated' => 1,
		]);
		FileSync\Addon\Hub\Config::set('passive', '1');
		$this->change(
			'include/import.php',
			'function sync_files($channel, $files) {',
			'function sync_files($channel, $files, $more = 0) {',
		);
		dbq('DELETE FROM workerq');
		dbq('UPDATE filesync_lease SET expires = 0');
		foreach ([1, 2, 3] as $ignored) {
			$this->inHub('FileSync\Addon\Work\Worker::daemon("hand-over")');
		}
		$this->assertLessThanOrEqual(1, count($this->jobs('Addon')), 'a job that begins the next is a loop');
		$this->assertSame(1, Table::count('filesync_packet', ['state' => 'queued']));
	}

	public function test_where_it_is_passive_the_directory_is_told_of_no_scratch_channel_either(): void
	{
		FileSync\Addon\Hub\Config::set('passive', '1');
		set_config('system', 'directory_server', 'http://127.0.0.1:9009');
		$scratch = FileSync\Addon\Hub\Scratch::make();
		$told = fn (int $channelId) => $this->inHub(
			"(function () { \$to = []; TestHub\Wire::\$post = function (\$url) use (&\$to) { \$to[] = \$url;"
			. " return ['success' => true, 'body' => '{}', 'return_code' => 200]; };"
			. " Zotlabs\Daemon\Directory::run(2, ['Directory', $channelId]); return \$to; })()",
		);
		$this->assertSame(['http://127.0.0.1:9009/zot'], $told(1));
		$this->assertSame([], $told($scratch->channel->id));
		$this->assertStringContainsString('a message to', (string) $scratch->attempt());
		$this->assertFalse($this->inHub('function_exists("Zotlabs\Lib\sync_files")'));
		$scratch->end();
	}

	public function test_a_scratch_channel_is_in_no_directory_that_the_hub_keeps_itself(): void
	{
		FileSync\Addon\Hub\Config::set('passive', '1');
		set_config('system', 'directory_mode', 2);
		$scratch = FileSync\Addon\Hub\Scratch::make();
		Zotlabs\Daemon\Master::Summon(['Directory', $scratch->channel->id]);
		$list = fn (int $channelId) => $this->inHub(
			"Zotlabs\\Daemon\\Directory::run(2, ['Directory', $channelId]) ?? 'went on'",
		);
		$this->assertSame([null, 'went on'], [$list($scratch->channel->id), $list($this->channel->id)]);
		$this->assertSame([$this->channel->hash], array_column(Table::select('updates', []), 'ud_hash'));
		$this->assertSame([], $this->jobs('Directory'));
		$this->assertStringContainsString('list it in its directory', (string) $scratch->attempt());
		$scratch->end();
	}

	public function test_a_function_that_changed_is_called_as_it_came_and_the_others_stay_ours(): void
	{
		$this->change(
			'include/attach.php',
			'function attach_move($channel_id, $resource_id,',
			"function attach_move(\$channel, \$resource_id,",
		);
		file_put_contents('include/attach.php', preg_replace(
			'/(function attach_move\(.*?\{)/s',
			'$1 return [$channel, $resource_id, $new_folder_hash, $newname];',
			file_get_contents('include/attach.php'),
		));
		$this->assertSame([0, 'ok hub'], $this->doctor());
		exec(self::cli() . ' doctor --only assumptions', $said);
		$this->assertStringContainsString('without sending changes, because', $said[0]);
		$this->assertStringEndsWith('attach_move', $said[0]);
		$this->assertStringContainsString(
			'without sending changes here',
			$this->inHub('FileSync\Addon\Page\AdminPage::values()["problems"][0]'),
		);
		$this->assertSame(
			[['an' => 'array'], 'r', 'f', 'n'],
			$this->inHub(
				"eval('namespace Zotlabs\Storage; return attach_move([\"an\" => \"array\"], \"r\", \"f\", \"n\");')",
			),
		);
		$this->assertSame(
			[true, true],
			$this->inHub(
				'[FileSync\Addon\Hub\Family::isAsExpected("attach_delete"), FileSync\Addon\Hub\Config::serves(1)]',
			),
		);
	}

	/** A post that cannot be dropped in a known way stays with its file's hash, and the doctor says so. */
	public function test_where_posts_are_dropped_in_an_unknown_way_they_stay(): void
	{
		$this->receive($this->file('f1', 'one'));
		$this->work();
		item_store([
			'uid' => 1,
			'aid' => 1,
			'uuid' => 'u1',
			'mid' => 'm1',
			'parent_mid' => 'm1',
			'resource_type' => 'attach',
			'resource_id' => 'f1',
			'author_xchan' => $this->channel->hash,
			'owner_xchan' => $this->channel->hash,
		]);
		$known = TESTHUB < 10 ? '$id, $interactive = true,' : '$id, $stage = DROPITEM_NORMAL, $force = false,';
		$further = TESTHUB < 10 ? '$id, $interactive, $how, $more = 1,' : '$id, $stage, $why, $force = false,';
		foreach (['$id, $as_system = false, $interactive = true,', $further] as $other) {
			$this->change(
				'include/' . TESTHUB . '/items.php',
				"function drop_item($known",
				"function drop_item($other",
			);
			$known = $other;
			exec(self::cli() . ' doctor --only assumptions', $lines, $status);
			$this->assertSame(1, $status);
			$this->assertStringContainsString('drop_item', implode("\n", $lines));
			$this->assertFalse($this->inHub('FileSync\Addon\Hub\Items::dropLinked(1, "f1")'));
			$this->assertSame(
				['resource_id' => 'f1', 'resource_type' => 'attach', 'item_deleted' => 0],
				array_map(
					fn ($value) => is_numeric($value) ? (int) $value : $value,
					Table::first('item', ['mid' => 'm1'], '', 'resource_id, resource_type, item_deleted'),
				),
			);
		}
	}

	public function test_where_a_move_of_core_leaves_photo_rows_behind_they_follow(): void
	{
		$this->receivePhotos();
		$this->change(
			'include/attach.php',
			'foreach (q("SELECT id, imgscale, content FROM photo',
			'foreach ([] && q("SELECT id, imgscale, content FROM photo',
		);
		$this->assertMovesPhotos();
	}

	public function test_a_move_of_core_that_stumbles_over_thumbnails_is_finished(): void
	{
		$this->receivePhotos();
		$this->change('include/attach.php', '@rename(dbunescbin($photo[\'content\']), $scale);', '');
		$this->change(
			'include/attach.php',
			"	attach_move_rows(\$channel, \$resource_id);\n	return",
			"	attach_move_rows(\$channel, \$resource_id);\n	\$row['is_photo'] && rename([], '');\n	return",
		);
		$this->assertMovesPhotos();
		$this->assertStringContainsString(
			'rename(): Argument',
			$this->inHub(
				'(function () { try { attach_move(1, "p1", "d2"); } catch (TypeError $e) { return $e->getMessage(); } })()',
			),
		);
	}

	public function test_profile_crops_that_lie_apart_follow_where_core_takes_them_to_be_beside_the_photo(): void
	{
		$this->receivePhotos();
		foreach (['p0', 'p1'] as $hash) {
			$apart = "store/[data]/[xchan]/p/$hash[1]/$hash-4";
			mkdir(dirname($apart), 0770, true);
			rename(Table::first('photo', ['resource_id' => $hash, 'imgscale' => 4])['content'], $apart);
			Table::update('photo', ['content' => $apart], ['resource_id' => $hash, 'imgscale' => 4]);
		}
		$this->change(
			'include/attach.php',
			'@rename(dbunescbin($photo[\'content\']), $scale);',
			'str_contains($photo[\'content\'], "[xchan]") || @rename($photo[\'content\'], $scale);',
		);
		$this->assertMovesPhotos();
	}

	private function receivePhotos(): void
	{
		$folders = $this->file('f1', 'beside', [], ['d1' => 'One', 'd2' => 'Two']);
		foreach (['photo', 'profile'] as $n => $name) {
			$photo = $this->photo("p$n", [0 => $name, 1 => "small $name", 4 => "crop $name"], ['folder' => 'd2']);
			$this->receive(['attach' => [...array_slice($folders['attach'], 0, 2), ...$photo['attach']]] + $photo);
		}
		$this->work();
	}

	private function assertMovesPhotos(): void
	{
		$this->assertTrue($this->inHub('Zotlabs\Storage\attach_move(1, "d2", "")["success"]'));
		$this->assertTrue($this->inHub('Zotlabs\Module\attach_move(1, "p1", "")["success"]'));
		foreach (['photo' => 'store/alice/d2/p0', 'profile' => 'store/alice/p1'] as $name => $path) {
			$rows = Table::select('photo', ['resource_id' => basename($path)], 'imgscale');
			$this->assertSame([$path, "$path-1", "$path-4"], array_column($rows, 'content'));
			$this->assertSame(
				[$name, "small $name", "crop $name"],
				array_map(fn ($row) => file_get_contents($row['content']), $rows),
			);
		}
	}

	public function test_a_receiver_that_changed_is_the_hubs_own(): void
	{
		$this->change(
			'include/import.php',
			'function sync_files($channel, $files) {',
			'function sync_files($channel, $files, $more = 0) { return "stock";',
		);
		$this->assertSame([1, 'WRONG ass'], $this->doctor('assumptions'));
		$this->assertSame(
			'stock',
			$this->inHub('eval("namespace Zotlabs\Lib; return sync_files(channelx_by_n(1), []);")'),
		);
	}

	/** Gives this hub files of its own in place of links, and changes something in one. */
	private function change(string $file, string $from, string $to): void
	{
		$boot = is_link('boot.php') ? realpath('boot.php') : null;
		foreach ($boot ? glob(dirname($boot) . '/*') : [] as $path) {
			@unlink(basename($path));
			exec('cp -r ' . escapeshellarg($path) . ' .');
		}
		$boot && copy($boot, 'boot.php');
		$content = file_get_contents($file);
		$this->assertStringContainsString($from, $content);
		file_put_contents($file, str_replace($from, $to, $content));
	}

	private function doctor(string $check = 'hub'): array
	{
		exec(self::cli() . " doctor --only $check", $lines, $status);

		return [$status, preg_replace('/\s+/', ' ', substr($lines[0], 0, 9))];
	}

	/** Returns what a process of the hub that has the extension says of filesync, after some code of another addon. */
	private function introduction(string $before = ''): ?array
	{
		return $this->inHub(
			'(function () { eval("namespace FileSync; function send_file() {}"); $info = []; call_hooks("zotinfo", $info); return $info["filesync"] ?? null; })()',
			$before,
		);
	}

	/** Returns the value of an expression in a process of the hub as it stands now. */
	private function inHub(string $expression, string $before = ''): mixed
	{
		$code =
			$before
			. 'require "include/cli_startup.php"; cli_startup(); require_once "include/attach.php"; require_once "include/import.php"; echo "\n", json_encode('
			. $expression
			. ');';

		return json_decode(exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($code)), true);
	}

	public function test_a_caller_of_core_may_name_the_arguments_that_we_take_over(): void
	{
		$this->receive($this->file('f1', 'bytes'), $this->file('f2', 'more'));
		$this->work();
		$this->sent();
		Zotlabs\Module\attach_delete(resource: 'f1', channel_id: 1);
		Zotlabs\Storage\attach_move(1, 'f2', newname: 'named.bin', new_folder_hash: '');
		$this->assertSame([null, 'named.bin'], [$this->attach('f1'), $this->attach('f2')['filename']]);
		$this->assertEqualsCanonicalizing(
			['f1', 'f2'],
			array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()),
		);
	}
}
