<?php

declare(strict_types=1);

/**
 * Receive 1 GiB, the worker killed when nine tenths have come, and again: how many bytes come twice, by the origin's
 * own log.
 */
function resume(Bench $bench): void
{
	$bytes = 1 << 30;
	$origin = new Origin("$bench->folder/resume", ['1 GiB' => $bytes], logs: true);
	$key = "$bench->folder/channel.pem";
	exec("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out $key 2>/dev/null");
	foreach (['/dav' => '0', 'tickets' => '1'] as $label => $filesync) {
		$again = [];
		for ($run = 0; $run < $bench->runs; $run++) {
			$target = "$bench->folder/target";
			exec("rm -rf $target && mkdir -p $target");
			$before = $origin->sentBytes();
			$worker = fn (string $rate) => proc_open(
				$bench->php('worker/resume.php', $target, $origin->plain, (string) $bytes, $key, $filesync, $rate),
				[],
				$pipes,
			);
			$process = $worker((string) (250 << 20));
			while (arrived("$target/f.index") < ($bytes * 0.9) && proc_get_status($process)['running']) {
				usleep(1000);
			}
			proc_terminate($process, SIGKILL);
			proc_close($process);
			if (! is_file("$target/f.index") || arrived("$target/f.index") === $bytes) {
				exit("the worker was not met on its way\n");
			}
			if (proc_close($worker('0')) !== 0) {
				exit("the second run failed\n");
			}
			$again[] = (100 * ($origin->sentBytes() - $before - $bytes)) / $bytes;
		}
		$bench->row(
			'resume',
			"1 GiB, $label",
			Bench::median($again),
			null,
			'of the bytes again, killed at 90 %',
			'%',
			12.0,
		);
	}
}

function arrived(string $index): int
{
	$chunks = json_decode((string) @file_get_contents($index), true)['reached']['chunks'] ?? [];

	return array_sum(array_map(fn ($chunk) => $chunk[1] - $chunk[0], $chunks));
}
