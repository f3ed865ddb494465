<?php

use FileSync\Addon\Hub\Table;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;

/** What a hub shows as a photo is a picture, and what is said of it is text. */
final class ActiveContentTest extends AddonTestCase
{
	private const PAGE = '<script>alert(1)</script>';

	/** @dataProvider types */
	#[DataProvider('types')]
	public function test_a_photo_of_another_type_is_a_file_as_any_other(string $type, bool $isPhoto): void
	{
		$entry = $this->photo('p1', [0 => 'original', 1 => 'small']);
		$entry['photo'][0]['mimetype'] = $entry['photo'][1]['mimetype'] = $type;
		$this->receive($entry, $entry);
		$this->work();
		$this->receive($entry);
		$this->work();
		$this->assertSame(['original', (int) $isPhoto], [$this->shown('p1'), (int) $this->attach('p1')['is_photo']]);
		$this->assertSame(
			$isPhoto ? [$type, $type] : [],
			array_column(Table::select('photo', [], 'imgscale'), 'mimetype'),
		);
		$this->assertSame([], Table::select('filesync_packet', []));
	}

	public static function types(): array
	{
		return [
			'a page' => ['text/html', false],
			'svg' => ['image/svg+xml', false],
			'any' => ['application/xhtml+xml', false],
			'nothing' => ['', false],
			'more than a type' => ['image/png; x="', false],
			'jpeg' => ['image/jpeg', true],
			'avif' => ['image/avif', true],
		];
	}

	public function test_a_scale_of_another_type_is_left_out(): void
	{
		$entry = $this->photo('p1', [0 => 'original', 4 => self::PAGE]);
		$entry['photo'][1]['mimetype'] = 'text/html';
		$this->receive($entry);
		$this->work();
		$this->assertSame(['0'], array_map('strval', array_column(Table::select('photo', []), 'imgscale')));
	}

	public function test_bytes_that_are_no_picture_are_no_photo_and_are_not_lost(): void
	{
		$entry = $this->photo('p1', [0 => 'no picture', 1 => 'small', 4 => 'crop']);
		for ($n = 0; $n < 3; $n++) {
			$this->receive($entry);
			$this->work();
		}
		$this->assertSame(['no picture', 0, []], [
			$this->shown('p1'),
			(int) $this->attach('p1')['is_photo'],
			Table::select('photo', []),
		]);
		$this->assertSame(
			[],
			array_filter(Table::select('filesync_transfer', []), fn ($row) => $row['state'] !== 'published'),
		);
		// Once it is one it is shown as one.
		$this->receive($this->photo('p1', [0 => 'original', 4 => 'crop'], ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->assertSame(['original', 1, 2], [
			$this->shown('p1'),
			(int) $this->attach('p1')['is_photo'],
			Table::count('photo', []),
		]);
		$this->receive($this->photo('p1', [0 => 'no picture'], ['edited' => '2024-06-02 10:00:00']));
		$this->work();
		$this->assertSame(['no picture', 0, 0], [
			$this->shown('p1'),
			(int) $this->attach('p1')['is_photo'],
			Table::count('photo', ['imgscale' => 0]),
		]);
	}

	/** @dataProvider beginnings */
	#[DataProvider('beginnings')]
	public function test_pictures_that_are_not_decoded_here_are_known_by_how_they_begin(
		string $begin,
		bool $isPicture,
	): void {
		mkdir('store/pictures');
		// The stand-in of the extension reads no header of these.
		file_put_contents('store/pictures/one', $begin . str_repeat('x', 40));
		FileSync\Photo::$facts = fn () => throw new FileSync\Exception\UnsupportedException('avif');
		try {
			$this->assertSame($isPicture, FileSync\Addon\Hub\PhotoType::isPicture(realpath('store/pictures'), 'one'));
		} finally {
			FileSync\Photo::$facts = null;
		}
	}

	public static function beginnings(): array
	{
		return [
			["\0\0\0\x20ftypavif", true],
			["\xff\xd8\xff\xe0", true],
			['GIF89a', true],
			["RIFF\x10\n\0\0WEBP", true],
			['<svg xmlns="http://www.w3.org/2000/svg">', false],
			[self::PAGE, false],
			["\n\n\nftypavif" . self::PAGE, false],
			['', false],
		];
	}

	public function test_what_is_said_of_a_photo_begins_no_tag(): void
	{
		$entry = $this->photo('p1', [0 => 'original', 1 => 'small'], ['filename' => 'a<b>.jpg']);
		foreach ($entry['photo'] as &$photo) {
			$photo =
				[
					'title' => self::PAGE,
					'description' => '<img src=x onerror=alert(1)>',
					'album' => '</h2>' . self::PAGE,
				] + $photo;
		}
		unset($photo);
		for ($n = 0; $n < 2; $n++) {
			$this->receive($entry);
			$this->work();
		}
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'small'], ['filename' => '<i>renamed.jpg']));
		$this->work();
		$rows = Table::select('photo', []);
		$this->assertCount(2, $rows);
		foreach ($rows as $row) {
			$this->assertDoesNotMatchRegularExpression(
				'/[<>]/',
				$row['title'] . $row['description'] . $row['album'] . $row['filename'],
			);
		}
		$this->assertSame('<i>renamed.jpg', $this->attach('p1')['filename']);
	}

	public function test_what_an_older_version_took_in_is_no_photo_either(): void
	{
		$entry = $this->photo('p1', [0 => 'original', 4 => self::PAGE]);
		$this->receive($entry);
		foreach ([0, 4] as $scale) {
			$body = json_decode($this->transfer('p1', $scale)['entry'], true);
			$body['photo']['mimetype'] = 'text/html';
			Table::update('filesync_transfer', ['entry' => json_encode($body)], ['hash' => 'p1', 'scale' => $scale]);
		}
		$this->work();
		$this->assertSame(['original', []], [$this->shown('p1'), Table::select('photo', [])]);
	}
}
