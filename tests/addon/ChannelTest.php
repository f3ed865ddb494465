<?php

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use TestHub\InProcess;
use TestHub\Maker;

/** A channel as a value: what it is made of, and what of it can be seen. */
final class ChannelTest extends AddonTestCase
{
	public function test_it_names_what_the_hub_has_and_gives_core_its_row_back(): void
	{
		$row = channelx_by_nick('alice');
		$this->assertSame(
			[
				(int) $row['channel_id'],
				InProcess::$identity['hash'],
				'alice',
				(int) $row['channel_account_id'],
				InProcess::$identity['guid'],
				InProcess::$identity['pubkey'],
				InProcess::$identity['prvkey'],
			],
			[
				$this->channel->id,
				$this->channel->hash,
				$this->channel->nick,
				$this->channel->accountId,
				$this->channel->guid,
				$this->channel->publicKey,
				$this->channel->privateKey(),
			],
		);
		$this->assertSame($row, Channel::of($row)->row());
		foreach ([
			Clones::channel($this->channel->id),
			Clones::byNick('alice'),
			Clones::served($this->channel->hash),
			Clones::requested($this->channel->hash, self::ORIGIN . '/channel/alice'),
			Clones::channels()[0],
		] as $found) {
			$this->assertSame($this->channel->hash, $found->hash);
		}
	}

	public function test_its_private_key_is_in_no_dump(): void
	{
		$needle = substr($this->channel->privateKey(), 100, 60);
		ob_start();
		var_dump($this->channel);
		print_r([$this->channel]);
		var_export($this->channel);
		echo json_encode($this->channel);
		try {
			(fn (Channel $channel) => throw new RuntimeException('with arguments'))($this->channel);
		} catch (RuntimeException $e) {
			echo $e;
		}
		$seen = (string) ob_get_clean();
		$this->assertStringContainsString('alice', $seen);
		$this->assertStringNotContainsString($needle, $seen);
		$this->expectException(Exception::class);
		serialize($this->channel);
	}

	public function test_a_row_that_lacks_what_we_need_says_which_column(): void
	{
		$row = channelx_by_nick('alice');
		foreach ([
			'channel_hash',
			'channel_address',
			'channel_account_id',
			'channel_guid',
			'channel_pubkey',
		] as $column) {
			foreach ([array_diff_key($row, [$column => 1]), [$column => null] + $row, [$column => []] + $row] as $bad) {
				try {
					Channel::of($bad);
					$this->fail("a channel without $column");
				} catch (UnexpectedValueException $e) {
					$this->assertStringContainsString("row of channel 1 has no usable $column:", $e->getMessage());
				}
			}
		}
		// Other columns differ from hub to hub, and most work needs no private key.
		$bare = Channel::of(array_diff_key($row, ['channel_epubkey' => 1, 'channel_prvkey' => 1]));
		$this->expectExceptionMessage('channel_prvkey');
		$bare->privateKey();
	}

	public function test_what_core_passes_is_ours_only_if_we_serve_that_channel(): void
	{
		$bob = Maker::channel(Maker::identity('bob', 1024), 'bob');
		$this->assertSame('bob', Clones::given($bob)->nick);
		Config::set('enabled', '0', 'channel:' . $bob['channel_id']);
		foreach ([
			$bob,
			['channel_id' => $bob['channel_id']],
			[],
			['channel_id' => 0],
			false,
			null,
			'alice',
			1,
		] as $given) {
			$this->assertNull(Clones::given($given));
		}
	}
}
