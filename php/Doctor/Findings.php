<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;

if (! class_exists('App', false)) {
	exit;
}

/** The findings so far. */
final class Findings
{
	/** The command that tells why parts of filesync are off. */
	public const WHY = 'php addon/filesync/cli.php doctor --assumptions';

	/** The names of all checks. */
	public const CHECKS = [
		'hub',
		'rehearsal',
		'assumptions',
		'files',
		'registered',
		'overrides',
		'extension',
		'php',
		'memory',
		'tables',
		'space',
		'user',
		'store',
		'device',
		'code',
		'serving',
		'cron',
		'extension-cli',
		'paused',
		'workers',
		'held',
		'packets',
		'backup',
		'restore',
		'reachable',
		'extension-web',
		'addon-web',
		'overrides-web',
		'php-web',
		'memory-web',
		'limits',
		'tickets',
		'authorization',
		'ranges',
		'headers',
		'length',
		'source',
		'private',
		'doors',
		'methods',
		'bodies',
		'names',
		'chunked',
		'temporary',
		'locations',
		'clone',
		'address',
		'clock',
		'folders',
		'addons',
	];

	/**
	 * @var list<array{check: string, ok: ?bool, finding: string, remedy: string}> `ok` null: could not be checked,
	 *     or worth knowing.
	 */
	private array $all = [];

	/**
	 * Adds one. It drops the remedy of a passed check, and prefixes the hub's commands with `sudo -u`, because the
	 * reader may be root.
	 */
	public function note(string $check, ?bool $ok, string $finding, string $remedy = ''): void
	{
		if ($user = Runtime::hubUser()) {
			$remedy = preg_replace('#\bphp (?=(util|addon|Zotlabs)/)#', "sudo -u {$user['name']} php ", $remedy);
		}
		$this->all[] = ['check' => $check, 'ok' => $ok, 'finding' => $finding, 'remedy' => $ok ? '' : $remedy];
	}

	/** Runs a check that may fail; its failure becomes a finding. */
	public function attempt(string $check, callable $look): void
	{
		try {
			$look($this);
		} catch (\Throwable $e) {
			$this->note(
				$check,
				false,
				sprintf(t('could not be checked: %s'), $e->getMessage()),
				Parts::off() === []
					? t("read the hub's log; a table or a file of filesync may be missing")
					: self::WHY,
			);
		}
	}

	/**
	 * Notes for each of these checks that had nothing to say that it had not.
	 *
	 * @param list<string> $checks
	 */
	public function noteSilent(array $checks): void
	{
		foreach (array_diff($checks, array_column($this->all, 'check')) as $check) {
			$this->note(
				$check,
				null,
				t('this check had nothing to say: all is well, or it could not be tried'),
				'php addon/filesync/cli.php doctor',
			);
		}
	}

	/** Returns all, in the order in which they were found. */
	public function all(): array
	{
		return $this->all;
	}
}
