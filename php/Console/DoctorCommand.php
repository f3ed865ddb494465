<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Doctor\Doctor;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Page\AdminPage;

if (! class_exists('App', false)) {
	exit;
}

/** Prints what the doctor found. */
final class DoctorCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Returns 1 if something is wrong. `--only` shows some checks, by name. */
	public function run(array $words): int
	{
		$only = $this->options->text(Option::Only);
		$findings = Doctor::ofThisHub()->examine($only === null ? [] : explode(',', $only));
		try {
			if ($only === null) {
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
}
