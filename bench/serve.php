<?php

declare(strict_types=1);

/**
 * Serve 1 GiB through nginx and PHP-FPM: `send_file`, and X-Accel-Redirect. Peer: the loop of 16 KiB pieces that stock
 * hubs run. `worker` is how long a PHP-FPM worker was busy with one request.
 */
function serve(Bench $bench): void
{
	$fpm = exec('command -v php-fpm' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION);
	if (! $fpm) {
		$bench->missing('serve', 'PHP-FPM', 'it is not installed');
		return;
	}
	$url = startFpm($bench, $fpm, 1 << 30);
	$ways = ['send' => 'send_file', 'accel' => 'X-Accel-Redirect', 'stock' => 'loop of 16 KiB pieces'];
	$commands = [];
	foreach ($ways as $way => $name) {
		$commands[$way] = [
			'sh',
			'-c',
			'test "$(curl -sS -w "%{size_download} %{http_code}" -o /dev/null "$1")" = "1073741824 200" && cat "$2"',
			'sh',
			"$url/$way.php",
			"$bench->folder/worker",
		];
	}
	$results = $bench->interleave($commands, fn () => null);
	foreach (['send' => 1.1, 'accel' => 2.5] as $way => $goal) {
		[$seconds, $mib] = json_decode($results[$way]['output'], true);
		[$theirs] = json_decode($results['stock']['output'], true);
		$bench->row(
			'serve',
			"1 GiB {$ways[$way]}",
			1024 / $results[$way]['seconds'],
			1024 / $results['stock']['seconds'],
			$ways['stock'],
			'MiB/s',
			$goal,
			$mib,
		);
		$bench->row('worker', "1 GiB {$ways[$way]}", $seconds, $theirs, $ways['stock'], 's', null, $mib);
	}
}

/** Starts PHP-FPM with the extension and an nginx in front of it; returns their root URL. */
function startFpm(Bench $bench, string $fpm, int $bytes): string
{
	$folder = $bench->folder;
	mkdir("$folder/pages");
	mkdir("$folder/files");
	exec("head -c $bytes /dev/urandom > $folder/files/f");
	$head = '<?php $start = hrtime(true); while (ob_get_level()) { ob_end_clean(); } header("Content-Type: application/octet-stream");';
	$foot = "file_put_contents('$folder/worker', json_encode([(hrtime(true) - \$start) / 1e9, memory_get_peak_usage(true) / (1 << 20)]));";
	$length = "header('Content-Length: $bytes');";
	file_put_contents(
		"$folder/pages/send.php",
		"$head $length FileSync\\send_file('$folder/files', 'f', 0, $bytes); $foot",
	);
	file_put_contents("$folder/pages/accel.php", "$head header('X-Accel-Redirect: /internal/f'); $foot");
	file_put_contents(
		"$folder/pages/stock.php",
		"$head \$in = fopen('$folder/files/f', 'rb'); \$out = fopen('php://output', 'wb');"
		. " while (!feof(\$in)) { fwrite(\$out, fread(\$in, 16384)); } $foot",
	);
	chmod($folder, 0755);
	$isRoot = posix_getuid() === 0;
	touch("$folder/worker");
	chmod("$folder/worker", 0666);
	file_put_contents(
		"$folder/fpm.conf",
		"[global]\nerror_log = $folder/fpm.log\ndaemonize = no\n[www]\nlisten = $folder/fpm.sock\npm = static\npm.max_children = 1\n"
		. ($isRoot ? "user = nobody\ngroup = nogroup\nlisten.owner = nobody\nlisten.mode = 0666\n" : ''),
	);
	$null = ['file', '/dev/null', 'w'];
	$process = proc_open(
		[$fpm, '-n', '-d', "extension=$bench->extension", '-y', "$folder/fpm.conf"],
		[1 => $null, 2 => $null],
		$pipes,
	);
	register_shutdown_function(fn () => proc_terminate($process));
	$port = Origin::freePort();
	$user = $isRoot ? 'user root;' : '';
	file_put_contents("$folder/serve.conf", <<<CONF
		$user
		worker_processes 1;
		pid $folder/serve.pid;
		error_log $folder/serve.log;
		events { worker_connections 64; }
		http {
			access_log off;
			sendfile on;
			fastcgi_temp_path $folder/fastcgi;
			client_body_temp_path $folder/body;
			server {
				listen 127.0.0.1:$port;
				location /internal/ { internal; alias $folder/files/; }
				location ~ \.php$ {
					fastcgi_pass unix:$folder/fpm.sock;
					fastcgi_param SCRIPT_FILENAME $folder/pages\$uri;
					fastcgi_param REQUEST_METHOD \$request_method;
					fastcgi_param QUERY_STRING \$query_string;
				}
			}
		}
		CONF);
	exec("nginx -p $folder -c $folder/serve.conf 2>&1", $output, $status);
	$status === 0 || exit(implode("\n", $output) . "\n");
	register_shutdown_function(fn () => exec("nginx -p $folder -c $folder/serve.conf -s stop 2>/dev/null"));
	for ($try = 0; $try < 100 && ! file_exists("$folder/fpm.sock"); $try++) {
		usleep(50_000);
	}
	return "http://127.0.0.1:$port";
}
