<?php

namespace Doors;

require_once __DIR__ . '/../testhub/Doorstep.php';
require_once __DIR__ . '/../set/Rows.php';
require_once __DIR__ . '/../set/Recorded.php';
require_once __DIR__ . '/../set/RoundTrip.php';

use Set\Recorded;
use Set\RoundTrip;
use Set\Rows;
use TestHub\Databases;
use TestHub\Doorstep;
use TestHub\Pair;

/** A hub of alice that loses all her files, again and again, and the backup set that was made before. */
final class Hub
{
	private const PARTS = ['filesync_file', 'filesync_digest', 'filesync_ended', 'filesync_kept'];
	public readonly Doorstep $door;
	public readonly string $folder;
	public readonly string $set;
	public string $password = '';
	private readonly Recorded $before;

	/** @param bool $isSmall Whether a few files are enough. */
	public function __construct(string $folder, bool $isSmall)
	{
		$this->folder = $folder;
		$this->door = new Doorstep($folder);
		$this->set = "$folder/set";
		$pair = $this->door->pair;
		Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->door->hub,
			PHP_BINARY,
			__DIR__ . '/../set/fill.php',
			$this->door->hub,
		]);
		$this->execute("DELETE FROM attach WHERE filename = 'bytes are lost.pdf'");
		if ($isSmall) {
			$this->execute(
				"DELETE FROM attach WHERE filename NOT IN ('photo 3.jpg', 'photo 1.jpg', 'nothing.bin', 'access 2.txt', 'not empty.txt',"
				. " 'Empty', 'empty', 'same as others.bin', 'same as others too.bin', 'zoo', 'desktop.ini', 'cat.jpg', 'CAT.JPG')",
			);
		}
		$pair->command('b', 'backup', 'alice', $this->set);
		if (! is_file("$this->set/channel-signature.json")) {
			throw new \RuntimeException('no set was made');
		}
		Recorded::write("$folder/before", $this->rows(), $pair->urls['b']);
		$this->before = Recorded::read("$folder/before");
	}

	public function close(): void
	{
		$this->door->close();
	}

	/** Loses all files of the channel, and makes a password. */
	public function lose(): void
	{
		$this->door->inHub(
			'foreach (FileSync\Addon\Hub\Table::select("filesync_door", ["uid" => 1]) as $row) FileSync\Addon\Restore\Intake::remove(1, $row["id"]);'
			. ' FileSync\Addon\Door\Session::forget(1); FileSync\Addon\Restore\Job::forget(1);',
		);
		foreach ([
			'DELETE FROM attach WHERE uid = 1',
			'DELETE FROM photo WHERE uid = 1',
			'DELETE FROM item WHERE uid = 1',
			'DELETE FROM term WHERE uid = 1',
			...array_map(fn ($table) => "DELETE FROM $table", self::PARTS),
		] as $sql) {
			$this->execute($sql);
		}
		Pair::run(['rm', '-rf', "{$this->door->hub}/store/alice"]);
		$this->password = $this->door->inHub('echo FileSync\Addon\Door\Key::makeBox(1);');
	}

	/** Returns the address of the drop box. */
	public function box(): string
	{
		return "{$this->door->pair->urls['b']}/filesync/dav/alice/";
	}

	/** Returns how many files are in the drop box. */
	public function came(): int
	{
		return (int) $this->door->pair->rows(
			'b',
			"SELECT count(*) AS n FROM filesync_box_name WHERE sha256 <> ''",
		)[0]['n'];
	}

	/** Returns Status.txt. */
	public function status(): string
	{
		return implode("\n", Pair::run(['curl', '-sS', '-u', "alice:$this->password", $this->box() . 'Status.txt']));
	}

	/** Does what cron and workers do, until nothing is to be done. */
	public function work(): void
	{
		$this->door->inHub('FileSync\Addon\Box\Round::tend();');
		$this->door->work();
	}

	/** Lets an hour pass in which nobody asks for anything. */
	public function wait(int $seconds = 3700): void
	{
		$this->execute("UPDATE filesync_door SET asked = asked - $seconds, touched = touched - $seconds");
	}

	public function execute(string $sql): void
	{
		$this->door->pair->execute('b', $sql);
	}

	/**
	 * Says how the channel differs from what it was.
	 *
	 * @param string $without What need not be there: a part of the line that would say so.
	 *
	 * @return list<string>
	 */
	public function differences(string $without = ''): array
	{
		$url = $this->door->pair->urls['b'];
		$wrong = RoundTrip::compare($this->before, $this->rows(), $url, $url)->wrong();

		return array_values(array_filter($wrong, fn ($line) => $without === '' || ! str_contains($line, $without)));
	}

	/** @return list<string> Paths of the set's files, beneath its folder. */
	public function files(): array
	{
		$files = Pair::run(['find', $this->set, '-type', 'f', '-size', '-1024M', '-printf', '%P\n']);

		return array_values(array_filter($files, fn ($path) => $path !== '.lock'));
	}

	private function rows(): Rows
	{
		return new Rows(
			Databases::connect(
				json_decode((string) file_get_contents("{$this->door->hub}/hub.json"), true)['database'],
			),
			$this->door->hub,
			'alice',
		);
	}
}
