<?php

use FileSync\Addon\Hub\Table;
use FileSync\TransferBatch;

/** I2: core fetches the avatar itself when another hub says that it changed; that costs no crop. */
final class ProfilePhotoTest extends AddonTestCase
{
	private const SCALES = [0 => 'original', 4 => 'crop of 300', 5 => 'crop of 80', 6 => 'crop of 48'];

	public function test_the_crops_of_a_profile_photo_are_not_replaced_by_the_avatar_that_core_fetched(): void
	{
		$this->receive($this->profilePhoto('old'));
		$this->work();
		$before = $this->photos('old');
		$this->assertSame('crop of 300', $this->shownScale('old', 4));
		$this->fetchAvatar();
		$this->assertSame($before, $this->photos('old'));
	}

	public function test_a_profile_photo_on_its_way_costs_the_present_one_nothing(): void
	{
		$this->receive($this->profilePhoto('old'));
		$this->work();
		$before = $this->photos('old');
		TransferBatch::$answers = [];
		$this->receive($this->profilePhoto('new'));
		$this->fetchAvatar();
		$this->assertSame($before, $this->photos('old'));
		$this->work();
		$this->assertSame([0, 0, 0, 0], array_map('intval', array_column($this->photos('old'), 'photo_usage')));
		$this->assertSame('crop of 300', $this->shownScale('new', 4));
	}

	public function test_the_first_profile_photo_on_its_way_is_no_second_avatar(): void
	{
		$this->receive($this->profilePhoto('new'));
		$this->fetchAvatar();
		$this->assertSame([], Table::select('photo', []));
		$this->work();
		$this->assertSame('crop of 80', $this->shownScale('new', 5));
	}

	public function test_an_avatar_that_is_no_file_is_left_to_core(): void
	{
		$this->fetchAvatar();
		$this->fetchAvatar('another');
		$this->assertSame(
			['another'],
			array_unique(array_column(Table::select('photo', ['photo_usage' => PHOTO_PROFILE]), 'content')),
		);
	}

	private function profilePhoto(string $hash): array
	{
		$entry = $this->photo($hash, self::SCALES);
		foreach ($entry['photo'] as &$row) {
			$row['photo_usage'] = $row['imgscale'] ? PHOTO_PROFILE : PHOTO_NORMAL;
		}

		return $entry;
	}

	private function fetchAvatar(string $bytes = 'avatar'): void
	{
		Zotlabs\Lib\import_channel_photo(
			$bytes,
			'image/jpeg',
			$this->channel->accountId,
			$this->channel->id,
		);
	}

	private function photos(string $hash): array
	{
		return Table::select('photo', ['resource_id' => $hash], 'imgscale');
	}

	private function shownScale(string $hash, int $scale): string
	{
		return file_get_contents(Table::first('photo', ['resource_id' => $hash, 'imgscale' => $scale])['content']);
	}
}
