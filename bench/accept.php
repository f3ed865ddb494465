<?php

declare(strict_types=1);

/** Our share of accepting a sync packet: one new file in a nested folder, no items, on the test hub's SQLite. */
function accept(Bench $bench): void
{
	foreach (['a file' => 0, 'a photo, 3 scales' => 3] as $label => $scales) {
		$result = $bench->interleave(
			['ours' => [PHP_BINARY, __DIR__ . '/worker/accept.php', '200', (string) $scales]],
			fn () => null,
		)['ours'];
		$facts = json_decode($result['output'], true);
		$bench->row(
			'accept',
			$label,
			$facts['median_ms'],
			null,
			'our share, no items, SQLite',
			'ms',
			10.0,
			$facts['php_mib'],
		);
	}
}
