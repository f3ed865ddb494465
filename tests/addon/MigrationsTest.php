<?php

use FileSync\Addon\Schema\Migrations;

/** Hubs have run the steps of every release: such a step never changes, or their tables differ from a new hub's. */
final class MigrationsTest extends AddonTestCase
{
	/** The last step of each release, and the digest of all statements up to it. */
	private const RELEASED = ['0.1.0' => [9, 'b85560114b49f578830349caa87b2d7010af9c9e52129d2176253e2338398bc4']];

	public function test_the_steps_of_a_release_stay_as_they_were(): void
	{
		$steps = (new ReflectionMethod(Migrations::class, 'steps'))->invoke(null);
		foreach (self::RELEASED as $version => [$last, $digest]) {
			$statements = array_merge(...array_slice($steps, 0, $last));
			$text = implode("\n", array_map(fn ($one) => is_string($one) ? $one : 'code', $statements));
			// MariaDB's type for long texts has another name in PostgreSQL.
			$this->assertSame($digest, hash('sha256', strtr($text, ['mediumtext' => 'text'])), $version);
		}
	}

	public function test_no_step_runs_code_that_may_change(): void
	{
		$source = file_get_contents((new ReflectionClass(Migrations::class))->getFileName());
		$steps = substr($source, strpos($source, 'function steps('));
		preg_match_all('/(?:\w+::|self::)\w+\(/', $steps, $calls);
		$this->assertSame(['Database::isPostgres(', 'Table::widen('], array_values(array_unique($calls[0])));
	}
}
