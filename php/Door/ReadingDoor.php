<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Backup\Description;
use FileSync\Addon\Backup\Entries;
use FileSync\Addon\Backup\LonelyPhotos;
use FileSync\Addon\Backup\Offer;
use FileSync\Addon\Backup\Offered;
use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Protocol\Ranges;
use FileSync\Addon\Protocol\Response;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The reading door: a program with a backup key reads all that a set of the channel has, and nothing else.
 * docs/reading-door.md describes it.
 *
 * Every row and every byte is found by the key's channel and a hash together; no path comes from a request.
 */
final class ReadingDoor
{
	/** Files of one listing. */
	private const MOST_LISTED = 1000;
	/** Files whose metadata one request asks for. */
	private const MOST_HASHES = 200;
	/** An answer with metadata ends after the file with which it has so many bytes. */
	private const ENOUGH_BYTES = 4 << 20;
	/** No file is begun after so long. */
	private const MOST_SECONDS = 10;
	private const MOST_PACKED = 2000;
	private const MOST_JSON = 1 << 20;
	/** How many slow requests of a channel are answered at once. */
	private const PLACES = 4;

	private function __construct(private readonly Channel $channel) {}

	/**
	 * Answers a request.
	 *
	 * @param list<string> $path Beneath `set`.
	 *
	 * @throws Refusal
	 */
	public static function answer(Request $request, string $method, array $path): Response
	{
		$name = $path[0] ?? null;
		$methods = match (count($path) . ' ' . ($name ?? '')) {
			'0 ', '1 files', '3 bytes' => ['GET', 'HEAD'],
			'1 metadata', '1 pack' => ['POST'],
			default => throw Refusal::path(),
		};
		if (! in_array($method, $methods, true)) {
			throw Refusal::method($methods);
		}
		[, $channel] = Admission::of($request, Key::BACKUP);
		$door = new self($channel);
		if ($name === null) {
			return $door->about();
		}
		if ($name === 'bytes') {
			return $door->bytes($request, $path[1] ?? '', $path[2] ?? '');
		}
		$place = Places::take('set', $channel->id, self::PLACES) ?? throw Refusal::places(self::PLACES);
		try {
			return match ($name) {
				'files' => $door->files($_GET['after'] ?? '0'),
				'metadata' => $door->metadata($request),
				default => $door->pack($request),
			};
		} finally {
			$place->giveBack();
		}
	}

	private function about(): Response
	{
		$files = ['uid' => $this->channel->id, 'is_dir' => 0];

		return Response::json(
			200,
			Description::facts($this->channel, LonelyPhotos::of($this->channel))
			+ ['files' => Table::count('attach', $files), 'bytes' => Table::sum('attach', 'filesize', $files)],
		);
	}

	private function files(mixed $after): Response
	{
		if (! is_string($after) || ! preg_match('/^\d{1,18}$/D', $after)) {
			throw new Refusal(400, 'number_wrong', '"after" must be the number that the last answer gave.');
		}
		$until = Clock::now() + self::MOST_SECONDS;
		$entries = (new Entries($this->channel))->each((int) $after, self::MOST_LISTED);
		[$files, $next] = [[], null];
		foreach ($entries as $row => $entry) {
			$files[] = ['hash' => $entry->hash, 'print' => Offer::print($entry)]
			+ ($entry->isFolder ? [] : ['size' => $entry->sizeBytes])
			+ ['names' => $entry->names];
			if (Clock::now() >= $until) {
				$next = $row;
				break;
			}
		}

		return Response::encoded(200, json_encode(
			['files' => $files, 'after' => $next ?? $entries->getReturn()],
			Json::FLAGS | JSON_THROW_ON_ERROR,
		));
	}

	private function metadata(Request $request): Response
	{
		/** @var mixed $asked */
		$asked = Body::of($request)->json(self::MOST_JSON)['hashes'] ?? null;
		$hashes = is_array($asked) ? array_values(array_unique(array_filter($asked, is_string(...)))) : [];
		if (
			$hashes === []
			|| count($hashes) !== (is_array($asked) ? count($asked) : 0)
			|| count($hashes) > self::MOST_HASHES
			|| preg_grep(Bounds::HASH, $hashes, PREG_GREP_INVERT)
		) {
			throw new Refusal(
				400,
				'hashes_wrong',
				'"hashes" must be a list of different hashes, at most ' . self::MOST_HASHES . '.',
			);
		}
		$until = Clock::now() + self::MOST_SECONDS;
		[$texts, $length, $answered] = [[], 0, []];
		$left = [];
		foreach ((new Offer($this->channel))->of($hashes) as $offered) {
			$texts[] = $text = self::offered($offered);
			$length += strlen($text);
			$answered[] = $offered->entry->hash;
			if ($length >= self::ENOUGH_BYTES || Clock::now() >= $until) {
				$left = array_values(array_diff($hashes, $answered));
				break;
			}
		}

		return Response::encoded(
			200,
			'{"files":['
			. implode(',', $texts)
			. '],"left":'
			. json_encode($left, Json::FLAGS | JSON_THROW_ON_ERROR)
			. '}',
		);
	}

	/** Returns what is answered about one file; its metadata stays as it is, byte for byte. */
	private static function offered(Offered $offered): string
	{
		$hash = json_encode($offered->entry->hash, Json::FLAGS | JSON_THROW_ON_ERROR);
		if ($offered->again !== '') {
			return (
				'{"hash":' . $hash . ',"again":' . json_encode($offered->again, Json::FLAGS | JSON_THROW_ON_ERROR) . '}'
			);
		}
		$rest = json_encode(
			[
				'parts' => $offered->parts,
				'lacks' => array_map(fn ($lack) => $lack->listed(), $offered->lacks),
			] + ($offered->fault === '' ? [] : ['fault' => $offered->fault]),
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);

		return '{"hash":' . $hash . ',"metadata":' . $offered->entry->metadata . ',' . substr($rest, 1);
	}

	private function pack(Request $request): Response
	{
		/** @var mixed $asked */
		$asked = Body::of($request)->json(self::MOST_JSON)['files'] ?? null;
		$parts = is_array($asked) ? array_map(self::part(...), array_values($asked)) : [];
		if ($parts === [] || count($parts) > self::MOST_PACKED || in_array(null, $parts, true)) {
			throw new Refusal(
				400,
				'files_wrong',
				'"files" must be a list of {"hash", "sha256"}, of crops with "scale", at most '
				. self::MOST_PACKED
				. '.',
			);
		}
		$pack = (new Offer($this->channel))->pack(array_values(array_filter($parts)));
		if ($pack->count() === 0) {
			throw self::gone();
		}

		return new Response(
			200,
			[
				'Content-Type' => Packs::CONTENT_TYPE,
				'Content-Length' => (string) $pack->lengthBytes(),
				'Cache-Control' => 'no-store',
				'X-Content-Type-Options' => 'nosniff',
			],
			write: fn () => $pack->send(),
		);
	}

	/** @return ?array{hash: string, scale: int, sha256: string} Null: it is malformed. */
	private static function part(mixed $asked): ?array
	{
		$isPart =
			is_array($asked)
			&& is_string($asked['hash'] ?? null)
			&& preg_match(Bounds::HASH, $asked['hash'])
			&& is_int($asked['scale'] ?? Offer::ORIGINAL)
			&& is_string($asked['sha256'] ?? null)
			&& preg_match(Bounds::DIGEST, $asked['sha256']);

		return (
			$isPart
				? [
					'hash' => $asked['hash'],
					'scale' => (int) ($asked['scale'] ?? Offer::ORIGINAL),
					'sha256' => $asked['sha256'],
				]
				: null
		);
	}

	private function bytes(Request $request, string $hash, string $scale): Response
	{
		$isHash = preg_match(Bounds::HASH, $hash) && preg_match('/^\d$/D', $scale);
		$offer = new Offer($this->channel);
		$found = $isHash ? $offer->bytes($hash, (int) $scale) : null;
		if (! $found) {
			throw self::gone();
		}
		if ($found['sha256'] === null) {
			throw new Refusal(
				503,
				'not_read_yet',
				'This file changes, or the hub is reading it for its digest. Ask again.',
				[],
				['Retry-After' => '2'],
			);
		}
		$etag = '"' . $found['sha256'] . '"';
		if (! in_array($request->header('if-match'), [null, $etag], true)) {
			throw new Refusal(412, 'changed', 'This file has other bytes now. Read its metadata again.');
		}
		$size = $found['size_bytes'];
		$range = Ranges::read($request->header('range'), $size);
		if ($range === 'unsatisfiable') {
			throw new Refusal(
				416,
				'range_wrong',
				"The file has $size bytes.",
				['size_bytes' => $size],
				['Content-Range' => "bytes */$size"],
			);
		}
		[$offset, $length] = is_array($range) ? $range : [0, $size];

		return new Response(
			is_array($range) ? 206 : 200,
			[
				'ETag' => $etag,
				'Accept-Ranges' => 'bytes',
				'Content-Type' => 'application/octet-stream',
				'Content-Length' => (string) $length,
				'Content-Disposition' => 'attachment',
				'Cache-Control' => 'private, no-store',
				'X-Content-Type-Options' => 'nosniff',
			]
			+ (
				is_array($range)
					? ['Content-Range' => 'bytes ' . $offset . '-' . ($offset + $length - 1) . '/' . $size]
					: []
			),
			// The bytes may be a file that goes with the offer.
			write: function () use ($offer, $found, $offset, $length): void {
				\FileSync\send_file($found['root'], $found['path'], $offset, $length);
				unset($offer);
			},
		);
	}

	private static function gone(): Refusal
	{
		return new Refusal(404, 'no_bytes', 'This channel has no such bytes now. Read the metadata again.');
	}
}
