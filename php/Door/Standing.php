<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Restore\Decision;

if (! class_exists('App', false)) {
	exit;
}

/** How far a session is, for programs, and in words for a person. */
final class Standing
{
	private const MOST = 100;

	/**
	 * @return array{
	 *     session: string, state: string, code: string, message: string, expires: string,
	 *     declared: array{files: int, bytes: int}, received: array{files: int, bytes: int}, percent: int,
	 *     restore: ?array<array-key, mixed>, plan: ?array<array-key, mixed>,
	 *     drill: ?array{
	 *         sample: ?array<string, mixed>, readable: bool, certificate: ?array<string, mixed>
	 *     },
	 *     attention: list<array{code: string, name: string, message: string}>
	 * }
	 */
	public static function of(Session $session): array
	{
		$tried = $session->door === Session::DRILL ? DrillSession::from($session) : null;
		$job = $tried ? null : $session->job();
		$isAtWork = $session->isLive() && $session->state !== Session::OPEN;
		$plan = $session->plan();
		$counted = match (true) {
			$tried !== null => [],
			$session->isLive() => self::decoded($job?->done()->facts() ?? []),
			default => $session->result(),
		};
		/** @var array<string, list<array{name: string, why: string}>> $named */
		$named = ($plan === [] ? $counted : $plan)['named'] ?? [];

		return [
			'session' => $session->id,
			'state' => $session->state,
			'code' => $isAtWork && $job ? $job->code : $session->code,
			'message' => $isAtWork && $job ? $job->reason : $session->reason,
			'expires' => gmdate('Y-m-d\TH:i:s\Z', $session->expires()),
			'declared' => Entry::count($session, false),
			'received' => Entry::count($session, true),
			'percent' => match (true) {
				$session->state === Session::DONE => 100,
				! $isAtWork => 0,
				default => $tried ? $tried->drill()->percentDone() : $job?->percent() ?? 0,
			},
			'restore' => $counted === [] ? null : $counted,
			'plan' => $plan === [] ? null : $plan,
			'drill' => $tried ? self::drill($tried) : null,
			'attention' => self::attention($named),
		];
	}

	/** @return array{sample: ?array<string, mixed>, readable: bool, certificate: ?array<string, mixed>} */
	private static function drill(DrillSession $session): array
	{
		return [
			'sample' => $session->drill()->sample,
			'readable' =>
				$session->state === Session::DRILLING && $session->scratchNick() !== '' && $session->readNick() === '',
			'certificate' => $session->state === Session::DONE ? $session->result() : null,
		];
	}

	/**
	 * @param array<string, mixed> $facts
	 *
	 * @return array<string, mixed>
	 */
	private static function decoded(array $facts): array
	{
		/** @var array<string, mixed> */
		return json_decode((string) json_encode($facts), true);
	}

	/**
	 * @param array<string, list<array{name: string, why: string}>> $named
	 *
	 * @return list<array{code: string, name: string, message: string}>
	 */
	private static function attention(array $named): array
	{
		$lines = [];
		foreach ($named as $code => $files) {
			foreach ($files as $file) {
				$lines[] = [
					'code' => $code,
					'name' => $file['name'],
					'message' => self::words($code, $file['name'], $file['why']),
				];
			}
		}

		return array_slice($lines, 0, self::MOST);
	}

	private static function words(string $code, string $name, string $why): string
	{
		return match (Decision::tryFrom($code)) {
			Decision::Differs => "$name was changed here since and stays. The option replace takes the set's.",
			Decision::Deleted => "$name was deleted since and stays deleted. The option deleted restores it.",
			Decision::Newer => "$name is newer on another hub and comes from there.",
			Decision::Arriving => "$name is on its way from another hub.",
			Decision::NoBytes => "$name had no bytes on the hub when the set was made.",
			Decision::Missing => "$name was not sent.",
			Decision::Damaged => "$name is not what was saved.",
			Decision::TooLarge => "$name is larger than this hub accepts.",
			Decision::Refused => "$name cannot be here" . ($why === '' ? '.' : ": $why."),
			default => $code === 'crop_lost'
				? "$name comes without crops: they were not sent or are not what was saved."
				: "$name: $code",
		};
	}
}
