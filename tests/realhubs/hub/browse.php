<?php

// Renders a page in a browser. Arguments: name of the files to write, the page's URL, the browser's command line.
// Writes <name>.png, what one sees, and <name>.images, one a line: `<address> <width>x<height>` as the browser decoded
// it, 0x0 for what it could not show.
[, $name, $url] = $argv;
$browser = proc_open(
	[...array_slice($argv, 3), '--remote-debugging-pipe', 'about:blank'],
	[['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], STDERR, ['pipe', 'r'], ['pipe', 'w']],
	$pipes,
);
[, , , $to, $from] = [null, null, null, ...array_values($pipes)];

// Calls a method of the browser's DevTools and returns its result.
$call = function (string $method, array $params = [], ?string $session = null) use ($to, $from): array {
	static $id = 0;
	fwrite(
		$to,
		json_encode(array_filter([
			'id' => ++$id,
			'method' => $method,
			'params' => (object) $params,
			'sessionId' => $session,
		]))
			. "\0",
	);
	while (($message = stream_get_line($from, 1 << 28, "\0")) !== false) {
		$message = json_decode($message, true);
		if (($message['id'] ?? null) === $id) {
			return $message['result'] ?? throw new RuntimeException("$method: " . json_encode($message['error']));
		}
	}
	throw new RuntimeException("$method: the browser went away");
};

$target = $call('Target.createTarget', ['url' => $url])['targetId'];
$session = $call('Target.attachToTarget', ['targetId' => $target, 'flatten' => true])['sessionId'];
// A page of the hub brings its posts, and their images, after it was loaded: it is done when nothing changed for a
// second.
$calm = 0;
for ($until = microtime(true) + 40, $images = null; $calm < 4 && microtime(true) < $until; usleep(250000)) {
	$before = $images;
	$images = $call(
		'Runtime.evaluate',
		[
			'returnByValue' => true,
			'expression' => '[document.readyState === "complete" && location.href !== "about:blank"
		&& ![...document.images].some(image => !image.complete && image.loading !== "lazy")
		&& ![...document.querySelectorAll("#page-spinner")].some(spinner => spinner.offsetParent),
		[...document.images].map(image => `${image.src} ${image.naturalWidth}x${image.naturalHeight}`).join("\n")]',
		],
		$session,
	)['result']['value'];
	$calm = $images[0] && $images === $before ? $calm + 1 : 0;
}
file_put_contents("$name.images", $images[1] . "\n");
file_put_contents("$name.png", base64_decode($call('Page.captureScreenshot', [], $session)['data']));
$call('Browser.close');
proc_close($browser);
exit($calm < 4 ? 1 : 0);
