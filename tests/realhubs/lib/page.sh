# shellcheck shell=bash disable=SC2154,SC2034
# The page /filesync/restore in headless Chromium: the owner of a hub restores backups that were made up, and what arrived is compared with what was made.
#
#   HUBS=a ADDON=all tests/realhubs/run page
#
# PAGE_FILES (10000) small files, one of PAGE_LARGE bytes (2 GiB), screenshots into PAGE_SHOTS. PYTHON names a Python that has playwright.

scenario_page() {
	# shellcheck disable=SC2086 # an option, or none
	page_restores browser.py --files "${PAGE_FILES:-10000}" --large "${PAGE_LARGE:-2147483648}" ${PAGE_SHOTS:+--shots $PAGE_SHOTS}
}
# In short, in headless Firefox.
scenario_page_firefox() {
	command -v firefox-esr >/dev/null || { echo 'no firefox-esr'; return "$SKIPPED"; }
	# shellcheck disable=SC2086 # an option, or none
	page_restores firefox.py --files 300 --large 524288000 ${PAGE_SHOTS:+--shots $PAGE_SHOTS}
}

# page_restores SCRIPT OPTION…: with what a browser's script does, all that was made arrives.
page_restores() {
	local hub sets=$LAYOUT/scratch/sets said=$LAYOUT/log/browser lost count
	read -r hub _ <<<"$(hubs_with_addon)"
	mkdir -p "$sets"
	"${PYTHON:-python3}" "$REPOSITORY/tests/doors/$1" "$(hub_url "$hub")" "${NICK[$hub]}" realhubs --keep "$sets" "${@:2}" >"$said" 2>&1 </dev/null || { cat "$said"; return 1; }
	(cd "$(store_of "$hub")" && find . -type f -print0 | xargs -0 sha256sum | cut -c-64 | sort -u) >"$LAYOUT/scratch/here"
	sed -n 's|  data/files/.*||p' "$sets/many/manifest-sha256.txt" "$sets/large/manifest-sha256.txt" | sort -u >"$LAYOUT/scratch/made"
	count=$(wc -l <"$LAYOUT/scratch/made")
	lost=$(comm -13 "$LAYOUT/scratch/here" "$LAYOUT/scratch/made" | wc -l)
	rm -rf "$sets"
	[ "$lost" = 0 ] && [ "$count" -gt 0 ] || { echo "$lost of $count files did not arrive as they were made"; return 1; }
	grep -v '^seed' "$said"
	echo "$count files through the page: all equal"
}
