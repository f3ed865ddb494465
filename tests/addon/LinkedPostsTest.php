<?php

use Fake\Api;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use PHPUnit\Framework\Attributes\DataProvider;

/** Posts about files that a stock hub tells no clone are fetched, once, and no others. */
final class LinkedPostsTest extends AddonTestCase
{
	public function test_posts_about_our_files_come_with_their_comments_and_no_others(): void
	{
		$other = ['author' => ['name' => 'Bob', 'network' => 'zot6', 'hash' => 'hash-of-bob', 'id' => 'bob']];
		Api::$items = [
			$this->post('share', ['resource_id' => 'f1', 'resource_type' => 'attach']),
			$this->post('attached', ['attach' => [['href' => self::ORIGIN . '/attach/f1']]]),
			$this->post('plain'),
			$this->post('of a file that is not here', ['body' => self::ORIGIN . '/photo/f9-4']),
			$this->post('of another author', $other + ['body' => self::ORIGIN . '/photo/f1-4']),
			$this->post('comment', [], 'share'),
			$this->post('comment under another post', [], 'plain'),
		];
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame([], Api::$asked, 'no network while a packet is taken in');
		$this->work();
		$this->assertSame(['share', 'attached', 'comment'], array_column(Table::select('item', [], 'id'), 'mid'));
	}

	public function test_many_files_cost_one_question_and_a_post_that_is_here_stays_as_it_is(): void
	{
		Api::$items = [$this->post('share', ['resource_id' => 'f1', 'resource_type' => 'attach'])];
		$this->receive($this->file('f1', 'bytes'), $this->file('f2', 'bytes'), $this->file('f3', 'bytes'));
		$this->work();
		$this->assertSame([1, 1], [
			count(preg_grep('/export_page/', Api::$asked)),
			count(preg_grep('/logout/', Api::$asked)),
		]);
		Table::update('item', ['body' => 'changed here'], []);
		$this->receive($this->file('f4', 'bytes'));
		$this->work();
		$this->assertSame(['changed here'], array_column(Table::select('item', []), 'body'));
		$this->receive($this->file('f4', 'more bytes', ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->assertCount(2, preg_grep('/export_page/', Api::$asked), 'an overwritten file needs no posts');
	}

	public function test_a_photo_in_a_new_use_is_asked_about(): void
	{
		$this->receive($this->photo('p1', [0 => 'original', 4 => 'crop']));
		$this->work();
		Api::$asked = [];
		$cover = $this->photo('p1', [0 => 'original', 4 => 'crop', 7 => 'cover'], ['edited' => '2024-05-01 10:00:00']);
		$cover['photo'][2]['photo_usage'] = PHOTO_COVER;
		$this->receive($cover);
		$this->work();
		$this->assertCount(1, preg_grep('/export_page/', Api::$asked));
		$this->receive($cover);
		$this->work();
		$this->assertCount(1, preg_grep('/export_page/', Api::$asked));
	}

	public function test_more_than_a_page_is_read_to_its_end(): void
	{
		for ($n = 0; $n < 120; $n++) {
			Api::$items[] = $this->post("share $n", ['resource_id' => 'f1', 'resource_type' => 'attach']);
		}
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertCount(120, Table::select('item', []));
	}

	/** @dataProvider scopes */
	#[DataProvider('scopes')]
	public function test_where_logging_in_is_forbidden_nothing_is_asked(string $scope): void
	{
		Config::set('dav_allowed', '0', $scope);
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertSame([], Api::$asked);
	}

	public static function scopes(): array
	{
		return ['everywhere' => ['site'], 'at that hub' => ['peer:' . self::ORIGIN]];
	}

	public function test_a_hub_that_refuses_is_not_asked_again_and_one_that_fails_is(): void
	{
		Api::$status = 401;
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => 'posts']));
		Api::$status = 500;
		$this->receive($this->file('f2', 'bytes'));
		$this->work();
		$this->assertSame('1', (string) Table::first('filesync_outbox', ['kind' => 'posts'])['attempts']);
	}

	private function post(string $mid, array $keys = [], string $parent = ''): array
	{
		$item = $this->item(
			$mid,
			$parent ?: $mid,
			$keys + ['owner' => ['name' => 'Alice', 'network' => 'zot6', 'hash' => $this->channel->hash]],
		);
		$item['author'] += ['id' => $this->channel->guid];

		return $item;
	}
}
