<?php

use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\Proof;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Revision\Revisions;
use TestHub\MessageSignature;
use Theme\Solidified\Api\Handlers\Files;
use Zotlabs\Lib\JcsEddsa2022;
use Zotlabs\Lib\Multibase;
use Zotlabs\Storage\Directory;

/**
 * What a hub of 10.x and 11.x does otherwise, and filesync must do right there: each case names what it shows.
 */
final class TenTest extends AddonTestCase
{
	protected function setUp(): void
	{
		if ((getenv('TESTHUB') ?: '8') !== '10') {
			$this->markTestSkipped('TESTHUB=10 runs it');
		}
		parent::setUp();
	}

	protected function tearDown(): void
	{
		$_SERVER = array_diff_key($_SERVER, array_flip([
			'HTTP_SIGNATURE',
			'HTTP_SIGNATURE_INPUT',
			'HTTP_SIGTOKEN',
			'REQUEST_URI',
			'REQUEST_METHOD',
		]));
		parent::tearDown();
	}

	/** The ceiling: a hub of today is served, where every assumption about it holds. */
	public function test_a_hub_of_today_is_served(): void
	{
		$this->assertNull(FileSync\Addon\Hub\Family::problem());
		$this->assertTrue(FileSync\Addon\Hub\Config::serves(1));
	}

	/** drop_item asks who drops: nobody is logged in where a packet is received. */
	public function test_a_delete_by_sync_removes_the_post_of_a_photo_and_what_added_it(): void
	{
		$this->photoOfOurs();
		$this->assertSame(['Create', 'Add'], array_column(q('SELECT verb FROM item ORDER BY id'), 'verb'));
		$this->receive($this->deletion('p1'));
		$this->assertNull($this->attach('p1'));
		$this->assertSame([], array_column(Table::select('item', ['item_deleted' => 0]), 'verb'));
	}

	/** drop_item has its stage in the second place: of a post that readers have, a stone is left. */
	public function test_a_delete_while_the_owner_is_logged_in_leaves_a_stone_of_a_post_that_readers_have(): void
	{
		$this->photoOfOurs();
		q("UPDATE item SET edited = '2024-05-01 10:00:00'");
		$posts = Items::linked($this->channel, 'p1');
		$this->assertCount(2, $posts);
		q('UPDATE item SET item_hidden = 0');
		$this->asOwner('photos', 'POST');
		$this->receive($this->deletion('p1'));
		$this->assertSame(
			[1, 1],
			array_map(intval(...), array_column(q('SELECT item_deleted FROM item'), 'item_deleted')),
		);
		// A packet that was under way.
		Zotlabs\Lib\sync_items($this->channel->row(), $posts);
		$this->assertSame([], Table::select('item', ['item_deleted' => 0]));
	}

	/** A post that the hub would not drop stays with its file, until it can be. */
	public function test_a_post_that_was_not_dropped_is_not_forgotten(): void
	{
		$this->photoOfOurs();
		$this->receive($this->deletion('p1'));
		$left = Table::select('item', ['item_deleted' => 0, 'verb' => 'Create']);
		$this->assertSame([], array_diff(array_column($left, 'resource_id'), ['p1']));
	}

	/** What an Add holds of somebody else is theirs, to the last byte. */
	public function test_a_foreign_proof_survives_byte_for_byte(): void
	{
		$keys = sodium_crypto_sign_keypair();
		$encode = fn ($bytes) => sodium_bin2base64($bytes, SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);
		$bob = [
			'channel_address' => 'bob',
			'channel_epubkey' => $encode(sodium_crypto_sign_publickey($keys)),
			'channel_eprvkey' => $encode(sodium_crypto_sign_secretkey($keys)),
		];
		$document = [
			'type' => 'Create',
			'id' => 'https://elsewhere.example/activity/1',
			'actor' => 'https://elsewhere.example/channel/bob',
			'object' => [
				'type' => 'Note',
				'id' => 'https://elsewhere.example/item/1',
				'content' => 'look at ' . self::ORIGIN . '/channel/alice',
			],
		];
		$document['proof'] = (new JcsEddsa2022())->sign($document, $bob);
		$this->receiveItems($this->post(), $this->addition($document));
		$stored = json_decode(q("SELECT obj FROM item WHERE verb = 'Add'")[0]['obj'], true);
		$this->assertSame($document, $stored);
		$this->assertTrue((new JcsEddsa2022())->verify($stored, Multibase::publicKey($bob['channel_epubkey'])));
	}

	/** What an Add holds of the channel itself verifies, wherever its URLs point to. */
	public function test_an_own_proof_verifies_after_relocation(): void
	{
		$document = $this->ownDocument();
		$this->receiveItems($this->post(), $this->addition($document));
		$this->assertVerifies(json_decode(q("SELECT obj FROM item WHERE verb = 'Add'")[0]['obj'], true));
	}

	/** `repair items` leaves what a hub of today made as it is. */
	public function test_repair_items_voids_no_proof(): void
	{
		$document = $this->ownDocument();
		$this->ours();
		q("UPDATE item SET obj = '%s' WHERE verb = 'Add'", dbesc(json_encode($document)));
		$this->runVerb('repair', 'items');
		$this->assertVerifies(json_decode(q("SELECT obj FROM item WHERE verb = 'Add'")[0]['obj'], true));
	}

	/** Both keys of a container name the same hub. */
	public function test_a_container_is_not_half_relocated(): void
	{
		$this->receiveItems($this->post());
		$target = json_decode(q("SELECT target FROM item WHERE verb = 'Create'")[0]['target'], true);
		$this->assertSame(
			strstr($target['id'], '/conversation/', true),
			strstr($target['attributedTo'], '/channel/', true),
		);
	}

	/** The column of a media type is as wide as the database says, and no other number. */
	public function test_a_long_media_type_is_cut_at_the_width_of_its_column(): void
	{
		$long = 'application/' . str_repeat('x', 118);
		$this->receive(
			$this->file('f1', 'one', ['filetype' => $long]),
			$this->file('f2', 'two', ['filetype' => substr($long, 0, 128)]),
		);
		$this->work();
		$this->assertSame(['one', 'two'], [$this->shown('f1'), $this->shown('f2')]);
		$this->assertSame(substr($long, 0, 128), $this->attach('f2')['filetype']);
	}

	/** A folder that WebDAV renames has each child moved to where it is: none of them changed for a clone. */
	public function test_a_folder_of_300_files_that_webdav_renames_is_one_packet(): void
	{
		$this->manyInAFolder(300);
		$this->asOwner('dav', 'MOVE');
		(new Directory($this->channel->row(), $this->attach('d1')))->setName('Journey');
		$this->assertSame(['d1'], array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()));
		$this->assertSame('Journey/n300.bin', $this->attach('n300')['display_path']);
	}

	public function test_what_one_request_changes_beyond_a_hundred_files_a_worker_sends_at_once(): void
	{
		$this->manyInAFolder(101);
		$this->asOwner('filestorage', 'POST');
		dbq('DELETE FROM workerq');
		FileSync\Addon\Transfer\Doorbell::answered();
		// As by an addon that knows nothing of clones.
		Table::update('attach', ['allow_cid' => '<friend>', 'edited' => datetime_convert()], ['is_dir' => 0]);
		FileSync\Addon\Send\Intentions::flush();
		$this->assertCount(1, Table::select('filesync_outbox', ['kind' => 'announce']));
		$this->assertCount(1, preg_grep('/"filesync"/', array_column(dbq('SELECT * FROM workerq'), 'workerq_data')));
		$this->work();
		$this->assertCount(101, $this->sent());
	}

	/** The hub refuses a name that is too long when the bytes are elsewhere. */
	public function test_a_name_that_is_too_long_does_not_part_row_and_bytes(): void
	{
		$this->receive($this->file('f1', 'one', [], ['d1' => 'One']));
		$this->work();
		$this->asOwner('attach_edit', 'POST');
		Zotlabs\Module\attach_move(1, 'f1', '', str_repeat('a', 192));
		$this->assertSame('one', $this->shown('f1'));
	}

	/** The hub may find a name of its own that is too long. */
	public function test_a_file_or_folder_that_the_hub_refuses_to_move_stays_where_it_is(): void
	{
		$long = str_repeat('a', 191);
		$this->receive(
			$this->file('f1', 'one', ['filename' => $long], ['d1' => 'One']),
			$this->file('f2', 'two', ['filename' => $long], ['d2' => 'Two']),
			$this->file('f3', 'three', [], ['d1' => 'One', 'd3' => $long]),
			$this->file('f4', 'four', [], ['d2' => 'Two', 'd4' => $long]),
		);
		$this->work();
		$this->sent();
		$this->asOwner('attach_edit', 'POST');
		foreach (['f1', 'd3'] as $hash) {
			$this->assertFalse(Zotlabs\Module\attach_move(1, $hash, 'd2')['success']);
			$this->assertSame('d1', $this->attach($hash)['folder']);
		}
		$this->assertFalse(Zotlabs\Module\attach_move(1, 'd3', 'd2', $long . 'a')['success']);
		$this->assertSame(['one', 'two', 'three', 'four'], array_map($this->shown(...), ['f1', 'f2', 'f3', 'f4']));
	}

	public function test_scales_in_the_database_follow_the_move_of_a_folder(): void
	{
		set_config('system', 'photo_storage_type', 0);
		$this->receive(
			$this->file('f1', 'one', [], ['d1' => 'One', 'd2' => 'Two']),
			$this->file(
				'f2',
				'two',
				[],
				[
					'd3' => 'Three',
				],
			),
		);
		$this->work();
		$this->photoOfOurs('d2');
		$this->asOwner('attach_edit', 'POST');
		Zotlabs\Module\attach_move(1, 'd2', 'd3');
		$this->assertSame(
			[['Three/Two', 'd3/d2/p1', 'Three/Two/lake.png']],
			array_values(array_unique(
				array_map(fn ($row) => array_values($row), q('SELECT album, os_path, display_path FROM photo')),
				SORT_REGULAR,
			)),
		);
		$this->assertGreaterThan(1, Table::count('photo', ['os_storage' => 0]));
	}

	/** Scales in the database keep the names that they had, unless we see to it. */
	public function test_scales_in_the_database_follow_a_move(): void
	{
		set_config('system', 'photo_storage_type', 0);
		$this->photoOfOurs();
		$this->asOwner('attach_edit', 'POST');
		Zotlabs\Module\attach_move(1, 'p1', '', 'sea.png');
		$this->assertSame(
			[['sea.png', 'sea.png']],
			array_values(array_unique(
				array_map(fn ($row) => [
					$row['filename'],
					$row['display_path'],
				], q('SELECT filename, display_path FROM photo')),
				SORT_REGULAR,
			)),
		);
	}

	/** The theme calls the hub's functions in its own namespace. */
	public function test_a_delete_through_the_theme_is_remembered_and_sent_once(): void
	{
		$this->receive($this->file('f1', 'one'));
		$this->work();
		$this->asOwner('spa', 'DELETE');
		(new Files())->delete('f1');
		$sent = $this->sent();
		$this->assertSame('gone', Revisions::find(1, 'f1')['state']);
		$this->assertCount(1, $sent);
		$this->assertArrayHasKey('filesync', $sent[0]);
		// A clone that still has it does not bring it back.
		$this->receive($this->file('f1', 'one'));
		$this->work();
		$this->assertNull($this->attach('f1'));
	}

	public function test_what_the_theme_changes_is_sent_once_with_its_order(): void
	{
		$this->receive($this->file('f1', 'one', [], ['d1' => 'One']), $this->file('f2', 'two'));
		$this->work();
		$this->asOwner('spa', 'PUT');
		(new Files())->put('f1', ['folder' => '', 'name' => 'first.bin', 'allow_cid' => '<friend>']);
		$sent = $this->sent();
		$this->assertSame(
			[['f1', 'first.bin', '<friend>', true]],
			array_map(fn ($entry) => [
				end($entry['attach'])['hash'],
				end($entry['attach'])['filename'],
				end($entry['attach'])['allow_cid'],
				isset($entry['filesync']),
			], $sent),
		);
	}

	public function test_an_upload_through_the_theme_is_sent_once_with_its_order(): void
	{
		$this->asOwner('spa', 'POST');
		file_put_contents('upload', 'one');
		$_FILES['userfile'] = ['tmp_name' => 'upload', 'name' => 'a.txt'];
		$hash = (new Files())->post('')['hash'];
		$sent = $this->sent();
		$this->assertSame(
			[[$hash, true]],
			array_map(fn ($entry) => [end($entry['attach'])['hash'], isset($entry['filesync'])], $sent),
		);
	}

	/** Whoever deletes: an addon that we never heard of, by the hub's own function. */
	public function test_a_delete_from_anywhere_is_remembered(): void
	{
		$this->receive($this->file('f1', 'one'));
		$this->work();
		$this->asOwner('gallery', 'POST');
		attach_delete(1, 'f1');
		$sent = $this->sent();
		$this->assertSame('gone', Revisions::find(1, 'f1')['state']);
		$this->assertSame(
			[['f1', 1]],
			array_map(fn ($entry) => [$entry['attach'][0]['hash'], $entry['attach'][0]['deleted']], $sent),
		);
	}

	/** A clone of today may prove itself as RFC 9421 has it. */
	public function test_a_proof_of_rfc_9421_holds(): void
	{
		$_SERVER['REQUEST_METHOD'] = 'POST';
		$_SERVER['REQUEST_URI'] = '/getfile';
		$lines = MessageSignature::sign(
			'POST',
			z_root() . '/getfile',
			['Sigtoken' => 'x'],
			$this->channel->privateKey(),
			self::ORIGIN . '/channel/alice',
			time(),
		);
		foreach ($lines as $line) {
			[$name, $value] = explode(': ', $line, 2);
			$_SERVER['HTTP_' . strtr(strtoupper($name), '-', '_')] = $value;
		}
		$this->assertTrue(Zotlabs\Web\HTTPSig::verify('', $this->channel->publicKey)['header_valid']);
		$request = new Request('POST', ['getfile'], [], ['resource' => 'f1'], null);
		$this->assertTrue(Proof::holds($request, $this->channel));
		$_SERVER['HTTP_SIGTOKEN'] = 'y';
		$this->assertFalse(Proof::holds($request, $this->channel));
	}

	/** Where the hub has a transaction open, ours is part of it. */
	public function test_a_transaction_within_one_of_the_hub_begins_none(): void
	{
		$of_the_hub = new DbaTransaction(DBA::$dba);
		Table::transaction(fn () => FileSync\Addon\Hub\Config::set('enabled', '1'));
		$of_the_hub->commit();
		$this->assertFalse(DBA::$dba->db->inTransaction());
		$this->assertSame('1', FileSync\Addon\Hub\Config::get('enabled'));
	}

	/** A 10 accepts a quality of 10 for PNG. */
	public function test_the_best_quality_of_png_is_not_the_default(): void
	{
		set_config('system', 'png_quality', '10');
		$this->assertSame(9, Photos::scaleOptions()['png_quality'] ?? null);
	}

	/** A hub on which filesync is passive does not say that it speaks filesync. */
	public function test_a_passive_hub_claims_nothing(): void
	{
		unlink('boot.php');
		file_put_contents(
			'boot.php',
			"<?php define('TESTHUB', 10); define('STD_VERSION', '99.1'); require_once __DIR__ . '/start.php';",
		);
		$code =
			'require "'
			. __DIR__
			. '/Fake/Instant.php"; require "'
			. __DIR__
			. '/Fake/extension.php"; require "include/cli_startup.php"; cli_startup(); $info = []; call_hooks("zotinfo", $info); echo "\n", json_encode(array_keys($info));';
		$this->assertSame('[]', exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($code)));
	}

	/** Begins as a request of the owner does, before its page is called. */
	private function asOwner(string $module, string $method): void
	{
		$_SERVER['REQUEST_METHOD'] = $method;
		App::set_channel($this->channel->row());
		App::set_observer($this->channel->row());
		$loaded = ['module' => $module, 'installed' => true, 'controller' => null];
		call_hooks('module_loaded', $loaded);
	}

	/** Stores a photo with scales and a post as the hub does, as its owner; nothing of it is left to send. */
	private function photoOfOurs(string $folder = ''): void
	{
		ob_start();
		imagepng(imagecreatetruecolor(8, 8));
		file_put_contents('upload', ob_get_clean());
		$_FILES['userfile'] = ['tmp_name' => 'upload', 'name' => 'lake.png'];
		attach_store($this->channel->row(), $this->channel->hash, '', ['hash' => 'p1', 'folder' => $folder]);
		$this->sent();
	}

	private function manyInAFolder(int $files): void
	{
		$entries = [];
		foreach (range(1, $files) as $n) {
			$entries[] = $this->file("n$n", "bytes $n", [], ['d1' => 'Holiday']);
		}
		$this->receive(...$entries);
		$this->work();
		$this->assertCount($files + 1, Table::select('attach', []));
		$this->sent();
	}

	/** Hands items over as core does. */
	private function receiveItems(array ...$items): void
	{
		Zotlabs\Lib\sync_items($this->channel->row(), $items, ['channel_address' => 'alice', 'url' => self::ORIGIN]);
		$this->assertCount(count($items), q('SELECT id FROM item'));
	}

	/** Returns a post as the clone sends it, in its container. */
	private function post(): array
	{
		return $this->item(self::ORIGIN . '/item/1', self::ORIGIN . '/item/1', [
			'verb' => 'Create',
			'body' => 'see ' . self::ORIGIN . '/channel/alice',
			'target' => $this->collection(),
			'target_type' => 'Collection',
			'item_wall' => 1,
		]);
	}

	private function addition(array $document): array
	{
		return $this->item(self::ORIGIN . '/activity/2', self::ORIGIN . '/item/1', [
			'message_parent' => self::ORIGIN . '/item/1',
			'verb' => 'Add',
			'object' => $document,
			'object_type' => $document['type'],
			'target' => $this->collection(),
			'target_type' => 'Collection',
			'item_wall' => 1,
		]);
	}

	private function collection(): array
	{
		return [
			'id' => self::ORIGIN . '/conversation/1',
			'type' => 'Collection',
			'attributedTo' => self::ORIGIN . '/channel/alice',
		];
	}

	/** Returns what the clone's hub put into an Add for a post of the channel. */
	private function ownDocument(): array
	{
		$document = [
			'type' => 'Create',
			'id' => self::ORIGIN . '/activity/1',
			'actor' => self::ORIGIN . '/channel/alice',
			'object' => [
				'type' => 'Note',
				'id' => self::ORIGIN . '/item/1',
				'attributedTo' => self::ORIGIN . '/channel/alice',
				'content' => 'see ' . self::ORIGIN . '/channel/alice, and ' . "\u{1F600}",
			],
			'target' => $this->collection(),
		];
		// The proof of that hub names its key there.
		$root = z_root();
		App::set_baseurl(self::ORIGIN);
		$document['proof'] = (new JcsEddsa2022())->sign($document, $this->channel->row());
		App::set_baseurl($root);
		$this->assertVerifies($document);

		return $document;
	}

	/** Stores a post of the owner here, with what adds it, and returns it. */
	private function ours(): array
	{
		$mid = z_root() . '/item/1';

		return item_store([
			'uid' => 1,
			'aid' => 1,
			'uuid' => 'u1',
			'mid' => $mid,
			'parent_mid' => $mid,
			'thr_parent' => $mid,
			'owner_xchan' => $this->channel->hash,
			'author_xchan' => $this->channel->hash,
			'verb' => 'Create',
			'body' => 'a post',
			'item_wall' => 1,
			'item_origin' => 1,
		])['item'];
	}

	private function assertVerifies(array $document): void
	{
		$this->assertTrue((new JcsEddsa2022())->verify(
			$document,
			Multibase::publicKey($this->channel->row()['channel_epubkey']),
		));
	}
}
