# shellcheck shell=bash disable=SC2154
# What the addon and the extension cost each request of a hub, which has nothing to do with files: hub B has both, hub A neither.

# STARTUP_REQUESTS (400) for a short answer of each hub, in turn; prints medians. Then STARTUP_WORKERS (7) fresh workers of PHP-FPM of each, in turn, each the only one
# and after the same 60 requests of three kinds; prints medians of the memory that is theirs alone (Private_Dirty) and of their share of all (Pss). With STARTUP_MS (0.3)
# and STARTUP_MIB (3) it fails beyond: only on an idle machine, so they are not given by default.
scenario_startup() {
	local count=${STARTUP_REQUESTS:-400} n hub list=$LAYOUT/scratch/startup times=$LAYOUT/scratch/times memory=$LAYOUT/scratch/memory
	[ "$ADDON" != all ] && [ "$ADDON" != 0 ] && has_fpm || return "$SKIPPED"
	for ((n = 0; n < count; n++)); do
		for hub in a b; do startup_request "$hub" api/z/1.0/version; done
	done >"$list"
	# Once, so that all of both is compiled.
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -K "$list" || return 1
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -K "$list" -w '%{url_effective} %{time_pretransfer} %{time_starttransfer} %{http_code}\n' >"$times" || return 1
	for hub in a b; do
		for ((n = 0; n < 60; n++)); do startup_request "$hub" "$(cut -d' ' -f$((n % 3 + 1)) <<<"api/z/1.0/version siteinfo.json channel/${NICK[$hub]}")"; done >"$list-$hub"
		FPM_PM=static FPM_CHILDREN=1 configure_web "$hub"
	done
	for ((n = 0; n < ${STARTUP_WORKERS:-7}; n++)); do
		for hub in a b; do startup_worker "$hub" "$list-$hub" || return 1; done
	done >"$memory"
	for hub in a b; do configure_web "$hub"; php_restart "$hub"; done
	php -r '[, $times, $memory, $b, $mostMs, $mostMib] = $argv;
		foreach (file($times) as $line) {
			[$url, $from, $to, $status] = explode(" ", trim($line));
			if ($status !== "200") { echo "$url answers $status\n"; exit(1); }
			$all["ms"][(int) str_starts_with($url, $b)][] = 1000 * ($to - $from);
		}
		foreach (file($memory) as $line) {
			[$hub, $alone, $share] = explode(" ", trim($line));
			$all["alone"][(int) ($hub === "b")][] = $alone / 1024;
			$all["share"][(int) ($hub === "b")][] = $share / 1024;
		}
		foreach ($all as $what => $hubs) foreach ($hubs as $with => $some) { sort($some); $median[$what][$with] = $some[intdiv(count($some), 2)]; }
		$more = array_map(fn ($two) => $two[1] - $two[0], $median);
		printf("%d requests each: median %.2f ms without, %.2f ms with: %+.2f ms; ", count($all["ms"][0]), $median["ms"][0], $median["ms"][1], $more["ms"]);
		printf("%d workers each: %.1f MiB of their own without, %.1f MiB with: %+.1f MiB; ", count($all["alone"][0]), $median["alone"][0], $median["alone"][1], $more["alone"]);
		printf("share of all %.1f MiB without, %.1f MiB with: %+.1f MiB\n", $median["share"][0], $median["share"][1], $more["share"]);
		exit((int) (($mostMs !== "" && $more["ms"] > (float) $mostMs) || ($mostMib !== "" && $more["alone"] > (float) $mostMib)));' \
		"$times" "$memory" "$(hub_url b)" "${STARTUP_MS:-}" "${STARTUP_MIB:-}"
}

# startup_request <hub> <path>
startup_request() { printf 'url = "%s/%s"\noutput = /dev/null\n' "$(hub_url "$1")" "$2"; }

# Restarts the only worker of a hub and has it answer requests; prints the hub, and in KiB the memory of that worker alone and its share of all:
# startup_worker <hub> <list>.
startup_worker() {
	php_restart "$1"
	curl -sS --cacert "$LAYOUT/ca/ca.pem" -K "$2" || return 1
	awk -v hub="$1" '/^Pss:/ { share = $2 } /^Private_Dirty:/ { alone = $2 } END { print hub, alone, share }' "/proc/$(pgrep -P "$(cat "$LAYOUT/$1/run/fpm.pid")")/smaps_rollup"
}
