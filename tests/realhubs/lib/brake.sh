# shellcheck shell=bash
# A clone that replaces very much is held, and one press on the owner's page gives all back everywhere. Runs only when it is named.

BRAKE_PHOTOS=${BRAKE_PHOTOS:-600}

# Two thirds of a channel's photos are replaced by others on hub A; B lets in as many as half of all.
scenario_brake() {
	local photos=$BRAKE_PHOTOS spoilt=$((BRAKE_PHOTOS * 2 / 3)) half files scratch=$LAYOUT/scratch hash line token id began=$SECONDS took wrong=0
	hub_do a upload-photos "$photos" "$TOP/brake" >/dev/null || return 1
	brake_settle || return 1
	hub_do a digests "$TOP/brake" >"$scratch/ours"
	same_digests b || return 1
	[ "$(wc -l <"$scratch/ours")" = "$photos" ] || { echo "hub a has $(wc -l <"$scratch/ours") photos"; return 1; }
	files=$(database_value hub_b "SELECT COUNT(*) FROM attach WHERE is_dir = 0")
	half=$((files / 2))
	took="uploaded in $((SECONDS - began)) s"

	began=$SECONDS
	# This keeps the hub from announcing two versions within one second.
	sleep 1.1
	hub_do a spoil-photos "$spoilt" "$TOP/brake" >/dev/null || return 1
	hash=$(give "$(random_file after.bin 100000)" after.bin "$TOP")
	brake_settle || return 1
	[ "$(differing b)" = "$half" ] || { echo "$(differing b) photos are replaced on B, not $half of $files"; wrong=1; }
	equal "$hash" "$(sha "$scratch/after.bin")" || { echo "a new file did not arrive meanwhile"; wrong=1; }
	line=$(held_on_b)
	[ "$line" = "$spoilt $((spoilt - half))" ] || { echo "held: $line"; return 1; }
	took="$took, held in $((SECONDS - began)) s"

	began=$SECONDS
	owner_page b filesync >"$scratch/page" || return 1
	token=$(sed -n 's/.*name="form_security_token"[^>]*value="\([^"]*\)".*/\1/p' "$scratch/page" | head -n 1)
	id=$(sed -n 's/.*name="filesync_give_back" value="\([^"]*\)".*/\1/p' "$scratch/page")
	[ -n "$token" ] && [ -n "$id" ] || { echo "the page has no button"; return 1; }
	owner_page b filesync -o /dev/null -d "form_security_token=$token" -d "filesync_give_back=$id" || return 1
	brake_settle || return 1
	for hub in $HUBS; do same_digests "$hub" || wrong=1; done
	[ "$(held_on_b)" = '0 0' ] || { echo "still held: $(held_on_b)"; wrong=1; }
	[ $wrong = 0 ] && echo "$spoilt of $photos photos replaced on A, $half of them on B, $((spoilt - half)) held; all $photos back on hubs $HUBS: $took, given back in $((SECONDS - began)) s"
}

# Waits until nothing moves; what a hub has put off for its cron comes at once. The scales of a photo that is held wait with it.
brake_settle() {
	local end=$((SECONDS + 600)) hub
	while :; do
		wait_quiet $((end - SECONDS)) || { echo "the hubs did not come to rest"; return 1; }
		[ "$(coming)" != 0 ] || [ "$(due_calls)" != 0 ] || return 0
		for hub in $(hubs_with_addon); do hub_php "$hub" Zotlabs/Daemon/Master.php Cronhooks >/dev/null; done
		sleep 1
	done
}
coming() { database_value hub_b "SELECT COUNT(*) FROM filesync_transfer WHERE scale = 0 AND state IN ('staged', 'waiting', 'leased', 'verified', 'publishing')"; }
due_calls() { database_value hub_b "SELECT COUNT(*) FROM filesync_outbox WHERE state = 'due' AND kind <> 'preview'"; }

# How many photos on a hub are not those that were uploaded: differing <hub>.
differing() { hub_do "$1" digests "$TOP/brake" | diff "$LAYOUT/scratch/ours" - | grep -c '^>'; }
same_digests() { [ "$(differing "$1")" = 0 ] && [ "$(hub_do "$1" digests "$TOP/brake" | wc -l)" = "$BRAKE_PHOTOS" ] || { echo "$(differing "$1") photos on $1 are not as they were"; return 1; }; }
# Prints how many files were replaced on B, those that wait included, and how many wait.
held_on_b() {
	hub_php b addon/filesync/cli.php status --json | php -r '$held = json_decode(stream_get_contents(STDIN), true)["held"]; echo array_sum(array_column($held, "files")), " ", array_sum(array_column($held, "waiting"));'
}
