<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/** Shows and changes settings. */
final class ConfigCommand implements Task
{
	private readonly string $scope;

	public function __construct(private readonly Options $options)
	{
		$this->scope = $options->text(Option::Scope) ?? 'site';
	}

	/** Lists all settings; or prints, changes or clears one. */
	public function run(array $words): int
	{
		if (! $words) {
			return $this->list();
		}
		[$action, $name, $value] = [...$words, '', '', ''];
		$problem = $this->problem($name, $action);
		if ($problem !== null) {
			fwrite(STDERR, "filesync: $problem\n");
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
		if ($action !== 'get') {
			Doorbell::again();
		}

		return 0;
	}

	/** Returns why a setting cannot be read or changed in this scope, or null. */
	private function problem(string $name, string $action): ?string
	{
		if (! isset(Settings::ALL[$name])) {
			return "there is no setting $name; `config` lists them";
		}
		if (! Settings::hasScope($name, $this->scope)) {
			$forms = ['site' => 'site', 'channel' => 'channel:<id>', 'peer' => 'peer:<root URL>'];
			$has = array_intersect_key($forms, array_flip(['site', ...(Settings::ALL[$name]['scopes'] ?? [])]));

			return "$name has no scope {$this->scope}, but: " . implode(', ', $has);
		}
		// What was set for a channel that has gone can still be cleared.
		if ($action !== 'clear' && str_starts_with($this->scope, 'channel:')) {
			$channels = array_map(fn ($channel) => "channel:$channel->id ($channel->nick)", Clones::channels());
			if (! preg_grep('/^' . $this->scope . ' /', $channels)) {
				return "this hub has no {$this->scope}; there are: " . implode(', ', $channels);
			}
		}

		return null;
	}

	private function list(): int
	{
		$all = [];
		foreach (Settings::ALL as $name => $one) {
			$all[$name] = $this->options->has(Option::Json) ? Config::get($name) : [Config::get($name), $one];
		}
		if ($this->options->has(Option::Json)) {
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
