<?php

declare(strict_types=1);

/**
 * Scales 1 to 3 of a photo, at the hub's default quality. Peers: vipsthumbnail, once for each scale; GD and Imagick as
 * hubs use them, each scale from the one before, Imagick told the size so that it too shrinks while decoding. Every
 * program ends in files. Beside time: memory, the files' size together, and how each plane of scale 1 differs from that
 * of one that was made of all pixels (PSNR), also of a photo whose colour is half as fine (4:2:0). djpeg only decodes,
 * to a size that suffices, on one core: it is the floor.
 */
function photos(Bench $bench): void
{
	foreach (['gd', 'imagick'] as $extension) {
		$has[$extension] =
			exec(PHP_BINARY . ' -r ' . escapeshellarg("echo extension_loaded('$extension') ? 1 : 0;")) === '1';
	}
	$has['vips'] = trim((string) shell_exec('command -v vipsthumbnail 2>/dev/null')) !== '';
	if (! $has['gd']) {
		$bench->missing('photos', 'photos to scale', 'PHP has no gd extension to paint them with');
		return;
	}
	$peers = [
		'vips' => 'vipsthumbnail, three times',
		'gd' => 'GD, as hubs do',
		'imagick' => 'Imagick with size hint, as hubs do',
	];
	foreach ($peers as $name => $peer) {
		if (! $has[$name]) {
			$bench->missing('photos', $peer, 'it is not installed');
		}
	}
	$peers = array_filter($peers, fn ($name) => $has[$name], ARRAY_FILTER_USE_KEY);
	$has['djpeg'] = trim((string) shell_exec('command -v djpeg 2>/dev/null')) !== '';
	if (! $has['djpeg']) {
		$bench->missing('photos', 'djpeg', 'it is not installed');
	}
	$photos = [
		'12 MP' => [4000, 3000, 4, 1.5],
		'48 MP' => [8000, 6000, 2, 1.2],
		'100 MP' => [11600, 8700, 1, 1.0],
	];
	foreach ($photos as $label => [$width, $height, $eighths, $goal]) {
		$photo = "$bench->folder/photo.jpg";
		painted($photo, $width, $height, 90);
		$commands = [];
		foreach (['ours' => ''] + $peers as $name => $peer) {
			@mkdir("$bench->folder/$name");
			$scaler = $name === 'ours'
				? $bench->php('worker/photos.php', $photo, "$bench->folder/ours")
				: scaler($name, $photo, "$bench->folder/$name");
			$commands[$name] = [PHP_BINARY, '-n', __DIR__ . '/worker/peak.php', ...$scaler];
		}
		if ($has['djpeg']) {
			$decoder = ['djpeg', '-scale', "$eighths/8", '-outfile', "$bench->folder/decoded.ppm", $photo];
			$commands['djpeg'] = [PHP_BINARY, '-n', __DIR__ . '/worker/peak.php', ...$decoder];
		}
		$results = $bench->interleave($commands, fn () => null);
		// Ours is measured above idle, for PHP and the extension are there anyway; GD and Imagick as they are, with
		// PHP.
		$peak = array_map(fn ($result) => (float) $result['output'], $results);
		$peak['ours'] = (float) file_get_contents("$bench->folder/ours/native_mib");
		$size = fn (string $name) => array_sum(array_map(filesize(...), glob("$bench->folder/$name/[123].jpg"))) / 1024;
		$fastest = min(array_map(fn ($name) => $results[$name]['seconds'], array_keys($peers)));
		foreach ($peers as $name => $peer) {
			$bench->row(
				'photos',
				$label,
				$results['ours']['seconds'] * 1000,
				$results[$name]['seconds'] * 1000,
				$peer,
				'ms',
				$results[$name]['seconds'] === $fastest ? $goal : null,
				$peak['ours'],
			);
		}
		if ($has['djpeg']) {
			$bench->row(
				'photos',
				$label,
				$results['ours']['seconds'] * 1000,
				$results['djpeg']['seconds'] * 1000,
				"djpeg -scale $eighths/8, only decodes",
				'ms',
				null,
				$peak['ours'],
			);
		}
		foreach ($peers as $name => $peer) {
			$bench->row('memory', $label, $peak['ours'], $peak[$name], $peer, 'MiB', $name === 'vips' ? 2.0 : null);
		}
		$bench->row('size', $label, $size('ours'), $size('gd'), $peers['gd'], 'KiB', 1.0);
		if ($has['vips']) {
			detail($bench, $label, $photo, $width, $peers);
			painted($photo, $width, $height, 89);
			$bench->once('ours', $bench->php('worker/photos.php', $photo, "$bench->folder/ours"));
			detail($bench, "$label 4:2:0", $photo, $width, []);
		} else {
			$bench->missing('PSNR', 'reference', 'vips is not installed');
		}
	}
}

/**
 * Compares the planes of scale 1 with those of one that was made without shrinking while decoding, and without loss.
 *
 * @param array<string, string> $peers
 */
function detail(Bench $bench, string $label, string $photo, int $width, array $peers): void
{
	$reference = "$bench->folder/reference.png";
	allPixels($photo, $reference, 1024 / $width);
	$ours = psnr($reference, "$bench->folder/ours/1.jpg");
	foreach (['brightness' => 44.0, 'blue' => 42.0, 'red' => 42.0] as $plane => $goal) {
		$bench->row('PSNR', "$label, $plane", $ours[$plane], null, 'all pixels, Lanczos, no loss', 'dB', $goal);
	}
	foreach ($peers as $name => $peer) {
		foreach (psnr($reference, "$bench->folder/$name/1.jpg") as $plane => $theirs) {
			$bench->row('PSNR', "$label, $plane", $ours[$plane], $theirs, $peer, 'dB', null);
		}
	}
}

/** Paints a photo with grain of its size; below a quality of 90 its colour is half as fine as its brightness. */
function painted(string $path, int $width, int $height, int $quality): void
{
	exec(implode(' ', array_map(escapeshellarg(...), [
		PHP_BINARY,
		'-d',
		'memory_limit=-1',
		__DIR__ . '/worker/paint.php',
		$path,
		(string) $width,
		(string) $height,
		(string) $quality,
	])), $lines, $status);
	if ($status !== 0) {
		fwrite(STDERR, implode("\n", $lines) . "\n");
		exit(1);
	}
}

/** @return list<string> The command of a peer. */
function scaler(string $name, string $photo, string $folder): array
{
	if ($name === 'vips') {
		$one = fn (int $scale, int $side) => "vipsthumbnail \"\$1\" -s $side -o \"\$2/$scale.jpg[Q=100,strip]\"";
		return ['sh', '-c', "{$one(1, 1024)} && {$one(2, 640)} && {$one(3, 320)}", 'sh', $photo, $folder];
	}
	return [PHP_BINARY, '-d', 'memory_limit=-1', __DIR__ . "/worker/photos-$name.php", $photo, $folder];
}

/** Makes scale 1 without shrinking while decoding, without loss. */
function allPixels(string $photo, string $to, float $factor): void
{
	exec(
		'vips copy '
		. escapeshellarg($photo)
		. " $to.v && vips resize $to.v "
		. escapeshellarg($to)
		. " $factor --kernel lanczos3 && rm $to.v",
		$lines,
		$status,
	);
	if ($status !== 0) {
		fwrite(STDERR, implode("\n", $lines) . "\n");
		exit(1);
	}
}

/**
 * Returns the peak signal-to-noise ratio of the planes of two images in dB.
 *
 * @return array{brightness: float, blue: float, red: float}
 */
function psnr(string $one, string $other): array
{
	$command = [PHP_BINARY, '-d', 'memory_limit=-1', __DIR__ . '/worker/psnr.php', $one, $other];
	exec(implode(' ', array_map(escapeshellarg(...), $command)), $lines, $status);
	if ($status !== 0) {
		exit(1);
	}
	[$brightness, $blue, $red] = array_map(floatval(...), $lines);
	return ['brightness' => $brightness, 'blue' => $blue, 'red' => $red];
}
