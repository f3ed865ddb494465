<?php

use FileSync\Addon\Hub\Family;

/** A theme that calls core's functions in a namespace of its own is heard where it is installed, and only there. */
final class ThemeTest extends AddonTestCase
{
	private const OURS = 'Theme\Solidified\Api\Handlers\attach_delete';

	public function test_its_calls_are_ours_where_it_is_installed(): void
	{
		$this->assertSame([true, []], $this->overrides());
		unlink('view');
		mkdir('view');
		$this->assertSame([false, []], $this->overrides());
	}

	public function test_another_addon_that_was_first_is_said_to_be(): void
	{
		$first = 'namespace Theme\Solidified\Api\Handlers { function attach_delete() {} }';
		$this->assertSame([true, [self::OURS]], $this->overrides($first));
	}

	public function test_another_theme_does_not_count(): void
	{
		unlink('view');
		mkdir('view/theme/redbasic', recursive: true);
		$this->assertFalse(Family::hasTheme());
	}

	/** Tells whether a new process has our functions for the theme, and which it misses. */
	private function overrides(string $first = ''): array
	{
		$code =
			$first
			. ' namespace { require "'
			. __DIR__
			. '/Fake/Instant.php"; require "'
			. __DIR__
			. '/Fake/extension.php"; require "include/cli_startup.php"; cli_startup();'
			. ' echo "\n", json_encode([function_exists('
			. var_export(self::OURS, true)
			. '), FileSync\Addon\Hub\Overrides::lost()]); }';

		return json_decode((string) exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($code)), true);
	}
}
