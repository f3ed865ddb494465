<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Ground;
use FileSync\Addon\Hub\Loopback;
use FileSync\Addon\Hub\Neighbour;
use FileSync\Addon\Hub\Parts;

if (! class_exists('App', false)) {
	exit;
}

/** Checks this hub's own set-up; each finding comes with its remedy. */
final class Doctor
{
	/**
	 * @param \Closure $ask      Asks this hub's web server: method, path, headers, body. See Hub\Loopback.
	 * @param \Closure $askClone Asks another hub about a channel. See Hub\Neighbour.
	 */
	public function __construct(private readonly \Closure $ask, private readonly \Closure $askClone) {}

	/** Returns the doctor of this hub. */
	public static function ofThisHub(): self
	{
		return new self(Loopback::ask(...), Neighbour::ask(...));
	}

	/**
	 * Runs all checks, or some by name (see Findings::CHECKS), and returns the findings: at least one for each named
	 * check.
	 *
	 * @param list<string> $only
	 *
	 * @param list<string> $only
	 *
	 * @return list<array{check: string, ok: ?bool, finding: string, remedy: string}> `ok` null: could not be
	 *     checked, or worth knowing.
	 */
	public function examine(array $only = []): array
	{
		$findings = new Findings();
		Software::look($findings);
		if (Ground::lacks()) {
			return self::named($findings, $only);
		}
		Storage::look($findings);
		$findings->attempt('code', Ownership::look(...));
		// Checks that need the network are slow: skip those already answered.
		if (array_diff($only ?: [''], array_column($findings->all(), 'check')) && $this->isServing($findings)) {
			Background::look($findings);
			$findings->attempt('serving', fn () => (new WebServer($findings, $this->ask))->look());
			$findings->attempt('names', fn () => (new DropBox($findings, $this->ask))->look());
			$findings->attempt('doors', fn () => (new Doors($findings, $this->ask))->look());
			$findings->attempt('clone', fn () => Neighbours::look($findings, $this->askClone));
		}
		$findings->noteSilent($only);

		return self::named($findings, $only);
	}

	/**
	 * @param list<string> $only
	 *
	 * @return list<array{check: string, ok: ?bool, finding: string, remedy: string}>
	 */
	private static function named(Findings $findings, array $only): array
	{
		return array_values(array_filter(
			$findings->all(),
			fn ($one) => ! $only || in_array($one['check'], $only, true),
		));
	}

	private function isServing(Findings $findings): bool
	{
		try {
			$isOn = Config::get('enabled') !== '0';
		} catch (\RuntimeException) {
			// The tables are a finding already.
			return false;
		}
		if (! $isOn) {
			$findings->note(
				'serving',
				null,
				t('filesync is switched off on this hub.'),
				'php addon/filesync/cli.php config set enabled 1',
			);
		} elseif (Parts::off() === Parts::ALL) {
			$findings->note('serving', null, (string) Parts::problems(), Findings::WHY);
			return false;
		}

		return $isOn;
	}
}
