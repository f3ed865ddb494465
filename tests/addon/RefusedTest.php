<?php

use FileSync\Addon\Hub\Table;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/** I5: nothing is written outside the channel's store and our own folder, and no path comes from a packet. */
final class RefusedTest extends AddonTestCase
{
	/** @dataProvider hostile */
	#[DataProvider('hostile')]
	public function test_a_hostile_packet_is_refused_and_nothing_is_written(Closure $spoil): void
	{
		$entry = $this->photo('0a-photo', [0 => 'original', 1 => 'small']);
		array_unshift($entry['attach'], $this->row([
			'hash' => '0f-folder',
			'filename' => 'Folder',
			'folder' => '',
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
		]));
		$entry['attach'][1]['folder'] = '0f-folder';
		$spoiled = $spoil($entry) ?? $entry;
		$before = $this->everything();
		$this->receive($spoiled);
		$this->assertSame($before, $this->everything());
		$this->assertStringContainsString('filesync: refused', file_get_contents('hub.log'));
	}

	public static function hostile(): array
	{
		return [
			'traversal in content' => [function (&$e) {
				$e['attach'][1]['content'] = 'store/x/../../../index.php';
				return $e;
			}],
			'absolute content' => [function (&$e) {
				$e['attach'][1]['content'] = '/etc/passwd';
				return $e;
			}],
			'traversal in os_path' => [function (&$e) {
				$e['attach'][1]['os_path'] = '../../x';
				return $e;
			}],
			'traversal in a photo\'s content' => [function (&$e) {
				$e['photo'][1]['content'] = base64_encode('store/../../x');
				return $e;
			}],
			'traversal in hash' => [function (&$e) {
				$e['attach'][1]['hash'] = '../../../index';
				return $e;
			}],
			'empty hash' => [function (&$e) {
				$e['attach'][1]['hash'] = '';
				return $e;
			}],
			'hash with a line end' => [function (&$e) {
				$e['attach'][1]['hash'] = "abc\n";
				return $e;
			}],
			'hash is a list' => [function (&$e) {
				$e['attach'][1]['hash'] = ['x'];
				return $e;
			}],
			'traversal in the folder\'s hash' => [function (&$e) {
				$e['attach'][0]['hash'] = $e['attach'][1]['folder'] = '..';
				return $e;
			}],
			'traversal in imgscale' => [function (&$e) {
				$e['photo'][1]['imgscale'] = '/../../x';
				return $e;
			}],
			'imgscale out of range' => [function (&$e) {
				$e['photo'][1]['imgscale'] = 10;
				return $e;
			}],
			'foreign attach column' => [function (&$e) {
				$e['attach'][1]['id = 1; drop table attach; --'] = 1;
				return $e;
			}],
			'foreign photo column' => [function (&$e) {
				$e['photo'][0]['channel_prvkey'] = 'x';
				return $e;
			}],
			'photo of another file' => [function (&$e) {
				$e['photo'][0]['resource_id'] = 'another';
				return $e;
			}],
			'folder is not the parent' => [function (&$e) {
				$e['attach'][1]['folder'] = 'other';
				return $e;
			}],
			'a file as a folder' => [function (&$e) {
				$e['attach'][0]['is_dir'] = 0;
				return $e;
			}],
			'a ring of folders' => [function (&$e) {
				$e['attach'][1]['hash'] = '0f-folder';
				return $e;
			}],
			'name with a slash' => [function (&$e) {
				$e['attach'][1]['filename'] = 'a/b';
				return $e;
			}],
			'name with NUL' => [function (&$e) {
				$e['attach'][1]['filename'] = "a\0b";
				return $e;
			}],
			'name ..' => [function (&$e) {
				$e['attach'][0]['filename'] = '..';
				return $e;
			}],
			'name too long' => [function (&$e) {
				$e['attach'][1]['filename'] = str_repeat('a', 192);
				return $e;
			}],
			'name not UTF-8' => [function (&$e) {
				$e['attach'][1]['filename'] = "\xff";
				return $e;
			}],
			'negative size' => [function (&$e) {
				$e['attach'][1]['filesize'] = -1;
				return $e;
			}],
			'size is text' => [function (&$e) {
				$e['attach'][1]['filesize'] = '1 or 1=1';
				return $e;
			}],
			'not a date' => [function (&$e) {
				$e['attach'][1]['edited'] = 'tomorrow';
				return $e;
			}],
			'not an access list' => [function (&$e) {
				$e['attach'][1]['allow_cid'] = "<x>' or 1";
				return $e;
			}],
			'unknown fetch host' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1:9002/getfile';
				return $e;
			}],
			'fetch host is this hub' => [function (&$e) {
				$e['fetch_url'] = z_root() . '/getfile';
				return $e;
			}],
			'fetch host by user part' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1:9001@127.0.0.1:9002/getfile';
				return $e;
			}],
			'fetch path is another' => [function (&$e) {
				$e['fetch_url'] = self::ORIGIN . '/x/getfile';
				return $e;
			}],
			'fetch scheme is another' => [function (&$e) {
				$e['fetch_url'] = 'file://127.0.0.1:9001/getfile';
				return $e;
			}],
			'origin nick with a slash' => [function (&$e) {
				$e['original_channel'] = '../x';
				return $e;
			}],
			'deletes among files' => [function (&$e) {
				$e['attach'][0]['deleted'] = 1;
				return $e;
			}],
			'delete of a path' => [function (&$e) {
				$e['attach'] = [['hash' => '../..', 'deleted' => 1]];
				return $e;
			}],
			'photo of its folder' => [function (&$e) {
				$e['photo'][0]['resource_id'] = '0f-folder';
				return $e;
			}],
			'hash twice in the chain' => [function (&$e) {
				array_unshift($e['attach'], $e['attach'][0]);
				return $e;
			}],
			'hash too long' => [function (&$e) {
				$e['attach'][1]['hash'] = str_repeat('a', 65);
				return $e;
			}],
			'imgscale negative' => [function (&$e) {
				$e['photo'][1]['imgscale'] = -1;
				return $e;
			}],
			'imgscale with a space' => [function (&$e) {
				$e['photo'][1]['imgscale'] = '1 ';
				return $e;
			}],
			'imgscale is a fraction' => [function (&$e) {
				$e['photo'][1]['imgscale'] = 1.5;
				return $e;
			}],
			'name of 4,000 characters' => [function (&$e) {
				$e['attach'][1]['filename'] = str_repeat('a', 4000);
				return $e;
			}],
			'name is a list' => [function (&$e) {
				$e['attach'][1]['filename'] = ['a' => ['b']];
				return $e;
			}],
			'photo name ..' => [function (&$e) {
				$e['photo'][1]['filename'] = '..';
				return $e;
			}],
			'size is a fraction' => [function (&$e) {
				$e['attach'][1]['filesize'] = 1.5;
				return $e;
			}],
			'size beyond any number' => [function (&$e) {
				$e['attach'][1]['filesize'] = 1e30;
				return $e;
			}],
			'size beyond any disk' => [function (&$e) {
				$e['attach'][1]['filesize'] = PHP_INT_MAX;
				return $e;
			}],
			'size is a list' => [function (&$e) {
				$e['attach'][1]['filesize'] = [1];
				return $e;
			}],
			'is_dir is neither' => [function (&$e) {
				$e['attach'][0]['is_dir'] = 7;
				return $e;
			}],
			'is_photo is neither' => [function (&$e) {
				$e['attach'][1]['is_photo'] = 999;
				return $e;
			}],
			'a day that is none' => [function (&$e) {
				$e['attach'][1]['edited'] = '2024-02-31 10:00:00';
				return $e;
			}],
			'an hour that is none' => [function (&$e) {
				$e['photo'][1]['edited'] = '2024-02-01 25:00:00';
				return $e;
			}],
			'media type with a line end' => [function (&$e) {
				$e['attach'][1]['filetype'] = "text/plain\r\nSet-Cookie: x=1";
				return $e;
			}],
			'media type of a scale with a line end' => [function (&$e) {
				$e['photo'][1]['mimetype'] = "image/jpeg\nX: y";
				return $e;
			}],
			'creator with a control character' => [function (&$e) {
				$e['attach'][1]['creator'] = "x\x1b[2J";
				return $e;
			}],
			'access list is null' => [function (&$e) {
				$e['attach'][1]['allow_cid'] = null;
				return $e;
			}],
			'access list is a list' => [function (&$e) {
				$e['attach'][1]['allow_cid'] = ['<x>'];
				return $e;
			}],
			'access list is false' => [function (&$e) {
				$e['attach'][1]['allow_cid'] = false;
				return $e;
			}],
			'access list is missing' => [function (&$e) {
				unset($e['attach'][1]['deny_gid']);
				return $e;
			}],
			'access list is not closed' => [function (&$e) {
				$e['attach'][1]['allow_cid'] = '<x><y';
				return $e;
			}],
			'access list of blanks' => [function (&$e) {
				$e['attach'][1]['allow_cid'] = ' ';
				return $e;
			}],
			'category is text' => [function (&$e) {
				$e['attach'][1]['term'] = 'x';
				return $e;
			}],
			'category is a list in a list' => [function (&$e) {
				$e['attach'][1]['term'] = [['type' => 3, 'term' => ['x'], 'url' => '']];
				return $e;
			}],
			'a photo is text' => [function (&$e) {
				$e['photo'] = ['x'];
				return $e;
			}],
			'items are text' => [function (&$e) {
				$e['item'] = ['x'];
				return $e;
			}],
			'fetch_url is a list' => [function (&$e) {
				$e['fetch_url'] = [self::ORIGIN . '/getfile'];
				return $e;
			}],
			'fetch host with a trailing dot' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1.:9001/getfile';
				return $e;
			}],
			'fetch host that begins alike' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1:9001.evil.example/getfile';
				return $e;
			}],
			'fetch host after a backslash' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1:9001\\@evil.example/getfile';
				return $e;
			}],
			'fetch port is another' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1:9011/getfile';
				return $e;
			}],
			'fetch without a port' => [function (&$e) {
				$e['fetch_url'] = 'http://127.0.0.1/getfile';
				return $e;
			}],
			'https is not http' => [function (&$e) {
				$e['fetch_url'] = 'https://127.0.0.1:9001/getfile';
				return $e;
			}],
			'fetch path that climbs' => [function (&$e) {
				$e['fetch_url'] = self::ORIGIN . '/x/../getfile';
				return $e;
			}],
			'fetch path hidden in a query' => [function (&$e) {
				$e['fetch_url'] = self::ORIGIN . '/?/getfile';
				return $e;
			}],
			'fetch path hidden in a fragment' => [function (&$e) {
				$e['fetch_url'] = self::ORIGIN . '#/getfile';
				return $e;
			}],
			'origin nick is a list' => [function (&$e) {
				$e['original_channel'] = ['alice'];
				return $e;
			}],
			'attach is text' => [function (&$e) {
				$e['attach'] = 'x';
				return $e;
			}],
			'too many folders' => [function (&$e) {
				$e['attach'] = array_fill(0, 65, $e['attach'][0]);
				return $e;
			}],
		];
	}

	public function test_a_deleted_hubloc_is_no_clone(): void
	{
		Table::update('hubloc', ['hubloc_deleted' => 1], ['hubloc_url' => self::ORIGIN]);
		$entry = $this->file('f1', 'bytes');
		$before = $this->everything();
		$this->receive($entry);
		$this->assertSame($before, $this->everything());
	}

	public function test_the_spelling_of_a_clones_url_does_not_matter(): void
	{
		Maker::hubloc(InProcess::$identity, 'https://Clone.Example:443/hub/', 'alice');
		$entry = $this->file('f1', 'bytes');
		$entry['fetch_url'] = 'https://clone.example/hub/getfile';
		$this->receive($entry);
		$this->assertSame('staged', $this->transfer('f1')['state']);
	}

	public function test_a_file_of_another_channel_with_that_hash_is_never_touched(): void
	{
		$other = [
			'uid' => 77,
			'aid' => 5,
			'hash' => 'f1',
			'filename' => 'theirs.txt',
			'folder' => '',
			'filetype' => 'text/plain',
			'filesize' => 6,
			'os_storage' => 1,
			'os_path' => 'f1',
			'display_path' => 'theirs.txt',
			'content' => 'store/eve/f1',
			'allow_cid' => '<eve>',
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
		];
		Table::insert('attach', $other);
		mkdir('store/eve');
		file_put_contents('store/eve/f1', 'theirs');
		$before = Table::first('attach', ['uid' => 77]);
		$this->receive($this->file('f1', 'ours', ['uid' => 77]), $this->deletion('nothing'));
		$this->work();
		$this->receive($this->deletion('f1'));
		$this->assertSame($before, Table::first('attach', ['uid' => 77]));
		$this->assertSame('theirs', file_get_contents('store/eve/f1'));
		$this->assertNull($this->attach('f1'));
	}

	public function test_a_folder_cannot_become_a_file_nor_a_file_a_folder(): void
	{
		$this->receive($this->file('f1', 'bytes', [], ['d1' => 'Folder']));
		$this->work();
		$before = $this->everything();
		$this->receive($this->file('d1', 'bytes'));
		$this->receive($this->file('f2', 'bytes', [], ['f1' => 'Folder']));
		$this->assertSame($before, $this->everything());
	}
}
