<?php

use Assumptions\Uses;
use FileSync\Addon\Hub\AssumptionCheck;
use FileSync\Addon\Hub\Assumptions;
use FileSync\Addon\Hub\Columns;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parameter;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Shape;
use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/../assumptions/Uses.php';

/** What filesync takes for granted of the hub is in one table, and each of it is checked. */
final class AssumptionsTest extends AddonTestCase
{
	private const PHP = __DIR__ . '/../../php';
	private const CORE = __DIR__ . '/../testhub/core';
	/** What a process may lack, of PHP, of this addon, or of newer hubs; and what only looks like a column. */
	private const NOT_OF_THE_HUB = [
		'idn_to_ascii()',
		'Imagick',
		'Imagick::getHdriEnabled',
		'Zotlabs\Module\Filesync',
		'MAX_FILENAME_LENGTH',
		'HttpSignature\HttpMessageSigner',
		'HttpSignature\HttpMessageSigner::class',
		'GuzzleHttp\Psr7\Request',
		'GuzzleHttp\Psr7\Request::class',
	];
	private const NO_COLUMN = [
		'item_id',
		// Hubs before 8.9 are served without it.
		'channel_eprvkey',
		'item_store_before',
		'item_store_update_before',
		'channel_remove',
		'channel_import',
		'photo_upload',
	];

	public function test_the_table_lists_all_that_our_code_uses_of_the_hub(): void
	{
		$known = [
			...array_map(fn ($name) => "$name()", array_keys(Assumptions::FUNCTIONS)),
			...array_keys(
				Assumptions::METHODS + Assumptions::CLASSES + Assumptions::PROPERTIES + Assumptions::CONSTANTS,
			),
			// Ours in the hub's place; rehearsals call them as the hub does.
			...array_map(fn ($name) => "$name()", Assumptions::overrides()),
			...self::NOT_OF_THE_HUB,
		];
		$uses = $this->usesOfHub();
		$this->assertArrayHasKey('Zotlabs\Web\HTTPSig::verify', $uses);
		$this->assertArrayHasKey('drop_item()', $uses);
		$this->assertArrayHasKey('App::$hooks', $uses);
		$own = fn ($name) => str_starts_with($name, 'filesync_');
		$this->assertSame(
			[],
			array_filter(array_diff_key($uses, array_flip($known)), fn ($name) => ! $own($name), ARRAY_FILTER_USE_KEY),
		);
		$this->assertEqualsCanonicalizing(array_keys(filesync_hooks()), array_keys(Assumptions::HOOKS));
	}

	public function test_the_table_lists_all_columns_that_our_code_uses(): void
	{
		$used = [];
		$texts = [];
		foreach ($this->sources() as $file => $code) {
			foreach ((new Uses($code, array_keys(Assumptions::TABLES)))->columns as $table => $columns) {
				foreach (array_keys($columns) as $column) {
					$used["$table.$column"][] = $file;
				}
			}
			preg_match_all('/\'((?:channel|hubloc|outq|xchan|item)_[a-z_]+)\'/', $code, $names);
			foreach (array_diff($names[1], self::NO_COLUMN) as $name) {
				$used[strtok($name, '_') . ".$name"][] = $file;
			}
			preg_match_all('/\w+/', $code, $words);
			$texts += array_fill_keys($words[0], true);
		}
		$known = [];
		foreach (Assumptions::TABLES as $table => [$list]) {
			foreach (explode(' ', $list) as $column) {
				$known["$table." . strtok($column, ':')] = true;
			}
		}
		$this->assertGreaterThan(80, count($used));
		$this->assertSame([], array_diff_key($used, $known), 'not in the table');
		$unused = array_filter(array_keys($known), fn ($name) => ! isset($texts[explode('.', $name)[1]]));
		$this->assertSame([], array_values($unused), 'in the table, and used by nobody');
	}

	public function test_somebody_uses_each_entry(): void
	{
		$uses = $this->usesOfHub();
		$code = implode("\n", $this->sources());
		$strings = file_get_contents(self::PHP . '/lang/de/hstrings.php');
		foreach (Assumptions::FUNCTIONS as $name => [, , $parts]) {
			$isReplaced = preg_grep('/\\\\' . $name . '$/D', Assumptions::CALLS_OF_IMPORT);
			$isUsed = isset($uses["$name()"]) || preg_match("/'$name'/", $code) || $isReplaced;
			$this->assertTrue((bool) $isUsed, $name);
			$this->assertKnowsParts($parts);
		}
		foreach (Assumptions::METHODS as $name => $one) {
			$parts = $one[1];
			[$class, $method] = explode('::', $name);
			$isOfObject = str_starts_with($one[2] ?? '', 'object') && str_contains($code, "->$method(");
			$isOverridden = in_array($class, Assumptions::EXTENDED, true) && preg_match("/function $method\(/", $code);
			$this->assertTrue(isset($uses[$name]) || $isOverridden || $isOfObject, $name);
			$this->assertKnowsParts($parts);
		}
		foreach (Assumptions::CLASSES as $name => [$parts]) {
			$isNamed = isset($uses[$name]) || str_contains($code, "'$name'");
			$this->assertTrue($isNamed, $name);
			$this->assertKnowsParts($parts);
		}
		foreach (Assumptions::PROPERTIES as $name => $parts) {
			$this->assertTrue(isset($uses[$name]) || str_contains($strings, $name), $name);
			$this->assertKnowsParts($parts);
		}
		foreach (Assumptions::CONSTANTS as $name => [, $parts]) {
			$this->assertArrayHasKey($name, $uses);
			$this->assertKnowsParts($parts);
		}
		foreach ([...array_values(Assumptions::HOOKS), ...array_values(Assumptions::TABLES)] as $one) {
			$this->assertKnowsParts($one[1]);
			$this->assertKnowsParts($one[2] ?? $one[1]);
		}
		foreach (Assumptions::NAMED as $name => [, $parts]) {
			$this->assertStringContainsString("function filesync$name(", $code);
			$this->assertKnowsParts($parts);
		}
	}

	public function test_each_override_has_a_call_to_catch_and_each_call_an_override(): void
	{
		preg_match_all(
			'/^namespace (\S+) \{|^\t\tfunction (\w+)\(/m',
			implode(array_map(file_get_contents(...), glob(self::PHP . '/overrides/*.php'))),
			$lines,
			PREG_SET_ORDER,
		);
		$overrides = [];
		foreach ($lines as $line) {
			isset($line[2]) ? ($overrides[] = "$namespace\\$line[2]") : ($namespace = $line[1]);
		}
		$this->assertEqualsCanonicalizing(
			$overrides,
			[...Assumptions::overrides(), ...Assumptions::CALLS_OF_THEME, ...Assumptions::CALLS_OF_IMPORT],
		);
	}

	public function test_what_php_says_of_the_test_hub_is_what_its_files_say(): void
	{
		$said = [];
		foreach ([AssumptionCheck::LIVE, AssumptionCheck::FILES] as $mode) {
			foreach (AssumptionCheck::run('.', $mode) as $one) {
				if (
					in_array($one['kind'], ['function', 'method', 'class', 'hook', 'call'], true)
					&& $one['ok'] !== false
				) {
					$said["$one[kind] $one[name] " . strtok($one['where'], ':')][$mode] = [
						$one['where'],
						$one['found'],
					];
				}
			}
		}
		// A file of the test hub has that class twice, for different versions.
		$both = array_filter(
			$said,
			fn ($one, $name) => count($one) === 2 && ! str_contains($name, 'Zotlabs\Web\Controller'),
			ARRAY_FILTER_USE_BOTH,
		);
		$this->assertGreaterThan(80, count($both));
		foreach ($both as $name => $one) {
			$this->assertSame($one[AssumptionCheck::LIVE], $one[AssumptionCheck::FILES], $name);
		}
	}

	public function test_on_the_test_hub_all_holds_that_parts_need(): void
	{
		$this->assertSame([], Parts::failing(AssumptionCheck::run()));
		$this->assertSame(array_fill_keys(Parts::ALL, true), $this->parts());
	}

	public function test_what_a_function_gives_back_by_reference_is_no_value(): void
	{
		$takes = fn (bool $isReference) => [new Parameter('abook', false, $isReference, '')];
		$this->assertTrue(Shape::fits(['&abook'], $takes(true), []));
		$this->assertFalse(Shape::fits(['&abook'], $takes(false), []));
		$this->assertTrue(Shape::fits(['abook'], $takes(false), []));
		$this->assertFalse(Shape::fits(['abook'], $takes(true), []));
	}

	public function test_interfaces_and_abstract_classes_of_the_webdav_server_are_as_we_know_them(): void
	{
		// Hubs bring SabreDAV, the test hub does not.
		$sabre = '-d auto_prepend_file=' . escapeshellarg(dirname(__DIR__) . '/types/sabre.php');
		$php = escapeshellarg(PHP_BINARY);
		$command = str_replace($php, "$php $sabre", self::cli()) . ' doctor --assumptions --json';
		$found = array_filter(
			json_decode((string) exec($command), true),
			fn ($one) => str_starts_with($one['name'], 'Sabre\\DAV\\'),
		);
		$this->assertNotEmpty($found);
		$this->assertSame([], array_column(array_filter($found, fn ($one) => $one['ok'] !== true), 'found', 'name'));
	}

	/**
	 * @param list<string> $parts That go by the edit.
	 *
	 * @dataProvider edits
	 */
	#[DataProvider('edits')]
	public function test_an_edit_of_core_is_found_where_it_is(
		string $file,
		string $from,
		string $to,
		string $name,
		string $found,
		array $parts,
	): void {
		$hub = 'edited';
		mkdir("$hub/" . dirname($file), 0770, true);
		// The test hub has a boot.php for each version, and what is in all of them in another file.
		$code = file_get_contents(self::CORE . '/' . ($file === 'boot.php' ? 'start.php' : $file));
		$this->assertMatchesRegularExpression($from, $code);
		$failing = function (string $code) use ($hub, $file): array {
			file_put_contents("$hub/$file", $code);

			return Parts::failing(AssumptionCheck::run($hub, AssumptionCheck::FILES));
		};
		// The test hub has some things in other files than hubs have.
		$before = array_column($failing($code), 'name');
		$this->assertNotContains($name, $before);
		$new = array_values(array_filter(
			$failing(preg_replace($from, $to, $code)),
			fn ($one) => ! in_array($one['name'], $before, true),
		));
		$off = array_intersect(array_unique(array_merge([], ...array_column($new, 'parts'))), Parts::ALL);
		$this->assertEqualsCanonicalizing($parts, $off);
		if ($parts) {
			$this->assertContains($name, array_column($new, 'name'));
			$this->assertStringStartsWith($file, $new[0]['where']);
			$this->assertStringContainsString($found, implode("\n", array_column($new, 'found')));
		}
	}

	public static function edits(): array
	{
		// Without the autoloader of the addon.
		$every = ['receiver', 'sender', 'posts', 'photos', 'serving', 'comparison', 'pages', 'sets', 'channels'];
		$attach = 'include/attach.php';
		$edits = 'Zotlabs/Module/Attach_edit.php';

		return [
			'a parameter renamed' => [
				$attach,
				'/attach_move\(\$channel_id, \$resource_id/',
				'attach_move($channel_id, $hash',
				'attach_move',
				'$hash',
				['sender'],
			],
			'a parameter less' => [
				$attach,
				'/\$recurse = false, \$sync = false\)/',
				'$recurse = false)',
				'attach_change_permissions',
				'not (channel_id',
				['sender'],
			],
			'two parameters exchanged' => [
				'include/import.php',
				'/sync_items\(\$channel, \$items/',
				'sync_items($items, $channel',
				'sync_items',
				'($items, $channel',
				['posts'],
			],
			'one more that is needed' => [
				'include/import.php',
				'/import_items\(\$channel, \$items, \$sync = false, \$relocate = null/',
				'$0, $more',
				'import_items',
				'$more)',
				['posts', 'channels'],
			],
			'one more that is not needed' => [
				'include/import.php',
				'/import_items\(\$channel, \$items, \$sync = false, \$relocate = null/',
				'$0, $more = 0',
				'import_items',
				'',
				[],
			],
			'one more of what we replace' => [
				'include/import.php',
				'/sync_files\(\$channel, \$files/',
				'$0, $more = 0',
				'sync_files',
				'$more',
				['receiver'],
			],
			'a name that is a hint' => [
				'include/text.php',
				'/function logger\(\$msg/',
				'function logger($text',
				'logger',
				'',
				[],
			],
			'a function gone' => [
				'include/channel.php',
				'/function channel_url/',
				'function url_of_channel',
				'channel_url',
				'not there',
				$every,
			],
			'a function that returns nothing' => [
				'include/channel.php',
				'/function channel_url\(\$channel\)/',
				'$0: void',
				'channel_url',
				'it returns void',
				$every,
			],
			'a type that takes something else' => [
				$attach,
				'/attach_move\(\$channel_id, \$resource_id/',
				'attach_move(int $channel_id, Attached|array $resource_id',
				'attach_move',
				'Attached|array $resource_id',
				['sender'],
			],
			'types that take what they took' => [
				$attach,
				'/attach_move\(\$channel_id, \$resource_id/',
				'attach_move(int|string $channel_id, ?string $resource_id',
				'attach_move',
				'',
				[],
			],
			'a call with a backslash' => [
				$edits,
				'/\battach_delete\(/',
				'\\attach_delete(',
				'Zotlabs\Module\attach_delete',
				'the call is written \attach_delete',
				['sender'],
			],
			'one of several calls with a backslash' => [
				'Zotlabs/Lib/Libsync.php',
				'/\bsync_items\(/',
				'\\sync_items(',
				'Zotlabs\Lib\sync_items',
				'\sync_items',
				['posts'],
			],
			'a call in another namespace' => [
				$edits,
				'/\battach_move\(/',
				'Files\\attach_move(',
				'Zotlabs\Module\attach_move',
				'Files\attach_move',
				['sender'],
			],
			'a file in another namespace' => [
				$edits,
				'/namespace Zotlabs.Module/',
				'namespace Zotlabs\\Page',
				'Zotlabs\Module\attach_move',
				'Zotlabs\Page',
				['sender'],
			],
			'a function imported' => [
				$edits,
				'/use Zotlabs.Web.Controller;/',
				'$0 use function attach_export_data;',
				'Zotlabs\Module\attach_export_data',
				'imports',
				['sender'],
			],
			'functions imported in a group' => [
				$edits,
				'/use Zotlabs.Web.Controller;/',
				'$0 use function Files\{other, attach_move as attach_delete};',
				'Zotlabs\Module\attach_delete',
				'imports',
				['sender'],
			],
			'no call any more' => [
				'Zotlabs/Daemon/File_importer.php',
				'/sync_files\(/',
				'sync_all(',
				'Zotlabs\Daemon\sync_files',
				'nothing calls it',
				['receiver'],
			],
			'a hook with another name' => [
				$attach,
				"/call_hooks\('photo_upload_begin'/",
				"call_hooks('attach_begin'",
				'photo_upload_begin',
				'nothing calls it',
				['sender'],
			],
			'a hook in a comment' => [
				'Zotlabs/Daemon/Addon.php',
				'/call_hooks\(.*\);/',
				'// $0',
				'daemon_addon',
				'nothing calls it',
				$every,
			],
			'a constant gone' => ['boot.php', "/define\('PHOTO_COVER', .*/", '', 'PHOTO_COVER', 'not there', $every],
			'a constant as the language has it' => [
				'boot.php',
				"/define\('PHOTO_COVER', (.*)\);/",
				'const PHOTO_COVER = $1;',
				'PHOTO_COVER',
				'',
				[],
			],
			'a method that is static no more' => [
				'Zotlabs/Lib/Config.php',
				'/public static function Set/',
				'public function Set',
				'Zotlabs\Lib\Config::Set',
				'not static',
				$every,
			],
			'a method with another parameter' => [
				'Zotlabs/Web/Controller.php',
				'/function post\(\)/',
				'function post($request)',
				'Zotlabs\Web\Controller::post',
				'$request',
				['serving', 'pages'],
			],
			'a class that is final' => [
				'Zotlabs/Module/Getfile.php',
				'/class Getfile/',
				'final class Getfile',
				'Zotlabs\Module\Getfile',
				'final',
				['serving'],
			],
			'a class with another name' => [
				'Zotlabs/Lib/Libsync.php',
				'/class Libsync/',
				'class Sync',
				'Zotlabs\Lib\Libsync',
				'not there',
				['sender'],
			],
		];
	}

	public function test_drop_item_is_known_in_both_shapes_and_in_no_third(): void
	{
		mkdir('edited/include', 0770, true);
		foreach ([
			'$id, $interactive = true, $stage = DROPITEM_NORMAL' => [],
			'$id, $stage = DROPITEM_NORMAL, $force = false, $uid = 0, $observer_hash = "", $expire = false' => [],
			'$id, $stage = DROPITEM_NORMAL, $uid = 0' => ['drop_item'],
			'$id, $interactive = true, $stage = DROPITEM_NORMAL, $observer' => ['drop_item'],
		] as $parameters => $failing) {
			file_put_contents('edited/include/items.php', "<?php function drop_item($parameters) {}");
			$found = array_filter(
				AssumptionCheck::run('edited', AssumptionCheck::FILES),
				fn ($one) => $one['name'] === 'drop_item' && ! $one['ok'],
			);
			$this->assertSame($failing, array_column($found, 'name'), $parameters);
		}
	}

	public function test_a_hook_that_is_called_in_another_file_is_found_there(): void
	{
		$init = array_values(array_filter(AssumptionCheck::run(), fn ($one) => $one['name'] === 'init_1'))[0];
		$this->assertTrue($init['ok']);
		$this->assertMatchesRegularExpression('/^start\.php:\d+$/', $init['where']);
		mkdir('tree/Zotlabs/Web', 0770, true);
		mkdir('tree/install');
		$hook = fn (): array => array_column(
			array_filter(AssumptionCheck::run('tree', AssumptionCheck::TREE), fn ($one) => $one['name'] === 'cron'),
			'where',
			'ok',
		);
		$this->assertSame([0 => 'Zotlabs/Daemon/Cronhooks.php'], $hook());
		file_put_contents('tree/Zotlabs/Web/Other.php', "<?php\n// call_hooks('cron')\ncall_hooks('cron', \$now);\n");
		$this->assertSame([1 => 'Zotlabs/Web/Other.php:3'], $hook());
	}

	public function test_the_doctor_lists_each_assumption_with_what_depends_on_it(): void
	{
		[$code, $text] = $this->runVerb('doctor', '--assumptions', '--json');
		$all = json_decode($text, true);
		$this->assertSame([0, AssumptionCheck::run()], [$code, $all]);
		$this->assertContains(
			[
				'kind' => 'call',
				'name' => 'Zotlabs\Module\attach_move',
				'parts' => ['sender'],
				'ok' => true,
				'found' => '',
				'where' => 'Zotlabs/Module/Photos.php:' . (1 + substr_count(strstr(
					file_get_contents(self::CORE . '/Zotlabs/Module/Photos.php'),
					'attach_move',
					true,
				), "\n")),
			],
			$all,
		);
		dbq('ALTER TABLE outq RENAME COLUMN outq_posturl TO url');
		[$code, $text] = $this->runVerb('doctor', '--assumptions');
		$this->assertSame(1, $code);
		$this->assertMatchesRegularExpression(
			'/^WRONG column    outq\.outq_posturl \(receiving files, comparing files\) *\n +-> it is not there$/m',
			$text,
		);
		$this->assertMatchesRegularExpression('/^ok    function  dbq \(every part\) include/m', $text);
		$this->assertSame(['receiver', 'comparison'], Parts::off(), 'what it found counts at once');
		$this->assertSame(count($all), count(preg_grep('/^(ok|\?|WRONG) /', explode("\n", $text))));
	}

	public function test_a_column_that_is_gone_or_too_short_is_found(): void
	{
		foreach ([
			'ALTER TABLE outq RENAME COLUMN outq_posturl TO url' => ['outq.outq_posturl', 'it is not there'],
			'ALTER TABLE photo RENAME COLUMN album TO a; ALTER TABLE photo ADD COLUMN album varchar(100)' => [
				'photo.album',
				'it holds 100 characters, 191 are needed',
			],
		] as $statements => $expected) {
			foreach (explode('; ', $statements) as $statement) {
				$this->assertTrue((bool) dbq($statement), $statement);
			}
			$failing = array_column(Parts::failing(AssumptionCheck::run()), 'found', 'name');
			$this->assertSame($expected[1], $failing[$expected[0]] ?? null);
			Look::again();
			$this->assertFalse(Parts::has(Parts::RECEIVER));
			// What a column holds is of interest to those who write.
			$this->assertSame($expected[0] === 'photo.album', ! Parts::has(Parts::PHOTOS));
			$this->assertTrue(Parts::has(Parts::SENDER));
		}
	}

	public function test_columns_are_read_in_the_files_for_new_databases(): void
	{
		$mysql =
			"CREATE TABLE IF NOT EXISTS `term` (\n  `tid` int(10) unsigned NOT NULL AUTO_INCREMENT,\n"
			. "  `url` char(100) NOT NULL DEFAULT '',\n  `term` mediumtext NOT NULL,\n  PRIMARY KEY (`tid`)\n) ENGINE=InnoDB;\n";
		$postgres = "CREATE TABLE \"term\" (\n  \"tid\" serial  NOT NULL,\n  \"url\" varchar(64) NOT NULL,\n  \"term\" text NOT NULL\n);\n";
		$this->assertSame(['tid' => null, 'url' => 100, 'term' => 16777215], Columns::ofSchema($mysql, 'term', false));
		$this->assertSame(['tid' => null, 'url' => 64, 'term' => null], Columns::ofSchema($postgres, 'term', true));
		$this->assertSame([], Columns::ofSchema($mysql, 'item', false));
	}

	/**
	 * Returns files by what they use of the hub. In a process of its own: the tokens of all our code take much memory,
	 * and later tests limit it.
	 *
	 * @return array<string, list<string>>
	 */
	private function usesOfHub(): array
	{
		return json_decode(
			(string) shell_exec(
				escapeshellarg(PHP_BINARY) . ' ' . escapeshellarg(__DIR__ . '/../rooms/run') . ' --uses',
			),
			true,
		);
	}

	private function assertKnowsParts(string $parts): void
	{
		$this->assertSame([], array_diff(Assumptions::parts($parts), Parts::ALL, Assumptions::OTHERS));
	}

	/** @return array<string, bool> */
	private function parts(): array
	{
		return array_combine(Parts::ALL, array_map(Parts::has(...), Parts::ALL));
	}

	/** @return array<string, string> Our code, without the table itself and the texts for people. */
	private function sources(): array
	{
		$sources = [];
		foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
			self::PHP,
			FilesystemIterator::SKIP_DOTS,
		)) as $path => $file) {
			$name = substr($path, strlen(self::PHP) + 1);
			if (str_ends_with($name, '.php') && ! str_starts_with($name, 'lang/') && $name !== 'Hub/Assumptions.php') {
				$sources[$name] = file_get_contents($path);
			}
		}

		return $sources;
	}
}
