# shellcheck shell=bash disable=SC2154
# What the addon and the extension cost each request of a hub, which has nothing to do with files: hub B has both, hub A neither.

# STARTUP_REQUESTS (400) for a short answer of each hub, in turn; prints medians, and how much memory a worker of PHP-FPM has. With
# STARTUP_MS (0.3) and STARTUP_MIB (3) it fails beyond: only on an idle machine, so they are not given by default.
scenario_startup() {
	local count=${STARTUP_REQUESTS:-400} n hub list=$LAYOUT/scratch/startup times=$LAYOUT/scratch/times memory=()
	[ "$ADDON" != all ] && [ "$ADDON" != 0 ] && has_fpm || return "$SKIPPED"
	for ((n = 0; n < count; n++)); do
		for hub in a b; do
			printf 'url = "%s/api/z/1.0/version"\noutput = /dev/null\n' "$(hub_url "$hub")"
		done
	done >"$list"
	# Once, so that all of both is compiled.
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -K "$list" || return 1
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -K "$list" -w '%{url_effective} %{time_pretransfer} %{time_starttransfer} %{http_code}\n' >"$times" || return 1
	for hub in a b; do
		memory+=("$(pgrep -P "$(cat "$LAYOUT/$hub/run/fpm.pid")" | while read -r n; do awk '/^Pss:/ { print $2 }' "/proc/$n/smaps_rollup"; done | sort -n | tail -1)")
	done
	php -r '[, $times, $b, $memoryA, $memoryB, $mostMs, $mostMib] = $argv;
		foreach (file($times) as $line) {
			[$url, $from, $to, $status] = explode(" ", trim($line));
			if ($status !== "200") { echo "$url answers $status\n"; exit(1); }
			$all[(int) str_starts_with($url, $b)][] = 1000 * ($to - $from);
		}
		foreach ($all as $hub => $some) { sort($some); $median[$hub] = $some[intdiv(count($some), 2)]; }
		$ms = $median[1] - $median[0];
		$mib = ($memoryB - $memoryA) / 1024;
		printf("%d requests each: median %.2f ms without, %.2f ms with: %+.2f ms; a worker has %.1f MiB without, %.1f MiB with\n", count($all[0]), $median[0], $median[1], $ms, $memoryA / 1024, $memoryB / 1024);
		exit((int) (($mostMs !== "" && $ms > (float) $mostMs) || ($mostMib !== "" && $mib > (float) $mostMib)));' \
		"$times" "$(hub_url b)" "${memory[0]}" "${memory[1]}" "${STARTUP_MS:-}" "${STARTUP_MIB:-}"
}
