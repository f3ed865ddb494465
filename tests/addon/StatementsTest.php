<?php

use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Serve\Serve;
use FileSync\TransferBatch;

/** What each of many small new files costs the database, on its way from one hub to the other. */
final class StatementsTest extends AddonTestCase
{
	private const FEW = 10;
	private const MANY = 60;
	private const FEW_TOLD = 40;
	private const MANY_TOLD = 90;

	public function test_taking_in_costs_the_same_for_few_and_many(): void
	{
		$this->receive(...$this->entries('first', 2));
		$few = $this->statements(fn () => $this->receive(...$this->entries('few', self::FEW)));
		$many = $this->statements(fn () => $this->receive(...$this->entries('many', self::MANY)));
		$this->assertSame($few, $many);
		$this->assertLessThanOrEqual(40, $many);
	}

	public function test_fetching_and_publishing_costs_the_same_for_few_and_many(): void
	{
		TransferBatch::$together = 64;
		$this->receive(...$this->entries('first', 2));
		$this->work();
		$this->receive(...$this->entries('few', self::FEW));
		$few = $this->statements($this->work(...));
		$this->receive(...$this->entries('many', self::MANY));
		$many = $this->statements($this->work(...));
		$this->assertSame(72, Table::count('attach', ['is_dir' => 0]));
		$this->assertLessThanOrEqual($few + ((self::MANY - self::FEW) / 10), $many);
	}

	public function test_giving_tickets_and_packs_costs_the_same_for_few_and_many(): void
	{
		[$few, $many] = [$this->haveFiles('few', self::FEW), $this->haveFiles('many', self::MANY)];
		$tickets = [];
		$ask = function (array $hashes) use (&$tickets): void {
			$answer = Serve::answer($this->ticketRequest(array_fill_keys($hashes, 0)));
			$tickets = array_column(json_decode($answer->body, true)['files'], 'ticket');
			$this->assertCount(count($hashes), $tickets);
		};
		$take = function () use (&$tickets): void {
			$body = json_encode(['tickets' => $tickets]);
			$this->assertSame(200, Serve::answer(new Request('POST', ['getfile', 'pack'], [], [], $body))->status);
		};
		$ask($few);
		$counts = [
			$this->statements(fn () => $ask($few)),
			$this->statements($take),
			$this->statements(fn () => $ask($many)),
			$this->statements($take),
		];
		$this->assertSame([$counts[0], $counts[1]], [$counts[2], $counts[3]]);
		$this->assertLessThanOrEqual(25, $counts[0]);
		$this->assertLessThanOrEqual(25, $counts[1]);
	}

	public function test_announcing_costs_the_same_for_few_and_many(): void
	{
		[$few, $many] = [$this->haveFiles('few', self::FEW), $this->haveFiles('many', self::MANY)];
		foreach (['file', 'transfer', 'digest'] as $table) {
			Table::delete("filesync_$table", ['hash' => [...$few, ...$many]]);
		}
		Peers::answered(self::ORIGIN, ['version' => '0.2.0', 'features' => ['ticket', 'bulk']]);
		$announce = function (array $hashes): int {
			Outbox::addAll($this->channel->id, 'announce', $hashes);

			return $this->statements(fn () => Outbox::runTogether(
				$this->channel,
				'announce',
				Announcement::sendAll(...),
			));
		};
		$announce(array_splice($few, 0, 2));
		$counts = [$announce($few), $announce($many)];
		$this->assertSame(self::FEW + self::MANY, Table::count('filesync_bulk', []));
		$this->assertSame($counts[0], $counts[1]);
		$this->assertLessThanOrEqual(35, $counts[1]);
	}

	public function test_telling_a_clone_costs_little_more_than_the_hubs_own_export(): void
	{
		// Two requests each.
		[$few, $many] = [$this->haveFiles('few', self::FEW_TOLD), $this->haveFiles('many', self::MANY_TOLD)];
		Peers::answered(self::ORIGIN, ['version' => '0.2.0', 'features' => ['ticket', 'bulk']]);
		$told = [];
		Client::$wire = function ($method, $url, $headers, $body) use (&$told) {
			$told[] = count(json_decode($body, true)['entries']);
			$answer = ['filesync' => Version::REQUEST, 'time' => time(), 'taken' => end($told)];

			return ['status' => 200, 'body' => json_encode($answer)];
		};
		$tell = function (array $hashes) use (&$told): int {
			$this->sent(...$hashes);
			$told = [];
			$count = $this->statements(fn () => Outbox::run($this->channel->id, ['bulk']));
			$this->assertSame([2, count($hashes)], [count($told), array_sum($told)]);

			return $count;
		};
		$export = $this->statements(fn () => attach_export_data($this->channel->row(), $few[0]));
		$tell($few);
		[$few, $many] = [$tell($few), $tell($many)];
		$this->assertLessThanOrEqual(0.2, (($many - $few) / (self::MANY_TOLD - self::FEW_TOLD)) - $export);
	}

	/** @return list<array> Entries of new files in a folder, as a clone with filesync sends them. */
	private function entries(string $prefix, int $number): array
	{
		return array_map(
			fn (int $n): array => $this->versioned(
				$this->file("$prefix-$n", "bytes of $prefix $n", [], ['d1' => 'Folder']),
				1,
				hash('sha256', "bytes of $prefix $n"),
			),
			range(1, $number),
		);
	}

	/** @return list<string> The hashes of new files that are here. */
	private function haveFiles(string $prefix, int $number): array
	{
		$entries = $this->entries($prefix, $number);
		$this->receive(...$entries);
		$this->work();
		$this->sent();

		return array_map(fn (array $entry): string => end($entry['attach'])['hash'], $entries);
	}

	private function statements(Closure $work): int
	{
		return $this->whileFailing(fn () => false, $work);
	}
}
