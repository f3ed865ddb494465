<?php

use FileSync\Addon\Hub\Assumptions;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Receive\WaitingDeletes;
use FileSync\Addon\Reconcile\Reconcile;
use PHPUnit\Framework\Attributes\DataProvider;

/** Edits of a hub that were played on real hubs and were not found, or switched off too little or too much. */
final class EditsTest extends AddonTestCase
{
	/**
	 * What is different is named, and what depends on it is off.
	 *
	 * @param list<string> $parts
	 *
	 * @dataProvider unnoticed
	 */
	#[DataProvider('unnoticed')]
	public function test_an_edit_of_core_is_named(
		string $file,
		string $from,
		string $to,
		string $name,
		array $parts,
	): void {
		$this->change($file, $from, $to);
		[$status, $said] = $this->assumptions();
		$this->assertMatchesRegularExpression('/^WRONG .*' . preg_quote($name, '/') . '/m', $said);
		$this->assertSame(1, $status);
		$off = $this->inHub('FileSync\Addon\Hub\Parts::off()');
		$this->assertSame([], array_diff($parts, $off));
	}

	public static function unnoticed(): array
	{
		$getfile = 'Zotlabs/Module/Getfile.php';
		$items = 'include/' . (getenv('TESTHUB') ?: '8') . '/items.php';

		return [
			'what getfile returns' => [
				$getfile,
				'public function post() {',
				'public function post(): void {',
				'Getfile::post',
				['serving'],
			],
			'a method that may not be overridden' => [
				$getfile,
				'public function post() {',
				'final public function post() {',
				'Getfile::post',
				['serving'],
			],
			'a property of the name of ours' => [
				$getfile,
				'class Getfile extends Controller {',
				'class Getfile extends Controller { protected $inner = null;',
				'Getfile',
				['serving'],
			],
			'parameters exchanged that are a hint' => [
				'include/security.php',
				'function get_markup_template($s, $root = \'\')',
				'function get_markup_template($root, $s)',
				'get_markup_template',
				['pages'],
			],
			'a parameter by reference, where we pass a value' => [
				$items,
				'function drop_item($id,',
				'function drop_item(&$id,',
				'drop_item',
				['posts'],
			],
			'a method that is not for us' => [
				'Zotlabs/Photo/PhotoDriver.php',
				'abstract public function doScaleImage',
				'abstract protected function doScaleImage',
				'PhotoDriver::doScaleImage',
				['photos'],
			],
			'a function that returns an object' => [
				'include/attach.php',
				'function attach_export_data($channel, $resource_id, $deleted = false, $zap_compat = false) {',
				'function attach_export_data($channel, $resource_id, $deleted = false, $zap_compat = false): object {',
				'attach_export_data',
				['receiver', 'sender', 'posts', 'comparison'],
			],
			'a function that returns something else' => [
				'include/items.php',
				"function z_input_filter(\$s, \$type = 'text/bbcode', \$allow_code = false) {",
				"function z_input_filter(\$s, \$type = 'text/bbcode', \$allow_code = false): array {",
				'z_input_filter',
				['posts'],
			],
			'a method that returns something else' => [
				'Zotlabs/Web/HTTPSig.php',
				'public static function verify($data, $key = \'\') {',
				'public static function verify($data, $key = \'\'): bool {',
				'HTTPSig::verify',
				['serving'],
			],
			'a function that we replace and whose value is needed' => [
				'include/import.php',
				'function sync_files($channel, $files) {',
				'function sync_files($channel, $files): int {',
				'sync_files',
				['receiver'],
			],
			'a parameter of another type' => [
				'include/import.php',
				'function sync_files($channel, $files) {',
				'function sync_files(object $channel, $files) {',
				'sync_files',
				['receiver'],
			],
			'a parameter of another type, where we pass text' => [
				'include/attach.php',
				'function attach_delete($channel_id, $resource,',
				'function attach_delete($channel_id, Resource $resource,',
				'attach_delete',
				['receiver', 'sender'],
			],
			'a class that is made of something' => [
				'Zotlabs/Web/Controller.php',
				'class Controller {',
				'class Controller { public function __construct(array $request) {}',
				'Zotlabs\Web\Controller::__construct',
				['pages'],
			],
			'an object for a hook' => [
				'index.php',
				'$loaded = [',
				'$loaded = (object) [',
				'module_loaded',
				['sender', 'serving', 'pages'],
			],
			'another name of what a hook is given' => [
				'include/attach.php',
				'$arr = [\'channel_id\' => $channel_id, \'resource\' =>',
				'$arr = [\'channel_id\' => $channel_id, \'file\' =>',
				'attach_delete',
				['sender'],
			],
			'what a caller is to get back by reference' => [
				'include/attach.php',
				'function attach_move($channel_id, $resource_id, $new_folder_hash, $newname = \'\', $recurse = true) {',
				'function attach_move($channel_id, $resource_id, $new_folder_hash, $newname = \'\', $recurse = true, &$old = null) {',
				'attach_move',
				['sender'],
			],
		];
	}

	/** Types that take what they always took are none of our business. */
	public function test_types_that_fit_are_no_edit(): void
	{
		// The test hub imitates no import of core.
		$lacking = self::wrong($this->assumptions()[1]);
		$this->change(
			'include/attach.php',
			'function attach_export_data($channel, $resource_id,',
			'function attach_export_data(array|false $channel, int|string $resource_id,',
		);
		$this->change(
			'include/channel.php',
			'function channelx_by_n($id, $removed = false) {',
			'function channelx_by_n(int|string $id, $removed = false): array|false|null {',
		);
		[$status, $said] = $this->assumptions();
		$this->assertSame($lacking, self::wrong($said));
		$this->assertSame(0, $status);
	}

	/** @return list<string> The functions and methods that are not as they should be. */
	private static function wrong(string $said): array
	{
		return array_values(preg_grep('/^WRONG (function|method)/', explode("\n", $said)));
	}

	/**
	 * A hub that has moved a function elsewhere differs from an older one without it.
	 *
	 * @param list<string> $parts
	 *
	 * @dataProvider away
	 */
	#[DataProvider('away')]
	public function test_a_function_that_newer_hubs_have_is_missed_there(string $function, array $parts): void
	{
		$items = $this->own('include/items.php') . <<<'PHP'

			function list_attached_local_files($body) {
				preg_match_all('/cloud\/[^\]]*/', $body, $found);
				return $found[0];
			}

			function fix_attached_permissions($uid, $body, $allow_cid, $allow_gid, $deny_cid, $deny_gid, $token = '') {
				return list_attached_local_files($body);
			}
			PHP;
		file_put_contents('include/items.php', $items);
		[$status, $said] = $this->assumptions();
		$this->assertSame(0, $status, $said);
		foreach (['include/items.php', 'Zotlabs/Module/Item.php'] as $file) {
			$edited = preg_replace("/(?<![\w'])$function\(/", "\\Attached::$function(", file_get_contents($file));
			file_put_contents($file, str_replace(
				"function \\Attached::$function(",
				"function moved_$function(",
				$edited,
			));
		}
		[$status, $said] = $this->assumptions();
		$this->assertMatchesRegularExpression("/^WRONG function +$function /m", $said);
		$this->assertSame(1, $status);
		$this->assertSame([], array_diff($parts, $this->inHub('FileSync\Addon\Hub\Parts::off()')));
	}

	public static function away(): array
	{
		return [
			'who may see what a post shows' => ['fix_attached_permissions', ['sender']],
			'what a post shows' => ['list_attached_local_files', ['sender']],
			'who may see the photos of a post' => ['fix_attached_photo_permissions', ['posts']],
		];
	}

	/**
	 * Another addon was first to take over a call: what depends on it is off, and both are named.
	 *
	 * @param list<string> $parts
	 *
	 * @dataProvider taken
	 */
	#[DataProvider('taken')]
	public function test_what_another_addon_takes_over_is_named_and_off(string $override, array $parts): void
	{
		[$namespace, $function] = [
			substr($override, 0, (int) strrpos($override, '\\')),
			basename(strtr($override, '\\', '/')),
		];
		$this->own('boot.php');
		file_put_contents(
			'other.php',
			"<?php\nnamespace $namespace;\nfunction $function(...\$all) { return \\$function(...\$all); }\n",
		);
		file_put_contents('start.php', str_replace(
			"call_hooks('init_1');",
			"require_once 'other.php'; call_hooks('init_1');",
			file_get_contents('start.php'),
		));
		[$status, $said] = $this->assumptions();
		$this->assertMatchesRegularExpression(
			($parts ? '/^WRONG' : '/^\?    ') . ' override +' . preg_quote($override, '/') . ' .*other\.php:3$/m',
			$said,
		);
		$this->assertSame($parts ? 1 : 0, $status);
		$this->assertEqualsCanonicalizing($parts, $this->inHub('FileSync\Addon\Hub\Parts::off()'));
		$this->assertSame(
			in_array('receiver', $parts, true),
			$this->inHub(
				'FileSync\Addon\Peers\Peers::introduction()',
				'eval("namespace FileSync; function send_file() {}");',
			) === null,
		);
		exec(self::cli() . ' doctor --only overrides', $lines);
		$this->assertStringContainsString("$override (other.php", implode('', $lines));
		unlink('other.php');
		file_put_contents('other.php', '<?php');
		$this->assertSame(0, $this->assumptions()[0]);
		$this->assertSame([], $this->inHub('FileSync\Addon\Hub\Parts::off()'));
	}

	public static function taken(): array
	{
		return [
			'what receives' => ['Zotlabs\Lib\sync_files', ['receiver', 'comparison']],
			'what receives an import' => ['Zotlabs\Daemon\sync_files', ['receiver', 'comparison']],
			'posts' => ['Zotlabs\Lib\sync_items', ['posts', 'channels']],
			'what notices a delete' => ['Zotlabs\Module\attach_delete', ['sender']],
			'an avatar' => ['Zotlabs\Lib\import_channel_photo', []],
		];
	}

	/** The web server may know of an addon that the command line does not. */
	public function test_what_another_addon_takes_over_for_the_web_alone_is_off_there(): void
	{
		$this->assumptions();
		file_put_contents('other.php', "<?php\nnamespace Zotlabs\Lib;\nfunction sync_files(...\$all) {}\n");
		$this->assertSame(
			['receiver', 'comparison'],
			$this->inHub('FileSync\Addon\Hub\Parts::off()', 'require "other.php";'),
		);
		$this->assertSame([], $this->inHub('FileSync\Addon\Hub\Parts::off()'));
	}

	/** A function whose arguments come back changed cannot be passed on: our own is not there at all. */
	public function test_where_core_gives_something_back_by_reference_its_caller_gets_it(): void
	{
		$this->change(
			'include/attach.php',
			'function attach_move($channel_id, $resource_id, $new_folder_hash, $newname = \'\', $recurse = true) {',
			'function attach_move($channel_id, $resource_id, $new_folder_hash, $newname = \'\', $recurse = true, &$old = null) { $old = "before";',
		);
		$this->assumptions();
		file_put_contents(
			'caller.php',
			'<?php namespace Zotlabs\Module; function moved() { $old = ""; attach_move(1, "none", "", "", true, $old); return $old; }',
		);
		$this->assertSame('before', $this->inHub('Zotlabs\Module\moved()', 'require "caller.php";'));
	}

	public function test_where_getfile_returns_nothing_by_its_signature_the_hub_answers_itself(): void
	{
		$this->change('Zotlabs/Module/Getfile.php', 'public function post() {', 'public function post(): void {');
		$this->assertSame('Zotlabs\Module\Getfile', $this->inHub(
			'(function () { $m = ["module" => "getfile", "installed" => true, "controller" => new Zotlabs\Module\Getfile()];'
			. ' call_hooks("module_loaded", $m); return get_class($m["controller"]); })()',
		));
	}

	/**
	 * A function that takes more than we know gets all that its caller gave.
	 *
	 * @dataProvider more
	 */
	#[DataProvider('more')]
	public function test_what_a_changed_function_is_given_besides_is_passed_on(
		string $file,
		string $function,
		string $namespace,
		string $arguments,
	): void {
		$code = $this->own($file);
		$edited = preg_replace(
			"/function $function\(([^{]*)\) \{/",
			"function $function(\$1, \$more) { return \"more: \$more\";",
			$code,
			-1,
			$count,
		);
		$this->assertSame(1, $count);
		file_put_contents($file, $edited);
		$this->assertSame('more: m', $this->inHub("Zotlabs\\$namespace\\$function($arguments, 'm')"));
	}

	public static function more(): array
	{
		return [
			'files' => ['include/import.php', 'sync_files', 'Lib', 'channelx_by_n(1), []'],
			'files of an import' => ['include/import.php', 'sync_files', 'Daemon', 'channelx_by_n(1), []'],
			'posts' => ['include/import.php', 'sync_items', 'Lib', 'channelx_by_n(1), [], null'],
			'posts of an import' => [
				'include/import.php',
				'import_items',
				'Daemon',
				'channelx_by_n(1), [], false, null',
			],
			'an avatar' => ['include/photos.php', 'import_channel_photo', 'Lib', '"", "", 1, 1'],
		];
	}

	/** An addon that answers for core may answer with nothing. */
	public function test_who_is_not_allowed_may_be_told_so_with_nothing(): void
	{
		$this->change(
			'include/channel.php',
			'return $channel && $observer_xchan === $channel[\'channel_hash\'];',
			'return null;',
		);
		$this->assertFalse($this->inHub('Zotlabs\Storage\perm_is_allowed(1, "somebody", "write_storage")'));
	}

	public function test_where_drop_item_asks_who_drops_a_deleted_photo_leaves_no_post_behind(): void
	{
		$this->receive($this->photo('posted', [0 => 'original']));
		$this->work();
		$this->storePost('posted');
		$this->change(
			'include/8/items.php',
			'function drop_item($id, $interactive = true, $stage = DROPITEM_NORMAL) {',
			'function drop_item($id, $stage = DROPITEM_NORMAL, $force = false, $uid = 0, $observer_hash = "", $expire = false, $recurse = false) {
				$interactive = false;
				if (! $uid && ! local_channel()) { return false; }',
		);
		$this->inHub('Zotlabs\Lib\sync_files(channelx_by_n(1), ' . var_export([$this->deletion('posted')], true) . ')');
		$posts = Table::select('item', ['uid' => 1, 'uuid' => 'posted', 'item_deleted' => 0]);
		// It is dropped with the file, or both wait.
		$this->assertSame($this->attach('posted') ? ['posted'] : [], array_column($posts, 'resource_id'));
	}

	public function test_a_delete_that_waits_for_the_posts_is_not_undone_by_a_comparison(): void
	{
		$this->receive($this->photo('posted', [0 => 'original']), $this->file('same', 'same'));
		$this->work();
		$this->storePost('posted');
		Look::keep(Look::print(), [[
			'kind' => 'test',
			'name' => 'test',
			'parts' => [Parts::POSTS],
			'found' => '',
			'where' => '',
		]]);
		$this->receive($this->deletion('posted'));
		$this->assertSame(['posted'], array_column(Table::select('filesync_packet', []), 'hash'));
		$this->sent();
		Peers::learn([
			'url' => self::ORIGIN,
			'dav' => 'untried',
			'filesync' => 'refused',
			'filesync_reason' => 'stock',
		], null);
		$there = $this->file('same', 'same');
		Client::$wire = fn ($method, $url) => [
			'status' => 200,
			'body' => json_encode(match (true) {
				str_contains($url, '/api/z/1.0/files?') => ['results' => [end($there['attach'])]],
				str_contains($url, 'file/export') => $there,
				str_contains($url, 'filemeta') => ['attach' => ['hash' => 'same']],
				default => [],
			}),
		];
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$sent = [];
		for ($n = 0; $n < 20; $n++) {
			$run->save(['next_at' => Clock::now()]);
			$isOver = Reconcile::goOn($run->id, Clock::now() + 30)->value === 'over';
			$sent = [...$sent, ...$this->sent()];
			if ($isOver) {
				break;
			}
		}
		$this->assertSame([], array_map(fn ($entry) => end($entry['attach'])['hash'], $sent));
	}

	public function test_a_delete_that_waits_covers_what_is_beneath_and_one_that_waits_for_approval(): void
	{
		$this->receive(
			$this->file('beneath', 'beneath', [], ['folder' => 'Folder']),
			$this->file('asked', 'asked'),
			$this->file('stays', 'stays'),
		);
		$this->work();
		$this->assertSame([], WaitingDeletes::of($this->channel->id));
		HeldPackets::hold($this->channel, $this->deletion('folder'), 'test', true);
		HeldPackets::hold($this->channel, $this->file('stays', 'other'), 'test', true);
		Table::insert('filesync_held', [
			'id' => 'test',
			'uid' => $this->channel->id,
			'hub' => 'test',
			'url' => self::ORIGIN,
			'hash' => 'asked',
			'what' => 'deleted',
			'state' => 'held',
			'files' => 1,
			'size_bytes' => 5,
			'body' => '',
			'since' => 0,
			'created' => Clock::now(),
		]);
		$this->assertEqualsCanonicalizing(
			['folder', 'beneath', 'asked'],
			array_keys(WaitingDeletes::of($this->channel->id)),
		);
	}

	public function test_a_page_that_is_on_works_without_a_column_that_others_need(): void
	{
		App::set_channel($this->channel->row());
		dbq('ALTER TABLE outq RENAME COLUMN outq_delivered TO outq_done');
		Look::again();
		try {
			$this->assertContains(Parts::RECEIVER, Parts::off());
			$page = Parts::has(Parts::PAGES) ? OwnerPage::show() : '';
		} finally {
			dbq('ALTER TABLE outq RENAME COLUMN outq_done TO outq_delivered');
			App::set_channel(null);
		}
		$this->assertIsString($page);
	}

	/** The page for owners has answers that end the request: /filesync/state, /filesync/metrics. */
	public function test_the_pages_depend_on_what_ends_a_request(): void
	{
		$this->assertContains(Parts::PAGES, Assumptions::parts(Assumptions::FUNCTIONS['killme'][2]));
	}

	/** Only what is past its age or size is removed then. */
	public function test_the_daily_cron_switches_off_only_what_depends_on_it(): void
	{
		$this->assertNotContains(Parts::RECEIVER, Assumptions::parts(Assumptions::HOOKS['cron_daily'][1]));
	}

	/** Only the avatar comes that way, and a call of a function that changed is passed on. */
	public function test_the_avatar_switches_off_only_itself(): void
	{
		$this->assertNotContains(
			Parts::RECEIVER,
			Assumptions::parts(Assumptions::FUNCTIONS['import_channel_photo'][2]),
		);
	}

	/** A column that is only written where photo rows are made. */
	public function test_a_column_that_is_only_written_switches_off_who_writes_it(): void
	{
		dbq('ALTER TABLE photo RENAME COLUMN photo_flags TO photo_marks');
		try {
			Look::again();
			$off = Parts::off();
		} finally {
			dbq('ALTER TABLE photo RENAME COLUMN photo_marks TO photo_flags');
		}
		$this->assertSame([], array_values(array_intersect($off, [Parts::SENDER, Parts::SERVING])));
	}

	/** With `disable_functions` in php.ini nothing that needs them can be done: what comes is left to the hub. */
	public function test_functions_of_php_that_are_disabled_are_named_and_switch_parts_off(): void
	{
		exec(
			escapeshellarg(PHP_BINARY) . ' -d disable_functions=flock -r '
				. escapeshellarg(
					'require "include/cli_startup.php"; cli_startup(); FileSync\Addon\Hub\Look::again();'
					. ' echo "\n", json_encode(FileSync\Addon\Hub\Parts::off());',
				),
			$lines,
		);
		$this->assertContains(Parts::RECEIVER, json_decode(end($lines), true));
	}

	/** Only a photo that is mirrored needs it, and its scales are fetched then. */
	public function test_a_function_that_few_photos_need_is_named_and_switches_nothing_off(): void
	{
		if (! extension_loaded('gd')) {
			$this->markTestSkipped('needs gd');
		}
		exec(
			str_replace(
				escapeshellarg(PHP_BINARY),
				escapeshellarg(PHP_BINARY) . ' -d disable_functions=imageflip',
				self::cli(),
			)
				. ' doctor --assumptions 2>&1',
			$lines,
			$status,
		);
		$this->assertSame(0, $status);
		$this->assertCount(1, preg_grep('/^\? +php +imageflip\(\) /', $lines));
	}

	/**
	 * What needs a file of core that has another name now is off or waits; nothing fails.
	 *
	 * @dataProvider moved
	 */
	#[DataProvider('moved')]
	public function test_a_file_of_core_that_moved_is_not_required(string $file, string $expression): void
	{
		$this->own($file);
		$moved = 'include/moved.php';
		rename($file, $moved);
		foreach (glob('{.,include,include/*,Zotlabs/*,Zotlabs/*/*}/*.php', GLOB_BRACE) as $path) {
			file_put_contents($path, str_replace($file, $moved, file_get_contents($path)));
		}
		$code = "require 'include/cli_startup.php'; cli_startup(); require_once '$moved'; $expression; echo \"\\nfine\";";
		$this->assertSame('fine', exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($code) . ' 2>/dev/null'));
	}

	public static function moved(): array
	{
		return [
			'where core receives' => ['include/import.php', 'Zotlabs\\Lib\\sync_files(channelx_by_n(1), [])'],
			'where a photo is remade' => [
				'include/photos.php',
				'FileSync\\Addon\\Hub\\Photos::remake(FileSync\\Addon\\Hub\\Channel::of(channelx_by_n(1)), ["content" => "x"], [], [])',
			],
		];
	}

	/** What the hub calls lets no error escape, whatever it is given. */
	public function test_a_module_that_is_an_object_breaks_no_page(): void
	{
		$module = (object) ['module' => 'channel', 'installed' => true, 'controller' => null];
		filesync_module_loaded($module);
		$this->assertSame('channel', $module->module);
	}

	/** @dataProvider controllers */
	#[DataProvider('controllers')]
	public function test_where_our_page_cannot_be_made_the_hub_answers(string $class): void
	{
		$this->change('Zotlabs/Web/Controller.php', 'class Controller {', $class);
		$this->assertFalse($this->inHub(
			'(function () { $m = ["module" => "filesync", "installed" => false, "controller" => null];'
			. ' filesync_module_loaded($m); return $m["installed"]; })()',
		));
	}

	public static function controllers(): array
	{
		return [
			'made of something' => ['class Controller { public function __construct(array $request) {}'],
			'with a method to write' => ['abstract class Controller { abstract public function audience();'],
		];
	}

	/**
	 * The check must be able to run where anything of what it looks at is gone.
	 *
	 * @dataProvider needed
	 */
	#[DataProvider('needed')]
	public function test_where_a_function_is_gone_the_check_still_says_so(string $function): void
	{
		$this->own('boot.php');
		foreach (glob('{*,include/*,include/*/*,Zotlabs/*/*,Zotlabs/*/*/*,util/*}.php', GLOB_BRACE) as $path) {
			file_put_contents($path, preg_replace(
				"/(?<![\w$>:'\"\\\\])$function\(/",
				"hub_$function(",
				file_get_contents($path),
			));
		}
		[$status, $said] = $this->assumptions();
		$this->assertMatchesRegularExpression("/^WRONG function +$function /m", $said);
		$this->assertSame(1, $status);
		$page = $this->inHub('(function () { $html = ""; filesync_plugin_admin($html); return $html; })()');
		$this->assertStringContainsString('without receiving files', $page);
	}

	public static function needed(): array
	{
		return [
			'translations' => ['t'],
			'the database' => ['dbq'],
			'texts for the database' => ['dbesc'],
			'bytes for the database' => ['dbescbin'],
			'bytes of the database' => ['dbunescbin'],
			'columns' => ['db_columns'],
			'the log' => ['logger'],
		];
	}

	/**
	 * Nothing of ours works without the hub's database and settings: the hub does as without us, nobody asks for what
	 * is gone, and once it is back we are too.
	 *
	 * @dataProvider ground
	 */
	#[DataProvider('ground')]
	public function test_where_nothing_of_ours_can_work_the_hub_works_as_without_it(string $from, string $to): void
	{
		$this->own('boot.php');
		$edit = function (string $from, string $to): void {
			foreach (glob('{*,include/*,include/*/*,Zotlabs/*/*,Zotlabs/*/*/*,util/*}.php', GLOB_BRACE) as $path) {
				$code = file_get_contents($path);
				$edited = preg_replace($from, $to, $code);
				$edited === $code || file_put_contents($path, $edited);
			}
		};
		$edit($from, $to);
		if (str_contains(file_get_contents('Zotlabs/Lib/Config.php'), 'class Settings')) {
			rename('Zotlabs/Lib/Config.php', 'Zotlabs/Lib/Settings.php');
		}
		[$status, $said] = $this->assumptions();
		$this->assertMatchesRegularExpression('/^WRONG (function|method|class) /m', $said);
		$this->assertStringNotContainsString('Call to undefined', $said);
		$this->assertSame(1, $status);
		exec(self::cli() . ' doctor 2>&1', $doctor, $status);
		$this->assertMatchesRegularExpression('/^WRONG hub .*passive/m', implode("\n", $doctor));
		$this->assertStringNotContainsString('ndefined', implode("\n", $doctor));
		$this->assertSame(1, $status);
		exec(self::cli() . ' status 2>&1', $other, $status);
		$this->assertSame(75, $status, implode("\n", $other));
		$this->assertFalse($this->inHub('function_exists("Zotlabs\Lib\sync_files")'));
		$this->assertFalse($this->inHub('FileSync\Addon\Hub\Config::serves(1)'));
		$this->assertSame(Parts::ALL, $this->inHub('FileSync\Addon\Hub\Parts::off()'));
		$this->assertSame(
			[],
			$this->inHub('(function () { $info = []; call_hooks("zotinfo", $info); return $info; })()'),
		);
		// Called as the hub calls us, we neither change anything nor fail.
		file_put_contents('hub.log', '');
		$given = $this->inHub(
			'(function () { $all = []; foreach (filesync_hooks() as $hook => $function) {'
			. ' $all[$hook] = ["channel_id" => 1, "resource" => "h", "hash" => "h", "module" => "filesync", "installed" => false,'
			. ' "controller" => null, "outq" => ["outq_channel" => 1, "outq_posturl" => "http://127.0.0.1:9001/zot"], "channel" => ["channel_id" => 1], "item" => ["uid" => 1, "author_xchan" => "x", "mid" => "m"],'
			. ' "filesync" => ["v" => 1], "site" => ["url" => "http://127.0.0.1:9001"], "Addon", "filesync", "work"];'
			. ' $before = $all[$hook]; $function($all[$hook]); if ($all[$hook] !== $before) { return $hook; } } return "same"; })()',
		);
		$this->assertSame('same', $given);
		$this->assertStringNotContainsString('filesync', file_get_contents('hub.log'));
	}

	public static function ground(): array
	{
		return [
			'the database' => ['/(?<![\w$>:\'"\\\\])dbq\(/', 'database_query('],
			'texts for the database' => ['/(?<![\w$>:\'"\\\\])dbesc\(/', 'database_text('],
			'settings' => ['/(?<![\w$>])Config(?=::|;| \{)/', 'Settings'],
			'how settings are read' => ['/(?<=Config::|function )Get\b/', 'read'],
		];
	}

	/** Gives this hub files of its own in place of links; returns one of them. */
	private function own(string $file): string
	{
		$boot = is_link('boot.php') ? realpath('boot.php') : null;
		foreach ($boot ? glob(dirname($boot) . '/*') : [] as $path) {
			@unlink(basename($path));
			exec('cp -r ' . escapeshellarg($path) . ' .');
		}
		$boot && copy($boot, 'boot.php');

		return file_get_contents($file);
	}

	private function change(string $file, string $from, string $to): void
	{
		$code = $this->own($file);
		$this->assertStringContainsString($from, $code);
		file_put_contents($file, str_replace($from, $to, $code));
	}

	/** @return array{int, string} What `doctor --assumptions` ends with and prints. */
	private function assumptions(): array
	{
		exec(self::cli() . ' doctor --assumptions 2>&1', $lines, $status);

		return [$status, implode("\n", $lines)];
	}

	/** Returns the value of an expression in a process of the hub as it stands now. */
	private function inHub(string $expression, string $first = ''): mixed
	{
		$code =
			"require \"include/cli_startup.php\"; $first"
			. ' cli_startup(); require_once "include/attach.php"; require_once "include/import.php";'
			. ' require_once "include/photos.php"; echo "\n", json_encode('
			. $expression
			. ');';

		return json_decode(exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($code) . ' 2>/dev/null'), true);
	}

	private function storePost(string $hash): void
	{
		item_store([
			'uid' => $this->channel->id,
			'aid' => 1,
			'mid' => z_root() . "/item/$hash",
			'parent_mid' => z_root() . "/item/$hash",
			'uuid' => $hash,
			'owner_xchan' => $this->channel->hash,
			'author_xchan' => $this->channel->hash,
			'body' => 'a post',
			'resource_id' => $hash,
			'resource_type' => 'photo',
			'item_hidden' => 1,
			'item_thread_top' => 1,
		]);
		$this->assertNotNull(Table::first('item', ['resource_id' => $hash]));
	}
}
