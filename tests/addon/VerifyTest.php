<?php

use FileSync\Addon\Reconcile\Verify;
use FileSync\Addon\Revision\Revisions;

/** What is on disk is read again, and comes from another clone where it is not what was recorded. */
final class VerifyTest extends AddonTestCase
{
	public function test_damage_is_found_and_healed_and_the_damaged_bytes_are_kept(): void
	{
		$hashes = ['flipped', 'shorter', 'absent', 'fine'];
		foreach ($hashes as $hash) {
			$this->receive($this->file($hash, "the bytes of $hash"));
		}
		$this->work();
		$this->assertEquals(array_fill_keys($hashes, 'present'), $this->verify());
		$this->write('flipped', 'the bytes oF flipped');
		$this->write('shorter', 'the bytes');
		unlink($this->attach('absent')['content']);
		$damaged = ['flipped' => 'damaged', 'shorter' => 'damaged', 'absent' => 'damaged', 'fine' => 'present'];
		$this->assertEquals($damaged, $this->verify());
		$this->assertSame(
			hash('sha256', 'the bytes of flipped'),
			json_decode($this->transfer('flipped')['entry'], true)['sha256'],
		);
		$this->work();
		foreach ($hashes as $hash) {
			$this->assertSame("the bytes of $hash", $this->shown($hash));
		}
		$this->assertEqualsCanonicalizing(['the bytes oF flipped', 'the bytes'], $this->kept());
		$this->assertEquals(array_fill_keys($hashes, 'present'), $this->verify());
		$this->assertSame([], $this->sent(), 'damage is not announced as a change');
	}

	public function test_a_change_by_the_owner_is_no_damage_even_if_nobody_told_of_it(): void
	{
		$this->receive($this->file('mine', 'the first version'));
		$this->work();
		file_put_contents($this->attach('mine')['content'], 'the second version');
		dbq(
			"UPDATE attach SET filesize = 18, edited = '" . gmdate('Y-m-d H:i:s', time() + 1) . "' WHERE hash = 'mine'",
		);
		Revisions::notice($this->channel, 'mine');
		$this->assertSame(['mine' => 'unverified'], $this->verify());
		$this->assertSame('the second version', $this->shown('mine'));
	}

	public function test_a_file_without_a_digest_gets_one(): void
	{
		$this->receive($this->file('old', 'bytes'));
		$this->work();
		dbq('DELETE FROM filesync_digest');
		dbq('DELETE FROM filesync_file');
		$this->assertSame(['old' => 'unverified'], $this->verify());
		$this->assertSame(['old' => 'present'], $this->verify());
		$this->write('old', 'bytez');
		$this->assertSame(['old' => 'damaged'], $this->verify());
	}

	public function test_where_there_is_no_other_clone_damage_is_only_told(): void
	{
		$this->receive($this->file('alone', 'bytes'));
		$this->work();
		dbq("DELETE FROM hubloc WHERE hubloc_url = '" . self::ORIGIN . "'");
		$this->write('alone', 'bytez');
		[$code, $said] = $this->runVerb('verify', '--json');
		$this->assertSame([1, 'lost'], [$code, json_decode(strtok($said, "\n"), true)['verdict']]);
		$this->assertSame('bytez', $this->shown('alone'));
	}

	public function test_a_slice_goes_on_where_the_last_one_ended(): void
	{
		foreach (['a', 'b', 'c'] as $hash) {
			$this->receive($this->file($hash, $hash));
		}
		$this->work();
		$seen = [];
		$run = FileSync\Addon\Inventory\Run::ask($this->channel->id, '', 'verify');
		$verify = new Verify($this->channel, function ($one) use (&$seen) {
			$seen[] = $one['hash'];
		});
		$this->assertFalse($verify->goOn($run, 0));
		$this->assertFalse($verify->goOn($run, 0));
		$this->assertTrue($verify->goOn($run, 0));
		$this->assertEqualsCanonicalizing(['a', 'b', 'c'], $seen);
	}

	public function test_the_command_names_files_that_no_row_knows(): void
	{
		$this->receive($this->file('known', 'bytes'));
		$this->work();
		file_put_contents('store/alice/deadbeef-0000-4000-8000-000000000000', 'nobody knows');
		touch('store/alice/deadbeef-0000-4000-8000-000000000000', time() - 100000);
		file_put_contents($this->attach('known')['content'] . '.thumb', 'a preview');
		[$code, $said] = $this->runVerb('verify', '--json');
		$this->assertSame(0, $code);
		$this->assertEquals(
			['verdict' => 'orphan', 'name' => 'store/alice/deadbeef-0000-4000-8000-000000000000'],
			array_intersect_key(json_decode(strtok($said, "\n"), true), ['verdict' => 1, 'name' => 1]),
		);
	}

	/** @return array<string, string> Verdicts by hash. */
	private function verify(): array
	{
		$verdicts = [];
		(new Verify($this->channel, function ($one) use (&$verdicts) {
			$verdicts[$one['hash']] = $one['verdict'];
		}))->goOn(FileSync\Addon\Inventory\Run::ask($this->channel->id, '', 'verify'), PHP_INT_MAX);

		return $verdicts;
	}

	/** Changes bytes as a failing disk does: the times stay. */
	private function write(string $hash, string $bytes): void
	{
		$path = $this->attach($hash)['content'];
		$time = filemtime($path);
		file_put_contents($path, $bytes);
		touch($path, $time);
	}
}
