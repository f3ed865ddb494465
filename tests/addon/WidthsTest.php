<?php

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Widths;
use FileSync\Addon\Receive\Undo;
use FileSync\Photo;

/** What the hub's columns hold is what its database says, and all that writes a file's row keeps to it. */
final class WidthsTest extends AddonTestCase
{
	/** As wide as the type that stands for one that is too long. */
	private const NARROW = 24;
	private const LONG = 'application/x-which-is-too-long';

	public function test_a_column_is_as_wide_as_the_database_says(): void
	{
		dbq('CREATE TABLE measured (a varchar(12), b char(3), n int)');
		$this->assertSame([12, 3, null], [
			Widths::of('measured', 'a'),
			Widths::of('measured', 'b'),
			Widths::of('measured', 'n'),
		]);
		$this->assertNull(Widths::of('measured', 'missing'));
	}

	public function test_a_type_is_measured_in_characters_and_never_cut(): void
	{
		$this->narrow();
		$this->assertSame(
			[str_repeat('é', self::NARROW), 'application/octet-stream', 'text/plain'],
			array_map(Widths::mediaType(...), [
				str_repeat('é', self::NARROW),
				str_repeat('é', self::NARROW + 1),
				'text/plain',
			]),
		);
	}

	public function test_a_new_connection_asks_again(): void
	{
		$this->assertSame(self::LONG, Widths::mediaType(self::LONG));
		$this->narrow();
		$this->assertSame('application/octet-stream', Widths::mediaType(self::LONG));
	}

	/** Each way in which a file's row is written, with a type that is too long for it. */
	public function test_all_that_writes_a_row_keeps_to_its_width(): void
	{
		$this->narrow();
		Photo::$isKnown = false;
		$this->receive($this->file('f1', 'one', ['filetype' => self::LONG], ['d1' => 'Folder']));
		$this->work();
		$this->receive($this->file('f1', 'two', ['filetype' => self::LONG, 'edited' => '2024-06-01 10:00:00']));
		$this->work();
		// What was kept under another version of the hub has the type that it had.
		[$kept] = Table::select('filesync_kept', []);
		Undo::apply(['entry' => strtr($kept['entry'], ['application\/octet-stream' => self::LONG])] + $kept);
		$this->assertSame(['one', 'application/octet-stream'], [$this->shown('f1'), $this->attach('f1')['filetype']]);
		$this->sent();
		[$entry, $bytes] = [
			json_decode($kept['entry'], true),
			['print' => 'x', 'by' => '', 'at' => 'hub', 'edited' => '2024-06-01 10:00:00'],
		];
		$entry = ['attach' => ['filetype' => self::LONG] + $entry['attach'], 'bytes' => $bytes];
		Table::update('filesync_kept', ['entry' => json_encode($entry)], ['id' => $kept['id']]);
		FileSync\Addon\Receive\ConflictCopy::make($this->channel, $kept['id']);
		$this->assertSame(
			'application/octet-stream',
			Table::first('attach', ['filename like' => '%(conflict %'])['filetype'],
		);
		Table::insert('photo', [
			'uid' => 1,
			'aid' => 1,
			'resource_id' => 'lost-photo',
			'mimetype' => self::LONG,
			'filename' => 'a.xyz',
			'content' => 'bytes',
			'filesize' => 5,
			'created' => '2024-05-01 10:00:00',
			'edited' => '2024-05-01 10:00:00',
			'expires' => '2024-05-02 10:00:00',
		] + (require __DIR__ . '/../shared/photo-row.php'));
		file_put_contents('store/alice/lost-file', '{"a": 1}');
		touch('store/alice/lost-file', time() - 200000);
		$this->runVerb('repair', 'files');
		$this->assertSame('application/octet-stream', $this->attach('lost-photo')['filetype']);
		$this->assertLessThanOrEqual(self::NARROW, strlen($this->attach('lost-file')['filetype']));
		$this->assertSame('multipart/mixed', $this->attach('d1')['filetype']);
	}

	/** One place knows what a row of a file holds. */
	public function test_nothing_else_names_the_type_of_a_row_that_it_writes(): void
	{
		$this->assertSame(
			['a.php', 'b.php'],
			self::writers([
				'a.php' => "<?php Table::insert('attach', ['filetype' => \$type]);",
				'b.php' => "<?php \$journal->insert(\n\t'attach',\n\t\$row);",
				'c.php' => "<?php Table::insert('attach', AttachRow::columns() + AttachRow::contents());",
				'd.php' => "<?php Table::update('attach', ['filename' => \$name], []);",
			]),
		);
		$files = [];
		foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
			realpath('addon/filesync'),
			FilesystemIterator::SKIP_DOTS,
		)) as $path => $file) {
			$name = substr($path, strlen(realpath('addon/filesync')) + 1);
			// All but AttachRow read entries, or make them as another hub does.
			if (
				$file->getExtension() === 'php'
				&& ! in_array(
					$name,
					[
						'Drill/Tables.php',
						'Storage/AttachRow.php',
						'Protocol/Packet.php',
						'Restore/Placing.php',
						'Transfer/ScaleEntry.php',
						'Rehearsal/Receiving.php',
						'Rehearsal/Scene.php',
					],
					true,
				)
			) {
				$files[$name] = file_get_contents($path);
			}
		}
		$this->assertGreaterThan(150, count($files));
		$this->assertSame([], self::writers($files));
	}

	/** Returns which of some files write the type of an attach row themselves. */
	private static function writers(array $files): array
	{
		return array_keys(array_filter(
			$files,
			fn ($code) => (
				preg_match('/[\'"]filetype[\'"]\s*=>/', $code)
				|| (
					preg_match('/(?:i|tryI|upsert|I)nsert\(\s*[\'"]attach[\'"]/', $code)
					&& ! preg_match('/AttachRow::(contents|folder)\(/', $code)
				)
			),
		));
	}

	/** Makes the column narrow, and opens the database again. */
	private function narrow(): void
	{
		$type = 'varchar(' . self::NARROW . ')';
		foreach ([
			'sqlite' => [
				'ALTER TABLE attach DROP COLUMN filetype',
				"ALTER TABLE attach ADD COLUMN filetype $type NOT NULL DEFAULT ''",
			],
			'mysql' => ["ALTER TABLE attach MODIFY filetype $type NOT NULL DEFAULT ''"],
			'pgsql' => ["ALTER TABLE attach ALTER COLUMN filetype TYPE $type"],
		][TestHub\Databases::kind(DBA::$dba->dsn)] as $statement) {
			DBA::$dba->db->exec($statement);
		}
		DBA::open(DBA::$dba->dsn);
	}
}
