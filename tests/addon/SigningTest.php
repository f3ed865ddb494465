<?php

use Fake\Api;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Posts\ItemRelocation;
use PHPUnit\Framework\Attributes\DataProvider;
use Zotlabs\Lib\Libzot;

/**
 * A post of the channel that comes from elsewhere is signed here only if it came with the channel's signature over
 * just this text. No other text is ever signed, whatever happens to it later.
 */
final class SigningTest extends AddonTestCase
{
	private const SEE = 'see ' . self::ORIGIN . '/channel/alice';

	protected function setUp(): void
	{
		parent::setUp();
		require_once 'include/import.php';
	}

	public function test_a_post_that_its_author_signed_names_this_hub_and_is_signed_again(): void
	{
		$this->take($this->signed(self::SEE));
		$this->assertSame('see ' . z_root() . '/channel/alice', $this->stored()['body']);
		$this->assertTrue($this->isValid($this->stored()));
		$this->assertSame('1', (string) $this->stored()['item_verified']);
	}

	/** @dataProvider unproven */
	#[DataProvider('unproven')]
	public function test_a_text_that_nobody_signed_is_never_signed_here(
		string $mid,
		string $body,
		?string $signed,
	): void {
		$item = $this->post($mid, $body, $signed === null ? [] : ['signature' => $this->signature($signed)]);
		$this->take($item);
		$this->assertIsUnsigned('as it comes');
		$this->runVerb('repair', 'items');
		$this->assertIsUnsigned('after repair items');
		// It comes again, with a packet and with the posts that a comparison fetches.
		$this->take($item, ['edited' => '2024-06-01 10:00:00'] + $item);
		$this->assertIsUnsigned('when it came again');
		Zotlabs\Daemon\import_items($this->channel->row(), [$item]);
		$this->assertIsUnsigned('from an import');
		ItemRelocation::mend($this->channel, $mid);
		$this->assertIsUnsigned('once its files are here');
		// From here it goes on to clones, exports and sets: hubs without filesync sign what has no signature.
		$sent = encode_item($this->stored() + ['owner' => [], 'author' => []], true);
		$this->assertNotSame('', $sent['signature']);
		$this->take(
			['body' => "$body, edited"] + $item,
			[
				'edited' => '2024-07-01 10:00:00',
				'body' => 'edited without a signature',
			] + $item,
		);
		$this->assertSame('edited without a signature', $this->stored()['body']);
		$this->assertIsUnsigned('edited by a clone');
		$this->take(['edited' => '2024-08-01 10:00:00'] + $this->signed(self::SEE, $mid));
		$this->assertTrue($this->isValid($this->stored()), 'edited by the owner on a clone');
	}

	public static function unproven(): array
	{
		$mids = [
			'from the clone' => self::ORIGIN . '/item/1',
			'from here' => 'http://127.0.0.1:9000/item/1',
			'from elsewhere' => 'https://elsewhere.example/item/1',
		];
		$cases = [];
		foreach ($mids as $where => $mid) {
			$cases["not signed, $where"] = [$mid, self::SEE, null];
			$cases["a byte was changed, $where"] = [$mid, self::SEE, self::SEE . '.'];
			$cases["not signed, and nothing to move, $where"] = [$mid, 'text', null];
			$cases["a byte was changed, and nothing to move, $where"] = [$mid, 'text', 'Text'];
		}

		return $cases;
	}

	/** The hub stores texts in a form of its own. */
	public function test_what_is_stored_is_what_is_signed(): void
	{
		foreach (['a < b', '  a < b & https://elsewhere.example/  '] as $n => $body) {
			$mid = self::ORIGIN . "/item/$n";
			$this->take($this->signed($body, $mid));
			$this->assertTrue($this->isValid($this->stored($mid)), $body);
			$this->assertSame(trim(htmlspecialchars($body)), $this->stored($mid)['body']);
			$this->take($this->post("$mid-forged", $body, ['signature' => $this->signature("$body.")]));
			$this->assertIsUnsigned($body, "$mid-forged");
		}
	}

	public function test_a_signature_of_somebody_else_is_none(): void
	{
		openssl_sign(self::SEE, $signature, openssl_pkey_new(['private_key_bits' => 2048]), 'sha256');
		$this->take($this->post('one', self::SEE, ['signature' => 'sha256.' . base64url_encode($signature)]));
		$this->assertIsUnsigned('');
	}

	public function test_a_comment_is_treated_as_a_post(): void
	{
		$this->take($this->signed('top', self::ORIGIN . '/item/1'));
		$this->take(['message_top' => self::ORIGIN . '/item/1'] + $this->post(self::ORIGIN . '/item/2', self::SEE));
		$this->assertIsUnsigned('', self::ORIGIN . '/item/2');
	}

	/** Clones that fetch a post which a stock hub tells nobody of. */
	public function test_a_post_that_is_fetched_because_of_its_file_is_treated_as_one_that_is_sent(): void
	{
		$forged = $this->post(self::ORIGIN . '/item/1', self::SEE, [
			'resource_id' => 'f1',
			'resource_type' => 'attach',
		]);
		$forged['author'] += ['id' => $this->channel->guid];
		Api::$items = [$forged];
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertIsUnsigned('');
	}

	public function test_what_the_owner_writes_anew_is_the_owners(): void
	{
		$this->take($this->post(self::ORIGIN . '/item/1', 'forged'));
		$row = $this->stored();
		// As when a photo gets another album: nobody has read the text.
		item_store_update(array_diff_key(['title' => 'other'] + $row, ['sig' => 1]));
		$this->assertIsUnsigned('the same text');
		item_store_update(array_diff_key(['body' => 'written by the owner'] + $row, ['sig' => 1]));
		$this->assertTrue($this->isValid($this->stored()));
	}

	public function test_repair_names_what_it_does_not_sign(): void
	{
		$this->take($this->post(self::ORIGIN . '/item/1', 'forged'));
		[$code, $said] = $this->runVerb('repair', 'items');
		$this->assertSame(0, $code);
		$this->assertStringContainsString(self::ORIGIN . '/item/1', $said);
		$this->assertStringContainsString('1 without a valid signature', $said);
		[, $said] = $this->runVerb('repair', 'items', '--json');
		$this->assertSame(
			['mid' => self::ORIGIN . '/item/1', 'mend' => [], 'overwritten' => [], 'unsigned' => true],
			json_decode($said, true),
		);
	}

	/** A stock sync left another hub's URLs in it, and the signature of what was written: that fits again. */
	public function test_a_text_that_is_mended_to_what_was_signed_keeps_its_signature(): void
	{
		$this->take($this->signed(self::SEE));
		$here = $this->stored();
		Table::update('item', ['body' => self::SEE], ['id' => (int) $here['id']]);
		$this->runVerb('repair', 'items');
		$this->assertSame([$here['body'], $here['sig']], [$this->stored()['body'], $this->stored()['sig']]);
	}

	public function test_only_two_classes_sign_and_only_what_was_signed(): void
	{
		$signing = [];
		foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(realpath(
			'addon/filesync',
		))) as $path => $file) {
			if (
				$file->getExtension() === 'php'
				&& preg_match('/Keys::(signer|proofSigner)\(|item_sign\(|Libzot::sign\(/', file_get_contents($path))
			) {
				$signing[] = basename($path);
			}
		}
		sort($signing);
		$this->assertSame(
			['SealedDocument.php', 'Signing.php'],
			array_values(array_diff($signing, ['Scratch.php', 'Stage.php'])),
		);
	}

	private function take(array ...$items): void
	{
		foreach ($items as $item) {
			Zotlabs\Lib\sync_items(
				$this->channel->row(),
				[$item],
				['channel_address' => 'alice', 'url' => self::ORIGIN],
			);
		}
	}

	private function post(string $mid, string $body, array $keys = []): array
	{
		return $this->item($mid, $mid, $keys + ['body' => $body]);
	}

	private function signed(string $body, string $mid = self::ORIGIN . '/item/1'): array
	{
		return $this->post($mid, $body, ['signature' => $this->signature($body)]);
	}

	private function signature(string $text): string
	{
		return Libzot::sign($text, $this->channel->privateKey());
	}

	private function stored(string $mid = ''): array
	{
		return Table::first('item', $mid === '' ? [] : ['mid' => $mid]) ?? $this->fail('no item');
	}

	private function isValid(array $row): bool
	{
		$signature = base64url_decode((string) preg_replace('/^\w+\./', '', $row['sig']));

		return openssl_verify($row['body'], $signature, $this->channel->publicKey, 'sha256') === 1;
	}

	private function assertIsUnsigned(string $when, string $mid = ''): void
	{
		$row = $this->stored($mid);
		$this->assertFalse($this->isValid($row), $when);
		$this->assertNotSame('', $row['sig'], "$when: a hub signs what has no signature");
		$this->assertSame('0', (string) $row['item_verified'], $when);
	}
}
