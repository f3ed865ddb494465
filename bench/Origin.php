<?php

declare(strict_types=1);

/**
 * nginx as an origin hub that costs as little as possible: it answers the API, `/dav`, getfile and tickets from plain
 * files.
 */
final class Origin
{
	public const HASH = '5f1d2c3b-0000-4000-8000-00000000000';
	public const EDITED = '2024-05-03 09:00:00';

	public readonly string $plain;
	public readonly string $tls;
	public readonly string $certificate;

	/** @param array<string, int> $files name => bytes */
	public function __construct(private string $folder, array $files, private bool $logs = false)
	{
		mkdir("$folder/www/dav/alice", 0755, true);
		$facts = [];
		foreach (array_values($files) as $number => $bytes) {
			$path = "$folder/www/dav/alice/" . self::nameOf($number);
			$this->makeFile($path, $bytes);
			$facts[] = [
				'hash' => self::hashOf($number),
				'scale' => 0,
				'state' => 'ready',
				'size' => $bytes,
				'edited' => self::EDITED,
				'mimetype' => 'image/jpeg',
				'etag' => str_repeat('0', 40),
				'sha256' => hash_file('sha256', $path),
				'ticket' => 'a.ticket',
			];
		}
		// What was asked for is not looked at: whoever asks wants all files, in their order.
		file_put_contents("$folder/www/ticket.json", json_encode([
			'filesync' => 2,
			'time' => time(),
			'version' => '0',
			'features' => ['ticket', 'range'],
			'expires_in' => 600,
			'files' => $facts,
		]));
		[$plain, $tls] = [self::freePort(), self::freePort()];
		$this->plain = "http://127.0.0.1:$plain";
		$this->tls = "https://localhost:$tls";
		$this->certificate = "$folder/certificate.pem";
		exec(
			'openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE '
			. "-keyout $folder/key.pem -out $this->certificate 2>/dev/null",
			$output,
			$status,
		);
		$status === 0 || exit("openssl cannot make a certificate\n");
		file_put_contents("$folder/nginx.conf", $this->configuration($plain, $tls, $files));
		exec("nginx -p $folder -c $folder/nginx.conf 2>&1", $output, $status);
		$status === 0 || exit(implode("\n", $output) . "\n");
		register_shutdown_function(fn () => exec("nginx -p $folder -c $folder/nginx.conf -s stop 2>/dev/null"));
	}

	/** Returns how many bytes of bodies were sent so far; needs `logs`. */
	public function sentBytes(): int
	{
		// A reply that broke off is written down when nginx notices.
		usleep(300000);

		return array_sum(file("$this->folder/sent.log") ?: []);
	}

	public static function nameOf(int $number): string
	{
		return "file-$number.bin";
	}

	public static function hashOf(int $number): string
	{
		return self::HASH . $number;
	}

	private function makeFile(string $path, int $bytes): void
	{
		$file = fopen($path, 'w');
		$piece = random_bytes(1 << 20);
		for ($written = 0; $written < $bytes; $written += 1 << 20) {
			// Differs in each MiB, so that nothing can be guessed from the piece before.
			fwrite($file, substr(pack('J', $written) . substr($piece, 8), 0, min(1 << 20, $bytes - $written)));
		}
		fclose($file);
	}

	private function configuration(int $plain, int $tls, array $files): string
	{
		$locations = '';
		$metas = '';
		foreach (array_values($files) as $number => $bytes) {
			$hash = self::hashOf($number);
			$name = self::nameOf($number);
			$locations .= "location = /dav/alice/$name { etag off; add_header ETag '\"$hash\"'; }\n";
			$locations .= "location = /getfile/$hash { alias $this->folder/www/dav/alice/$name; }\n";
			$row = json_encode(['attach' => [
				'hash' => $hash,
				'filesize' => $bytes,
				'is_dir' => 0,
				'edited' => self::EDITED,
				'display_path' => $name,
			]]);
			$metas .= "if (\$arg_file_id = $hash) { return 200 '$row'; }\n";
		}
		$log = $this->logs ? "access_log $this->folder/sent.log sent;" : 'access_log off;';
		$user = posix_getuid() === 0 ? 'user root;' : '';
		return <<<CONF
			$user
			worker_processes 1;
			pid $this->folder/nginx.pid;
			error_log $this->folder/error.log;
			events { worker_connections 256; }
			http {
				log_format sent '\$body_bytes_sent';
				$log
				sendfile on;
				keepalive_requests 100000;
				client_body_temp_path $this->folder/body;
				default_type application/octet-stream;
				server {
					listen 127.0.0.1:$plain;
					listen 127.0.0.1:$tls ssl;
					ssl_certificate $this->certificate;
					ssl_certificate_key $this->folder/key.pem;
					root $this->folder/www;
					$locations
					location = /api/z/1.0/filemeta {
						default_type application/json;
						add_header Set-Cookie 'PHPSESSID=x; path=/';
						$metas
					}
					location = /getfile/ticket { error_page 405 =200 /ticket.json; return 405; }
					location = /ticket.json { default_type application/json; }
					location = /getfile { error_page 405 =200 /file; return 405; }
					location = /file { alias $this->folder/www/dav/alice/file-0.bin; add_header Content-Disposition attachment; }
					location = /logout { return 302 /; }
				}
			}
			CONF;
	}

	public static function freePort(): int
	{
		$socket = stream_socket_server('tcp://127.0.0.1:0');
		return (int) substr(strrchr(stream_socket_get_name($socket, false), ':'), 1);
	}
}
