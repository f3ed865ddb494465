<?php

use FileSync\Addon\Doctor\Doctor;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\OwnerPage;
use PHPUnit\Framework\Attributes\DataProvider;

/** A folder that some other hub refuses is kept here under its name, and owner and admin are told. */
final class LongFoldersTest extends AddonTestCase
{
	/** @dataProvider hubs */
	#[DataProvider('hubs')]
	public function test_owner_and_admin_are_told_where_a_hub_refuses_it(
		string $version,
		string $speaks,
		int $length,
		bool $isTold,
	): void {
		Table::update('site', ['site_version' => $version], ['site_url' => self::ORIGIN]);
		FileSync\Addon\Peers\Peers::hear(self::ORIGIN, [
			'v' => 1,
			'endpoint' => self::ORIGIN . '/getfile/ticket',
			'features' => ['ticket'],
		]);
		Table::update('filesync_peer', ['speaks' => $speaks], []);
		$this->assertSame(1, Table::count('filesync_peer', ['speaks' => $speaks]));
		// Characters, not bytes.
		$name = str_repeat('ö', $length);
		$this->receive($this->file('f1', 'one', [], ['d1' => 'Short', 'd2' => $name]));
		$this->work();
		$this->assertSame($name, $this->attach('d2')['filename']);
		$about = array_filter(OwnerPage::values($this->channel)['problems'], fn ($text) => str_contains($text, $name));
		$found = $this->doctor();
		$this->assertCount((int) $isTold, $about);
		$this->assertCount((int) $isTold, $found);
		foreach ([...$about, ...array_column($found, 'finding')] as $text) {
			$this->assertStringContainsString("64 characters (1 here; the first: Short/$name)", $text);
			$this->assertStringContainsString('127.0.0.1:9001', $text);
		}
	}

	public static function hubs(): array
	{
		return [
			'a stock hub of today' => ['10.4.3', 'no', 65, true],
			'a later one' => ['11.5.1', 'no', 65, true],
			'nothing is known about its filesync' => ['10.7.14', '', 65, true],
			'64 are fine' => ['10.7.14', 'no', 64, false],
			'with filesync' => ['10.7.14', 'yes', 65, false],
			'an older one' => ['10.2.1', 'no', 65, false],
			'of unknown version' => ['', 'no', 65, false],
		];
	}

	private function doctor(): array
	{
		$answer = fn () => ['info' => ['site' => []], 'clock' => 0, 'error' => ''];
		$none = fn () => ['status' => 0, 'headers' => [], 'body' => '', 'error' => 'not asked'];

		return array_values(array_filter(
			(new Doctor($none, $answer))->examine(),
			fn ($one) => $one['check'] === 'folders',
		));
	}
}
