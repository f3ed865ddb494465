<?php

require_once __DIR__ . '/in-process.php';

use PHPUnit\Framework\TestCase;
use TestHub\Base58;
use TestHub\Databases;
use TestHub\InProcess;
use TestHub\Jcs;
use TestHub\Maker;
use Zotlabs\Lib\JcsEddsa2022;
use Zotlabs\Storage\Directory;

/**
 * Where a hub of 8.x and one of 10.x differ, as far as files have to do with it: each case says what both do, and is
 * run on the one that environment TESTHUB names.
 */
final class VariantTest extends TestCase
{
	private array $channel;

	protected function setUp(): void
	{
		$this->channel = InProcess::start();
		Maker::hubloc(InProcess::$identity, 'http://127.0.0.1:9001', 'alice');
		// The owner is logged in, as in a request of theirs.
		App::set_channel($this->channel);
		App::set_observer($this->channel);
	}

	protected function tearDown(): void
	{
		InProcess::stop();
	}

	/** Returns what is right on an 8, or on a 10. */
	private static function on(mixed $eight, mixed $ten): mixed
	{
		return TESTHUB < 10 ? $eight : $ten;
	}

	public function test_it_says_which_version_it_is(): void
	{
		$this->assertSame(self::on(['8.8.7', 1259], ['10.7.14', 1265]), [STD_VERSION, DB_UPDATE_VERSION]);
		$this->assertSame(TESTHUB, json_decode(file_get_contents('hub.json'), true)['testhub']);
		getenv('TESTHUB') && $this->assertSame((string) TESTHUB, getenv('TESTHUB'));
	}

	public function test_what_is_called_with_other_arguments(): void
	{
		$parameters = fn ($function) => array_map(
			fn ($parameter) => $parameter->getName(),
			(new ReflectionFunction($function))->getParameters(),
		);
		$this->assertSame(
			self::on(
				['id', 'interactive', 'stage'],
				['id', 'stage', 'force', 'uid', 'observer_hash', 'expire', 'recurse'],
			),
			$parameters('drop_item'),
		);
		foreach (['item_store', 'item_store_update'] as $function) {
			$this->assertSame(
				['arr', 'allow_exec', 'deliver', ...self::on([], ['addAndSync'])],
				$parameters($function),
			);
		}
		$this->assertSame(
			self::on(false, true),
			(new ReflectionClass(Zotlabs\Web\Controller::class))->isAbstract(),
		);
		$this->assertSame(self::on(false, true), class_exists('DbaTransaction'));
		$this->assertSame(self::on(false, true), class_exists('Theme\Solidified\Api\Handlers\Files'));
	}

	public function test_who_may_drop_an_item(): void
	{
		App::set_channel(null);
		App::set_observer(null);
		$ids = array_map(fn () => $this->post()['id'], range(1, 5));
		$this->assertSame(self::on(1, false), TESTHUB < 10 ? drop_item($ids[0], false) : drop_item($ids[0]));
		if (TESTHUB < 10) {
			return;
		}
		$uid = (int) $this->channel['channel_id'];
		$this->assertFalse(drop_item($ids[0], DROPITEM_NORMAL, true, $uid + 1));
		$this->assertNotNull(item_row($ids[0]));
		$this->assertTrue(drop_item($ids[0], uid: $uid));
		$this->assertNull(item_row($ids[0]));
		$this->assertTrue(drop_item($ids[1], observer_hash: $this->channel['channel_hash']));
		$this->assertFalse(drop_item($ids[2], observer_hash: 'another'));
		App::set_channel($this->channel);
		$this->assertTrue(drop_item($ids[2]));
		App::set_channel(null);
		App::$account = ['account_roles' => ACCOUNT_ROLE_ADMIN];
		$this->assertTrue(drop_item($ids[3]));
		App::$account = ['account_roles' => 0];
		$this->assertFalse(drop_item($ids[4]));
	}

	public function test_a_dropped_item_goes_with_what_added_it(): void
	{
		$post = $this->post();
		$comment = $this->post(['parent_mid' => $post['mid'], 'thr_parent' => $post['mid'], 'item_thread_top' => 0]);
		$this->assertSame(self::on(0, 2), count($this->additions($post)));
		drop_item($comment['id']);
		$this->assertSame(self::on(0, 1), count($this->additions($post)));
		$left = $this->additions($post)[0] ?? $post;
		drop_item($left['id']);
		$this->assertSame([], q('SELECT * FROM item'));
	}

	public function test_a_post_of_ones_own_is_in_a_container(): void
	{
		$post = $this->post(['title' => 'Lake', 'body' => 'a lake']);
		$packets = $this->packets();
		if (TESTHUB < 10) {
			$this->assertSame(['', []], [$post['target'], $packets]);
			return;
		}
		$collection = [
			'id' => str_replace('/item/', '/conversation/', $post['mid']),
			'type' => 'Collection',
			'attributedTo' => channel_url($this->channel),
		];
		$this->assertSame($collection, json_decode($post['target'], true));
		$this->assertSame('Collection', $post['tgt_type']);
		[$addition] = $this->additions($post);
		$this->assertSame($collection, json_decode($addition['target'], true));
		$this->assertSame(
			[$post['id'], $post['mid'], $post['mid'], $this->channel['channel_hash']],
			[$addition['parent'], $addition['parent_mid'], $addition['thr_parent'], $addition['author_xchan']],
		);
		// Both travel in one packet, the post first.
		$this->assertSame(
			[[[$post['mid'], 'Create'], [$addition['mid'], 'Add']]],
			array_map(
				fn ($packet) => array_map(fn ($item) => [$item['message_id'], $item['verb']], $packet['item']),
				$packets,
			),
		);
	}

	public function test_what_adds_a_post_holds_it_with_a_proof(): void
	{
		$post = $this->post(['title' => 'Lake', 'body' => "a lake \u{2028} \u{1F600} \"/\""]);
		$this->assertSame(self::on(0, 1), count($this->additions($post)));
		foreach ($this->additions($post) as $addition) {
			$document = json_decode($addition['obj'], true);
			$this->assertSame(
				['Create', $post['mid'], 'eddsa-jcs-2022'],
				[$document['type'], $document['object']['id'], $document['proof']['cryptosuite']],
			);
			$this->assertArrayHasKey('signatureValue', $document['signature']);
			$key = q('SELECT xchan_epubkey FROM xchan')[0]['xchan_epubkey'];
			$this->assertSame(
				channel_url($this->channel) . "#$key",
				$document['proof']['verificationMethod'],
			);
			$this->assertTrue((new JcsEddsa2022())->verify($document, $key));
			$document['object']['content'] .= '.';
			$this->assertFalse((new JcsEddsa2022())->verify($document, $key));
		}
	}

	public function test_the_canonical_form_and_the_digits_of_a_proof(): void
	{
		// The order is that of UTF-16: a smiley comes before U+FB33.
		$this->assertSame(
			'{"":null,"1":[],"a":{"x":"ä/\n\u0001\u2028"},"' . "\u{1F600}" . '":true,"' . "\u{FB33}" . '":-1}',
			Jcs::text([
				"\u{FB33}" => -1,
				"\u{1F600}" => true,
				'a' => ['x' => "ä/\n\x01\u{2028}"],
				1 => [],
				'' => null,
			]),
		);
		$this->assertSame('11StV1DL6CwTryKyV', Base58::encode("\0\0hello world"));
		foreach (['', "\0", "\0\0\0", "\0\xFF", random_bytes(64)] as $bytes) {
			$this->assertSame($bytes, Base58::decode(Base58::encode($bytes)));
		}
		$this->assertSame(['', ''], [Base58::decode('0'), Base58::decode('a b')]);
	}

	public function test_a_photo_is_in_a_container_and_sent_with_its_file(): void
	{
		[$photo] = $this->upload(['lake.png' => $this->png()]);
		$post = q("SELECT * FROM item WHERE resource_type = 'photo'")[0];
		$this->assertSame(
			self::on('orderedCollection', 'Collection'),
			json_decode($post['target'], true)['type'],
		);
		// The post has no packet of its own.
		$packets = $this->packets();
		$this->assertSame(
			[['file']],
			array_map(fn ($packet) => array_keys(array_intersect_key($packet, ['item' => 0, 'file' => 0])), $packets),
		);
		$this->assertSame(
			self::on(['Create'], ['Create', 'Add']),
			array_column($packets[0]['file'][0]['item'], 'verb'),
		);
	}

	public function test_items_of_a_clone_are_added_to_nothing(): void
	{
		require_once 'include/import.php';
		$item = encode_item($this->post(), true);
		dbq('DELETE FROM item');
		$this->packets();
		import_items($this->channel, [$item], true);
		$this->assertSame([$item['message_id']], array_column(q('SELECT mid FROM item'), 'mid'));
		$this->assertSame([], $this->packets());
	}

	public function test_a_delete_by_sync_leaves_the_post_of_a_photo(): void
	{
		require_once 'include/import.php';
		[$photo] = $this->upload(['lake.png' => $this->png()]);
		App::set_channel(null);
		App::set_observer(null);
		sync_files($this->channel, [[
			'fetch_url' => 'http://127.0.0.1:9001/getfile',
			'original_channel' => 'alice',
			'attach' => [['hash' => $photo, 'deleted' => 1]],
		]]);
		$this->assertNull(attach_row($this->channel['channel_id'], $photo));
		$this->assertCount(self::on(0, 2), q('SELECT * FROM item'));
	}

	public function test_a_folder_that_webdav_renames(): void
	{
		$uid = (int) $this->channel['channel_id'];
		$this->upload(['one.txt' => 'one', 'two.txt' => 'two'], 'Holiday');
		$folder = q('SELECT * FROM attach WHERE is_dir = 1')[0];
		q("UPDATE attach SET edited = '2024-05-01 10:00:00'");
		(new Directory($this->channel, $folder))->setName('Journey');
		$rows = q("SELECT display_path, edited FROM attach WHERE folder = '%s' ORDER BY filename", $folder['hash']);
		$this->assertSame(
			self::on(['Holiday/one.txt', 'Holiday/two.txt'], ['Journey/one.txt', 'Journey/two.txt']),
			array_column($rows, 'display_path'),
		);
		$this->assertSame(self::on(1, 0), count(array_keys(array_column($rows, 'edited'), '2024-05-01 10:00:00')) / 2);
		$this->assertSame('Journey', attach_row($uid, $folder['hash'])['display_path']);
	}

	public function test_a_media_type_is_read_in_the_name_or_in_the_bytes(): void
	{
		$this->upload(['a.txt' => "<?php\nphpinfo();\n", 'b.bin' => "%PDF-1.4\n", 'c.pdf' => "plain words\n"]);
		$this->assertSame(
			self::on(
				['text/plain', 'application/octet-stream', 'application/pdf'],
				['text/x-php', 'application/pdf', 'text/plain'],
			),
			array_column(q('SELECT filetype FROM attach ORDER BY filename'), 'filetype'),
		);
	}

	public function test_how_long_a_media_type_may_be(): void
	{
		if (Databases::kind(DBA::$dba->dsn) === 'sqlite') {
			$this->assertStringContainsString(
				'filetype TEXT',
				q("SELECT sql FROM sqlite_master WHERE name = 'attach'")[0]['sql'],
			);
			return;
		}
		$width = q(
			"SELECT character_maximum_length AS width FROM information_schema.columns
			WHERE table_name = 'attach' AND column_name = 'filetype' AND table_schema IN ('public', '%s')",
			substr(strrchr(DBA::$dba->dsn, '='), 1),
		)[0]['width'];
		$this->assertSame(self::on(ACTIVE_DBTYPE === DBTYPE_POSTGRES ? 64 : 191, 128), (int) $width);
	}

	public function test_names_that_are_too_long(): void
	{
		$uid = (int) $this->channel['channel_id'];
		[$file] = $this->upload(['a.txt' => 'a']);
		$folder = fn ($name) => attach_mkdir($this->channel, '', ['filename' => $name])['success'];
		$_FILES['userfile'] = ['tmp_name' => $this->file('a', 'a'), 'name' => str_repeat('a', 192)];
		$this->assertSame(self::on(true, false), attach_store($this->channel, '', '', ['nosync' => true])['success']);
		$this->assertSame([true, self::on(true, false)], [$folder(str_repeat('ä', 64)), $folder(str_repeat('a', 65))]);
		if (TESTHUB < 10) {
			return;
		}
		$target = q('SELECT hash FROM attach WHERE is_dir = 1')[0]['hash'];
		$before = attach_row($uid, $file);
		$this->assertFalse(attach_move($uid, $file, $target, str_repeat('a', 192))['success']);
		// The row is what it was, and the bytes are elsewhere.
		$this->assertSame($before, attach_row($uid, $file));
		$this->assertFileDoesNotExist($before['content']);
		$this->assertFileExists("store/alice/$target/$file");
		$this->assertFalse(attach_store($this->channel, '', '', [
			'pathname' => '',
			'directory' => str_repeat('b', 65),
		])['success']);
	}

	public function test_a_move_and_the_scales_in_the_database(): void
	{
		set_config('system', 'photo_storage_type', 0);
		[$photo] = $this->upload(['lake.png' => $this->png()]);
		attach_move((int) $this->channel['channel_id'], $photo, '', 'sea.png');
		$this->assertSame(
			['sea.png', ...array_fill(0, 3, self::on('sea.png', 'lake.png'))],
			array_column(q('SELECT filename FROM photo ORDER BY imgscale'), 'filename'),
		);
	}

	public function test_an_update_writes_its_date_and_the_size(): void
	{
		[$file] = $this->upload(['a.txt' => 'abc']);
		q('UPDATE attach SET filesize = 99');
		attach_store($this->channel, '', 'update', ['hash' => $file, 'edited' => '2024-05-01 10:00:00']);
		$row = attach_row((int) $this->channel['channel_id'], $file);
		$this->assertSame(self::on(99, 3), (int) $row['filesize']);
		$this->assertSame(self::on(false, true), $row['edited'] === '2024-05-01 10:00:00');
	}

	public function test_every_delete_fires_the_hook(): void
	{
		Zotlabs\Extend\Hook::insert('attach_delete', 'VariantTest::deleted');
		self::$deleted = [];
		[$photo] = $this->upload(['lake.png' => $this->png()]);
		[$file] = $this->upload(['a.txt' => 'a'], 'Holiday');
		$folder = q('SELECT * FROM attach WHERE is_dir = 1')[0];
		(new Directory($this->channel, $folder))->delete();
		drop_item(q("SELECT id FROM item WHERE resource_type = 'photo'")[0]['id']);
		$this->assertSame([$file, $folder['hash'], $photo], self::$deleted);
		if (TESTHUB >= 10) {
			[$file] = $this->upload(['b.txt' => 'b']);
			(new Theme\Solidified\Api\Handlers\Files())->delete($file);
			$this->assertSame($file, end(self::$deleted));
		}
	}

	private static array $deleted = [];

	/** What the hook tells. */
	public static function deleted(array $told): void
	{
		self::$deleted[] = $told['resource'];
	}

	public function test_a_transaction_is_undone_unless_it_is_committed(): void
	{
		if (TESTHUB < 10) {
			$this->assertFalse(class_exists('DbaTransaction'));
			return;
		}
		$value = function ($is_committed) {
			$outer = new DbaTransaction(DBA::$dba);
			$inner = new DbaTransaction(DBA::$dba);
			set_config('a', 'b', (string) random_int(0, PHP_INT_MAX));
			$inner->commit();
			unset($inner);
			$is_committed && $outer->commit();
			unset($outer);
			return q("SELECT v FROM config WHERE cat = 'a'");
		};
		$this->assertSame([], $value(false));
		$this->assertCount(1, $value(true));
		$this->assertFalse(DBA::$dba->db->inTransaction());
	}

	public function test_the_theme_changes_files_and_sends_them_itself(): void
	{
		if (TESTHUB < 10) {
			$this->assertFalse(class_exists('Theme\Solidified\Api\Handlers\Files'));
			return;
		}
		$uid = (int) $this->channel['channel_id'];
		[$folder] = [attach_mkdir($this->channel, '', ['filename' => 'Holiday'])['data']['hash']];
		$theme = new Theme\Solidified\Api\Handlers\Files();
		$_FILES['userfile'] = ['tmp_name' => $this->file('a.txt', 'abc'), 'name' => 'a.txt'];
		$hash = $theme->post('')['hash'];
		$theme->put($hash, ['folder' => $folder, 'name' => 'b.txt', 'allow_cid' => '<x>']);
		$row = attach_row($uid, $hash);
		$this->assertSame(['Holiday/b.txt', '<x>'], [$row['display_path'], $row['allow_cid']]);
		$theme->delete($hash);
		$this->assertNull(attach_row($uid, $hash));
		$this->assertSame(
			[null, null, null, 1],
			array_map(fn ($packet) => end($packet['file'][0]['attach'])['deleted'] ?? null, $this->packets()),
		);
		$this->assertSame(['success' => false], $theme->put($hash, ['name' => 'c.txt']));
	}

	/** Stores a post of the channel's owner and returns its row. */
	private function post(array $columns = []): array
	{
		$uuid = new_uuid();
		$mid = z_root() . "/item/$uuid";
		return item_store(
			$columns
			+ [
				'uid' => $this->channel['channel_id'],
				'aid' => $this->channel['channel_account_id'],
				'uuid' => $uuid,
				'mid' => $mid,
				'parent_mid' => $mid,
				'thr_parent' => $mid,
				'owner_xchan' => $this->channel['channel_hash'],
				'author_xchan' => $this->channel['channel_hash'],
				'mimetype' => 'text/bbcode',
				'verb' => 'Create',
				'obj_type' => 'Note',
				'body' => 'a post',
				'plink' => $mid,
				'item_wall' => 1,
				'item_origin' => 1,
				'item_thread_top' => 1,
			],
		)['item'];
	}

	/** @return list<array> The items that add to the container of a post. */
	private function additions(array $post): array
	{
		return q("SELECT * FROM item WHERE parent = %d AND verb = 'Add' ORDER BY id", intval($post['id']));
	}

	/**
	 * Uploads files and returns their hashes.
	 *
	 * @param array<string, string> $bytes by name
	 */
	private function upload(array $bytes, string $directory = ''): array
	{
		return array_map(
			function ($name, $bytes) use ($directory) {
				$_FILES['userfile'] = ['tmp_name' => $this->file($name, $bytes), 'name' => $name];
				return attach_store($this->channel, $this->channel['channel_hash'], '', [
					'directory' => $directory,
				])['data']['hash'];
			},
			array_keys($bytes),
			$bytes,
		);
	}

	private function file(string $name, string $bytes): string
	{
		file_put_contents(InProcess::$folder . "/$name", $bytes);
		return InProcess::$folder . "/$name";
	}

	private function png(): string
	{
		ob_start();
		imagepng(imagecreatetruecolor(8, 8));
		return ob_get_clean();
	}

	/** @return list<array> What was sent to the clone since the last call. */
	private function packets(): array
	{
		$packets = array_map(
			fn ($row) => json_decode(json_decode($row['outq_notify'], true)['data'], true),
			q('SELECT outq_notify FROM outq ORDER BY outq_number'),
		);
		dbq('DELETE FROM outq');
		return $packets;
	}
}
