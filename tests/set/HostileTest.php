<?php

require_once __DIR__ . '/Hubs.php';
require_once __DIR__ . '/Forger.php';
require_once __DIR__ . '/RoundTrip.php';
require_once __DIR__ . '/../testhub/core/TestHub/Maker.php';

use PHPUnit\Framework\TestCase;
use Set\Forger;
use Set\Hubs;
use Set\RoundTrip;
use TestHub\Maker;
use TestHub\Pair;

/**
 * Sets that were made to do harm, most of them signed by the channel itself, so that no signature hinders them.
 * Those that break the rules change nothing on the hub, neither rows nor files. Of the others just what is honest
 * arrives; what other channels have stays as it is.
 */
final class HostileTest extends TestCase
{
	private const SECRET = "what bob keeps for himself\n";
	private static Hubs $hubs;
	private static Forger $forger;
	private static string $bob = '';
	/** @var array<string, mixed> What the second hub has while nothing is restored. */
	private static array $before;
	/** @var array<string, mixed> Rows and files of other channels. */
	private static array $others;

	public static function setUpBeforeClass(): void
	{
		if ((getenv('DB') ?: 'sqlite') !== 'sqlite') {
			self::markTestSkipped('hubs are put back by copying their folders');
		}
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::$hubs =
			$hubs = new Hubs(sys_get_temp_dir() . '/hostiletest-' . getmypid(), (string) realpath($extension));
		$hubs->make('first');
		self::upload($hubs, 'first', 'alice', 'Docs', ['plain.txt' => 'plain text', 'letter.txt' => 'a letter']);
		$image = imagecreatetruecolor(600, 400);
		imagefill($image, 0, 0, 0x3377aa);
		ob_start();
		imagejpeg($image);
		self::upload($hubs, 'first', 'alice', '', ['photo.jpg' => ob_get_clean()]);
		self::addCrop();
		[$code, , $text] = $hubs->command('first', 'backup', 'alice', $hubs->path('set'), '--json');
		if ($code !== 0) {
			throw new RuntimeException("the backup ended with $code: $text");
		}
		self::$forger = new Forger($hubs->path('set'), $hubs->path('forged'));
		self::$forger->key = $hubs->database('first')->query('SELECT channel_prvkey FROM channel')->fetchColumn();
		$hubs->make('second', 'first');
		// In a process of its own: it becomes that hub.
		$hubs->script(
			'second',
			'-r',
			'require_once $argv[1]; TestHub\Maker::enter(getcwd());'
			. ' TestHub\Maker::channel(TestHub\Maker::identity("bob", 2048), "bob");',
			dirname(__DIR__) . '/testhub/core/TestHub/Maker.php',
		);
		self::upload($hubs, 'second', 'bob', '', ['secret.txt' => self::SECRET]);
		$database = $hubs->database('second');
		self::$bob = $database->query("SELECT hash FROM attach WHERE filename = 'secret.txt'")->fetchColumn();
		$database = null;
		$hubs->copy('second', 'pristine');
		self::$before = $hubs->state('second');
		self::$others = self::ofOthers();
	}

	public static function tearDownAfterClass(): void
	{
		isset(self::$hubs) && self::$hubs->remove();
	}

	/** @param array<string, string> $files Contents by name. */
	private static function upload(Hubs $hubs, string $hub, string $nick, string $folder, array $files): void
	{
		$sources = [];
		foreach ($files as $name => $contents) {
			file_put_contents($sources[] = "$hubs->folder/$name", $contents);
			touch("$hubs->folder/$name", time() - 100);
		}
		$hubs->script(
			$hub,
			dirname(__DIR__) . '/testhub/bin/upload.php',
			$hubs->path($hub),
			$nick,
			$folder,
			...$sources,
		);
		array_map(unlink(...), $sources);
	}

	/** Makes a crop of the photo, as its owner does for the profile picture. */
	private static function addCrop(): void
	{
		$database = self::$hubs->database('first');
		$row = $database->query('SELECT * FROM photo WHERE imgscale = 0')->fetch(PDO::FETCH_ASSOC);
		$image = imagecreatetruecolor(300, 300);
		ob_start();
		imagejpeg($image);
		$bytes = ob_get_clean();
		$place = "{$row['content']}-4";
		file_put_contents(self::$hubs->path('first') . "/$place", $bytes);
		touch(self::$hubs->path('first') . "/$place", time() - 100);
		unset($row['id']);
		$crop = ['imgscale' => 4, 'photo_usage' => 1, 'width' => 300, 'height' => 300, 'filesize' => strlen($bytes)];
		$crop += ['content' => $place, 'mimetype' => 'image/jpeg', 'os_storage' => 1] + $row;
		$names = array_keys($crop);
		$database->prepare(
			'INSERT INTO photo ('
			. implode(', ', $names)
			. ') VALUES ('
			. implode(', ', array_fill(0, count($names), '?'))
			. ')',
		)
			->execute(array_values($crop));
	}

	/** @return array<string, mixed> Rows of other channels, and files outside of what a restore may write. */
	private static function ofOthers(): array
	{
		$state = [];
		foreach (self::$hubs->state('second') as $path => $what) {
			if (
				! is_array($what)
				&& ! preg_match('~^store(/alice|/\[data\](/filesync|/alice|/\[xchan\])?)?(/|$)~', (string) $path)
			) {
				$state[$path] = $what;
			}
		}
		$database = self::$hubs->database('second');
		foreach (['attach', 'photo', 'item', 'term', 'channel', 'account', 'profile', 'pconfig'] as $table) {
			$column = ['channel' => 'channel_id', 'account' => 'account_id'][$table] ?? 'uid';
			$query = "SELECT * FROM $table WHERE $column <> 1";
			$state["table $table"] = $database->query($query)->fetchAll(PDO::FETCH_ASSOC);
		}

		return $state;
	}

	/** @return list<array<string, mixed>> */
	private static function rows(string $query): array
	{
		return self::$hubs->database('second')->query($query)->fetchAll(PDO::FETCH_ASSOC);
	}

	private static function attach(string $name): ?array
	{
		$quoted = self::$hubs->database('second')->quote($name);

		return self::rows("SELECT * FROM attach WHERE uid = 1 AND filename = $quoted")[0] ?? null;
	}

	private static function bytes(?array $row): ?string
	{
		return $row && is_file(self::$hubs->path('second') . "/{$row['content']}")
			? file_get_contents(self::$hubs->path('second') . "/{$row['content']}")
			: null;
	}

	/** Restores the forged set. */
	private function restore(string ...$options): array
	{
		return self::$hubs->command('second', 'restore', 'alice', self::$hubs->path('forged'), '--json', ...$options);
	}

	/** Changes the last row of a file's folder chain. */
	private static function row(string $name, array $columns): Closure
	{
		return function (Forger $forger) use ($name, $columns): void {
			$metadata = $forger->honest($name);
			$metadata['attach'][] = $columns + array_pop($metadata['attach']);
			$forger->write($name, $metadata);
		};
	}

	/** Changes the part of a scale. */
	private static function part(string $name, array $keys, int $scale = 0): Closure
	{
		return function (Forger $forger) use ($name, $keys, $scale): void {
			$metadata = $forger->honest($name);
			foreach ($metadata['parts'] as $n => $part) {
				if (($part['scale'] ?? 0) === $scale) {
					$metadata['parts'][$n] = array_filter($keys + $part, fn ($value) => $value !== null);
				}
			}
			$forger->write($name, $metadata);
		};
	}

	private static function crop(string $bytes, array $keys = []): Closure
	{
		return self::part(
			'photo.jpg',
			$keys
			+ [
				'size' => strlen($bytes),
				'sha256' => hash('sha256', $bytes),
				'base64' => base64_encode($bytes),
			],
			4,
		);
	}

	private static function metadata(string $name, Closure $change): Closure
	{
		return fn (Forger $forger) => $forger->text($forger->of($name), $change(Forger::json($forger->honest($name))));
	}

	private static function about(Closure $change): Closure
	{
		return function (Forger $forger) use ($change): void {
			$set = json_decode(file_get_contents($forger->path('set.json')), true);
			$forger->text('set.json', Forger::json($change($set)));
		};
	}

	private static function posts(Closure $change): Closure
	{
		return function (Forger $forger) use ($change): void {
			$metadata = $forger->honest('photo.jpg');
			$metadata['item'] = $change($metadata['item']);
			$forger->write('photo.jpg', $metadata);
		};
	}

	/** Puts a file into another one, as if that were a folder. */
	private static function within(string $name, string $other): Closure
	{
		return function (Forger $forger) use ($name, $other): void {
			$metadata = $forger->honest($name);
			$hash = $forger->honest($other)['hash'];
			$metadata['attach'][0]['hash'] = $metadata['attach'][1]['folder'] = $hash;
			$forger->write($name, $metadata);
		};
	}

	/** A PNG that says that it is of a size, and has hardly any bytes. */
	private static function bomb(int $width, int $height): string
	{
		$chunk = fn ($type, $data) => pack('N', strlen($data)) . $type . $data . pack('N', crc32($type . $data));

		return (
			"\x89PNG\r\n\x1a\n"
			. $chunk('IHDR', pack('NN', $width, $height) . "\x08\x02\0\0\0")
			. $chunk('IDAT', gzcompress(str_repeat("\0", 10000)))
			. $chunk('IEND', '')
		);
	}

	/** @return array<string, array{string, Closure, string}> The code, what is done, and when. */
	private static function refused(): array
	{
		$line = fn (string ...$paths) => fn (Forger $forger) => $forger->addLines(...$paths);
		$write = fn (string $path, string $text = 'x') => fn (Forger $forger) => $forger->text($path, $text);
		$cases = [
			'fetch.txt' => ['set_refused', $write('fetch.txt', 'http://127.0.0.1:1/ 1 data/files/x'), 'end'],
			'another manifest' => ['set_refused', $write('manifest-md5.txt'), 'end'],
			'another tag manifest' => ['set_refused', $write('tagmanifest-sha512.txt'), 'end'],
			'a newer format' => ['set_newer', self::about(fn ($set) => ['filesync_set' => 2] + $set), 'lists'],
			'another channel' => [
				'set_other_channel',
				self::about(fn ($set) => ['channel' => ['hash' => 'bob'] + $set['channel']] + $set),
				'unsigned',
			],
			'another hash in a metadata file' => [
				'set_refused',
				self::metadata('plain.txt', fn ($text) => str_replace(
					self::$forger->honest('plain.txt')['hash'],
					self::$bob,
					$text,
				)),
				'files',
			],
			'two that are equal without regard to case' => [
				'set_refused',
				$line('data/files/docs/A', 'data/files/docs/a'),
				'lists',
			],
			'two metadata files of one hash' => [
				'set_refused',
				fn (Forger $forger) => $forger->addLines(preg_replace_callback(
					'~[^/]+(?=\.json$)~',
					fn ($m) => strtoupper($m[0]),
					$forger->of('plain.txt'),
				)),
				'lists',
			],
			'a line of another form' => [
				'set_refused',
				fn (Forger $forger) => file_put_contents($forger->path('manifest-sha256.txt'), "zzz\n", FILE_APPEND),
				'lists',
			],
			'a tag line that climbs' => [
				'path_refused',
				fn (Forger $forger) => file_put_contents(
					$forger->path('tagmanifest-sha256.txt'),
					hash('sha256', 'x') . "  ../../x\n" . file_get_contents($forger->path('tagmanifest-sha256.txt')),
				),
				'tags',
			],
		];
		foreach ([
			'climbs' => '../../x',
			'is absolute' => '/etc/passwd',
			'climbs within' => 'data/files/../../../x',
			'has a backslash' => 'data/files/a\\b',
			'is of a drive' => 'C:/x',
			'has a NUL' => "data/files/a\0b",
			'turns the writing' => "data/files/\u{202e}gpj.exe",
			'is long' => 'data/files/' . str_repeat('x/', 2000) . 'x',
			'is beside data' => 'store/alice/x',
			'has a long name' => 'data/files/' . str_repeat('x', 300),
			'is empty' => 'data/files//x',
			'ends with a point' => 'data/files/x.',
		] as $name => $path) {
			$isLong = strlen($path) > 950;
			$cases["a line that $name"] = [$isLong ? 'set_refused' : 'path_refused', $line($path), 'lists'];
			$cases["a part that $name"] = ['path_refused', self::part('plain.txt', ['path' => $path]), 'files'];
		}

		return $cases;
	}

	public function test_what_breaks_the_rules_is_refused_whole_and_changes_nothing(): void
	{
		$hubs = self::$hubs;
		$hubs->copy('pristine', 'second');
		foreach (self::refused() as $name => [$code, $attack, $when]) {
			$this->forge($attack, $when);
			foreach ([[], ['--trust', '--replace', '--deleted'], ['--as-copy', '--dry-run']] as $options) {
				[$exit, $said, $text] = $this->restore(...$options);
				if ($code === 'set_other_channel' && $options && $options[0] === '--as-copy') {
					continue;
				}
				$this->assertSame([1, $code], [$exit, $said['error'] ?? $text], $name);
			}
			$this->assertSame([], $this->difference(self::$before, $hubs->state('second')), $name);
		}
		foreach (['inside' => 'second/forged', 'a link to inside' => 'link'] as $name => $path) {
			$hubs->copy('set', 'second/forged');
			@symlink($hubs->path('second/forged'), $hubs->path('link'));
			$before = $hubs->state('second');
			[$exit, $said, $text] = $hubs->command('second', 'restore', 'alice', $hubs->path($path), '--json');
			$this->assertSame([2, 'in_web_root'], [$exit, $said['error'] ?? $text], $name);
			$this->assertSame([], $this->difference($before, $hubs->state('second')), $name);
		}
		$this->assertGreaterThan(30, count(self::refused()));
	}

	private function forge(Closure $attack, string $when): void
	{
		$forger = self::$forger;
		$forger->begin();
		if (in_array($when, ['files', 'unproven'], true)) {
			$attack($forger);
			$forger->relist();
		} elseif (in_array($when, ['lists', 'unsigned'], true)) {
			$attack($forger);
		}
		$forger->sign();
		if ($when === 'tags') {
			$attack($forger);
			$forger->signOnly();
		} elseif ($when === 'end') {
			$attack($forger);
		} elseif ($when === 'unproven') {
			$forger->signOnly(Maker::identity('mallory', 2048)['prvkey']);
		} elseif ($when === 'unsigned') {
			unlink($forger->path('channel-signature.json'));
		}
	}

	/** @return list<string> What one state has otherwise than another. */
	private function difference(array $one, array $other): array
	{
		$different = [];
		foreach (array_keys($one + $other) as $path) {
			if (($one[$path] ?? null) !== ($other[$path] ?? null)) {
				$different[] = $path;
			}
		}

		return $different;
	}

	/**
	 * @return array<string, array{Closure, string, Closure, 3?: list<string>}> What is done, when, what is true then,
	 *     and what is hit besides.
	 */
	private function partly(): array
	{
		$own = self::rows('SELECT channel_hash FROM channel WHERE channel_id = 1')[0]['channel_hash'];
		$is = fn (string $name, ?string $bytes) => fn () => $this->assertSame($bytes, self::bytes(self::attach($name)));
		$none = fn (string $name) => fn () => $this->assertNull(self::attach($name));
		$noCrop = function (): void {
			$this->assertNotNull(self::bytes(self::attach('photo.jpg')));
			$this->assertSame([], self::rows('SELECT id FROM photo WHERE uid = 1 AND imgscale = 4'));
		};
		$noPosts = fn () => $this->assertSame([], self::rows('SELECT mid FROM item WHERE uid = 1'));
		$one = fn (array $change) => self::posts(fn ($items) => [
			array_replace_recursive($items[0], $change),
			...array_slice($items, 1),
		]);
		$link = fn (string $path, string $target) => function (Forger $forger) use ($path, $target): void {
			Pair::run(['rm', '-rf', $forger->path($path)]);
			symlink($target, $forger->path($path));
		};
		$pipe = fn (string $path) => function (Forger $forger) use ($path): void {
			unlink($forger->path($path));
			posix_mkfifo($forger->path($path), 0600);
		};
		$secret = self::$hubs->path('second') . '/store/bob/';

		return [
			// Columns.
			'columns of the hub' => [
				self::row('plain.txt', [
					'id' => 1,
					'uid' => 2,
					'aid' => 2,
					'os_path' => '../../x',
					'content' => '/etc/passwd',
					'os_storage' => 0,
					'tid' => 1,
					'later' => 1,
				]),
				'files',
				fn () => $this->assertSame(
					[1, 'plain text', true],
					[
						(int) self::attach('plain.txt')['uid'],
						self::bytes(self::attach('plain.txt')),
						str_starts_with(self::attach('plain.txt')['content'], 'store/alice/'),
					],
				),
			],
			'a creator whom nobody knows' => [
				self::row('plain.txt', ['creator' => 'nobody']),
				'files',
				fn () => $this->assertSame($own, self::attach('plain.txt')['creator']),
			],
			'columns of photos' => [
				function (Forger $forger): void {
					$metadata = $forger->honest('photo.jpg');
					foreach ($metadata['photo'] as $n => $row) {
						$metadata['photo'][$n] =
							['uid' => 2, 'aid' => 2, 'id' => 1, 'xchan' => 'bob', 'resource_id' => self::$bob]
							+ ['content' => '/etc/passwd', 'os_path' => '../x']
							+ $row;
					}
					$forger->write('photo.jpg', $metadata);
				},
				'files',
				function () use ($own): void {
					$hash = self::attach('photo.jpg')['hash'];
					foreach (self::rows('SELECT * FROM photo') as $row) {
						$this->assertSame(
							[1, $own, $hash],
							[(int) $row['uid'], $row['xchan'], $row['resource_id']],
						);
					}
				},
			],
			// Another channel's files.
			'the hash of another channel\'s file' => [
				function (Forger $forger): void {
					$hash = $forger->honest('plain.txt')['hash'];
					$text = str_replace($hash, self::$bob, Forger::json($forger->honest('plain.txt')));
					unlink($forger->path($forger->of('plain.txt')));
					$forger->text('data/metadata/' . substr(self::$bob, 0, 2) . '/' . self::$bob . '.json', $text);
				},
				'files',
				function (): void {
					$this->assertSame([self::$bob, 'plain text'], [
						self::attach('plain.txt')['hash'],
						self::bytes(self::attach('plain.txt')),
					]);
				},
			],
			'bytes that another channel has' => [
				self::part('plain.txt', ['sha256' => hash('sha256', self::SECRET), 'size' => strlen(self::SECRET)]),
				'files',
				$none('plain.txt'),
			],
			// Posts.
			'a word changed in an own post' => [
				self::posts(fn ($items) => array_map(
					fn ($post) => ['body' => "{$post['body']} a forgery"] + $post,
					$items,
				)),
				'files',
				fn () => $this->assertUnsigned(),
			],
			'a byte changed in an own post' => [
				self::posts(fn ($items) => array_map(
					fn ($post) => ['body' => preg_replace('/[a-z]/', '~', $post['body'], 1)] + $post,
					$items,
				)),
				'files',
				fn () => $this->assertUnsigned(),
			],
			'a signature of another text' => [
				$one(['body' => 'other words']),
				'files',
				fn () => $this->assertUnsigned(),
			],
			'a post with code' => [
				$one(['mimetype' => 'application/x-php', 'body' => '<?php echo 1;']),
				'files',
				$noPosts,
			],
			'a post in HTML' => [
				$one(['mimetype' => 'text/html', 'body' => '<script>alert(1)</script>']),
				'files',
				fn () => $this->assertSame(
					[],
					self::rows("SELECT mid FROM item WHERE uid = 1 AND body LIKE '%<script%'"),
				),
			],
			'a post of another conversation' => [
				$one([
					'resource_id' => self::$bob,
					'message_id' => 'https://x.test/item/9',
					'message_top' => 'https://x.test/item/9',
				]),
				'files',
				$noPosts,
			],
			'a post of another owner' => [
				$one(['owner' => ['id' => 'bob', 'id_sig' => 'x', 'key' => 'x', 'name' => 'Bob', 'network' => 'zot6']]),
				'files',
				$noPosts,
			],
			'an author with another key' => [
				self::posts(function ($items) {
					$mallory = Maker::identity('mallory', 2048);
					$items[0]['author'] = ['key' => $mallory['pubkey'], 'id_sig' => 'sha256.x'] + $items[0]['author'];

					return $items;
				}),
				'files',
				fn () => $this->assertSame(
					[],
					self::rows(
						'SELECT xchan_name FROM xchan WHERE xchan_pubkey NOT IN (SELECT channel_pubkey FROM channel)',
					),
				),
			],
			'a new author whom nothing proves' => [
				self::posts(fn ($items) => [
					...$items,
					[
						'uuid' => 'forged',
						'message_id' => 'https://evil.test/item/1',
						'message_parent' => $items[0]['message_id'],
						'body' => 'hello',
						'author' =>
							[
								'id' => 'guid',
								'id_sig' => 'sha256.' . base64_encode('x'),
								'name' => 'Evil',
								'url' => 'https://evil.test',
								'address' => 'evil@evil.test',
								'network' => 'zot6',
							] + $items[0]['author'],
					] + $items[0],
				]),
				'files',
				function (): void {
					$this->assertSame([], self::rows("SELECT mid FROM item WHERE body = 'hello'"));
					$this->assertSame([], self::rows("SELECT xchan_hash FROM xchan WHERE xchan_name = 'Evil'"));
				},
			],
			'columns of posts' => [
				$one([
					'uid' => 2,
					'aid' => 2,
					'id' => 1,
					'item_wall' => 1,
					'item_deleted' => 0,
					'item_origin' => 1,
					'sig' => 'x',
				]),
				'files',
				fn () => $this->assertSame([], self::rows('SELECT mid FROM item WHERE uid <> 1 OR aid <> 1')),
			],
			'posts of another form' => [
				self::posts(fn ($items) => [1, 'x', null, ...$items]),
				'files',
				$none('photo.jpg'),
			],
			'posts that say nothing' => [
				self::posts(fn ($items) => [
					[],
					['message_id' => []],
					['message_id' => 'x', 'body' => [1]],
					...$items,
				]),
				'files',
				fn () => $this->assertCount(
					1,
					self::rows("SELECT mid FROM item WHERE uid = 1 AND resource_type = 'photo'"),
				),
			],
			// Access, deletes and versions.
			'access of another form' => [
				self::row('plain.txt', ['allow_cid' => 'everybody']),
				'files',
				$none('plain.txt'),
			],
			'access that is a list' => [self::row('plain.txt', ['allow_gid' => ['<x>']]), 'files', $none('plain.txt')],
			'a link that is not here' => [
				self::row('plain.txt', ['allow_cid' => '<token:evil>', 'allow_gid' => '']),
				'files',
				fn () => $this->assertSame("<$own>", self::attach('plain.txt')['allow_cid']),
			],
			'another signature' => [
				self::row('plain.txt', ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => '']),
				'unproven',
				function () use ($own): void {
					$this->assertSame("<$own>", self::attach('plain.txt')['allow_cid']);
					$this->assertSame([], self::rows('SELECT mid FROM item WHERE uid = 1'));
				},
			],
			'no signature' => [
				fn () => null,
				'unsigned',
				function () use ($own): void {
					$this->assertSame("<$own>", self::attach('plain.txt')['allow_cid']);
					$this->assertSame([], self::rows('SELECT mid FROM item WHERE uid = 1'));
				},
			],
			'versions of another form' => [
				function (Forger $forger): void {
					$metadata = $forger->honest('plain.txt');
					$metadata['filesync'] = [
						'v' => 1,
						'revision' => ['bytes' => ['vector' => ['x' => 'y', "\n" => -1]]],
					];
					$forger->write('plain.txt', $metadata);
				},
				'files',
				fn () => $this->assertContains(self::bytes(self::attach('plain.txt')), ['plain text', null]),
			],
			// Types.
			'a script as a type' => [
				self::row('plain.txt', ['filetype' => "text/html\r\nX-Evil: 1"]),
				'files',
				$none('plain.txt'),
			],
			'SVG that is a photo' => [
				self::row('plain.txt', ['filetype' => 'image/svg+xml', 'is_photo' => 1]),
				'files',
				fn () => $this->assertSame(
					[],
					self::rows(
						"SELECT id FROM photo WHERE uid = 1 AND (mimetype LIKE '%svg%' OR filename = 'plain.txt')",
					),
				),
			],
			// Images.
			'a crop that holds a script' => [self::crop('<script>alert(1)</script>'), 'files', $noCrop],
			'a crop of another type' => [
				self::crop('<script>alert(1)</script>', ['mimetype' => 'text/html']),
				'files',
				$noCrop,
			],
			'a crop in SVG' => [
				self::crop('<svg xmlns="http://www.w3.org/2000/svg"/>', ['mimetype' => 'image/svg+xml']),
				'files',
				$noCrop,
			],
			'a crop of a billion pixels' => [self::crop(self::bomb(40000, 40000), [
					'mimetype' => 'image/png',
				]), 'files', $noCrop],
			'a crop whose size lies' => [self::part('photo.jpg', ['size' => 5], 4), 'files', $noCrop],
			'a crop of another scale' => [self::part('photo.jpg', ['scale' => 0], 4), 'files', $noCrop],
			'a photo of a billion pixels' => [
				function (Forger $forger): void {
					$bytes = self::bomb(40000, 40000);
					$metadata = $forger->honest('photo.jpg');
					$forger->text($metadata['parts'][0]['path'], $bytes);
					$metadata['parts'][0]['size'] = strlen($bytes);
					$metadata['parts'][0]['sha256'] = hash('sha256', $bytes);
					$forger->write('photo.jpg', $metadata);
				},
				'files',
				fn () => $this->assertSame(self::bomb(40000, 40000), self::bytes(self::attach('photo.jpg'))),
			],
			// Sizes.
			'a size that is too small' => [self::part('plain.txt', ['size' => 3]), 'files', $none('plain.txt')],
			'a size that is too large' => [self::part('plain.txt', ['size' => 1 << 40]), 'files', $none('plain.txt')],
			'a size of another form' => [self::part('plain.txt', ['size' => 'many']), 'files', $none('plain.txt')],
			'a row with another size' => [
				self::row('plain.txt', ['filesize' => 1 << 40]),
				'files',
				fn () => $this->assertSame('10', (string) self::attach('plain.txt')['filesize']),
			],
			'deep metadata' => [
				self::metadata(
					'plain.txt',
					fn ($text) => substr($text, 0, -1) . ',"x":' . str_repeat('[', 100) . str_repeat(']', 100) . '}',
				),
				'files',
				$none('plain.txt'),
			],
			'very deep metadata' => [
				self::metadata('plain.txt', fn ($text) => substr($text, 0, -1) . ',"x":' . str_repeat('[', 500000)),
				'files',
				$none('plain.txt'),
			],
			'large metadata' => [
				self::metadata(
					'plain.txt',
					fn ($text) => substr($text, 0, -1) . ',"x":"' . str_repeat('x', 5 << 20) . '"}',
				),
				'files',
				$none('plain.txt'),
			],
			'metadata that is no JSON' => [self::metadata('plain.txt', fn () => '<html>'), 'files', $none('plain.txt')],
			'a key twice' => [
				self::metadata('plain.txt', fn ($text) => '{"hash":"x",' . substr($text, 1)),
				'files',
				$none('plain.txt'),
			],
			'too many posts' => [
				self::posts(fn ($items) => array_fill(0, 10001, [])),
				'files',
				$none('photo.jpg'),
			],
			'too many folders' => [
				function (Forger $forger): void {
					$metadata = $forger->honest('plain.txt');
					$folder = $metadata['attach'][0];
					for ($n = 0; $n < 70; $n++) {
						array_unshift($metadata['attach'], ['hash' => "folder-$n", 'filename' => "folder $n"]
						+ $folder);
					}
					$forger->write('plain.txt', $metadata);
				},
				'files',
				$none('plain.txt'),
			],
			// Names and folders.
			'a name that climbs' => [self::row('plain.txt', ['filename' => '..']), 'files', $none('..')],
			'a name with slashes' => [
				self::row('plain.txt', ['filename' => '../../x.php']),
				'files',
				fn () => $this->assertSame([], glob(self::$hubs->path('second') . '/{,*/}x.php', GLOB_BRACE)),
			],
			'a name of 4,000 characters' => [
				self::row('plain.txt', ['filename' => str_repeat('x', 4000)]),
				'files',
				$none('plain.txt'),
			],
			'a folder that is itself' => [
				function (Forger $forger): void {
					$metadata = $forger->honest('plain.txt');
					$own = $metadata['attach'][1];
					$metadata['attach'] = [['is_dir' => 1] + $own, ['folder' => $own['hash']] + $own];
					$forger->write('plain.txt', $metadata);
				},
				'files',
				$none('plain.txt'),
			],
			'a folder that is a file' => [
				function (Forger $forger): void {
					$metadata = $forger->honest('plain.txt');
					$metadata['attach'][0]['is_dir'] = 0;
					$forger->write('plain.txt', $metadata);
				},
				'files',
				$none('plain.txt'),
			],
			'a file in another file' => [
				self::within('plain.txt', 'photo.jpg'),
				'files',
				function (): void {
					$this->assertNull(self::attach('plain.txt'));
					$this->assertNotNull(self::bytes(self::attach('photo.jpg')));
				},
			],
			'a file in another that comes with it' => [
				self::within('plain.txt', 'letter.txt'),
				'files',
				$none('plain.txt'),
			],
			'a file that says that it is a folder' => [
				self::row('plain.txt', ['is_dir' => 1]),
				'files',
				$none('plain.txt'),
			],
			// Links, pipes, and what was changed since.
			'a link in place of a file' => [$link('data/files/Docs/plain.txt', $secret), 'end', $none('plain.txt')],
			'a link in place of a folder' => [
				$link('data/files/Docs', $secret),
				'end',
				$none('plain.txt'),
				['no letter'],
			],
			'a link in place of metadata' => [
				fn (Forger $forger) => $link($forger->of('plain.txt'), '/etc/passwd')($forger),
				'end',
				$none('plain.txt'),
			],
			'a pipe in place of a file' => [$pipe('data/files/Docs/plain.txt'), 'end', $none('plain.txt')],
			'a pipe in place of metadata' => [
				fn (Forger $forger) => $pipe($forger->of('plain.txt'))($forger),
				'end',
				$none('plain.txt'),
			],
			'a socket in place of a file' => [
				function (Forger $forger): void {
					$path = $forger->path('data/files/Docs/plain.txt');
					unlink($path);
					$socket = stream_socket_server("unix://$path");
					fclose($socket);
				},
				'end',
				$none('plain.txt'),
			],
			'a pipe in place of the list' => [$pipe('manifest-sha256.txt'), 'end', fn () => null, ['no letter']],
			'a pipe in place of the signature' => [
				$pipe('channel-signature.json'),
				'end',
				$is('plain.txt', 'plain text'),
			],
			'other bytes of that size' => [
				fn (Forger $forger) => $forger->text('data/files/Docs/plain.txt', 'PLAIN TEXT'),
				'end',
				$none('plain.txt'),
			],
			'a name that lies about what is listed' => [
				fn (Forger $forger) => $forger->text('data/files/Docs/evil.php', '<?php'),
				'end',
				$none('evil.php'),
			],
			'addresses of others in set.json' => [
				self::about(
					fn ($set) => [
						'origin' => ['url' => 'http://127.0.0.1:1/'],
						'access_names' => ['<x>' => ["\e[2J"], '<y>' => "\e[2J"],
						'lacks' => 'x',
						'updated' => ['x'],
					] + $set,
				),
				'lists',
				$is('plain.txt', 'plain text'),
			],
		];
	}

	public function test_of_a_set_that_lies_just_what_is_honest_arrives(): void
	{
		self::$hubs->copy('pristine', 'second');
		$cases = $this->partly();
		$wrong = [];
		foreach ($cases as $name => $case) {
			try {
				$this->tryPartly($name, ...$case);
			} catch (PHPUnit\Framework\ExpectationFailedException $e) {
				$wrong[] = "$name: {$e->getMessage()}\n" . $e->getComparisonFailure()?->getDiff();
			}
		}
		$this->assertSame([], $wrong);
		$this->assertGreaterThan(50, count($cases));
	}

	/** @param list<string> $left What is hit besides. */
	private function tryPartly(string $name, Closure $attack, string $when, Closure $isSo, array $left = []): void
	{
		$hubs = self::$hubs;
		$hubs->copy('pristine', 'second');
		$this->forge($attack, $when);
		[$planned, , $text] = $this->restore('--dry-run');
		$this->assertContains($planned, [0, 1], $text);
		$this->assertSame([], $this->difference(self::$before, $hubs->state('second')), 'the plan');
		[$code, $said, $text] = $this->restore();
		$this->assertContains($code, [0, 1], $text);
		$this->assertSame('done', $said['state'] ?? $text);
		$isSo();
		$this->assertSame([], $this->difference(self::$others, self::ofOthers()), 'what others have');
		if ($left === []) {
			$this->assertSame('a letter', self::bytes(self::attach('letter.txt')), 'what is honest');
		}
	}

	/** Makes sure that nothing says that the channel wrote what the set says, also after a repair. */
	private function assertUnsigned(): void
	{
		self::$hubs->command('second', 'repair', 'items');
		$key = self::rows('SELECT channel_pubkey FROM channel WHERE channel_id = 1')[0]['channel_pubkey'];
		$posts = self::rows("SELECT mid, body, sig FROM item WHERE uid = 1 AND resource_type = 'photo'");
		$this->assertNotSame([], $posts);
		foreach ($posts as $post) {
			$this->assertFalse(RoundTrip::isSigned($key, $post['body'], (string) $post['sig']), $post['mid']);
		}
	}
}
