<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Protocol\Response;
use FileSync\Exception\StorageException;

if (! class_exists('App', false)) {
	exit;
}

/** The doors beneath /filesync/v1 for programs with a key of the owner: finds the one that a request is for. */
final class Doors
{
	private const VERSION = 1;

	/** Answers a request. */
	public static function answer(Request $request): Response
	{
		try {
			return self::route($request);
		} catch (Refusal $e) {
			$refusal = $e;
		} catch (StorageException $e) {
			Log::failure('the door for programs', $e);
			$refusal = Refusal::full();
		} catch (\Throwable $e) {
			Log::failure('the door for programs', $e);
			$refusal = new Refusal(
				503,
				'failed',
				'That did not work; the log of the hub says why. The same request may work later.',
				[],
				['Retry-After' => '60'],
			);
		}
		$response = $refusal->response();
		$isTus = in_array('upload', $request->arguments, true);

		return new Response(
			$response->status,
			($isTus ? ['Tus-Resumable' => Tus::VERSION] : []) + $response->headers,
			$response->body,
		);
	}

	private static function route(Request $request): Response
	{
		// A client whose proxy refuses a method says it here; then the other one does not count.
		$method = strtoupper($request->header('x-http-method-override') ?? $request->method);
		$path = array_slice($request->arguments, 2);
		if ($path !== [] && end($path) === '') {
			array_pop($path);
		}
		$beneath = array_slice($path, 1);

		return match ($path[0] ?? null) {
			null => self::about($method),
			'restore' => UploadDoor::answer($request, $method, $beneath),
			'set' => ReadingDoor::answer($request, $method, $beneath),
			'channel' => ReadingChannelDoor::answer($request, $method, $beneath),
			'create' => CreatingDoor::answer($request, $method, $beneath),
			default => throw Refusal::path(),
		};
	}

	/** Says what a program needs to know before it has a key. */
	private static function about(string $method): Response
	{
		$methods = ['GET', 'HEAD'];
		if (! in_array($method, $methods, true)) {
			throw Refusal::method($methods);
		}

		return Response::json(200, [
			'filesync' => Runtime::version(),
			'protocol' => ['oldest' => self::VERSION, 'newest' => self::VERSION],
			'set_format' => UploadDoor::SET,
			'door' => self::state(Key::RESTORE),
			'reading_door' => self::state(Key::BACKUP),
			'tus' => [
				'version' => Tus::VERSION,
				'extensions' => Tus::EXTENSIONS,
				'checksums' => Tus::CHECKSUMS,
			],
			'creating_door' => self::state(Key::CREATE),
			// Sets that are sent can be tried.
			'drill' => self::state(Key::RESTORE),
			'limits' => [
				'piece_bytes' => UploadDoor::PIECE_BYTES,
				'pack_bytes' => Packs::MOST_BYTES,
				'digests' => UploadDoor::MOST_DIGESTS,
				'requests_per_second' => Config::number('upload_requests_per_second'),
				'open_entries' => Config::number('upload_open_entries'),
				'file_bytes' => Config::number('file_max_bytes') ?: null,
				'idle_hours' => Config::number('upload_idle_hours'),
				'days' => Config::number('upload_days'),
			],
		]);
	}

	/** @param Key::RESTORE|Key::BACKUP|Key::CREATE $kind */
	private static function state(string $kind): string
	{
		return Admission::isOpenForSome($kind) ? 'open' : 'closed';
	}
}
