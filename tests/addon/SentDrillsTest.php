<?php

use Fake\Clock;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Door\DrillSession;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Door\Trying;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\ScratchUse;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Work\SentDrills;
use FileSync\Addon\Work\Uninstall;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\Maker;

/** A hub has one scratch channel: how long a drill of a set that was sent keeps it, and what becomes of who waits. */
final class SentDrillsTest extends AddonTestCase
{
	private const MIB = 1 << 20;

	public function test_whoever_reads_has_time_by_what_was_restored_and_no_more_than_two_hours(): void
	{
		foreach ([[0, 900], [100 * self::MIB, 1300], [20480 * self::MIB, 7200]] as [$restoredBytes, $seconds]) {
			// What metadata says of a sample has no part in it.
			$session = $this->drilling($this->channel, claimedBytes: 1 << 40);
			$this->reading($session, $restoredBytes, fn () => throw new LogicException('enough'));
			$this->assertSame($seconds, DrillSession::find($session->id)->drill()->readUntil - $this->now());
			Session::forget($this->channel->id);
		}
	}

	public function test_whoever_does_not_end_is_told_how_long_the_hub_waits(): void
	{
		$session = $this->drilling($this->channel);
		$began = $this->now();
		$problem = $this->reading($session, 100 * self::MIB, fn () => $this->ask($session));
		$this->assertSame('not_read', $problem->kind);
		$this->assertEqualsWithDelta(1300, $this->now() - $began, 100);
		$this->assertStringContainsString('not read to its end within 21 minutes', $problem->getMessage());
		$this->assertStringContainsString(
			'15 minutes and a second for each 256 KiB that it restored, 120 minutes at most',
			$problem->getMessage(),
		);
		$problem = $this->reading($session, 100 * self::MIB, fn () => Clock::$ahead += 60);
		$this->assertStringContainsString('Nobody read what was restored for 5 minutes', $problem->getMessage());
	}

	/** @dataProvider others */
	#[DataProvider('others')]
	public function test_once_others_wait_whoever_reads_has_a_quarter_of_an_hour_more(Closure $wait): void
	{
		$session = $this->drilling($this->channel);
		$began = $this->now();
		$looks = 0;
		$problem = $this->reading($session, 20480 * self::MIB, function () use ($session, $wait, &$looks): void {
			$this->ask($session);
			if (++$looks === 20) {
				$wait($this);
			}
		});
		$this->assertEqualsWithDelta(1000 + 900, $this->now() - $began, 200);
		$this->assertSame('not_read', $problem->kind);
		$this->assertStringContainsString('within the 15 minutes that were left when others', $problem->getMessage());
	}

	public static function others(): array
	{
		return [
			'the drill of another channel' => [fn (self $test) => $test->drilling($test->bob())],
			'a rehearsal' => [fn (self $test) => $test->refusedScratch()],
		];
	}

	public function test_restoring_gives_way_when_others_have_waited_for_an_hour(): void
	{
		$session = $this->drilling($this->channel);
		$drills = $this->worker($session);
		$mustStop = fn () => (new ReflectionMethod($drills, 'mustStop'))->invoke($drills);
		Clock::$ahead += 7200;
		$this->assertFalse($mustStop(), 'nobody waits');
		$this->drilling($this->bob());
		Clock::$ahead += 20;
		$this->assertFalse($mustStop());
		Clock::$ahead += 3500;
		$this->assertFalse($mustStop());
		Clock::$ahead += 200;
		$this->assertTrue($mustStop());
	}

	public function test_a_drill_at_which_no_process_is_ends_at_once(): void
	{
		$session = $this->drilling($this->channel);
		$token = Token::make();
		$this->assertTrue(Lease::take(Session::DRILL_LEASE, $token, 180), 'for the drill of somebody else');
		$session->end('ended', '');
		$this->assertSame(Session::ENDED, Session::find($session->id)->state);
		// So does one whose process was killed, once another one is at others.
		$session = $this->drilling($this->channel);
		$session->note($session->drill()->begun('the killed one'));
		$session->end('ended', '');
		$this->assertSame(Session::ENDED, Session::find($session->id)->state);

		$session = $this->drilling($this->channel);
		$session->note($session->drill()->begun($token));
		$session->end('ended', '');
		$this->assertSame(Session::ENDING, Session::find($session->id)->settled()->state, 'its process sees to that');
		Lease::giveBack(Session::DRILL_LEASE, $token);
		$this->assertSame(Session::ENDED, Session::find($session->id)->settled()->state);
	}

	public function test_a_restore_waits_for_no_drill_that_only_waits(): void
	{
		$id = $this->channel->id;
		$drill = $this->drilling($this->channel);
		$this->assertSame('restore_running', $this->refused(fn () => Session::refuseSecond($id, Session::DRILL)));
		foreach ([Session::UPLOAD, Session::BOX] as $door) {
			$drill = Session::of($id) ?? $this->drilling($this->channel);
			Session::refuseSecond($id, $door);
			$this->assertSame([Session::ENDED, null], [Session::find($drill->id)->state, Session::of($id)]);
		}
		$token = Token::make();
		$drill = $this->drilling($this->channel);
		$this->assertTrue(Lease::take(Session::DRILL_LEASE, $token, 180));
		$drill->note($drill->drill()->begun($token));
		$this->assertSame('restore_running', $this->refused(fn () => Session::refuseSecond($id, Session::UPLOAD)));
		Session::forget($id);
		Session::begin($this->channel, ['x' => 'y'], Session::DRILL);
		$this->assertSame('restore_running', $this->refused(fn () => Session::refuseSecond($id, Session::UPLOAD)));
	}

	public function test_none_begins_while_a_rehearsal_or_uninstalling_waits(): void
	{
		$session = $this->drilling($this->channel);
		$attempts = fn () => Session::find($session->id)->code;
		$this->refusedScratch();
		$this->assertTrue(Scratch::isWanted());
		SentDrills::work($this->now() + 60);
		$this->assertSame([Session::DRILLING, ''], [Session::find($session->id)->state, $attempts()]);
		// Whoever wanted it may not come back.
		Clock::$ahead += 1801;
		SentDrills::work($this->now() + 60);
		$this->assertSame(Session::OPEN, Session::find($session->id)->state, 'it was tried; there is no set');
		$this->assertTrue(Lease::take(Scratch::LEASE, Token::make(), 180));
		$this->assertFalse(Uninstall::endRehearsals(0));
		$this->assertTrue(Scratch::isWanted());
		Lease::end(Scratch::LEASE);
		$scratch = Scratch::make();
		$this->assertFalse(Scratch::isWanted(), 'it came');
		try {
			Scratch::make(ScratchUse::drill(1, 1));
			$this->fail('there are two');
		} catch (Postponed) {
			$this->assertFalse(Scratch::isWanted(), 'a drill is patient');
		}
		$scratch->end();
	}

	/** Has a rehearsal find that somebody else has the scratch channel. */
	private function refusedScratch(): void
	{
		$token = Token::make();
		$this->assertTrue(Lease::take(Scratch::LEASE, $token, 180));
		try {
			Scratch::make();
			$this->fail('there are two');
		} catch (Postponed $e) {
			$this->assertStringContainsString("has the hub's one hidden channel", $e->getMessage());
		}
		Lease::giveBack(Scratch::LEASE, $token);
	}

	private function bob(): Channel
	{
		return Channel::of(Maker::channel(Maker::identity('bob', 2048), 'bob'));
	}

	/** Begins a drill for which all was sent, and at which no process is. */
	private function drilling(Channel $channel, int $claimedBytes = 1): DrillSession
	{
		$session = DrillSession::begin($channel, ['tagmanifest-sha256.txt' => str_repeat('a', 64)], Session::DRILL);
		$counts = ['files' => 1, 'folders' => 0, 'of_files' => 1, 'of_bytes' => $claimedBytes];
		$counts += ['bytes' => $claimedBytes, 'lacking_bytes' => $claimedBytes];
		$session->note((new Trying(100, 'x'))->chosen(['percent' => 100, 'seed' => 'x'] + $counts));
		$session->enter(Session::DRILLING);

		return DrillSession::find($session->id);
	}

	/** Notes, most of a minute later, that whoever reads has asked for something. */
	private function ask(DrillSession $session): void
	{
		Clock::$ahead += 49;
		Table::update('filesync_door', ['asked' => $this->now()], ['id' => $session->id]);
	}

	private function worker(DrillSession $session): SentDrills
	{
		$class = new ReflectionClass(SentDrills::class);
		$drills = $class->newInstanceWithoutConstructor();
		$class->getConstructor()->invoke($drills, $session, Token::make(), $session->drill());

		return $drills;
	}

	/** Waits, as the worker does, until somebody has read what was restored; returns why nobody did. */
	private function reading(DrillSession $session, int $restoredBytes, Closure $beat): ?Problem
	{
		$drills = $this->worker($session);
		try {
			(new ReflectionMethod($drills, 'waitUntilRead'))->invoke(
				$drills,
				$this->channel,
				true,
				$restoredBytes,
				$beat,
			);
		} catch (Problem $e) {
			return $e;
		} catch (LogicException) {
		}

		return null;
	}

	private function refused(Closure $work): string
	{
		try {
			$work();
		} catch (Refusal $e) {
			return $e->kind;
		}

		return '';
	}

	private function now(): int
	{
		return time() + Clock::$ahead;
	}
}
