<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Settings;

if (! class_exists('App', false)) {
	exit;
}

/** Shows and changes settings. */
final class ConfigCommand
{
	private readonly string $scope;

	public function __construct(private readonly array $options)
	{
		$this->scope = (string) ($options['scope'] ?? 'site');
	}

	/** Runs `config`, `config get NAME`, `config set NAME VALUE` or `config clear NAME`. */
	public function run(array $words): int
	{
		if (! $words) {
			return $this->list();
		}
		[$action, $name, $value] = $words + [1 => '', 2 => ''];
		if (count($words) !== (['get' => 2, 'set' => 3, 'clear' => 2][$action] ?? 0)) {
			return Usage::show();
		}
		if (! Settings::hasScope($name, $this->scope)) {
			fwrite(
				STDERR,
				isset(Settings::ALL[$name])
					? "filesync: $name has no scope {$this->scope}\n"
					: "filesync: there is no setting $name; `config` lists them\n",
			);
			return 2;
		}
		if ($action === 'set' && ! Settings::accepts($name, $value, $this->scope)) {
			fwrite(STDERR, rtrim("filesync: $name cannot be '$value': " . Settings::range($name), ': ') . "\n");
			return 2;
		}
		match ($action) {
			'get' => print Config::get($name, $this->scope) . "\n",
			'set' => Config::set($name, $value, $this->scope),
			'clear' => Config::clear($name, $this->scope),
		};

		return 0;
	}

	private function list(): int
	{
		$all = [];
		foreach (Settings::ALL as $name => $one) {
			$all[$name] = isset($this->options['json']) ? Config::get($name) : [Config::get($name), $one];
		}
		if (isset($this->options['json'])) {
			echo json_encode($all), "\n";
			return 0;
		}
		foreach ($all as $name => [$value, $one]) {
			echo
				"$name = $value",
				$value === $one['default'] ? '' : " (default: {$one['default']})",
				"\n",
				wordwrap('    ' . $one['text'], 100, "\n    "),
				"\n    ",
				$one['unit'],
				($range = Settings::range($name)) === '' ? '' : ", $range",
				"\n"
			;
		}

		return 0;
	}
}
