<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/** Checks whether programs of owners reach the doors beneath /filesync/v1 through this hub's web server. */
final class Doors
{
	private const PATH = '/filesync/v1';
	/** Of a restore that nobody began: without a key, the door says no more than that one is missing. */
	private const RESTORE = self::PATH . '/restore';
	private const UPLOAD = self::RESTORE . '/none/upload/none';
	/** The longest body that programs send, the first one, and the shortest one with which they still go on. */
	private const LONGEST_BYTES = 8 << 20;
	private const FIRST_BYTES = 1 << 20;
	private const SHORTEST_BYTES = 16 << 10;

	/** @param \Closure $ask Asks this hub's web server: method, path, headers, body. */
	public function __construct(private readonly Findings $findings, private readonly \Closure $ask) {}

	/** Asks as a program without a key does; doors that the admin closed are left alone. */
	public function look(): void
	{
		$isOpen = Admission::isOpenForSome(Key::RESTORE);
		if (! $isOpen && ! Admission::isOpenForSome(Key::BACKUP)) {
			return;
		}
		$answer = $this->answerOf('GET', self::PATH);
		if ($answer['status'] === 0) {
			// Another check says that the hub does not reach itself.
			return;
		}
		/** @var mixed $said */
		$said = json_decode($answer['body'], true);
		$isThere = $answer['status'] === 200 && is_array($said) && is_array($said['protocol'] ?? null);
		$this->findings->note(
			'doors',
			$isThere,
			$isThere
				? sprintf(t('programs of owners reach filesync at %s'), Web::root() . self::PATH)
				: sprintf(
					t('programs of owners do not reach filesync: status %1$d at %2$s'),
					$answer['status'],
					Web::root() . self::PATH,
				),
			t("let the web server pass every address beneath /filesync/v1 to the hub's index.php; docs/web-servers.md"),
		);
		if ($isThere && $isOpen) {
			$this->findings->attempt('methods', fn () => $this->tryMethods());
			$this->findings->attempt('bodies', fn () => $this->tryBodies());
		}
	}

	/** Pieces of files come by PATCH, or by POST that stands for it. */
	private function tryMethods(): void
	{
		$patch = $this->answerOf('PATCH', self::UPLOAD);
		if (self::refusal($patch) !== '') {
			$this->findings->note('methods', true, t('PATCH reaches the hub: files of any size can be sent'));

			return;
		}
		$post = $this->answerOf('POST', self::UPLOAD, ['X-HTTP-Method-Override: PATCH']);
		$isGood = ! in_array(self::refusal($post), ['', 'method_wrong'], true);
		$this->findings->note(
			'methods',
			$isGood,
			sprintf(
				$isGood
					? t('the web server answers PATCH with status %d, and programs send POST instead')
					: t(
						'the web server answers PATCH with status %d, and drops the header X-HTTP-Method-Override of POST: owners cannot send large files to be restored',
					),
				$patch['status'],
			),
			t('allow the method PATCH, or that header, for addresses beneath /filesync/v1; docs/web-servers.md'),
		);
	}

	/** Finds the longest body that arrives. */
	private function tryBodies(): void
	{
		$headers = ['Content-Type: application/octet-stream'];
		for ($bytes = self::LONGEST_BYTES; $bytes >= self::SHORTEST_BYTES; $bytes >>= 1) {
			if (self::refusal($this->answerOf('POST', self::RESTORE, $headers, str_repeat("\0", $bytes))) !== '') {
				break;
			}
		}
		$this->findings->note(
			'bodies',
			$bytes >= self::FIRST_BYTES,
			$bytes >= self::SHORTEST_BYTES
				? sprintf(t('requests of %d KiB arrive'), $bytes >> 10)
				: sprintf(
					t('the web server takes no requests of %d KiB: owners can send nothing to be restored'),
					self::SHORTEST_BYTES >> 10,
				),
			t(
				'raise the limit for requests: nginx: client_max_body_size 20m; Apache: LimitRequestBody; PHP behind POST: post_max_size',
			),
		);
	}

	/**
	 * @param list<string> $headers
	 *
	 * @return array{status: int, headers: array<string, string>, body: string, error: string}
	 */
	private function answerOf(string $method, string $path, array $headers = [], string $body = ''): array
	{
		/** @var array{status: int, headers: array<string, string>, body: string, error: string} $answer */
		$answer = ($this->ask)($method, $path, $headers, $body);

		return $answer;
	}

	/**
	 * Returns why the door refuses, in one word; empty if somebody else answers.
	 *
	 * @param array{headers: array<string, string>, ...} $answer
	 */
	private static function refusal(array $answer): string
	{
		return $answer['headers'][strtolower(Refusal::HEADER)] ?? '';
	}
}
