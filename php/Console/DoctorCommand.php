<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Doctor\Doctor;
use FileSync\Addon\Hub\Ground;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Page\AdminPage;

if (! class_exists('App', false)) {
	exit;
}

/** Prints what the doctor found, or what filesync takes for granted of the hub. */
final class DoctorCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Returns 1 if something is wrong. `--only` shows some checks, by name. */
	public function run(array $words): int
	{
		if ($this->options->has(Option::Assumptions)) {
			if ($this->options->has(Option::Only)) {
				throw new WrongUsage('--assumptions and --only exclude each other: pass one of them');
			}
			return self::assumptions($this->options->has(Option::Json));
		}
		$only = $this->options->text(Option::Only);
		$findings = Doctor::ofThisHub()->examine($only === null ? [] : explode(',', $only));
		try {
			if ($only === null && ! Ground::lacks()) {
				AdminPage::remember($findings);
			}
		} catch (\RuntimeException) {
			// That the tables are not there is a finding.
		}
		if ($this->options->has(Option::Json)) {
			echo json_encode($findings, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
		}
		foreach ($this->options->has(Option::Json) ? [] : $findings as $one) {
			$mark = $one['ok'] ? 'ok' : ($one['ok'] === null ? '?' : 'WRONG');
			printf("%-5s %-14s %s\n", $mark, $one['check'], Log::oneLine($one['finding']));
			if ($one['remedy'] !== '') {
				printf("%20s -> %s\n", '', Log::oneLine($one['remedy']));
			}
		}

		return in_array(false, array_column($findings, 'ok'), true) ? 1 : 0;
	}

	/** Lists each assumption with the parts that depend on it; returns 1 if one fails on which a part depends. */
	private static function assumptions(bool $isJson): int
	{
		$all = Look::again();
		if ($isJson) {
			echo json_encode($all, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
		}
		foreach ($isJson ? [] : $all as $one) {
			printf(
				"%-5s %-9s %s (%s) %s\n",
				$one['ok'] ? 'ok' : ($one['ok'] === null ? '?' : 'WRONG'),
				$one['kind'],
				Log::oneLine($one['name']),
				count(array_intersect(Parts::ALL, $one['parts'])) === count(Parts::ALL)
					? 'every part'
					: implode(', ', array_map(Parts::name(...), $one['parts'])),
				Log::oneLine($one['where']),
			);
			echo $one['found'] === '' ? '' : sprintf("%15s -> %s\n", '', Log::oneLine($one['found']));
		}

		return Parts::failing($all) ? 1 : 0;
	}
}
