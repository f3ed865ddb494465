<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Libzot;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The people whom posts of a backup set name as their authors and owners.
 *
 * A set may come from anybody. Nobody is looked up elsewhere and no picture is loaded. A person of this network gets a
 * row only if guid, signature and key prove each other; a row that is here is never changed.
 */
final class Authors
{
	private const OURS = 'zot6';
	private const LONGEST = 191;
	private const LONGEST_KEY = 4096;

	/**
	 * The network of people whom this class has found. No hub knows it, and no post can bring it: it is another in each
	 * process.
	 */
	private static string $found = '';

	/** Finds out who is meant. Writes nothing. */
	public static function find(mixed $person): Author
	{
		$text = fn (string $key): string => is_array($person) && is_string($person[$key] ?? null) ? $person[$key] : '';
		$network = $text('network') ?: self::OURS;
		$guid = $text('id');
		if (
			$network === self::networkOfFound()
			|| $guid === ''
			|| strlen($guid) > self::LONGEST
			|| str_contains($guid, "\0")
		) {
			return new Author(problem: Author::UNKNOWN);
		}

		return (
			$network === self::OURS
				? self::ofThisNetwork($guid, $text('id_sig'), $text('key'), [
					'xchan_name' => $text('name'),
					'xchan_addr' => $text('address'),
					'xchan_url' => $text('url'),
				])
				: self::ofAnother($network, $guid)
		);
	}

	/** Makes the row of somebody who is proven and unknown here. False if that failed. */
	public static function keep(Author $author): bool
	{
		if ($author->row === null || self::has($author->hash)) {
			return true;
		}
		Core::load('include/xchan.php');
		$default = fn (int $size): string => z_root() . '/' . \get_default_profile_photo($size);
		\xchan_store_lowlevel([
			'xchan_hash' => $author->hash,
			'xchan_network' => self::OURS,
			'xchan_photo_mimetype' => 'image/png',
			'xchan_photo_l' => $default(300),
			'xchan_photo_m' => $default(80),
			'xchan_photo_s' => $default(48),
		] + $author->row);

		return self::has($author->hash);
	}

	/** Returns somebody in the form in which core asks, when it reads a post, who that is: then it gets our answer. */
	public static function asFound(string $hash): array
	{
		return ['network' => self::networkOfFound(), 'id' => $hash, 'url' => '', 'name' => '', 'address' => ''];
	}

	/** Runs a piece of core that asks who somebody is. It hears from us alone, about people whom find() found. */
	public static function answering(\Closure $work): mixed
	{
		/** @var array<string, list<array{string, string, int, int}>> */
		$hooks = \App::$hooks;
		\App::$hooks = ['import_author_xchan' => [['', self::class . '::answer', 0, 1]]] + $hooks;
		try {
			return $work();
		} finally {
			\App::$hooks = $hooks;
		}
	}

	/** @param array{xchan: array{network?: string, id?: string}|mixed, xchan_hash: mixed} $question */
	public static function answer(array &$question): void
	{
		$person = is_array($question['xchan']) ? $question['xchan'] : [];
		if (($person['network'] ?? '') === self::networkOfFound()) {
			$question['xchan_hash'] = strval($person['id'] ?? '');
		}
	}

	private static function networkOfFound(): string
	{
		return self::$found = self::$found ?: 'filesync-' . Token::make();
	}

	/** @param array{xchan_name: string, xchan_addr: string, xchan_url: string} $claims What nothing proves. */
	private static function ofThisNetwork(string $guid, string $signature, string $key, array $claims): Author
	{
		if ($key === '' || strlen($key) > self::LONGEST_KEY) {
			return new Author(problem: Author::FORGED);
		}
		$hash = rtrim(strtr(base64_encode(hash('whirlpool', $guid . $key, true)), '+/', '-_'), '=');
		if (self::has($hash)) {
			return new Author($hash);
		}
		if (strlen($signature) > self::LONGEST_KEY || @Libzot::verify($guid, $signature, $key) !== true) {
			return new Author(problem: Author::FORGED);
		}

		return new Author($hash, [
			'xchan_guid' => $guid,
			'xchan_guid_sig' => $signature,
			'xchan_pubkey' => $key,
		] + self::harmless($claims));
	}

	/** Nobody proves a person of another network here: whoever has no row gets none. */
	private static function ofAnother(string $network, string $guid): Author
	{
		$row = Table::first(
			'xchan',
			['xchan_guid' => $guid, 'xchan_network' => $network],
			'',
			'xchan_hash, xchan_guid',
		);
		if ($row !== null && $row['xchan_guid'] === $guid) {
			return new Author((string) $row['xchan_hash']);
		}
		if (self::has($guid)) {
			return new Author(problem: Author::FORGED);
		}

		// An address cannot be the hash of somebody of this network.
		return preg_match('#^https?://[^\s<>"\']+$#D', $guid) === 1
			? new Author($guid, isStranger: true)
			: new Author(problem: Author::UNKNOWN);
	}

	/**
	 * Leaves out an address that is none, or that is known as somebody else's.
	 *
	 * @param array{xchan_name: string, xchan_addr: string, xchan_url: string} $claims
	 *
	 * @return array{xchan_name: string, xchan_addr: string, xchan_url: string}
	 */
	private static function harmless(array $claims): array
	{
		$isOf = [
			'xchan_addr' => '/^[^\s<>"\'@\/]+@[^\s<>"\'@\/]+$/D',
			'xchan_url' => '#^https?://[^\s<>"\']+$#D',
		];
		foreach ($isOf as $column => $pattern) {
			if (
				strlen($claims[$column]) > self::LONGEST
				|| preg_match($pattern, $claims[$column]) !== 1
				|| Table::first('xchan', [$column => $claims[$column]], '', 'xchan_hash') !== null
			) {
				$claims[$column] = '';
			}
		}
		$claims['xchan_name'] = mb_substr(str_replace("\0", '', $claims['xchan_name']), 0, self::LONGEST, 'UTF-8');

		return $claims;
	}

	private static function has(string $hash): bool
	{
		return Table::first('xchan', ['xchan_hash' => $hash], '', 'xchan_hash') !== null;
	}
}
