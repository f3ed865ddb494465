<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Settings;
use PHPUnit\Framework\Attributes\DataProvider;

/** One table says what settings there are: the command, the page and the docs agree with it. */
final class SettingsTest extends AddonTestCase
{
	public function test_the_docs_list_every_setting_as_it_is(): void
	{
		$docs = file_get_contents(__DIR__ . '/../../docs/settings.md');
		$rows = '';
		foreach (Settings::ALL as $name => $one) {
			$default = $one['default'] === '' ? 'empty' : $one['default'];
			$scopes = implode(' ', array_map(
				fn ($scope) => ['channel' => '`channel:<id>`', 'peer' => '`peer:<root URL>`'][$scope],
				$one['scopes'] ?? [],
			));
			$rows .=
				"| `$name` | $default | "
				. implode(', ', array_filter([$one['unit'], Settings::range($name)]))
				. " | $scopes | {$one['text']} |\n";
		}
		$this->assertStringContainsString($rows, $docs);
		preg_match_all('/^\| `(\w+)` \|/m', $docs, $found);
		$this->assertSame(array_keys(Settings::ALL), $found[1]);
	}

	public function test_every_default_is_possible_and_every_setting_is_used(): void
	{
		$code = '';
		foreach (glob('addon/filesync/{*,*/*}.php', GLOB_BRACE) as $file) {
			$code .= str_ends_with($file, 'Settings.php') ? '' : file_get_contents($file);
		}
		foreach (Settings::ALL as $name => $one) {
			$this->assertTrue(Settings::accepts($name, $one['default']), $name);
			$this->assertMatchesRegularExpression("/(get|number|numberFor)\\('$name'/", $code);
		}
	}

	/** @dataProvider values */
	#[DataProvider('values')]
	public function test_impossible_values_and_scopes_are_refused(
		string $name,
		string $value,
		string $scope,
		bool $isPossible,
	): void {
		$this->assertSame($isPossible, Settings::accepts($name, $value, $scope));
	}

	public static function values(): array
	{
		return [
			['workers', '32', 'site', true],
			['workers', '33', 'site', false],
			['workers', '0', 'site', false],
			['workers', '-1', 'site', false],
			['workers', '2x', 'site', false],
			['workers', "2\n", 'site', false],
			['workers', '2', 'channel:1', false],
			['bytes_per_second', '0', 'site', true],
			['bytes_per_second', '1000', 'site', false],
			['bytes_per_second', '65536', 'site', true],
			['enabled', '0', 'channel:12', true],
			['enabled', '0', 'channel:x', false],
			['enabled', '2', 'site', false],
			['enabled', '0', 'state', false],
			['dav_allowed', '0', 'peer:https://a.example', true],
			['dav_allowed', '0', 'peer:', false],
			['none', '1', 'site', false],
			['x_accel', '', 'site', true],
			['x_accel', "X-Sendfile\r\nA: b", 'site', false],
		];
	}

	public function test_the_command_explains_and_refuses(): void
	{
		$answers = [
			$this->runVerb('config'),
			$this->runVerb('config', 'set', 'workers', '33'),
			$this->runVerb('config', 'set', 'nothing', '9'),
			$this->runVerb('config', 'set', 'workers', '2', '--scope', 'channel:1'),
			$this->runVerb('config', 'set', 'enabled', '0', '--scope=channel:1'),
		];
		$this->assertSame([0, 2, 2, 2, 0], array_column($answers, 0));
		$this->assertStringContainsString(
			"kept_days = 30\n    How long files that a sync replaced or deleted are kept.\n    days, 0 or more\n",
			$answers[0][1],
		);
		$this->assertSame(['2', '0'], [Config::get('workers'), Config::get('enabled', 'channel:1')]);
	}
}
