<?php

namespace TestHub;

/**
 * What goes wrong on this hub just now: rules in faults.json, read at every request, so a test can switch them while
 * the hub runs.
 *
 * A rule is an object: where it holds (`on`: list of getfile, dav, api, zot; `hash`; `scale`; `times`) and what then
 * happens. Rules that hold are merged. The effects are listed in tests/testhub/README.md.
 */
final class Faults {

	const FILE = 'faults.json';

	/** Returns the effects for a request, and counts down rules that hold only some `times`. */
	public static function at(string $endpoint, ?string $hash = null, int $scale = 0): array {
		$effects = [];
		foreach (self::rules() as $rule) {
			$holds = in_array($endpoint, $rule['on'] ?? [$endpoint], true)
				&& (!isset($rule['hash']) || $rule['hash'] === $hash)
				&& (!isset($rule['scale']) || $rule['scale'] === $scale);
			if ($holds && (!isset($rule['times']) || self::used($rule) <= $rule['times'])) {
				$effects = array_diff_key($rule, array_flip(['on', 'hash', 'scale', 'times'])) + $effects;
			}
		}
		return $effects;
	}

	/** Says whether any rule still has this effect. */
	public static function has(string $effect): bool {
		foreach (self::rules() as $rule) {
			if (isset($rule[$effect])) {
				return true;
			}
		}
		return false;
	}

	/** Counts bytes of a file that left this hub since the rules were written, over all requests and processes. */
	public static function served(string $hash, int $bytes): int {
		return self::count('served-' . $hash, $bytes);
	}

	/** Puts rules in force; an empty list ends all. Counters restart. */
	public static function write(string $hub, array $rules): void {
		array_map('unlink', glob($hub . '/faults.count.*') ?: []);
		file_put_contents($hub . '/faults.new', json_encode($rules));
		rename($hub . '/faults.new', $hub . '/' . self::FILE);
	}

	private static function rules(): array {
		return json_decode((string) @file_get_contents(self::FILE), true) ?: [];
	}

	private static function used(array $rule): int {
		return self::count(md5(json_encode($rule)), 1);
	}

	private static function count(string $name, int $add): int {
		$file = fopen('faults.count.' . $name, 'c+');
		flock($file, LOCK_EX);
		$total = intval(stream_get_contents($file)) + $add;
		rewind($file);
		fwrite($file, (string) $total);
		fclose($file);
		return $total;
	}
}
