<?php

require_once __DIR__ . '/Pair.php';

use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * The posts that travel with files: hub B has its own URLs in them and its own signature, whatever core's import does.
 */
final class ItemsTest extends TestCase
{
	const JSON = ['obj', 'target', 'attach'];

	/** @var Pair */
	private static $pair;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		$folder = sys_get_temp_dir() . '/itemstest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder, [
			'addon' => __DIR__ . '/../../php',
			'extension' => $extension,
			'nicks' => ['b' => 'alice2'],
		]);
		self::command('config', 'set', 'allow_private_addresses', '1');
		self::$pair->serve('a');
		self::$pair->serve('b');
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	public function test_the_post_of_a_photo_names_this_hub_everywhere_and_is_signed_again(): void
	{
		$picture = self::$pair->folder . '/picture.jpg';
		imagejpeg(imagecreatetruecolor(1300, 900), $picture);
		$hash = self::$pair->upload('a', 'Photos', [$picture])[0]['hash'];
		$item = $this->itemOnB("resource_id = '$hash'");
		$this->assertNothingOf('a', $item);
		$this->assertStringContainsString(self::$pair->urls['b'] . "/photo/$hash-", $item['body'] . $item['obj']);
		$this->assertIsOwn($item);
		$this->assertSame(
			self::$pair->rows('a', "SELECT mid, uuid, parent_mid FROM item WHERE resource_id = '$hash'"),
			self::$pair->rows('b', "SELECT mid, uuid, parent_mid FROM item WHERE resource_id = '$hash'"),
		);
	}

	public function test_the_post_that_shares_a_file_comes_though_its_hub_tells_no_clone(): void
	{
		$file = self::$pair->folder . '/shared.txt';
		file_put_contents($file, 'shared with a post');
		putenv('NOTIFY=1');
		$hash = self::$pair->upload('a', 'Shared', [$file])[0]['hash'];
		putenv('NOTIFY');
		$b = self::$pair->urls['b'];
		$port = parse_url($b, PHP_URL_PORT);
		// A hub from 10 on sends the post before the file: it names that hub until the file is here.
		$item = $this->itemOnB("resource_id = '$hash' AND attach LIKE '%:$port%'");
		$this->assertNothingOf('a', $item);
		$this->assertSame([['href' => "$b/attach/$hash", 'title' => 'shared.txt']], json_decode($item['attach'], true));
		$this->assertStringContainsString("[zrl=$b/cloud/alice2/Shared/shared.txt]", $item['body']);
		$this->assertIsOwn($item);
		self::$pair->settle();
		$requests = array_values(preg_grep('~export_page|logout~', file(self::$pair->hub('a') . '/access.log')));
		$this->assertStringContainsString('logout', end($requests), 'the question was a login');
	}

	public function test_a_post_of_ours_moves_and_what_it_shares_stays(): void
	{
		$a = self::$pair->urls['a'];
		$share = "[share author='x' link='$a/channel/alice']{$a}/cloud/alice/x[/share]";
		$body = "see $a/channel/alice?f= and $a/cloud/alice/Given/x.pdf and $a/item/1 and https://other.test/alice/x $share";
		$mid = $this->post([
			'body' => $body,
			'obj' => json_encode(['id' => "$a/item/1", 'url' => "$a/channel/alice"]),
			'attach' => json_encode([['href' => "$a/cloud/alice/y.pdf"]], JSON_UNESCAPED_SLASHES),
		]);
		$item = $this->itemOnB("mid = '$mid'");
		$b = self::$pair->urls['b'];
		$this->assertSame(
			"see $b/channel/alice2?f= and $b/cloud/alice2/Given/x.pdf and $a/item/1 and https://other.test/alice/x $share",
			$item['body'],
		);
		$this->assertSame(['id' => "$a/item/1", 'url' => "$b/channel/alice2"], json_decode($item['obj'], true));
		$this->assertSame([['href' => "$b/cloud/alice2/y.pdf"]], json_decode($item['attach'], true));
		$this->assertIsOwn($item);
	}

	public function test_a_post_that_came_before_its_file_names_this_hub_once_the_file_is_here(): void
	{
		[$a, $b] = [self::$pair->urls['a'], self::$pair->urls['b']];
		$hash = '11111111-2222-4333-8444-555555555555';
		$mid = $this->post([
			'body' => "look $a/photo/$hash-2.jpg",
			'attach' => json_encode([['href' => "$a/attach/$hash"]]),
		]);
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame("look $a/photo/$hash-2.jpg", $item['body'], 'where the file is');
		$this->assertIsOwn($item);
		$file = self::$pair->folder . '/late.txt';
		file_put_contents($file, 'later');
		self::$pair->upload('a', 'Late', ["$hash=$file"]);
		$item = $this->itemOnB("mid = '$mid' AND body LIKE '%$b/photo/%'");
		$this->assertNothingOf('a', $item);
		$this->assertIsOwn($item);
	}

	public function test_a_post_from_here_that_a_clone_sends_back_with_its_own_URLs_stays_as_it_was_written(): void
	{
		[$a, $b] = [self::$pair->urls['a'], self::$pair->urls['b']];
		$mid = $this->post(['body' => "see $b/cloud/alice2/x and $a/cloud/alice/y"], '', 'b');
		$written = $this->itemOnB("mid = '$mid'");
		$this->sendBack($mid, "see $a/cloud/alice/x and $a/cloud/alice/y", $written['edited']);
		$this->assertSame(
			[$written['body'], $written['plink'], $written['sig']],
			array_values(array_intersect_key($this->itemOnB("mid = '$mid'"), ['body' => 1, 'sig' => 1, 'plink' => 1])),
		);
		$this->sendBack($mid, "edited: $a/cloud/alice/x", date('Y-m-d H:i:s', strtotime($written['edited']) + 60));
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame("edited: $b/cloud/alice2/x", $item['body'], 'there its URLs were ours');
		$this->assertIsOwn($item);
	}

	public function test_a_post_of_another_author_is_not_touched(): void
	{
		$body = 'look at ' . self::$pair->urls['a'] . '/channel/alice';
		Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup();
			create_table_from_array("xchan", ["xchan_hash" => "hash-of-bob", "xchan_guid" => "bob", "xchan_guid_sig" => "", "xchan_pubkey" => "", "xchan_name" => "bob", "xchan_network" => "zot6"]);',
		]);
		$mid = $this->post(['body' => $body], 'bob');
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame([$body, 'sha256.of-bob'], [$item['body'], $item['sig']]);
	}

	public function test_a_post_that_came_without_the_extension_is_mended_when_it_is_back(): void
	{
		// A delivery that meets a hub that is down puts all others to it off.
		self::$pair->settle();
		$ini = self::$pair->hub('b') . '/php.d/hub.ini';
		$this->assertStringContainsString('extension=', file_get_contents($ini));
		copy($ini, "$ini.away");
		file_put_contents($ini, preg_replace('/^extension=.*$/m', '', file_get_contents($ini)));
		try {
			self::$pair->cut('b');
			self::$pair->serve('b');
			$a = self::$pair->urls['a'];
			$mid = $this->post(['body' => "$a/channel/alice"]);
			$forged = $this->post(['body' => "$a/channel/alice forged", 'sig' => 'sha256.forged']);
			$item = $this->itemOnB("mid = '$mid'");
			$this->assertSame("$a/channel/alice", $item['body'], 'as it came');
			$this->assertIsOwn($item);
			$this->assertNotOwn($this->itemOnB("mid = '$forged'"));
		} finally {
			rename("$ini.away", $ini);
			self::$pair->settle();
			self::$pair->cut('b');
			self::$pair->serve('b');
		}
		self::command('work', '--until-idle', '--seconds=20');
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame(self::$pair->urls['b'] . '/channel/alice2', $item['body']);
		$this->assertIsOwn($item);
		$item = $this->itemOnB("mid = '$forged'");
		$this->assertSame(self::$pair->urls['b'] . '/channel/alice2 forged', $item['body']);
		$this->assertNotOwn($item);
	}

	/** Whatever becomes of it here and on the clone, no hub signs a text that the channel did not write. */
	public function test_a_forged_post_stays_without_a_signature_of_the_channel(): void
	{
		$a = self::$pair->urls['a'];
		$mid = $this->post(['body' => "forged: $a/channel/alice", 'sig' => 'sha256.forged']);
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame('forged: ' . self::$pair->urls['b'] . '/channel/alice2', $item['body']);
		$this->assertNotOwn($item);
		$this->assertStringContainsString('without a valid signature', self::command('repair', 'items'));
		$this->assertNotOwn($this->itemOnB("mid = '$mid'"));
		// The clone sends it again, without having signed it.
		$this->sendBack($mid, "forged: $a/channel/alice", date('Y-m-d H:i:s', strtotime($item['edited']) + 60), false);
		$this->assertNotOwn($this->itemOnB("mid = '$mid'"));
	}

	public function test_repair_finds_and_mends_what_stock_syncs_left(): void
	{
		$a = self::$pair->urls['a'];
		$mid = $this->post(['body' => 'plain']);
		$this->itemOnB("mid = '$mid'");
		$damaged = json_encode(['url' => "$a/channel/alice"]);
		$database = new PDO('sqlite:' . self::$pair->hub('b') . '/hub.sqlite', null, null, [PDO::ATTR_TIMEOUT => 60]);
		$database->prepare('UPDATE item SET obj = ?, sig = ? WHERE mid = ?')
			->execute([$damaged, 'sha256.broken', $mid]);
		$found = self::command('repair', 'items', '--dry-run', '--json');
		$this->assertStringContainsString($mid, stripslashes($found));
		$this->assertSame($damaged, $this->itemOnB("mid = '$mid'")['obj'], 'a dry run changes nothing');
		self::command('repair', 'items');
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame(['url' => self::$pair->urls['b'] . '/channel/alice2'], json_decode($item['obj'], true));
		$this->assertSame('sha256.broken', $item['sig'], 'nobody knows whose text it is');
		$this->assertStringContainsString('nothing', self::command('repair', 'items', '--dry-run'));
		// What a stock sync overwrote cannot be had here: it is said, not invented.
		$database->prepare('UPDATE item SET target = ? WHERE mid = ?')->execute(['{"id":"Array"}', $mid]);
		$this->assertStringContainsString('"overwritten":["target"]', self::command('repair', 'items', '--json'));
		$this->assertSame('{"id":"Array"}', $this->itemOnB("mid = '$mid'")['target']);
	}

	public function test_repair_mends_a_post_from_here_that_a_clone_sent_back_with_its_own_urls(): void
	{
		$mid = $this->post(['body' => 'look at ' . self::$pair->urls['b'] . '/channel/alice2'], '', 'b');
		$database = new PDO('sqlite:' . self::$pair->hub('b') . '/hub.sqlite', null, null, [PDO::ATTR_TIMEOUT => 60]);
		$database->prepare('UPDATE item SET body = ? WHERE mid = ?')
			->execute(['look at ' . self::$pair->urls['a'] . '/channel/alice', $mid]);
		$this->assertStringContainsString($mid, stripslashes(self::command('repair', 'items', '--json')));
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame('look at ' . self::$pair->urls['b'] . '/channel/alice2', $item['body']);
		$this->assertIsOwn($item);
	}

	public function test_posts_of_a_backup_set_come_back_and_nobody_hears_of_it(): void
	{
		[$a, $b] = [self::$pair->urls['a'], self::$pair->urls['b']];
		$file = self::$pair->folder . '/kept.txt';
		file_put_contents($file, 'kept');
		$hash = self::$pair->upload('a', 'Kept', [$file])[0]['hash'];
		$about = ['resource_id' => $hash, 'resource_type' => 'attach'];
		$mid = $this->post(['body' => "kept: $a/attach/$hash and $a/channel/alice"] + $about);
		$was = $this->itemOnB("mid = '$mid' AND body LIKE '%$b/attach/%'");
		$comment = $this->post([
			'body' => 'of mine',
			'parent_mid' => $mid,
			'thr_parent' => $mid,
			'item_thread_top' => 0,
		]);
		$this->itemOnB("mid = '$comment'");
		self::$pair->settle();
		// As a set of hub A has them; one was changed since.
		$read = 'require "include/cli_startup.php"; cli_startup(); foreach (array_slice($argv, 1) as $mid) {
			$all[] = encode_item(q("SELECT * FROM item WHERE mid = \'%s\'", dbesc($mid))[0], true); } echo json_encode($all);';
		[$top, $answer] = json_decode($this->inHub('a', $read, $mid, $comment), true);
		$answer['body'] = 'not of mine';
		$waiting = 'SELECT (SELECT COUNT(*) FROM outq) AS packets, (SELECT COUNT(*) FROM workerq) AS jobs';
		$database = new PDO('sqlite:' . self::$pair->hub('b') . '/hub.sqlite', null, null, [PDO::ATTR_TIMEOUT => 60]);
		$database->prepare('DELETE FROM item WHERE mid IN (?, ?)')->execute([$mid, $comment]);
		$before = self::$pair->rows('b', $waiting);
		$restore = 'require "include/cli_startup.php"; cli_startup(); require_once "addon/filesync/filesync.php";
			$channel = FileSync\Addon\Hub\Clones::channel(1);
			$told = (new FileSync\Addon\Posts\SetPosts($channel))->restore($argv[1], json_decode($argv[2], true));
			echo json_encode(array_map(fn ($post) => [$post->mid, $post->state->value, $post->why], $told->posts));';
		$this->assertSame(
			[[$comment, 'restored_unsigned', ''], [$mid, 'restored', '']],
			json_decode($this->inHub('b', $restore, $hash, json_encode([$answer, $top])), true),
		);
		$this->assertSame($before, self::$pair->rows('b', $waiting));
		$item = $this->itemOnB("mid = '$mid'");
		$this->assertSame([$was['body'], $was['sig'], $hash], [$item['body'], $item['sig'], $item['resource_id']]);
		$this->assertIsOwn($item);
		$unsigned = $this->itemOnB("mid = '$comment'");
		$this->assertSame([$item['id'], 'not of mine'], [$unsigned['parent'], $unsigned['body']]);
		$this->assertNotOwn($unsigned);
		self::command('repair', 'items');
		$this->assertNotOwn($this->itemOnB("mid = '$comment'"));
	}

	private function inHub(string $hub, string $code, string ...$arguments): string
	{
		$call = [__DIR__ . '/bin/in-hub', self::$pair->hub($hub), PHP_BINARY, '-r', $code, ...$arguments];

		return implode("\n", Pair::run($call));
	}

	private function post(array $columns, string $stranger = '', string $hub = 'a'): string
	{
		return trim(implode('', Pair::run([
			PHP_BINARY,
			__DIR__ . '/bin/post.php',
			self::$pair->hub($hub),
			json_encode($columns),
			$stranger,
		])));
	}

	/**
	 * Hub A tells hub B of a post that it has from there, in words and with a signature of its own; returns once that
	 * was taken in.
	 */
	private function sendBack(string $mid, string $body, string $edited, bool $isSigned = true): void
	{
		self::$pair->settle();
		Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('a'),
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup();
			list(, $mid, $body, $edited, $is_signed) = $argv;
			$item = q("SELECT * FROM item WHERE mid = \'%s\'", dbesc($mid))[0];
			$key = channelx_by_n($item["uid"])["channel_prvkey"];
			$sig = $is_signed ? Zotlabs\Lib\Libzot::sign($body, $key) : "sha256.of-a";
			$item = ["body" => $body, "edited" => $edited, "sig" => $sig] + $item;
			Zotlabs\Lib\Libsync::build_sync_packet($item["uid"], ["item" => [encode_item($item, true)]]);',
			$mid,
			$body,
			$edited,
			$isSigned ? '1' : '',
		]);
		$this->itemOnB("mid = '{$this->post(['body' => 'after it'])}'");
		self::$pair->settle();
	}

	private function itemOnB(string $condition): array
	{
		for ($end = microtime(true) + Pair::PATIENCE; microtime(true) < $end; usleep(100000)) {
			$rows = self::$pair->rows('b', "SELECT * FROM item WHERE $condition");
			if ($rows) {
				return $rows[0];
			}
		}
		$this->fail(
			"hub B has no item where $condition:\n"
				. implode('', array_slice(file(self::$pair->hub('b') . '/hub.log'), -3)),
		);
	}

	/** Ids may name the hub where the post was written; nothing else may. */
	private function assertNothingOf(string $hub, array $item): void
	{
		$root = self::$pair->urls[$hub];
		$target = json_decode($item['target'], true);
		if (($target['type'] ?? '') === 'Collection') {
			// A conversation on hubs from 10 on: its id names the hub where it began, and so does whose it is.
			$of = strstr($target['id'], '/conversation/', true);
			$this->assertStringStartsWith($of . '/', $target['attributedTo']);
			$item['target'] = '';
		}
		foreach (array_merge(['body', 'plink'], self::JSON) as $column) {
			$text = str_replace('\/', '/', $item[$column]);
			$left = preg_grep(
				'~/(item|activity|conversation|followers)/~',
				explode($root, ' ' . $text),
				PREG_GREP_INVERT,
			);
			unset($left[0]);
			$this->assertSame([], $left, "$column: $text");
		}
	}

	private function assertIsOwn(array $item): void
	{
		$this->assertTrue($this->isOwn($item), 'the signature belongs to the body');
	}

	private function assertNotOwn(array $item): void
	{
		$this->assertFalse($this->isOwn($item));
		$this->assertNotSame('', $item['sig'], 'a hub signs what has no signature');
	}

	private function isOwn(array $item): bool
	{
		$key = self::$pair->rows('b', 'SELECT channel_pubkey FROM channel')[0]['channel_pubkey'];
		[$method, $signature] = explode('.', $item['sig'], 2) + [1 => ''];

		return (
			$method === 'sha256'
			&& openssl_verify($item['body'], base64_decode(strtr($signature, '-_', '+/')), $key, $method) === 1
		);
	}

	private static function command(string ...$words): string
	{
		return implode("\n", Pair::run(array_merge([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'addon/filesync/cli.php',
		], $words), false));
	}
}
