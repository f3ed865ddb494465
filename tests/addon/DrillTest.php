<?php

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Console\Option;
use FileSync\Addon\Drill\Certificate;
use FileSync\Addon\Drill\Drill;
use FileSync\Addon\Drill\Sample;
use FileSync\Addon\Drill\SetFiles;
use FileSync\Addon\Drill\Wish;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Status\Words;
use FileSync\SetRestore;
use TestHub\Databases;
use TestHub\InProcess;

require_once __DIR__ . '/BackupTestCase.php';

/** A restore that is tried says what is proven and what is not, and leaves nothing. */
final class DrillTest extends BackupTestCase
{
	private string $set;
	/** @var ?Closure(string, string, int, array): array Changes an answer of the front door. */
	private ?Closure $door = null;

	protected function setUp(): void
	{
		parent::setUp();
		$this->set = dirname(InProcess::$folder) . '/set-' . basename(InProcess::$folder);
		// What every hub with filesync soon has.
		FileSync\Addon\Revision\Site::component($this->channel->id);
		FileSync\Addon\Hub\Store::dataRoot($this->channel->id, true);
	}

	protected function tearDown(): void
	{
		Rehearsing::with(null);
		exec('rm -rf ' . escapeshellarg($this->set));
		parent::tearDown();
	}

	public function test_all_of_a_set_is_proven_and_nothing_is_left(): void
	{
		$this->backUp();
		$before = $this->all();
		$certificate = $this->drill(100);
		$this->assertSame([], $certificate->failed());
		$this->assertTrue($certificate->hasPassed());
		$this->assertSame(
			[
				'signature' => 1,
				'metadata' => 7,
				'restored' => 7,
				'bytes' => 5,
				'names' => 5,
				'crops' => 2,
				'strangers' => 5,
				'rows' => 7,
				'access' => 7,
				'categories' => 1,
				'posts' => 1,
				'silence' => 1,
				'removed' => 1,
			],
			array_map(fn ($entry) => $entry['proven'], $certificate->facts['proofs']),
		);
		$this->assertSame([5, 2, 5], [
			$certificate->facts['files'],
			$certificate->facts['folders'],
			$certificate->facts['of_files'],
		]);
		$this->assertSame([1, ['Ferien/one.txt']], [
			$certificate->facts['posts_unsigned'],
			$certificate->facts['posts_unsigned_of'],
		]);
		$this->assertSame(1, $certificate->facts['posts_of_others']);
		$this->assertEquals($certificate, Certificate::last($this->channel->id));
		Certificate::forget($this->channel->id);
		$this->assertSame($before, $this->all());
		$this->assertSame([], $this->sent());
	}

	public function test_what_is_wrong_with_a_set_is_named(): void
	{
		$this->backUp();
		$before = $this->all();
		SetRestore::$faults = ['f2-0' => 'damaged', 'e1-0' => 'missing', 'p1-4' => 'damaged'];
		$this->change('data/metadata/d2/d2.json', 'empty', 'other');
		$certificate = $this->drill(100);
		$this->assertFalse($certificate->hasPassed());
		$this->assertEqualsCanonicalizing(
			[
				'metadata: d2: its metadata file is not what was saved',
				'restored: .höh%e?.txt: file_missing',
				'restored: two.txt: file_damaged',
				'restored: cat.jpg: a crop is missing, not what was saved, or no picture',
				'bytes: .höh%e?.txt: it was not restored',
				'bytes: two.txt: it was not restored',
				'crops: cat.jpg, scale 4: the web server gives 0 bytes that are not the 7 that were saved',
			],
			array_values(array_filter(self::failures($certificate), fn ($line) => ! str_starts_with($line, 'rows: '))),
		);
		Certificate::forget($this->channel->id);
		$this->assertSame($before, $this->all());
	}

	public function test_lists_that_were_changed_are_not_signed(): void
	{
		$this->backUp();
		$set = new SetFiles($this->set);
		$this->assertNull($set->whyUnproven($this->channel));
		$this->change('manifest-sha256.txt', '', '');
		$this->assertSame('manifest-sha256.txt is not as it was signed', $set->whyUnproven($this->channel));
		$this->change('tagmanifest-sha256.txt', '', '');
		$this->assertSame(
			"the signature is not by the channel's key, or the lists were changed after it",
			$set->whyUnproven($this->channel),
		);
	}

	public function test_what_the_hub_does_otherwise_is_named(): void
	{
		$this->backUp();
		$before = $this->all();
		$isSpoilt = false;
		$this->door = function (string $who, string $name, int $scale, array $answer) use (&$isSpoilt): array {
			if (! $isSpoilt) {
				$isSpoilt = true;
				$this->spoil('zebra.jpg', ['filetype' => 'text/x']);
				$this->spoil('two.txt', ['allow_cid' => '<eve>']);
				$uid = (int) Table::first('filesync_scratch', [])['uid'];
				Table::update('term', ['term' => 'cats'], ['uid' => $uid]);
				Table::update('photo', ['title' => 'x'], ['uid' => $uid, 'imgscale' => 7]);
			}

			return match ("$who $name $scale") {
				'owner .höh%e?.txt 0' => ['headers' => ['content-disposition' => 'x; filename="h.txt"']] + $answer,
				'owner zebra.jpg 0' => ['status' => 403] + $answer,
				'owner cat.jpg 4' => self::answer('another crop'),
				'stranger one.txt 0' => self::answer('the bytes'),
				'stranger zebra.jpg 0' => self::answer('', 0, [], 'nobody is there'),
				default => $answer,
			};
		};
		$certificate = $this->drill(100);
		$this->assertFalse($certificate->hasPassed());
		$nobody = 'the hub does not reach its own web server at http://127.0.0.1:9000: nobody is there';
		foreach ([
			'names: .höh%e?.txt: the hub calls it "h.txt"',
			'bytes: zebra.jpg: the web server answers with status 403',
			'crops: cat.jpg, scale 4: the web server gives 12 bytes that are not the 7 that were saved',
			'strangers: Ferien/one.txt: a stranger was given it',
			"strangers: zebra.jpg: $nobody",
			'rows: zebra.jpg: filetype is "text/x" and should be "image/jpeg"',
			'access: two.txt: allow_cid is "<eve>" and should be ""',
			'strangers: two.txt: the web server gives 6 bytes that are not the 10 that were saved',
			'categories: two.txt: it has "cats" and should have "pets"',
			'rows: cat.jpg: photo, scale 7: title is "x" and should be ""',
		] as $line) {
			$this->assertContains($line, self::failures($certificate));
		}
		Certificate::forget($this->channel->id);
		$this->assertSame($before, $this->all());
	}

	public function test_one_seed_takes_the_same_files_and_something_of_each_kind(): void
	{
		for ($n = 0; $n < 400; $n++) {
			$this->stored("n$n", "$n.txt", "number $n");
		}
		$this->backUp();
		$sample = $this->sampleBy('one');
		$this->assertEquals($sample, $this->sampleBy('one'));
		$this->assertNotEquals($sample->hashes(), $this->sampleBy('two')->hashes());
		$this->assertSame(405, $sample->ofFiles);
		$this->assertGreaterThan(8, $sample->files);
		$this->assertLessThan(45, $sample->files);
		foreach (['f1', 'd1', 'p1', 'e1'] as $hash) {
			$this->assertTrue($sample->has($hash), $hash);
		}
		$this->assertSame(
			[
				'crop' => 'cat.jpg',
				'private' => 'Ferien/one.txt',
				'deep' => 'Ferien/one.txt',
				'empty' => '.höh%e?.txt',
				'odd' => '.höh%e?.txt',
				'post' => 'Ferien/one.txt',
				'category' => 'two.txt',
			],
			array_intersect_key($sample->kinds(), array_flip([
				'crop',
				'private',
				'deep',
				'empty',
				'odd',
				'post',
				'category',
			])),
		);
		$small = Sample::of(new SetFiles($this->set), new Wish(100, 'one', mostBytes: 200), fn () => null);
		$this->assertLessThanOrEqual(200, $small->bytes);
		$this->assertGreaterThan(300, $small->leftOut);
		$few = Sample::of(new SetFiles($this->set), new Wish(100, 'one', mostFiles: 20), fn () => null);
		$this->assertLessThanOrEqual(20, $few->files);
		$this->assertSame(3, Sample::of(new SetFiles($this->set), new Wish(100, 'one'), fn () => null)->folders + 1);
	}

	public function test_without_room_nothing_is_begun(): void
	{
		$this->backUp();
		$before = $this->all();
		Config::set('headroom_bytes', (string) (disk_free_space('store') - 1000000));
		try {
			$this->drill(100);
			$this->fail('no room');
		} catch (Problem $e) {
			$this->assertSame(['disk_short', true], [$e->kind, $e->isTemporary]);
			$this->assertMatchesRegularExpression(
				'/needs 64\.0 MiB .*short by 6\d\.\d MiB.*--sample/',
				$e->getMessage(),
			);
		}
		Config::clear('headroom_bytes');
		$this->assertSame($before, $this->all());
	}

	public function test_a_set_of_another_channel_is_refused(): void
	{
		$this->backUp();
		$before = $this->all();
		$bob = TestHub\Maker::channel(TestHub\Maker::identity('bob', 2048), 'bob');
		SetRestore::$facts = [];
		$with = $this->all();
		try {
			$this->drill(100, FileSync\Addon\Hub\Channel::of($bob));
			$this->fail("another channel's");
		} catch (Problem $e) {
			$this->assertSame('set_other_channel', $e->kind);
		}
		$this->assertSame($with, $this->all());
	}

	public function test_a_run_that_is_being_put_in_place_is_waited_for(): void
	{
		$this->backUp();
		file_put_contents("$this->set/run.json.partial", '{"filesync_set":1,"state":"in"}');
		$this->expectException(Problem::class);
		$this->expectExceptionMessage('verify-set DIR --finish');
		$this->drill(100);
	}

	public function test_it_stops_when_told(): void
	{
		$this->backUp();
		$before = $this->all();
		$asked = 0;
		try {
			$this->drill(100, null, function () use (&$asked): bool {
				return ++$asked > 3;
			});
			$this->fail('it went on');
		} catch (Problem $e) {
			$this->assertSame(['stopped', true], [$e->kind, $e->isTemporary]);
		}
		$this->assertSame($before, $this->all());
	}

	public function test_a_set_that_nobody_signed_comes_for_its_owner_alone_unless_it_is_believed(): void
	{
		$this->backUp();
		unlink("$this->set/channel-signature.json");
		SetRestore::$facts = ['signed_by' => 'nobody'];
		$certificate = $this->drill(100);
		$this->assertSame(['signature'], array_keys($certificate->failed()));
		$this->assertSame(5, $certificate->facts['proofs']['strangers']['proven']);
		$certificate = $this->drill(100, isTrusted: true);
		$this->assertSame([[], true], [$certificate->failed(), $certificate->facts['believed']]);
	}

	public function test_killed_at_any_instant_the_next_cron_leaves_nothing(): void
	{
		$this->backUp();
		$run = fn () => $this->drill(100);
		$instants = $this->instantsOf($run);
		Certificate::forget($this->channel->id);
		$before = $this->all();
		foreach (self::sample($instants, 5) as $instant) {
			$this->killedAt($instant, $run);
			$message = "killed at instant $instant of $instants";
			$this->expireLeases();
			$this->assertSame([], Scratch::sweep(), $message);
			$this->expireLeases();
			Certificate::forget($this->channel->id);
			$this->assertSame($before, $this->all(), $message);
		}
	}

	public function test_on_a_hub_that_shows_nothing_to_strangers_they_are_asked_for_private_files_alone(): void
	{
		$this->backUp();
		set_config('system', 'block_public', 1);
		$certificate = $this->drill(100);
		$this->assertTrue($certificate->hasPassed());
		$this->assertSame([1, 4], [
			$certificate->facts['proofs']['strangers']['proven'],
			$certificate->facts['closed'],
		]);
	}

	public function test_a_certificate_fits_into_a_column_however_long_the_names_are(): void
	{
		$this->backUp();
		$facts = $this->drill(100)->facts;
		$named = array_fill(0, 20, ['name' => str_repeat('ä', 300), 'why' => str_repeat('€', 300)]);
		$facts['proofs'] = array_map(
			fn ($entry) => ['failed' => 20, 'named' => $named] + $entry,
			$facts['proofs'],
		);
		(new Certificate(['passed' => false] + $facts))->keep($this->channel);
		$text = Config::get('certificate', "drill:{$this->channel->id}");
		$this->assertLessThan(65536, strlen($text));
		$kept = Certificate::last($this->channel->id);
		$bytes = $kept->facts['proofs']['bytes'];
		$this->assertSame([20, $named[0]], [$bytes['failed'], $bytes['named'][0]]);
		$this->assertLessThan(20, count($bytes['named']));
	}

	public function test_the_command_prints_a_certificate(): void
	{
		$this->backUp();
		[$code, $text] = $this->runVerb('restore', 'alice', $this->set, '--drill', '--sample', 'all', '--seed', 'abc');
		// Nobody is at the address of a hub in this process.
		$this->assertSame(1, $code);
		foreach ([
			'100 % by the seed abc: 5 files and 2 folders',
			"proven          1  the set: its list of files is signed by the channel's key",
			'NOT             5  bytes: read back from http://127.0.0.1:9000',
			'    two.txt: the hub does not reach its own web server at http://127.0.0.1:9000',
			'A drill cannot show',
			'FAILED: 20',
		] as $part) {
			$this->assertStringContainsString($part, $text);
		}
		[$code, $json] = $this->runVerb('restore', 'alice', $this->set, '--drill', '--json');
		$said = json_decode($json, true);
		$this->assertSame([1, false, 5], [$code, $said['passed'], $said['percent']]);
		$this->assertSame(2, $this->runVerb('restore', 'alice', $this->set, '--drill', '--replace')[0]);
		$this->assertSame(2, $this->runVerb('restore', 'alice', $this->set, '--seed', 'abc')[0]);
	}

	public function test_the_command_takes_every_seed_that_the_door_and_the_owners_command_take(): void
	{
		$longest = str_repeat('~!', 32);
		$this->assertNull(Option::Seed->demand($longest));
		foreach (['', 'a b', 'ä', "a\n", "$longest!"] as $bad) {
			$this->assertStringContainsString('1 to 64 letters', (string) Option::Seed->demand($bad), $bad);
		}
	}

	/** Makes a set with something of each kind. */
	private function backUp(): void
	{
		$this->folder('d1', 'Ferien', '', ['allow_gid' => '<friends>']);
		$this->folder('d2', 'empty', 'd1');
		$this->stored('f1', 'one.txt', 'the bytes', 'd1', [
			'allow_cid' => "<{$this->channel->hash}><token:abc>",
			'deny_gid' => '<others>',
		]);
		$this->stored('f2', 'two.txt', 'second one');
		$this->stored('e1', '.höh%e?.txt', '');
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 4 => 'profile', 7 => 'cover']);
		$this->storedPhoto('p2', 'zebra.jpg', [0 => 'stripes']);
		Table::insert('term', [
			'uid' => $this->channel->id,
			'oid' => (int) $this->attach('f2')['id'],
			'otype' => 2,
			'ttype' => 3,
			'term' => 'pets',
			'url' => 'http://127.0.0.1:9000/cloud/alice/?cat=pets',
		]);
		$post = ['resource_id' => 'f1', 'resource_type' => 'attach'];
		$this->posted(
			'signed',
			$post + ['sig' => FileSync\Addon\Hub\Keys::signer($this->channel)->sign('body of signed')],
		);
		$this->posted('forged', $post);
		$this->posted('comment', $post + ['author_xchan' => 'somebody']);
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(0, $code, $text);
		$this->writeLists($this->set);
	}

	/** Changes a file of the set: a text in it, and its end. */
	private function change(string $path, string $from, string $to): void
	{
		$text = str_replace($from, $to, file_get_contents("$this->set/$path"));
		file_put_contents("$this->set/$path", "$text\n");
	}

	private function sampleBy(string $seed): Sample
	{
		return Sample::of(new SetFiles($this->set), new Wish(5, $seed), fn () => null);
	}

	private function drill(
		int $percent,
		?FileSync\Addon\Hub\Channel $of = null,
		?Closure $mustStop = null,
		bool $isTrusted = false,
	): Certificate {
		return Drill::run(
			$of ?? $this->channel,
			$this->set,
			new Wish($percent, 'seed', $isTrusted),
			Words::size(...),
			fn () => null,
			$mustStop ?? fn () => false,
			$this->ask(...),
		);
	}

	/** Answers as the hub's web server would. */
	private function ask(string $method, string $path, array $headers, string $body, int $most, Closure $beat): array
	{
		$beat();
		parse_str($body, $form);
		$part = [];
		$scale = (int) ($form['resolution'] ?? 0);
		if (preg_match('#^/photo/(.*)-(\d)$#D', $path, $part)) {
			$scale = (int) $part[2];
		}
		$hash = $form['resource'] ?? $part[1] ?? basename($path);
		$observer = '';
		if ($method === 'POST') {
			$owner = channelx_by_hash($form['hash']);
			$signature = base64url_decode($form['signature']);
			$isProven = openssl_verify("$form[hash].$form[time]", $signature, $owner['channel_pubkey'], 'sha256') === 1;
			$observer = $isProven ? $form['hash'] : '';
		}
		$found = attach_by_hash($hash, $observer);
		$answer = self::answer('a page');
		if ($found['success']) {
			$row = $found['data'];
			$photo = $scale > 0
				? Table::first('photo', ['uid' => (int) $row['uid'], 'resource_id' => $hash, 'imgscale' => $scale])
				: null;
			$bytes = $scale > 0
				? (string) @file_get_contents($photo['content'] ?? 'nowhere')
				: (string) @file_get_contents($row['content']);
			$answer = self::answer($bytes, 200, [
				'content-disposition' => "attachment; filename=\"{$row['filename']}\"",
			]);
		}

		$name = (string) (Table::first('attach', ['hash' => $hash], '', 'filename')['filename'] ?? '');

		return $this->door ? ($this->door)($method === 'POST' ? 'owner' : 'stranger', $name, $scale, $answer) : $answer;
	}

	private static function answer(string $bytes, int $status = 200, array $headers = [], string $error = ''): array
	{
		return [
			'status' => $status,
			'headers' => $headers,
			'size_bytes' => strlen($bytes),
			'sha256' => hash('sha256', $bytes),
			'error' => $error,
		];
	}

	/** Changes the row of a file of the scratch channel. */
	private function spoil(string $name, array $columns): void
	{
		$uid = (int) Table::first('filesync_scratch', [])['uid'];
		Table::update('attach', $columns, ['uid' => $uid, 'filename' => $name]);
	}

	/** @return list<string> */
	private static function failures(Certificate $certificate): array
	{
		$lines = [];
		foreach ($certificate->failed() as $proof => $entry) {
			foreach ($entry['named'] as $named) {
				$lines[] = "$proof: {$named['name']}: {$named['why']}";
			}
		}

		return $lines;
	}

	/** @return array<string, mixed> All rows and files of the hub. */
	private function all(): array
	{
		$all = [];
		foreach (Databases::tables(DBA::$dba->db, DBA::$dba->dsn) as $table) {
			// Leases stay as rows; the rest is not of a channel.
			if ($table !== 'filesync_lease') {
				$all[$table] = array_map(
					fn ($row) => array_map(
						fn ($value) => is_resource($value) ? stream_get_contents($value) : $value,
						$row,
					),
					dbq("select * from $table"),
				);
				usort($all[$table], fn ($a, $b) => json_encode($a) <=> json_encode($b));
			}
		}
		foreach (new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator('store', FilesystemIterator::SKIP_DOTS),
			RecursiveIteratorIterator::SELF_FIRST,
		) as $path => $file) {
			$all['files'][$path] = $file->isDir() ? 'folder' : hash_file('sha256', $path);
		}
		ksort($all['files']);

		return $all;
	}
}
