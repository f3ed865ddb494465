<?php

use Fake\Clock;
use FileSync\Addon\Backup\Entries;
use FileSync\Addon\Backup\Offer;
use FileSync\Addon\Backup\Offered;
use FileSync\Addon\Hub\Table;
use FileSync\FileDigest;

require_once __DIR__ . '/BackupTestCase.php';

/** What the reading door offers of a file belongs together, however the channel changes. */
final class OfferTest extends BackupTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		// Bytes that were written within the last seconds may change unnoticed.
		Clock::$ahead = 120;
	}

	public function test_a_file_is_offered_with_the_metadata_of_a_run_and_the_digests_of_its_parts(): void
	{
		$this->folder('d1', 'Ferien');
		$this->stored('f1', 'a.txt', 'the bytes', 'd1');
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 1 => 'large', 4 => 'profile'], 'd1');
		$this->posted('one', ['resource_id' => 'p1', 'resource_type' => 'photo']);
		$offered = $this->offered('d1', 'f1', 'p1', 'nothing');
		$this->assertSame(['d1', 'f1', 'p1'], array_keys($offered));
		$entries = (new Entries($this->channel))->of(['d1', 'f1', 'p1']);
		foreach ($offered as $hash => $one) {
			$this->assertSame($entries[$hash]->metadata, $one->entry->metadata);
			$this->assertSame(['', '', []], [$one->fault, $one->again, $one->lacks]);
			$this->assertSame(substr(hash('sha256', $one->entry->metadata), 0, 32), Offer::print($one->entry));
		}
		$this->assertSame([], $offered['d1']->parts);
		$this->assertSame(
			[['role' => 'original', 'size' => 9, 'sha256' => hash('sha256', 'the bytes')]],
			$offered['f1']->parts,
		);
		$this->assertSame(
			[
				['role' => 'original', 'size' => 8, 'sha256' => hash('sha256', 'original')],
				[
					'role' => 'crop',
					'scale' => 4,
					'mimetype' => 'image/jpeg',
					'size' => 7,
					'sha256' => hash('sha256', 'profile'),
				],
			],
			$offered['p1']->parts,
		);
		$this->assertStringContainsString('body of one', $offered['p1']->entry->metadata);
	}

	public function test_what_changes_while_it_is_read_is_offered_later_and_what_goes_is_not(): void
	{
		foreach (['f1' => 'stays', 'f2' => 'is renamed', 'f3' => 'goes'] as $hash => $name) {
			$this->stored($hash, $name, "bytes of $name");
		}
		FileDigest::$duringStep = function (string $path): bool {
			match (basename($path)) {
				'f2' => Table::update('attach', ['filename' => 'another name'], ['hash' => 'f2']),
				'f3' => Table::delete('attach', ['hash' => 'f3']),
				default => null,
			};

			return true;
		};
		$offered = $this->offered('f1', 'f2', 'f3');
		$this->assertSame(['f1' => '', 'f2' => 'changed_while_read'], array_map(fn ($one) => $one->again, $offered));
		FileDigest::$duringStep = null;
		$again = $this->offered('f2')['f2'];
		$this->assertSame(['', ['another name']], [$again->again, $again->entry->names]);
	}

	public function test_what_is_wrong_with_bytes_is_said(): void
	{
		$this->stored('f1', 'lost', 'bytes');
		unlink('store/alice/f1');
		$this->stored('f2', 'short', 'bytes');
		file_put_contents('store/alice/f2', 'byt');
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 4 => 'profile']);
		unlink('store/alice/p1-4');
		Table::update('attach', ['folder' => 'no folder'], ['hash' => 'p1']);
		$offered = $this->offered('f1', 'f2', 'p1');
		$this->assertSame(['no_bytes', []], [$offered['f1']->fault, $offered['f1']->parts]);
		$this->assertSame(
			['size_differs', [['role' => 'original', 'size' => 3, 'sha256' => hash('sha256', 'byt')]]],
			[$offered['f2']->fault, $offered['f2']->parts],
		);
		$this->assertSame(
			[['folder', 'no_row'], ['crop', 'no_bytes']],
			array_map(fn ($lack) => [$lack->what, $lack->why], $offered['p1']->lacks),
		);
		// What was written a moment ago may be half of something.
		[Clock::$stoppedAt, Clock::$ahead] = [filemtime('store/alice/f2'), 1];
		$this->assertSame('size_differs', $this->offered('f2')['f2']->again);
	}

	public function test_a_pack_has_what_is_asked_for_in_its_order(): void
	{
		$this->stored('f1', 'one', str_repeat('1', 5 << 20));
		$this->stored('f2', 'two', str_repeat('2', 5 << 20));
		$this->stored('f3', 'three', 'small');
		$this->stored('f4', 'four', str_repeat('4', 9 << 20));
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 4 => 'profile']);
		$part = fn (string $hash, string $bytes, int $scale = 0) => [
			'hash' => $hash,
			'scale' => $scale,
			'sha256' => hash('sha256', $bytes),
		];
		$one = $part('f1', str_repeat('1', 5 << 20));
		$two = $part('f2', str_repeat('2', 5 << 20));
		$offer = new Offer($this->channel);
		$count = fn (array ...$asked): int => $offer->pack($asked)->count();
		$this->assertSame(1, $count($one, $two, $part('f3', 'small')), 'the second does not fit');
		$this->assertSame(2, $count($part('f3', 'small'), $one, $two));
		$this->assertSame(
			1,
			$count($part('f4', str_repeat('4', 9 << 20)), $part('f3', 'small')),
			'no pack holds the first',
		);
		$this->assertSame(2, $count($part('p1', 'profile', 4), $part('p1', 'original'), $part('p1', 'profile', 4)));
		$this->assertSame(0, $count($part('f3', 'other'), $part('p1', 'profile', 7), $part('f9', 'small')));
	}

	public function test_another_channel_s_files_are_not_offered(): void
	{
		$this->stored('f1', 'mine', 'the same bytes');
		$this->stored('f2', 'theirs', 'the same bytes');
		Table::update('attach', ['uid' => 2], ['hash' => 'f2']);
		$this->assertSame(['f1'], array_keys($this->offered('f1', 'f2')));
		$offer = new Offer($this->channel);
		$this->assertNull($offer->bytes('f2', Offer::ORIGINAL));
		$this->assertSame(hash('sha256', 'the same bytes'), $offer->bytes('f1', Offer::ORIGINAL)['sha256']);
	}

	public function test_a_listing_goes_on_after_any_row(): void
	{
		for ($n = 1; $n <= 7; $n++) {
			$this->stored("f$n", "file $n", "bytes $n");
		}
		// The hub ignores a second row of one hash, and a row whose hash is none.
		Table::insert('attach', ['hash' => 'f2'] + array_diff_key($this->attach('f3'), ['id' => 1]));
		$entries = new Entries($this->channel);
		[$after, $found] = [0, []];
		do {
			$some = $entries->each($after, 3);
			foreach ($some as $row => $entry) {
				$this->assertSame($entry->hash, Table::first('attach', ['id' => $row])['hash']);
				$found[] = $entry->hash;
			}
			$after = $some->getReturn();
		} while ($after !== null);
		$this->assertSame(['f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7'], $found);
	}

	/** @return array<string, Offered> */
	private function offered(string ...$hashes): array
	{
		$offered = [];
		foreach ((new Offer($this->channel))->of($hashes) as $one) {
			$offered[$one->entry->hash] = $one;
		}
		ksort($offered);

		return $offered;
	}
}
