<?php

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Keys;
use FileSync\Signer;

/** What a process keeps from one piece of work to the next is never that of another channel, or of the last request. */
final class LongLivedProcessTest extends AddonTestCase
{
	public function test_a_channel_that_has_the_number_of_one_that_is_gone_signs_with_its_own_key(): void
	{
		Keys::signer($this->channel)->sign('text');
		$bob = TestHub\Maker::identity('bob', 1024);
		dbq('DELETE FROM channel WHERE channel_id = ' . $this->channel->id);
		$row = TestHub\Maker::channel($bob, 'bob');
		$other = Channel::of(['channel_id' => $this->channel->id] + $row);
		$this->assertTrue(Signer::verify('text', Keys::signer($other)->sign('text'), $bob['pubkey']));
		$this->assertTrue(Signer::verify(
			'text',
			Keys::signer($this->channel)->sign('text'),
			$this->channel->publicKey,
		));
	}

	public function test_each_request_of_a_worker_has_its_end(): void
	{
		$code = <<<'PHP'
			require "include/cli_startup.php";
			cli_startup();
			require_once "addon/filesync/filesync.php";
			use FileSync\Addon\Hub\Begun;
			Begun::atEnd(function () {
				echo "one ";
				// The next request of the same process.
				Begun::atEnd(fn () => print "two ");
				Begun::atEnd(fn () => print "never");
			});
			Begun::atEnd(fn () => print "never");
			PHP;
		exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($code), $said);
		$this->assertSame('one two', implode("\n", $said));
	}
}
