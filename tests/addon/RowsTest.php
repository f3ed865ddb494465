<?php

use FileSync\Addon\Hub\Rows;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Schema\Migrations;

/** The types of rows that the analyzer knows are those of the tables. */
final class RowsTest extends AddonTestCase
{
	public function test_every_table_of_ours_has_a_type_with_its_columns(): void
	{
		[$types, $tables] = self::types();
		foreach (Migrations::columns() as $table => $columns) {
			self::assertArrayHasKey($table, $tables, "Hub\\Rows has no type for $table");
			$known = $types[$tables[$table]];
			self::assertSame(
				array_keys($columns),
				array_keys($known),
				"the type {$tables[$table]} in Hub\\Rows has other columns than $table",
			);
			foreach ($columns as $name => $definition) {
				$isNull = ! str_contains($definition, 'NOT NULL');
				$type = str_contains($definition, 'bigint') ? 'Number' : 'string';
				self::assertSame(($isNull ? '?' : '') . $type, $known[$name], "$table.$name is $definition");
			}
		}
	}

	public function test_the_columns_of_the_hub_exist(): void
	{
		[$types, $tables] = self::types();
		foreach (array_diff_key($tables, Migrations::columns()) as $table => $type) {
			self::assertSame([], Table::lacking($table, $types[$type]), $table);
		}
	}

	/** @return array{array<string, array<string, string>>, array<string, string>} */
	private static function types(): array
	{
		$text = (string) (new ReflectionClass(Rows::class))->getDocComment();
		preg_match_all('/@type (\w+) = array\{(.*?)\}/s', $text, $found, PREG_SET_ORDER);
		$types = [];
		foreach ($found as [, $name, $body]) {
			preg_match_all('/(\w+): (\??\w+)/', $body, $columns, PREG_SET_ORDER);
			$types[$name] = array_column($columns, 2, 1);
		}
		$tables = $types['Tables'];
		unset($types['Tables']);

		return [$types, $tables];
	}
}
