<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Order\Access;

if (! class_exists('App', false)) {
	exit;
}

/**
 * One post of a backup set, checked: known keys of known types, and nothing that makes a hub act later.
 *
 * It comes out complete, because core looks at every key. Rows' numbers, and marks that say what the set's hub was
 * about to do with a post, are dropped.
 */
final class SetPost
{
	private const LONGEST_ID = 191;
	private const ACCESS = '/^(<[^<>\x00-\x1f]{1,255}>)*$/D';
	private const DATE = '/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/D';
	/** Types of bodies without code, and with code. */
	private const TEXTS = ['', 'text/bbcode', 'text/plain', 'text/markdown', 'text/x-multicode'];
	private const CODES = ['text/html', 'application/x-php'];

	/** Texts and the length of their columns; 0: as long as they are. */
	private const TEXT_KEYS = [
		'uuid' => 191,
		'message_parent' => 191,
		'mimetype' => 64,
		'title' => 0,
		'summary' => 0,
		'body' => 0,
		'app' => 191,
		'verb' => 191,
		'object_type' => 191,
		'target_type' => 191,
		'permalink' => 0,
		'location' => 191,
		'longlat' => 191,
		'signature' => 0,
		'route' => 0,
		'public_scope' => 191,
		'comment_scope' => 191,
		'layout_mid' => 191,
		'postopts' => 0,
		'resource_id' => 191,
		'resource_type' => 16,
		'allow_cid' => 0,
		'allow_gid' => 0,
		'deny_cid' => 0,
		'deny_gid' => 0,
	];
	private const FLAGS = ['hidden', 'notshown', 'nsfw', 'consensus', 'obscured', 'private', 'direct'];
	/** Marks that are taken over; in the row and on the wire they begin with `item_`. */
	private const MARKS = [
		'origin',
		'starred',
		'uplink',
		'consensus',
		'wall',
		'thread_top',
		'notshown',
		'nsfw',
		'mentionsme',
		'nocomment',
		'obscured',
		'retained',
		'rss',
		'hidden',
		'unpublished',
		'blocked',
	];
	/** Marks that are not: a delayed post is sent when its time comes. */
	private const UNMARKED = ['unseen', 'type', 'deleted', 'delayed', 'pending_remove'];
	private const MOST_TAGS = 1000;

	private function __construct(
		public readonly string $mid,
		/** The id of the post that its conversation begins with. */
		public readonly string $top,
		/** The hash of the file that it is about, empty if none. */
		public readonly string $fileHash,
		/** Why it is left out, whatever is here; empty if nothing speaks against it. */
		public readonly string $problem,
		public readonly bool $isCode,
		/** Until when comments were allowed, empty if they are. */
		public readonly string $commentsClosed,
		public readonly mixed $author,
		public readonly mixed $owner,
		/** @var array<string, mixed> As hubs encode it, without author and owner. */
		public readonly array $encoded,
	) {}

	/** Reads a post; null if it is none. */
	public static function of(mixed $post): ?self
	{
		if (! is_array($post)) {
			return null;
		}
		$mid = self::id($post['message_id'] ?? null);
		$top = self::id($post['message_top'] ?? null);
		$texts = self::texts($post);
		$dates = self::dates($post);
		if ($mid === null || $top === null || $texts === null || $dates === null) {
			return null;
		}
		$encoded = ['message_id' => $mid, 'message_top' => $top]
		+ $texts
		+ $dates
		+ self::parts($post)
		+ self::marks($post)
		+ ['type' => 'activity', 'encoding' => 'zot', 'revision' => 0];
		$encoded['message_parent'] = $encoded['message_parent'] ?: $top;

		return new self(
			$mid,
			$top,
			in_array($texts['resource_type'], ['photo', 'attach'], true) ? $texts['resource_id'] : '',
			self::problem($post, $texts, $dates),
			in_array(strtolower(trim($texts['mimetype'])), self::CODES, true),
			self::closing($post),
			$post['author'] ?? null,
			$post['owner'] ?? null,
			$encoded,
		);
	}

	public function isTop(): bool
	{
		return $this->mid === $this->top;
	}

	private static function id(mixed $id): ?string
	{
		return is_string($id)
		&& $id !== ''
		&& strlen($id) <= self::LONGEST_ID
		&& preg_match('/[\x00-\x20<>"\']/', $id) === 0
			? $id
			: null;
	}

	/** @return ?array<string, string> */
	private static function texts(array $post): ?array
	{
		$texts = [];
		foreach (self::TEXT_KEYS as $key => $length) {
			/** @var mixed */
			$value = $post[$key] ?? '';
			if (! is_string($value) || str_contains($value, "\0") || $length > 0 && strlen($value) > $length) {
				return null;
			}
			$texts[$key] = $value;
		}
		foreach (Access::LISTS as $key) {
			if (preg_match(self::ACCESS, $texts[$key]) !== 1) {
				return null;
			}
		}

		return $texts;
	}

	/**
	 * Nothing is of the future: a hub would wait for the day, and then send it.
	 *
	 * @return ?array{created: string, edited: string, commented: string, expires: string, comments_closed: string}
	 */
	private static function dates(array $post): ?array
	{
		$now = gmdate('Y-m-d H:i:s', Clock::now());
		$created = self::date($post['created'] ?? null);
		$edited = self::date($post['edited'] ?? null);
		if ($created === '' || $edited === '') {
			return null;
		}
		$created = min($created, $now);

		return [
			'created' => $created,
			'edited' => min($edited, $now),
			'commented' => min(self::date($post['commented'] ?? null) ?: $created, $now),
			'expires' => self::date($post['expires'] ?? null) ?: Core::noDate(),
			'comments_closed' => Core::noDate(),
		];
	}

	/** Returns a date; empty if it is none, or the date that stands for none. */
	private static function date(mixed $date): string
	{
		return is_string($date)
		&& preg_match(self::DATE, $date) === 1
		&& $date > Core::noDate()
		&& strtotime("$date UTC") !== false
			? $date
			: '';
	}

	private static function closing(array $post): string
	{
		return self::date($post['comments_closed'] ?? null);
	}

	/** @return array<string, mixed> Lists and objects. */
	private static function parts(array $post): array
	{
		$list = fn (string $key): array => is_array($post[$key] ?? null) ? $post[$key] : [];

		return [
			'object' => $list('object') ?: '',
			'target' => $list('target') ?: '',
			'attach' => $list('attach') ?: '',
			'tags' => self::tags($list('tags')),
			'meta' => self::notes($list('meta')),
			'flags' => array_values(array_intersect(self::FLAGS, array_filter($list('flags'), is_string(...)))),
		];
	}

	/** @return list<array{tag: string, url: string, type: string}> */
	private static function tags(array $tags): array
	{
		$read = [];
		/** @var mixed $tag */
		foreach (array_slice($tags, 0, self::MOST_TAGS) as $tag) {
			$word = self::word($tag, 'tag');
			$type = self::word($tag, 'type');
			$url = self::word($tag, 'url') ?? '';
			if ($word !== null && $type !== null) {
				$isAddress = preg_match('#^(https?://|$)#', $url) === 1;
				$read[] = ['tag' => $word, 'url' => $isAddress ? $url : '', 'type' => $type];
			}
		}

		return $read;
	}

	/** Returns a short text of a list; null if it is none. */
	private static function word(mixed $list, string $key): ?string
	{
		/** @var mixed */
		$word = is_array($list) ? $list[$key] ?? null : null;

		return is_string($word) && strlen($word) <= self::LONGEST_ID && ! str_contains($word, "\0") ? $word : null;
	}

	/**
	 * Returns what addons noted of a post. Core reads a note that looks like a serialized list with PHP's own function:
	 * one that would make objects is left out.
	 *
	 * @return list<array{family: string, key: string, value: scalar|array, sharing: int}>
	 */
	private static function notes(array $notes): array
	{
		$read = [];
		/** @var mixed $note */
		foreach (array_slice($notes, 0, self::MOST_TAGS) as $note) {
			$family = self::word($note, 'family');
			$key = self::word($note, 'key');
			$value = is_array($note) ? self::note($note['value'] ?? null) : null;
			if ($family !== null && $key !== null && $value !== null) {
				$isShared = is_array($note) && in_array($note['sharing'] ?? 0, [1, '1', true], true);
				$read[] = ['family' => $family, 'key' => $key, 'value' => $value, 'sharing' => $isShared ? 1 : 0];
			}
		}

		return $read;
	}

	/** @return scalar|array|null */
	private static function note(mixed $value): mixed
	{
		if (is_string($value) && preg_match('/^\s*[aOCE]:/i', $value) === 1) {
			/** @var mixed */
			$value = @unserialize($value, ['allowed_classes' => false, 'max_depth' => Bounds::DEEPEST_FOLDER]);
			if (! is_array($value) || ! self::isPlain($value)) {
				return null;
			}
		}

		return is_scalar($value) || is_array($value) ? $value : null;
	}

	/** Tells whether a list holds only texts, numbers and lists. */
	private static function isPlain(array $list): bool
	{
		/** @var mixed $value */
		foreach ($list as $value) {
			if (is_array($value) ? ! self::isPlain($value) : ! is_scalar($value) && $value !== null) {
				return false;
			}
		}

		return true;
	}

	private static function key(string $mark): string
	{
		return "item_$mark";
	}

	/** @return array<string, int> */
	private static function marks(array $post): array
	{
		$marks = array_fill_keys(array_map(self::key(...), self::UNMARKED), 0);
		foreach (self::MARKS as $mark) {
			$key = self::key($mark);
			$value = is_numeric($post[$key] ?? null) ? (int) $post[$key] : 0;
			$marks[$key] = $value >= 0 && $value <= 127 ? $value : 0;
		}

		return $marks;
	}

	/**
	 * @param array<string, string> $texts
	 * @param array{expires: string, ...} $dates
	 */
	private static function problem(array $post, array $texts, array $dates): string
	{
		$flags = is_array($post['flags'] ?? null) ? $post['flags'] : [];
		$isSet = function (string $mark) use ($post): bool {
			$key = self::key($mark);

			return is_numeric($post[$key] ?? null) && (int) $post[$key] !== 0;
		};

		return match (true) {
			in_array('deleted', $flags, true) || $isSet('deleted') || $isSet('pending_remove') => PostOutcome::DELETED,
			// A hub counts answers to a poll, and sends the poll again.
			$isSet('type') || in_array($texts['object_type'], ['Question', 'Answer'], true) => PostOutcome::NO_POST,
			// A hub deletes it, and tells all who got it.
			$dates['expires'] > Core::noDate() && $dates['expires'] <= gmdate('Y-m-d H:i:s', Clock::now())
				=> PostOutcome::EXPIRED,
			! in_array(strtolower(trim($texts['mimetype'])), [...self::TEXTS, ...self::CODES], true)
				=> PostOutcome::NO_POST,
			default => '',
		};
	}
}
