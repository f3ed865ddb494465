<?php

use Fake\Api;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use Zotlabs\Lib\JcsEddsa2022;
use Zotlabs\Lib\Multibase;

/**
 * What is signed as a whole stays as it came or is signed again, on hubs of every version: their clones of 10.x send
 * it.
 */
final class SealedTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		require_once 'include/import.php';
		if (! in_array('channel_eprvkey', db_columns('channel'), true)) {
			// As hubs have it from 8.9 on.
			dbq('ALTER TABLE channel ADD COLUMN channel_epubkey text');
			dbq('ALTER TABLE channel ADD COLUMN channel_eprvkey text');
			q(
				"UPDATE channel SET channel_epubkey = '%s', channel_eprvkey = '%s'",
				dbesc(InProcess::$identity['epubkey']),
				dbesc(InProcess::$identity['eprvkey']),
			);
			$this->channel = Channel::of(channelx_by_n(1, true));
		}
	}

	public function test_a_document_of_the_channel_is_moved_and_proved_again(): void
	{
		$this->take($this->post(), $this->addition($this->proved()));
		$stored = $this->added();
		$this->assertSame($this->here('/channel/alice'), $stored['actor']);
		$this->assertSame('see ' . $this->here('/channel/alice'), $stored['object']['content']);
		$this->assertStringStartsWith($this->here('/channel/alice#z6Mk'), $stored['proof']['verificationMethod']);
		$this->assertTrue($this->verifies($stored));
		$this->assertSame($this->collection(), $stored['target']);
		$this->assertSame($this->collection(), $stored['object']['replies']);
		$this->assertArrayNotHasKey('signature', $stored, 'a signature over what it was is void');
		$row = $this->row_of('Add');
		$this->assertSame([$this->here('/activity/2'), $this->collection()], [
			$row['plink'],
			json_decode($row['target'], true),
		]);
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'items'));
		$this->assertSame($stored, $this->added());
	}

	/** @dataProvider whatStays */
	#[DataProvider('whatStays')]
	public function test_any_other_document_and_its_item_stay_to_the_last_byte(Closure $makes): void
	{
		$document = $makes->call($this);
		$this->take($this->post(), $this->addition($document));
		$row = $this->row_of('Add');
		$this->assertSame(json_encode($document), $row['obj']);
		$this->assertSame(
			[self::ORIGIN . '/activity/2', json_encode($this->collection())],
			[$row['plink'], $row['target']],
		);
		// Not as a hub writes JSON.
		$odd = json_encode($document, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES);
		Table::update('item', ['obj' => $odd, 'sig' => 'none'], ['id' => (int) $row['id']]);
		$this->runVerb('repair', 'items');
		$this->assertSame(array_replace($row, ['obj' => $odd, 'sig' => 'none']), $this->row_of('Add'));
	}

	public static function whatStays(): array
	{
		return [
			'by another key' => [fn () => $this->proved([], self::keys())],
			'of another actor' => [fn () => $this->proved(['actor' => 'https://elsewhere.example/channel/bob'])],
			'changed since' => [fn () => ['type' => 'Update'] + $this->proved()],
			'without a proof' => [fn () => $this->document()],
			'with an older signature alone' => [fn () => ['signature' => ['creator' => 'x']] + $this->document()],
			'around another that is signed' => [
				fn () => $this->proved(['object' => ['type' => 'Note', 'proof' => ['proofValue' => 'z']]]),
			],
			'where the channel has no key' => [function () {
				$proved = $this->proved();
				q("UPDATE channel SET channel_eprvkey = ''");

				return $proved;
			}],
			'where hubs have no such keys' => [function () {
				$proved = $this->proved();
				dbq('ALTER TABLE channel DROP COLUMN channel_epubkey');
				dbq('ALTER TABLE channel DROP COLUMN channel_eprvkey');

				return $proved;
			}],
			'where the key is damaged' => [function () {
				$proved = $this->proved();
				q("UPDATE channel SET channel_eprvkey = 'c2VjcmV0'");

				return $proved;
			}],
		];
	}

	public function test_no_key_reaches_the_log(): void
	{
		$proved = $this->proved();
		q("UPDATE channel SET channel_eprvkey = 'c2VjcmV0'");
		$this->take($this->post(), $this->addition($proved));
		$this->assertStringContainsString('Ed25519 key of channel 1', file_get_contents('hub.log'));
		$this->assertStringNotContainsString('c2VjcmV0', file_get_contents('hub.log'));
	}

	public function test_what_removes_a_post_is_like_what_adds_it(): void
	{
		$this->take($this->post(), ['verb' => 'Remove'] + $this->addition($this->proved()));
		$this->assertTrue($this->verifies($this->added('Remove')));
	}

	public function test_a_post_that_holds_what_another_signed_is_moved_around_it(): void
	{
		$foreign = $this->proved([], self::keys());
		$this->take(['object' => $foreign, 'body' => 'see ' . self::ORIGIN . '/channel/alice'] + $this->post());
		$row = $this->row_of('Create');
		$this->assertSame([json_encode($foreign), 'see ' . $this->here('/channel/alice')], [$row['obj'], $row['body']]);
	}

	public function test_a_collection_keeps_both_its_names_wherever_it_is(): void
	{
		$this->take(['object' => ['url' => self::ORIGIN . '/channel/alice', 'target' => $this->collection()]]
		+ $this->post());
		$row = $this->row_of('Create');
		$this->assertSame(
			['url' => $this->here('/channel/alice'), 'target' => $this->collection()],
			json_decode($row['obj'], true),
		);
		$this->assertSame($this->collection(), json_decode($row['target'], true));
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'items'));
	}

	/** Comments under a post that is fetched because it is about a file: what adds the post is among them. */
	public function test_what_adds_a_post_comes_with_it_from_a_stock_hub(): void
	{
		$author = ['author' => ['id' => $this->channel->guid] + $this->post()['author']];
		Api::$items = [
			['resource_id' => 'f1', 'resource_type' => 'attach'] + $author + $this->post(),
			$author + $this->addition($this->proved()),
		];
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertTrue($this->verifies($this->added()));
	}

	/** Without the extension posts are stored as they came, and moved once it is back. */
	public function test_what_was_stored_meanwhile_is_proved_again_later(): void
	{
		$this->take($this->post(), $this->addition($this->proved()));
		$mid = self::ORIGIN . '/activity/2';
		$came = json_encode($this->proved());
		Table::update('item', ['obj' => $came, 'plink' => self::ORIGIN . '/activity/2'], ['mid' => $mid]);
		FileSync\Addon\Posts\ItemRelocation::mend($this->channel, $mid);
		$this->assertTrue($this->verifies($this->added()));
		$this->assertSame($this->here('/channel/alice'), $this->added()['actor']);
	}

	private function take(array ...$items): void
	{
		$items = array_map(fn ($item) => $item + ['signature' => $this->signature($item['body'])], $items);
		Zotlabs\Lib\sync_items($this->channel->row(), $items, ['channel_address' => 'alice', 'url' => self::ORIGIN]);
		$this->assertCount(count($items), Table::select('item', []));
	}

	private function signature(string $text): string
	{
		return Zotlabs\Lib\Libzot::sign($text, $this->channel->privateKey());
	}

	private function row_of(string $verb): array
	{
		return Table::first('item', ['verb' => $verb]);
	}

	private function added(string $verb = 'Add'): array
	{
		return json_decode($this->row_of($verb)['obj'], true);
	}

	private function here(string $path): string
	{
		return z_root() . $path;
	}

	private function verifies(array $document): bool
	{
		return (new JcsEddsa2022())->verify(
			$document,
			Multibase::publicKey($this->channel->row()['channel_epubkey']),
		);
	}

	private function post(): array
	{
		return $this->item(self::ORIGIN . '/item/1', self::ORIGIN . '/item/1', [
			'verb' => 'Create',
			'target' => $this->collection(),
			'target_type' => 'Collection',
		]);
	}

	private function addition(array $document): array
	{
		return $this->item(self::ORIGIN . '/activity/2', self::ORIGIN . '/item/1', [
			'message_parent' => self::ORIGIN . '/item/1',
			'verb' => 'Add',
			'body' => '',
			'permalink' => self::ORIGIN . '/activity/2',
			'object' => $document,
			'target' => $this->collection(),
			'target_type' => 'Collection',
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

	/** Returns a document as the hub of a clone makes it for a post of the channel. */
	private function document(): array
	{
		return [
			'type' => 'Create',
			'actor' => self::ORIGIN . '/channel/alice',
			'object' => [
				'type' => 'Note',
				'content' => 'see ' . self::ORIGIN . '/channel/alice',
				'replies' => $this->collection(),
			],
			'target' => $this->collection(),
		];
	}

	/** Returns such a document with its proof, and the older signature that hubs put beside it. */
	private function proved(array $keys = [], ?array $channel = null): array
	{
		$document = $keys + $this->document();
		$root = z_root();
		App::set_baseurl(self::ORIGIN);
		$document['proof'] = (new JcsEddsa2022())->sign($document, $channel ?? $this->channel->row());
		App::set_baseurl($root);

		return ['signature' => ['type' => 'RsaSignature2017', 'signatureValue' => 'x']] + $document;
	}

	private static function keys(): array
	{
		$pair = sodium_crypto_sign_keypair();
		$encode = fn ($bytes) => sodium_bin2base64($bytes, SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);

		return [
			'channel_address' => 'alice',
			'channel_epubkey' => $encode(sodium_crypto_sign_publickey($pair)),
			'channel_eprvkey' => $encode(sodium_crypto_sign_secretkey($pair)),
		];
	}
}
