<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\BrakeAnswer;
use FileSync\Addon\Receive\Replay;
use FileSync\Addon\Receive\Undo;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\Overview;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** The buttons of /filesync: each needs the form's token, and affects only rows of the logged-in channel. */
final class OwnerActions
{
	/** By button name: whether its value is the id of a row. */
	private const BUTTONS = [
		'retry' => true,
		'retry_all' => false,
		'pause' => false,
		'resume' => false,
		'check' => false,
		'undo' => true,
		'agree' => true,
		'refuse' => true,
		'accept' => true,
		'give_back' => true,
		'import_stop' => true,
		'import_go_on' => true,
		'import_finish' => true,
		'import_hide' => true,
	];

	/** Processes the form and redirects to the page. */
	public static function take(): void
	{
		$channelId = Page::owner();
		if (! $channelId) {
			Page::deny();
			return;
		}
		Page::refuseForged(OwnerPage::FORM, OwnerPage::PATH);
		try {
			if (Migrations::ready() && Activation::isActive()) {
				$done = self::press($channelId, $_POST);
				if ($done !== '') {
					Page::leave($done, false);
				}
			}
		} catch (Refused|Postponed $e) {
			Page::leave(ucfirst(sprintf(t('not done: %s'), Log::oneLine($e->getMessage()))), true);
		} catch (\Throwable $e) {
			Log::failure('a button on the page of channel ' . $channelId, $e);
			Page::leave(t('That did not work. The log of this hub says why.'), true);
		}
		Page::leadTo(OwnerPage::PATH);
	}

	/** Executes a button; returns a notice, or nothing if the page itself shows the result. */
	private static function press(int $channelId, array $form): string
	{
		foreach (self::BUTTONS as $name => $hasId) {
			$value = $form["filesync_$name"] ?? null;
			if (! is_string($value)) {
				continue;
			}
			if ($hasId && ! preg_match('/^[0-9a-f-]{8,64}$/D', $value)) {
				throw new Refused(t('it no longer exists'));
			}
			Overview::forget($channelId);

			return match ($name) {
				'retry' => self::retry($channelId, self::row('filesync_transfer', $channelId, $value, [
					'state' => [TransferState::PARKED, TransferState::WAITING],
					'kind <>' => Queue::BRAKE,
				])),
				'retry_all' => self::retry($channelId, null),
				'pause' => self::pause($channelId, true),
				'resume' => self::pause($channelId, false),
				'check' => self::check($channelId),
				'undo' => self::undo(self::row('filesync_kept', $channelId, $value, ['source' => ''])),
				'agree', 'refuse' => self::decide($channelId, self::row('filesync_packet', $channelId, $value, [
					'state' => 'parked',
				]), $name === 'agree'),
				'import_stop', 'import_go_on', 'import_finish', 'import_hide' => ImportPart::press(
					$channelId,
					$value,
					$name,
				),
				'accept', 'give_back' => self::answer($channelId, $value, $name === 'accept'),
			};
		}
		throw new Refused(t('it no longer exists'));
	}

	/** Returns one of the channel's rows. */
	private static function row(string $table, int $channelId, string $id, array $where): array
	{
		$row = Table::rows($table, ['id' => $id, 'uid' => $channelId] + $where, '', 1)[0] ?? null;

		return $row && $row['id'] === $id ? $row : throw new Refused(t('it no longer exists'));
	}

	private static function retry(int $channelId, ?array $row): string
	{
		$mine = ['uid' => $channelId] + ($row ? ['id' => $row['id'], 'generation' => (int) $row['generation']] : []);
		$mine += ['state' => [TransferState::PARKED, TransferState::WAITING], 'kind <>' => Queue::BRAKE];
		Queue::forgetStated($mine);
		Table::update(
			'filesync_transfer',
			[
				'state' => TransferState::STAGED,
				'token' => '',
				'lease_until' => 0,
				'attempts' => 0,
				'next_at' => Clock::now(),
				'updated' => Clock::now(),
			],
			$mine,
		);
		if (! $row) {
			Table::update(
				'filesync_outbox',
				['state' => 'due', 'attempts' => 0, 'next_at' => 0],
				['uid' => $channelId, 'state' => 'parked'],
			);
			Table::update('filesync_packet', ['next_at' => Clock::now()], ['uid' => $channelId, 'state' => 'staged']);
		}
		Doorbell::ring();

		return t('Trying again now.');
	}

	private static function pause(int $channelId, bool $isPaused): string
	{
		$scope = 'channel:' . $channelId;
		$isPaused ? Config::set('paused', '1', $scope) : Config::clear('paused', $scope);
		if (! $isPaused) {
			Doorbell::ring();
		}

		return $isPaused ? '' : t('Resumed.');
	}

	private static function check(int $channelId): string
	{
		Reconcile::request($channelId);

		return t('The clones are being compared.');
	}

	private static function undo(array $kept): string
	{
		$path = Undo::apply($kept);
		Doorbell::ring();

		return sprintf(t('Restored: %s. The other clones will be told.'), Log::oneLine($path));
	}

	/** Accepts or refuses everything that a clone displaced or wants to. */
	private static function answer(int $channelId, string $id, bool $isAgreed): string
	{
		$line = array_values(array_filter(
			Brake::lines($channelId),
			fn ($line) => $line['id'] === $id,
		))[0] ?? throw new Refused(t('it no longer exists'));
		BrakeAnswer::decide($line, $isAgreed);

		return $isAgreed
			? t('Accepted. The change is being applied here.')
			: t('Our files are being restored, here and on the other clones.');
	}

	private static function decide(int $channelId, array $packet, bool $isAgreed): string
	{
		$isAgreed ? Replay::accept($packet) : Replay::dismiss($packet);
		Outbox::run($channelId, ['announce', 'deleted']);
		Doorbell::ring();

		return $isAgreed
			? t('Agreed. The change has been applied here.')
			: t('Refused. The deleted files will be restored there.');
	}
}
