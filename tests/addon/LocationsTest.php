<?php

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Locations;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Work\Housekeeping;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;
use Zotlabs\Lib\Libzot;

/** I2: a hub is a clone of a channel if the channel itself signed that, whoever brought the row. */
final class LocationsTest extends AddonTestCase
{
	private const OTHER = 'http://127.0.0.1:6666';

	/**
	 * @param Closure(array): array $with What the row has.
	 *
	 * @dataProvider unsigned
	 */
	#[DataProvider('unsigned')]
	public function test_a_hub_that_the_channel_did_not_sign_is_no_clone(Closure $with): void
	{
		$this->location(self::OTHER, $with($this->identity()));
		$this->assertSame([self::ORIGIN], array_column(Clones::others($this->channel), 'url'));
		$this->assertSame([self::ORIGIN], array_column(Clones::everywhere($this->channel), 'url'));
		$this->assertSame([['uid' => $this->channel->id, 'url' => self::ORIGIN]], Clones::pairs());
		$this->assertNull(Clones::requested($this->channel->hash, self::OTHER . '/channel/alice'));
		$this->assertNull(Clones::rootOf($this->channel, self::OTHER . '/channel/alice'));
		$this->assertSame(0, Clones::connected($this->channel, self::OTHER));
		$this->assertCount(1, Locations::unsigned($this->channel));
		$this->expectException(Refused::class);
		Clones::originOf($this->channel, self::OTHER . '/getfile');
	}

	public static function unsigned(): array
	{
		$signed = fn (string $text, array $by): array => ['hubloc_url_sig' => Maker::signed($text, $by['prvkey'])];

		return [
			'no signature' => [fn () => ['hubloc_url_sig' => '']],
			'none that can be read' => [fn () => ['hubloc_url_sig' => 'sha256.nothing']],
			'of an unknown digest' => [fn () => ['hubloc_url_sig' => 'none.bm90aGluZw']],
			'of another key' => [fn () => $signed(self::OTHER, self::stranger())],
			'of another address' => [fn ($alice) => $signed(self::ORIGIN, $alice)],
			'of another text' => [fn ($alice) => ['hubloc_url_sig' => $alice['guid_sig']]],
		];
	}

	public function test_a_hub_that_the_channel_signed_is_a_clone(): void
	{
		$this->location(self::OTHER, ['hubloc_connected' => '2026-11-20 10:11:12']);
		$this->assertSame([self::ORIGIN, self::OTHER], array_column(Clones::others($this->channel), 'url'));
		$this->assertSame([self::ORIGIN, self::OTHER], array_column(Clones::pairs(), 'url'));
		$this->assertSame(
			$this->channel->id,
			Clones::requested($this->channel->hash, self::OTHER . '/channel/alice')?->id,
		);
		$this->assertSame(self::OTHER, Clones::rootOf($this->channel, self::OTHER . '/channel/alice'));
		$this->assertSame(self::OTHER, Clones::originOf($this->channel, self::OTHER . '/getfile'));
		$this->assertSame(strtotime('2026-11-20 10:11:12 UTC'), Clones::connected($this->channel, self::OTHER));
		$this->assertSame([], Locations::unsigned($this->channel));
	}

	/** As hubs wrote them before the digest was named. */
	public function test_a_signature_of_long_ago_counts(): void
	{
		$signature = Maker::signed(self::OTHER, $this->identity()['prvkey']);
		$this->location(self::OTHER, ['hubloc_url_sig' => substr($signature, strlen('sha256.'))]);
		$this->assertContains(self::OTHER, array_column(Clones::others($this->channel), 'url'));
	}

	/** Only the address of the hub is signed. */
	public function test_a_page_elsewhere_is_none_of_the_signed_hub(): void
	{
		$this->location(self::ORIGIN, ['hubloc_id_url' => self::OTHER . '/channel/alice']);
		$this->assertNull(Clones::requested($this->channel->hash, self::OTHER . '/channel/alice'));
		$this->assertNull(Clones::rootOf($this->channel, self::OTHER . '/channel/alice'));
		$this->assertNotNull(Clones::requested($this->channel->hash, self::ORIGIN . '/channel/alice'));
	}

	/** The database may take two spellings of an identity for one. */
	public function test_another_spelling_of_the_identity_is_another(): void
	{
		$this->location(self::OTHER, ['hubloc_hash' => strtoupper($this->channel->hash)]);
		$this->assertNotContains(self::OTHER, array_column(Clones::others($this->channel), 'url'));
		Table::update('hubloc', ['hubloc_hash' => $this->channel->hash], ['hubloc_url' => self::OTHER]);
		$this->assertContains(self::OTHER, array_column(Clones::others($this->channel), 'url'));
	}

	public function test_a_request_verifies_nothing_that_an_earlier_one_has_verified(): void
	{
		$this->location(self::OTHER, ['hubloc_url_sig' => '']);
		$ask = function (): array {
			$this->nextProcess();
			Libzot::$verified = 0;
			$statements = $this->whileFailing(fn () => false, fn () => Clones::others($this->channel));

			return [$statements, Libzot::$verified];
		};
		$ask();
		$this->assertSame([1, 0], $ask());
		$this->assertNotNull(Clones::requested($this->channel->hash, self::ORIGIN . '/channel/alice'));
		$this->nextProcess();
		iterator_to_array(Locations::ofAll([$this->channel->id]));
		$this->assertSame(0, Libzot::$verified);
		// What is remembered is of this signature and key.
		Table::update('hubloc', ['hubloc_url_sig' => 'sha256.other'], ['hubloc_url' => self::ORIGIN]);
		$this->assertSame([], Clones::others($this->channel));
	}

	/** What was found unsigned is remembered too, and takes the place of nothing that was found signed. */
	public function test_very_many_rows_make_no_request_long(): void
	{
		for ($n = 0; $n < 200; $n++) {
			Maker::hubloc(['prvkey' => null] + $this->identity(), "https://h$n.example", 'alice');
		}
		Table::update('hubloc', ['hubloc_url_sig' => 'sha256.bm90aGluZw'], ['hubloc_url like' => 'https://h%']);
		$this->nextProcess();
		Libzot::$verified = 0;
		Clones::others($this->channel);
		$this->assertGreaterThanOrEqual(200, Libzot::$verified);
		$this->nextProcess();
		Libzot::$verified = 0;
		$this->assertSame([self::ORIGIN], array_column(Clones::others($this->channel), 'url'));
		$this->assertSame(0, Libzot::$verified);
	}

	public function test_a_channel_that_leaves_is_forgotten(): void
	{
		$this->nextProcess();
		$before = Table::count('filesync_setting', ['name' => 'locations']);
		Clones::others($this->channel);
		$this->assertSame($before + 1, Table::count('filesync_setting', ['name' => 'locations']));
		Housekeeping::forgetChannel($this->channel->id);
		$this->assertSame($before, Table::count('filesync_setting', ['name' => 'locations']));
	}

	/** Lets this process know nothing of what it found. */
	private function nextProcess(): void
	{
		(new ReflectionProperty(Locations::class, 'found'))->setValue(null, []);
	}

	private function identity(): array
	{
		return InProcess::$identity;
	}

	private static function stranger(): array
	{
		static $stranger = null;

		return $stranger ??= Maker::identity('mallory', 2048);
	}

	private function location(string $url, array $columns): void
	{
		Maker::hubloc($this->identity(), $url, 'alice');
		$newest = (int) dbq('select max(hubloc_id) as id from hubloc')[0]['id'];
		Table::update('hubloc', $columns, ['hubloc_id' => $newest]);
	}
}
