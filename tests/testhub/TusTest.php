<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;

/**
 * The specification of tus 1.0.0 and of the extensions that we announce, sentence by sentence, at a hub's front door.
 * A test is named after the section; a comment has the sentence.
 *
 * Environment EXTENSION names the extension to load.
 */
final class TusTest extends TestCase
{
	private const BYTES = '0123456789';

	private static Doorstep $door;
	private static string $session;
	private static int $count = 0;

	public static function setUpBeforeClass(): void
	{
		self::$door = new Doorstep(sys_get_temp_dir() . '/tustest-' . getmypid());
		self::$door->makeKey();
		self::$session = self::$door->begin();
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	public function test_headers_upload_offset_and_length(): void
	{
		// The value MUST be a non-negative integer.
		foreach (['-1', '1.5', 'x', '', '0x10', '99999999999999999999'] as $wrong) {
			$said = self::$door->tus('POST', self::$session . '/upload', [
				'Upload-Length' => $wrong === '' ? ' ' : $wrong,
				'Upload-Metadata' => Doorstep::metadata($this->bytes()),
			]);
			$this->assertSame(400, $said['status'], $wrong);
		}
		$upload = $this->upload();
		foreach (['-1', '1.5', 'x', '0x10'] as $wrong) {
			$said = self::$door->tus('PATCH', $upload, ['Upload-Offset' => $wrong], 'x');
			$this->assertSame([400, 0], [$said['status'], self::$door->offset($upload)], $wrong);
		}
	}

	public function test_tus_version_and_resumable(): void
	{
		$upload = $this->upload();
		// The Tus-Resumable header MUST be included in every request and response except for OPTIONS requests.
		foreach ([
			['HEAD', $upload, [], null, 200],
			['PATCH', $upload, ['Upload-Offset' => '0'], '01', 204],
			['PATCH', $upload, ['Upload-Offset' => '0'], '01', 409],
			['HEAD', self::$session . '/upload/' . str_repeat('0', 64), [], null, 404],
			['DELETE', $upload, [], null, 204],
			['POST', self::$session . '/upload', [], null, 400],
		] as [$method, $path, $headers, $body, $status]) {
			$this->assertSame($status, self::$door->tus($method, $path, $headers, $body)['status'], "$method $path");
			$this->assertSame('1.0.0', self::$door->headers['tus-resumable'] ?? null, "$method $path");
		}
		// If the version specified by the Client is not supported by the Server, it MUST respond with the 412
		// Precondition Failed status and MUST include the Tus-Version header into the response. In addition, the
		// Server MUST NOT process the request.
		$upload = $this->upload();
		foreach (['0.2.2', '1.0', '2.0.0', ''] as $version) {
			foreach ([
				['HEAD', $upload, []],
				['PATCH', $upload, ['Upload-Offset' => '0']],
				['DELETE', $upload, []],
				[
					'POST',
					self::$session . '/upload',
					['Upload-Length' => '3', 'Upload-Metadata' => Doorstep::metadata('new')],
				],
			] as [$method, $path, $headers]) {
				$said = self::$door->tus(
					$method,
					$path,
					$headers + ['Tus-Resumable' => $version],
					$method === 'PATCH' ? '01' : null,
				);
				$this->assertSame(
					[412, '1.0.0'],
					[$said['status'], self::$door->headers['tus-version'] ?? null],
					$method,
				);
			}
		}
		$this->assertSame(0, self::$door->offset($upload));
		$this->assertNull(self::$door->offset(self::$session . '/upload/' . hash('sha256', 'new')));
	}

	public function test_x_http_method_override(): void
	{
		// MUST be interpreted as the request's method by the Server, if the header is presented. The actual method of
		// the request MUST be ignored.
		foreach (['POST', 'GET', 'PUT', 'DELETE'] as $method) {
			$upload = $this->upload();
			$said = self::$door->tus(
				$method,
				$upload,
				['X-HTTP-Method-Override' => 'PATCH', 'Upload-Offset' => '0'],
				'01234',
			);
			$this->assertSame([204, 5], [$said['status'], self::$door->offset($upload)], $method);
		}
		$said = self::$door->tus('POST', $upload, ['X-HTTP-Method-Override' => 'DELETE']);
		$this->assertSame([204, null], [$said['status'], self::$door->offset($upload)]);
	}

	public function test_head(): void
	{
		$upload = $this->upload();
		// The Server MUST always include the Upload-Offset header in the response for a HEAD request, even if the
		// offset is 0, or the upload is already considered completed. If the size of the upload is known, the Server
		// MUST include the Upload-Length header in the response. [200 or 204.] The Server MUST prevent [...] from
		// caching the response by adding the Cache-Control: no-store header.
		foreach ([0, 4, 10] as $offset) {
			$said = self::$door->tus('HEAD', $upload);
			$this->assertSame([200, (string) $offset, '10', 'no-store', ''], [
				$said['status'],
				self::$door->headers['upload-offset'],
				self::$door->headers['upload-length'],
				self::$door->headers['cache-control'],
				$said['body'],
			]);
			$offset < 10 && self::$door->patch($upload, $offset, substr($this->bytes, $offset, $offset ? 6 : 4));
		}
		// If the resource is not found, the Server SHOULD return either the 404 Not Found, 410 Gone or 403 Forbidden
		// status without the Upload-Offset header.
		foreach ([str_repeat('0', 64), 'x', '..%2f..%2fhtconfig.php', str_repeat('A', 64)] as $none) {
			$said = self::$door->tus('HEAD', self::$session . "/upload/$none");
			$this->assertSame([404, false], [$said['status'], isset(self::$door->headers['upload-offset'])], $none);
		}
	}

	public function test_patch(): void
	{
		$upload = $this->upload();
		// All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD
		// return a 415 Unsupported Media Type status.
		foreach (['application/octet-stream', 'text/plain', 'application/x-www-form-urlencoded'] as $type) {
			$said = self::$door->patch($upload, 0, '01', ['Content-Type' => $type]);
			$this->assertSame([415, 0], [$said['status'], self::$door->offset($upload)], $type);
		}
		// If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the
		// upload resource.
		foreach ([1, 10, 11, 1 << 40] as $offset) {
			$said = self::$door->patch($upload, $offset, '01');
			$this->assertSame([409, 'offset_differs', 0], [
				$said['status'],
				$said['error'],
				self::$door->offset($upload),
			]);
		}
		// The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST include the
		// Upload-Offset header containing the new offset [...] the sum of the offset before the PATCH request and the
		// number of bytes received.
		foreach ([3, 7, 8, 10] as $end) {
			$at = self::$door->offset($upload);
			$said = self::$door->patch($upload, $at, substr($this->bytes, $at, $end - $at));
			$this->assertSame([204, (string) $end], [$said['status'], self::$door->headers['upload-offset']]);
		}
		$this->assertSame([204, 10], [self::$door->patch($upload, 10, '')['status'], self::$door->offset($upload)]);
		// The same without a word about its length, as some programs send what is empty.
		$said = self::$door->tus('PATCH', $upload, [
			'Upload-Offset' => '10',
			'Content-Type' => 'application/offset+octet-stream',
		]);
		$this->assertSame([204, '10'], [$said['status'], self::$door->headers['upload-offset'] ?? '']);
		$this->assertSame(409, self::$door->patch($upload, 0, $this->bytes)['status'], 'a whole one does not change');
		$this->assertContains(
			'set/data/by-digest/' . substr(basename($upload), 0, 2) . '/' . basename($upload),
			self::$door->onDisk(self::$session),
		);
		// If the server receives a PATCH request against a non-existent resource it SHOULD return a 404 Not Found
		// status.
		$this->assertSame(404, self::$door->patch(self::$session . '/upload/' . str_repeat('1', 64), 0, 'x')['status']);
	}

	public function test_options(): void
	{
		// A successful response indicated by the 204 No Content or 200 OK status MUST contain the Tus-Version header.
		// It MAY include the Tus-Extension and Tus-Max-Size headers. The Client SHOULD NOT include the Tus-Resumable
		// header in the request and the Server MUST ignore the header.
		$upload = $this->upload();
		foreach ([self::$session . '/upload', $upload] as $path) {
			foreach (['', '1.0.0', '0.2.2'] as $version) {
				$said = self::$door->ask('OPTIONS', $path, ['Tus-Resumable' => $version, 'Filesync-Key' => '']);
				$this->assertSame([204, '1.0.0', 'creation,creation-with-upload,checksum,expiration,termination'], [
					$said['status'],
					self::$door->headers['tus-version'],
					self::$door->headers['tus-extension'],
				]);
			}
		}
		// The Server SHOULD set [Tus-Max-Size] if there is a known hard limit. If the length of the upload exceeds
		// the maximum, [...] the Server MUST respond with the 413 Request Entity Too Large status.
		$this->assertArrayNotHasKey('tus-max-size', self::$door->headers);
		self::$door->pair->command('b', 'config', 'set', 'file_max_bytes', '1000000');
		self::$door->ask('OPTIONS', self::$session . '/upload');
		$this->assertSame('1000000', self::$door->headers['tus-max-size']);
		$said = self::$door->tus('POST', self::$session . '/upload', [
			'Upload-Length' => '1000001',
			'Upload-Metadata' => Doorstep::metadata('large'),
		]);
		$this->assertSame([413, 'file_too_large'], [$said['status'], $said['error']]);
		self::$door->pair->command('b', 'config', 'clear', 'file_max_bytes');
	}

	public function test_creation(): void
	{
		$bytes = $this->bytes();
		$metadata = 'filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential,' . Doorstep::metadata($bytes);
		$said = self::$door->tus('POST', self::$session . '/upload', [
			'Upload-Length' => '10',
			'Upload-Metadata' => $metadata,
		]);
		// The Server MUST acknowledge a successful upload creation with the 201 Created status. The Server MUST set
		// the Location header to the URL of the created resource.
		$this->assertSame(201, $said['status']);
		$upload = self::$door->headers['location'];
		$this->assertStringEndsWith('/upload/' . hash('sha256', $bytes), $upload);
		// The new resource has an implicit offset of 0 allowing the Client to use the core protocol.
		$this->assertSame(0, self::$door->offset($upload));
		// If an upload contains additional metadata, responses to HEAD requests MUST include the Upload-Metadata
		// header and its value as specified by the Client during the creation.
		$this->assertSame($metadata, self::$door->headers['upload-metadata']);
		self::$door->patch($upload, 0, $bytes);
		self::$door->tus('HEAD', $upload);
		$this->assertSame($metadata, self::$door->headers['upload-metadata']);
		// The request MUST include one of [...] Upload-Length, Upload-Defer-Length. [We do not announce creation-
		// defer-length.] If the Upload-Defer-Length header contains any other value than 1 the server should return a
		// 400 Bad Request status.
		foreach ([
			[],
			['Upload-Defer-Length' => '1'],
			['Upload-Defer-Length' => '2', 'Upload-Length' => '3'],
		] as $headers) {
			$said = self::$door->tus(
				'POST',
				self::$session . '/upload',
				$headers
				+ [
					'Upload-Metadata' => Doorstep::metadata('abc'),
				],
			);
			$this->assertSame([400, 'length_missing'], [$said['status'], $said['error']]);
		}
		// The Upload-Length header MAY be set to 0 [...]. Such an upload is immediately complete after its creation.
		$upload = self::$door->create(self::$session, '');
		$this->assertSame(0, self::$door->offset($upload));
		$this->assertSame('0', self::$door->headers['upload-length']);
		$this->assertContains('set/data/by-digest/e3/' . hash('sha256', ''), self::$door->onDisk(self::$session));
		// The key MUST NOT contain spaces and commas and MUST NOT be empty. The value MUST be Base64 encoded. All
		// keys MUST be unique. [And ours has a key of its own.]
		foreach ([
			'',
			'filename eA==',
			'sha256',
			'sha256 ' . base64_encode('abc'),
			'sha256 ' . base64_encode(strtoupper(hash('sha256', 'x'))),
			'sha256 ' . hash('sha256', 'x') . '=',
			Doorstep::metadata('x') . ',' . Doorstep::metadata('x'),
			Doorstep::metadata('x') . ',,a eA==',
			Doorstep::metadata('x') . ',a ***',
			Doorstep::metadata('x') . ",\u{e9} eA==",
			'sha256 ' . base64_encode(hash('sha256', 'x') . "\n"),
			'sha256 ' . base64_encode('../../../../' . substr(hash('sha256', 'x'), 12)),
			Doorstep::metadata('x') . ',a ' . str_repeat('A', 5000),
		] as $wrong) {
			$said = self::$door->tus('POST', self::$session . '/upload', [
				'Upload-Length' => '1',
				'Upload-Metadata' => $wrong,
			]);
			$this->assertSame([400, 'metadata_wrong'], [$said['status'], $said['error']], substr($wrong, 0, 200));
		}
	}

	public function test_creation_with_upload(): void
	{
		// The Client MAY include either the entirety or a chunk of the upload data in the body of the POST request.
		// [...] The Server SHOULD accept as many bytes as possible and MUST include the Upload-Offset header in the
		// response and MUST set its value to the offset of the upload after applying the accepted bytes.
		foreach ([4, 10] as $count) {
			$bytes = $this->bytes();
			$said = self::$door->tus(
				'POST',
				self::$session . '/upload',
				['Upload-Length' => '10', 'Upload-Metadata' => Doorstep::metadata($bytes)],
				substr($bytes, 0, $count),
			);
			$this->assertSame([201, (string) $count], [$said['status'], self::$door->headers['upload-offset']]);
			$upload = self::$door->headers['location'];
			$this->assertSame($count, self::$door->offset($upload));
			// Again, after an answer that was lost: nothing is taken twice.
			$said = self::$door->tus(
				'POST',
				self::$session . '/upload',
				['Upload-Length' => '10', 'Upload-Metadata' => Doorstep::metadata($bytes)],
				substr($bytes, 0, $count),
			);
			$this->assertSame([201, (string) $count], [$said['status'], self::$door->headers['upload-offset']]);
		}
		// The Client MUST include the Content-Type: application/offset+octet-stream header. [Else the body means
		// nothing.]
		$bytes = $this->bytes();
		self::$door->tus(
			'POST',
			self::$session . '/upload',
			['Upload-Length' => '10', 'Upload-Metadata' => Doorstep::metadata($bytes), 'Content-Type' => 'text/plain'],
			$bytes,
		);
		$this->assertSame('0', self::$door->headers['upload-offset']);
	}

	public function test_expiration(): void
	{
		// This header MUST be included in every PATCH response if the upload is going to expire. If the expiration is
		// known at the creation, the Upload-Expires header MUST be included in the response to the initial POST
		// request. [...] MUST be in RFC 9110 datetime format.
		$form = '/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/D';
		$upload = $this->upload();
		$this->assertMatchesRegularExpression($form, self::$door->headers['upload-expires']);
		$in = strtotime(self::$door->headers['upload-expires']) - time();
		$this->assertTrue($in > (47 * 3600) && $in <= (48 * 3600), (string) $in);
		foreach ([0, 5] as $offset) {
			self::$door->patch($upload, $offset, substr($this->bytes, $offset, 5));
			$this->assertMatchesRegularExpression($form, self::$door->headers['upload-expires']);
		}
		// If a Client does attempt to resume an upload which has since been removed by the Server, the Server SHOULD
		// respond with the 404 Not Found or 410 Gone status. The latter one SHOULD be used if the Server is keeping
		// track of expired uploads.
		$upload = $this->upload();
		$key = self::$door->key;
		self::$door->pair->execute('b', 'UPDATE filesync_door SET touched = touched - 172801');
		$said = self::$door->patch($upload, 0, '01');
		$this->assertSame([410, 'session_expired'], [$said['status'], $said['error']]);
		$this->assertSame(410, self::$door->tus('HEAD', $upload)['status']);
		$this->assertSame([], self::$door->onDisk());
		self::$door->makeKey();
		self::$session = self::$door->begin();
		$this->assertNotSame($key, self::$door->key);
	}

	public function test_checksum(): void
	{
		// The Tus-Checksum-Algorithm header MUST be included in the response to an OPTIONS request. The Server MUST
		// support at least the SHA1 checksum algorithm identified by sha1. The names of the checksum algorithms MUST
		// only consist of ASCII characters with the modification that uppercase characters are excluded.
		self::$door->ask('OPTIONS', self::$session . '/upload');
		$this->assertSame('sha256,sha1', self::$door->headers['tus-checksum-algorithm']);
		$upload = $this->upload();
		self::$door->patch($upload, 0, substr($this->bytes, 0, 2));
		// 400 Bad Request if the checksum algorithm is not supported by the server, 460 Checksum Mismatch if the
		// checksums mismatch. In the first two cases the uploaded chunk MUST be discarded, and the upload and its
		// offset MUST NOT be updated.
		foreach ([
			['md5 ' . base64_encode(md5('x', true)), 400, 'checksum_unknown'],
			['SHA1 ' . base64_encode(sha1('x', true)), 400, 'checksum_unknown'],
			['sha1', 400, 'checksum_unknown'],
			['sha1 ***', 400, 'checksum_unknown'],
			['sha1 ' . base64_encode(sha1('x', true)), 460, 'checksum_wrong'],
			['sha256 ' . base64_encode(sha1('234', true)), 460, 'checksum_wrong'],
			['sha256 ' . base64_encode(hash('sha256', 'x', true)), 460, 'checksum_wrong'],
		] as [$checksum, $status, $error]) {
			$said = self::$door->patch($upload, 2, '234', ['Upload-Checksum' => $checksum]);
			$this->assertSame([$status, $error, 2], [$said['status'], $said['error'], self::$door->offset($upload)]);
		}
		// 204 No Content if the checksums match and the processing of the data succeeded.
		foreach (['sha1' => 2, 'sha256' => 6] as $algorithm => $offset) {
			$piece = substr($this->bytes, $offset, 4);
			$said = self::$door->patch($upload, $offset, $piece, [
				'Upload-Checksum' => "$algorithm " . base64_encode(hash($algorithm, $piece, true)),
			]);
			$this->assertSame([204, $offset + 4], [$said['status'], self::$door->offset($upload)]);
		}
		$bytes = $this->bytes();
		$said = self::$door->tus(
			'POST',
			self::$session . '/upload',
			[
				'Upload-Length' => '10',
				'Upload-Metadata' => Doorstep::metadata($bytes),
				'Upload-Checksum' => 'sha1 ' . base64_encode(sha1('x', true)),
			],
			$bytes,
		);
		$this->assertSame(460, $said['status']);
		$this->assertSame(0, self::$door->offset(self::$session . '/upload/' . hash('sha256', $bytes)));
	}

	public function test_termination(): void
	{
		// When receiving a DELETE request for an existing upload the Server SHOULD free associated resources and MUST
		// respond with the 204 No Content status. For all future requests to this URL, the Server SHOULD respond with
		// the 404 Not Found or 410 Gone status.
		foreach ([0, 5, 10] as $count) {
			$upload = $this->upload();
			$count && self::$door->patch($upload, 0, substr($this->bytes, 0, $count));
			$this->assertSame(204, self::$door->tus('DELETE', $upload)['status']);
			foreach (['HEAD', 'DELETE', 'PATCH'] as $method) {
				$said = self::$door->tus(
					$method,
					$upload,
					['Upload-Offset' => (string) $count],
					$method === 'PATCH' ? 'x' : null,
				);
				$this->assertSame(404, $said['status'], "$count $method");
			}
			$left = preg_grep('/' . basename($upload) . '/', self::$door->onDisk(self::$session));
			$this->assertSame([], $left);
		}
	}

	private string $bytes = '';

	/** Returns ten bytes that no other upload has. */
	private function bytes(): string
	{
		return $this->bytes = sprintf('%010d', ++self::$count);
	}

	private function upload(): string
	{
		return self::$door->create(self::$session, $this->bytes());
	}
}
