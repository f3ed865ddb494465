<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Build;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Overrides;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Platform;
use FileSync\Addon\Hub\Reason;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Rehearsal\Outcomes;
use FileSync\Addon\Status\StandingWords;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Checks that we know the hub's version, and that addon and extension are complete, in this process and in the web
 * server's.
 */
final class Software
{
	private const LEAST_MEMORY = 67108864;

	/** Checks what this process can see. */
	public static function look(Findings $findings): void
	{
		$without = Family::problem();
		if ($without !== null) {
			$findings->note('hub', false, $without, t('update filesync; until then the hub works as without it'));
		} else {
			$findings->attempt('hub', self::standing(...));
			$findings->attempt('rehearsal', self::rehearsal(...));
		}
		$findings->attempt('assumptions', self::assumptions(...));
		$findings->attempt('files', self::files(...));
		if ($without !== null) {
			return;
		}
		$findings->attempt('registered', self::registered(...));
		self::overrides($findings);
		$problem = Runtime::extensionProblem();
		$where = PHP_SAPI === 'cli' ? t('on the command line') : t('in the web server');
		$findings->note(
			'extension',
			$problem === null,
			$problem === null
				? sprintf(t('version %1$s is loaded %2$s'), Runtime::version(), $where)
				: rtrim("$where: $problem: " . (extension_loaded('filesync') ? '' : Build::whyNotLoaded()), ': '),
			t('let PHP load the extension for the web server and the command line, the same version as the addon:')
				. ' '
				. self::again()
				. self::archive(Build::here()->archive(Runtime::version())),
		);
		$lacks = self::lacks($findings, 'php', '', Runtime::missingFunctions(), Platform::missingExtensions());
		if (! $lacks) {
			$findings->note('php', true, sprintf(t('PHP %s has everything that is needed'), PHP_VERSION));
		}
		self::memory($findings, 'memory', $where, (string) ini_get('memory_limit'));
	}

	/** Compares with the web server's PHP, as it describes itself; see TicketRequest::probe(). */
	public static function compare(Findings $findings, array $web): void
	{
		$findings->note(
			'extension-web',
			$web['problem'] === null,
			$web['problem'] === null
				? sprintf(t('version %1$s is loaded %2$s'), $web['version'], t('in the web server'))
				: rtrim(t('in the web server') . ": {$web['problem']}: " . ($web['why'] ?? ''), ': '),
			(
				Runtime::extensionProblem() === null
					? t('reload PHP-FPM (or restart Apache); if that does not help,') . ' '
					: ''
			)
				. t(
					'let PHP load the extension for the web server and the command line, the same version as the addon:',
				)
				. ' '
				. self::again()
				. self::archive((string) ($web['archive'] ?? '')),
		);
		if ($web['version'] !== Runtime::version() || ! empty($web['outdated'])) {
			$findings->note(
				'addon-web',
				false,
				$web['version'] !== Runtime::version()
					? sprintf(
						t('the web server runs version %1$s of the addon, this is %2$s'),
						$web['version'],
						Runtime::version(),
					)
					: t('the web server still runs files of the addon that have been replaced'),
				t('reload PHP-FPM (or restart Apache): it still runs the old files'),
			);
		}
		self::lacks(
			$findings,
			'php-web',
			t('in the web server') . ': ',
			$web['missing'] ?? [],
			$web['extensions'] ?? [],
		);
		self::taken($findings, 'overrides-web', t('in the web server') . ': ', self::texts($web['takers'] ?? []));
		self::memory($findings, 'memory-web', t('in the web server'), $web['memory_limit']);
		$differ = array_keys(
			array_diff_assoc($web['settings'], Runtime::settings())
			+ array_diff_assoc(Runtime::settings(), $web['settings']),
		);
		if ($web['problem'] === null && extension_loaded('filesync')) {
			$findings->note(
				'limits',
				$differ === [],
				$differ
					? sprintf(
						t('settings differ between the web server and the command line: %s'),
						implode(', ', $differ),
					)
					: t('the limits of the extension are the same in the web server and on the command line'),
				t('give both the same filesync.* settings in php.ini, and reload'),
			);
		}
	}

	/** Does filesync work on this version of the hub, and if not, since when and why? */
	private static function standing(Findings $findings): void
	{
		$version = Runtime::hubVersion();
		$problem = StandingWords::problem();
		$findings->note(
			'hub',
			$problem === null,
			$problem ?? match (Activation::reason()) {
				Reason::Rehearsed => sprintf(
					t('filesync works on Hubzilla %s: not among the tested versions, but its rehearsal passed here'),
					$version,
				),
				Reason::Trusted => sprintf(
					t('filesync works on Hubzilla %s because an admin answers for it (trusted_version)'),
					$version,
				),
				default => sprintf(t('filesync was tested with Hubzilla %s'), $version),
			},
			StandingWords::remedy(),
		);
	}

	/** What did the last rehearsal see? */
	private static function rehearsal(Findings $findings): void
	{
		$again = StandingWords::REHEARSE;
		$last = Outcomes::current() ?? Outcomes::last();
		if (! $last) {
			if (Activation::reason() !== Reason::Tested) {
				$findings->note('rehearsal', false, t('filesync was never rehearsed on this hub'), $again);
			}
			return;
		}
		$failed = array_map(fn ($step) => "{$step['name']}: {$step['seen']}", $last->failed());
		$isOfNow = $last->hub === Runtime::hubVersion() && $last->filesync === Runtime::version();
		$when = sprintf(
			t('on %1$s UTC, with Hubzilla %2$s, PHP %3$s and filesync %4$s'),
			gmdate('Y-m-d H:i', $last->begun),
			$last->hub,
			$last->php,
			$last->filesync,
		);
		$findings->note(
			'rehearsal',
			match (true) {
				$isOfNow => $last->hasPassed(),
				Activation::reason() === Reason::Tested => true,
				default => false,
			},
			match (true) {
				$last->hasPassed() => sprintf(t('all %1$d steps went well %2$s'), count($last->steps), $when),
				$failed === [] => sprintf(t('it ended without a step %s'), $when),
				default => sprintf(t('%1$d of %2$d steps failed %3$s'), count($failed), count($last->steps), $when)
					. ': '
					. implode('; ', $failed),
			},
			$again,
		);
	}

	/** Notes functions and extensions that a PHP lacks, for us and for the hub itself; tells whether there are any. */
	private static function lacks(
		Findings $findings,
		string $check,
		string $where,
		array $functions,
		array $extensions,
	): bool {
		if ($functions) {
			$findings->note(
				$check,
				false,
				$where . sprintf(t('PHP functions are missing: %s'), implode(', ', $functions)),
				t('install php-curl and php-mbstring, and take these functions out of disable_functions in php.ini'),
			);
		}
		if ($extensions) {
			$findings->note(
				$check,
				false,
				$where . sprintf(t('the hub needs PHP extensions that are missing: %s'), implode(', ', $extensions)),
				t('install them (on Debian, php-gmp is the package of gmp), and reload PHP-FPM (or restart Apache)'),
			);
		}

		return (bool) array_merge($functions, $extensions);
	}

	/** Is the hub as we take it to be? */
	private static function assumptions(Findings $findings): void
	{
		$all = Look::again();
		$failing = Parts::failing($all);
		$findings->note(
			'assumptions',
			$failing === [],
			$failing
				? sprintf(
					t('filesync does without %1$s, because this hub differs from those it knows: %2$s'),
					implode(', ', array_map(Parts::name(...), Parts::off())),
					self::some(array_unique(array_column($failing, 'name'))),
				)
				: sprintf(t('this hub is as filesync knows hubs; %d points were examined'), count($all)),
			t('update filesync; php addon/filesync/cli.php doctor --assumptions says what was found, and where'),
		);
	}

	private static function files(Findings $findings): void
	{
		$list = dirname(__DIR__) . '/MANIFEST';
		if (! is_file($list)) {
			$findings->note(
				'files',
				null,
				t('the addon has no MANIFEST, so its files cannot be checked'),
				self::again(),
			);
			return;
		}
		$wrong = [];
		foreach (file($list, FILE_IGNORE_NEW_LINES) as $line) {
			[$digest, $name] = explode('  ', $line, 2) + [1 => ''];
			$path = dirname(__DIR__) . '/' . $name;
			if (! is_file($path) || hash_file('sha256', $path) !== $digest) {
				$wrong[] = sprintf(is_file($path) ? t('%s (changed)') : t('%s (missing)'), $name);
			}
		}
		$findings->note(
			'files',
			$wrong === [],
			$wrong
				? sprintf(t('not as installed: %s'), self::some($wrong))
				: t('every file of the addon is unchanged since it was installed'),
			self::again(),
		);
	}

	private static function registered(Findings $findings): void
	{
		$missing = Registration::missing();
		$findings->note(
			'registered',
			$missing === [],
			$missing
				? sprintf(t('the hub has not registered all of filesync: %s'), implode(', ', $missing))
				: t('the hub has registered the addon and all its hooks'),
			t("in the hub's root:") . ' php util/addons uninstall filesync; php util/addons install filesync',
		);
	}

	private static function overrides(Findings $findings): void
	{
		$takers = array_filter(Overrides::takers());
		self::taken($findings, 'overrides', '', $takers);
		$lost = array_diff(Overrides::lost(), array_keys($takers));
		if ($lost) {
			$findings->note(
				'overrides',
				false,
				sprintf(t('the hub let filesync take over no calls when it started: %s'), self::some($lost)),
				t('install filesync again, or see what is said about the hook init_1:')
					. ' php addon/filesync/cli.php doctor --assumptions',
			);
		} elseif (! $takers && Overrides::areWanted()) {
			$findings->note('overrides', true, t('filesync handles every call that it takes over'));
		}
	}

	/** @param array<string, string> $takers File and line by function. */
	private static function taken(Findings $findings, string $check, string $where, array $takers): void
	{
		if ($takers) {
			$findings->note(
				$check,
				false,
				$where
					. sprintf(
						t('something else took the place of filesync: %s'),
						self::some(array_map(
							fn ($function) => "$function ({$takers[$function]})",
							array_keys($takers),
						)),
					),
				t('switch off the addon that takes over the same calls'),
			);
		}
	}

	/** @return array<string, string> */
	private static function texts(mixed $given): array
	{
		$texts = [];
		foreach (array_filter(is_array($given) ? $given : [], is_string(...)) as $name => $text) {
			$texts[(string) $name] = $text;
		}

		return $texts;
	}

	/** @param array<string> $names */
	private static function some(array $names): string
	{
		return implode(', ', array_slice($names, 0, 5)) . (count($names) > 5 ? ' …' : '');
	}

	private static function memory(Findings $findings, string $check, string $where, string $limit): void
	{
		$bytes = (int) $limit * (1024 ** ((int) strpos(' kmg', strtolower(substr($limit, -1)) ?: ' ')));
		$isEnough = $bytes < 0 || $bytes >= self::LEAST_MEMORY;
		if (! $isEnough) {
			$findings->note(
				$check,
				false,
				sprintf(t('memory_limit is %1$s %2$s'), $limit, $where),
				t('set memory_limit = 128M in php.ini; the hub itself needs that'),
			);
		}
	}

	/** Names the archive that fits a PHP. */
	private static function archive(string $name): string
	{
		return $name === '' ? '' : sprintf(t('; the archive for that PHP is %s'), $name);
	}

	private static function again(): string
	{
		return t('install filesync again: `make install HUB=<hub root>`, or as the README of the archive says');
	}
}
