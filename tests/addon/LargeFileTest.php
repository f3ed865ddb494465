<?php

use FileSync\Addon\Hub\Database;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Protocol\SiblingReader;
use FileSync\Addon\Serve\Serve;
use FileSync\Addon\Status\Report;
use FileSync\FileDigest;
use FileSync\TransferBatch;

/** Files of 4 GiB and more are received, stored, served and reported right where the hub's column is 32 bits wide. */
final class LargeFileTest extends AddonTestCase
{
	private const SIZE = 5000000000;
	private const COLUMN_END = 4294967295;

	protected function setUp(): void
	{
		parent::setUp();
		FileDigest::$digest = str_repeat('ab', 32);
	}

	public function test_a_large_file_is_shown_with_the_size_that_the_column_holds_and_its_own(): void
	{
		$this->receive($this->large());
		$this->assertSame(self::SIZE, TransferBatch::$added ? 0 : (int) $this->transfer('f1')['size_bytes']);
		$this->work();
		$this->assertSame([Database::isPostgres() ? self::SIZE : self::COLUMN_END, self::SIZE], [
			(int) $this->attach('f1')['filesize'],
			(int) Store::attach(1, 'f1')['filesize'],
		]);
		$this->assertSame(self::SIZE, filesize('store/alice/f1'));
		$this->assertSame([], iterator_to_array(Report::missing(), false));
		$this->receive($this->large());
		$this->receive($this->large(self::COLUMN_END));
		$this->assertSame('published', $this->transfer('f1')['state'], 'the same again needs no bytes');
		$file = json_decode(Serve::answer($this->ticketRequest(['f1' => 0]))->body, true)['files'][0];
		$this->assertSame(['ready', self::SIZE, FileDigest::$digest], [$file['state'], $file['size'], $file['sha256']]);
		$answer = Serve::answer(
			new FileSync\Addon\Hub\Request(
				'GET',
				['getfile', 'f1'],
				['filesync-ticket' => $file['ticket'], 'range' => 'bytes=4999999999-'],
			),
		);
		$this->assertSame('bytes 4999999999-4999999999/5000000000', $answer->headers['Content-Range']);
		$this->assertSame(
			[self::SIZE, FileDigest::$digest],
			array_values(array_intersect_key($this->sent('f1')[0]['filesync'], ['size_bytes' => 1, 'sha256' => 1])),
		);
	}

	public function test_a_large_file_that_lost_its_end_is_noticed(): void
	{
		$this->receive($this->large());
		$this->work();
		$file = fopen('store/alice/f1', 'r+');
		ftruncate($file, self::COLUMN_END + 5);
		fclose($file);
		touch('store/alice/f1', time() - 1000);
		$this->assertSame(
			['f1', 'damaged', self::SIZE],
			array_values(array_intersect_key(iterator_to_array(Report::missing(), false)[0], [
				'hash' => 1,
				'state' => 1,
				'size_bytes' => 1,
			])),
		);
		$this->assertSame(
			'unavailable',
			json_decode(Serve::answer($this->ticketRequest(['f1' => 0]))->body, true)['files'][0]['state'],
		);
	}

	public function test_a_large_file_that_was_written_here_is_as_large_as_it_is(): void
	{
		$this->receive($this->large());
		$this->work();
		$file = fopen('store/alice/f1', 'r+');
		ftruncate($file, self::SIZE + 7);
		fclose($file);
		touch('store/alice/f1', time() + 5);
		$this->assertSame(
			self::SIZE + (Database::isPostgres() ? 0 : 7),
			(int) Store::attach(1, 'f1')['filesize'],
			'a column that is wide enough is right',
		);
	}

	public function test_the_sender_may_have_the_narrow_column(): void
	{
		$entry = $this->large(self::COLUMN_END);
		$entry['filesync'] = ['v' => 1, 'size_bytes' => self::SIZE, 'sha256' => FileDigest::$digest];
		$this->receive($entry);
		$this->assertSame(self::SIZE, (int) $this->transfer('f1')['size_bytes']);
		$this->assertSame(FileDigest::$digest, json_decode($this->transfer('f1')['entry'], true)['sha256']);
	}

	public function test_what_a_sibling_states_is_believed_only_where_it_agrees_with_the_row(): void
	{
		$digest = str_repeat('0f', 32);
		$table = [
			[['v' => 1, 'size_bytes' => 5, 'sha256' => $digest], 5, [5, $digest]],
			[['v' => 1, 'size_bytes' => 5, 'sha256' => strtoupper($digest)], 5, [5, '']],
			[['v' => 1, 'size_bytes' => 5, 'sha256' => []], 5, [5, '']],
			[['v' => 1, 'size_bytes' => 6, 'sha256' => $digest], 5, [5, '']],
			[['v' => 2, 'size_bytes' => 5, 'sha256' => $digest], 5, [5, '']],
			[['v' => 1, 'size_bytes' => '5', 'sha256' => $digest], 5, [5, '']],
			[['v' => 1, 'size_bytes' => -1], 5, [5, '']],
			[['v' => 1, 'size_bytes' => 1 << 60], self::COLUMN_END, [self::COLUMN_END, '']],
			[['v' => 1, 'size_bytes' => self::SIZE], self::COLUMN_END, [self::SIZE, '']],
			[['v' => 1, 'size_bytes' => self::SIZE], self::SIZE, [self::SIZE, '']],
			[['v' => 1, 'size_bytes' => self::SIZE], self::SIZE + 1, [self::SIZE + 1, '']],
			[['v' => 1, 'size_bytes' => 5], self::COLUMN_END, [self::COLUMN_END, '']],
			['x', 5, [5, '']],
			[null, 5, [5, '']],
		];
		foreach ($table as $n => [$said, $row, $expected]) {
			$this->assertSame($expected, array_values(SiblingReader::read($said, $row)), "row $n");
		}
	}

	private function large(int $inRow = self::SIZE): array
	{
		$entry = $this->file('f1', '', ['filesize' => $inRow]);
		TransferBatch::$answers['f1-0'] = self::SIZE;

		return $entry;
	}
}
