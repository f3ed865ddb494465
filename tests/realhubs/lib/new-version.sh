# shellcheck shell=bash
# Hub B gets a version that nobody tested while 50 files are overwritten on hub A: core never opens a live file for writing, and all 50 are right once the rehearsal
# passed, or an admin answered.

NEW_VERSION_FILES=50

# Lays 50 files on both hubs, and lets all of them be replaced at once.
new_version_begin() {
	hub_php b addon/filesync/cli.php config set displaced_few_files 0 >/dev/null
	hub_php b addon/filesync/cli.php config set replaced_max_percent 100 >/dev/null
	hub_do a upload-many $NEW_VERSION_FILES "$TOP-$1" >/dev/null
	settle 120 || return 1
	[ "$(database_value hub_b "SELECT COUNT(*) FROM attach WHERE filename LIKE '$TOP-$1-%'")" = $NEW_VERSION_FILES ] || { echo 'the files did not arrive'; return 1; }
	# A hub announces no two versions of one second.
	sleep 1.1
}

# Prints path, inode and times of all of hub B's files; previews are made in place.
new_version_stats() { find "$(store_of b)/" -type f ! -name '*.thumb' -printf '%p %i %T@ %C@\n' | sort; }

# Overwrites them one after the other: new_version_overwrite <name> <first> <last>.
new_version_overwrite() {
	local n
	for n in $(seq "$2" "$3"); do
		printf 'overwritten %s %s\n' "$1" "$n" >"$LAYOUT/scratch/over-$n"
		put "$LAYOUT/scratch/over-$n" "$TOP-$1-$n.txt" || return 1
	done
}

# Gives hub B another version: new_version_is <version>.
new_version_is() {
	local boot
	boot=$(hub_root b)/boot.php
	[ -f "$LAYOUT/scratch/boot.php" ] || cp "$boot" "$LAYOUT/scratch/boot.php"
	sed "s/^define *( *'STD_VERSION', *'[^']*'/define('STD_VERSION', '$1'/" "$LAYOUT/scratch/boot.php" >"$boot.new"
	chmod 644 "$boot.new"
	mv -f "$boot.new" "$boot"
	[ "$(hub_php b -r 'require "boot.php"; echo STD_VERSION;')" = "$1" ] || die 'the version could not be changed'
	# The web server looks for changed files now and then.
	wait_for 30 'the web server to have it' new_version_is_served "$1" || die 'the web server keeps the former version'
}
new_version_is_served() { curl -sS --fail --cacert "$LAYOUT/ca/ca.pem" "$(hub_url b)/siteinfo.json" | grep -q "\"version\":\"$1\""; }

# Puts hub B back as it was.
new_version_end() {
	local name
	for name in passive trusted_version displaced_few_files replaced_max_percent; do hub_php b addon/filesync/cli.php config clear $name >/dev/null; done
	[ ! -f "$LAYOUT/scratch/boot.php" ] || { cp "$LAYOUT/scratch/boot.php" "$(hub_root b)/boot.php"; rm "$LAYOUT/scratch/boot.php"; }
	[ ! -f "$LAYOUT/scratch/attach.php" ] || { cp "$LAYOUT/scratch/attach.php" "$(hub_root b)/include/attach.php"; rm "$LAYOUT/scratch/attach.php"; }
	# With what was decided by it: web requests go by that.
	echo "DELETE FROM filesync_rehearsal; DELETE FROM config WHERE cat = 'system' AND k = 'filesync_standing'" | database_sql hub_b
	hub_php b addon/filesync/cli.php doctor --assumptions >/dev/null
}

# Core's delete of a file does nothing: a rehearsal sees it, and no reading of core does.
new_version_spoil() {
	cp "$(hub_root b)/include/attach.php" "$LAYOUT/scratch/attach.php"
	sed -i '/^function attach_delete(/s/{.*$/{ return;/' "$(hub_root b)/include/attach.php"
	grep -q '^function attach_delete(.*{ return;' "$(hub_root b)/include/attach.php" || die 'core could not be spoilt'
}

# Tells whether the rehearsal on a version has ended and all overwrites are here.
new_version_is_held() { [ "$(database_value hub_b "SELECT COUNT(*) FROM filesync_rehearsal WHERE hub = '$1'")" = 1 ] && [ "$(new_version_queued)" = $NEW_VERSION_FILES ]; }
new_version_is_let_in() { [ "$(new_version_queued)" = 0 ]; }
new_version_queued() { database_value hub_b "SELECT COUNT(*) FROM filesync_packet WHERE state = 'queued'"; }

# Tells how many of the 50 have their new bytes on hub B.
new_version_right() {
	local n hash right=0
	for n in $(seq $NEW_VERSION_FILES); do
		hash=$(database_value hub_b "SELECT hash FROM attach WHERE filename = '$TOP-$1-$n.txt'")
		cmp -s "$LAYOUT/scratch/over-$n" "$(store_of b)/$hash" && right=$((right + 1))
	done
	echo $right
}

# Fails if a file of hub B was written in place: with the inode of before, and other times: new_version_in_place <before> <after>.
new_version_in_place() {
	awk 'NR == FNR { was[$1 " " $2] = $3; next } ($1 " " $2) in was && was[$1 " " $2] != $3 { print; found = 1 } END { exit found }' "$1" "$2" || { echo 'core wrote into live files'; return 1; }
}

# Fails if a check of the doctor, which may itself be red, does not say so.
new_version_hub_says() {
	local said
	said=$(hub_php b addon/filesync/cli.php doctor --only "$1") || true
	[[ $said == *"$2"* ]] || { echo "doctor --only $1 does not say: $2: $said"; return 1; }
}

scenario_new_version() {
	local scratch=$LAYOUT/scratch held
	trap new_version_end EXIT
	new_version_begin pass || return 1
	new_version_stats >"$scratch/stats-before"
	new_version_overwrite pass 1 10 || return 1
	new_version_is 11.5.0
	new_version_overwrite pass 11 $NEW_VERSION_FILES || return 1
	settle 240 || return 1
	wait_for 60 'the queue' new_version_is_let_in
	settle 120 || return 1
	new_version_stats >"$scratch/stats-after"
	new_version_in_place "$scratch/stats-before" "$scratch/stats-after" || return 1
	[ "$(new_version_right pass)" = $NEW_VERSION_FILES ] || { echo "$(new_version_right pass) of $NEW_VERSION_FILES are right"; return 1; }
	new_version_hub_says hub 'its rehearsal passed here' || return 1
	[ "$(database_value hub_b "SELECT COUNT(*) FROM filesync_rehearsal WHERE hub = '11.5.0'")" = 1 ] || { echo 'it was not rehearsed once'; return 1; }
	held=$(grep -c 'filesync waits until this hub was rehearsed' "$LAYOUT/b/log/hub.log")
	[ "$held" -gt 0 ] || { echo 'nothing was held'; return 1; }
	echo "$held of $NEW_VERSION_FILES overwrites were held, all are right"
}

# Once an admin answers for the version, once the hub receives on its own.
scenario_new_version_failing() {
	# What was seen on a version is remembered: each time another.
	(new_version_failing trusted_version 11.6.0) || return 1
	(new_version_failing passive 11.7.0) || return 1
	echo "held until an admin answered, twice $NEW_VERSION_FILES overwrites"
}

new_version_failing() {
	local scratch=$LAYOUT/scratch answer=$1 version=$2
	trap new_version_end EXIT
	new_version_begin "$answer" || return 1
	new_version_stats >"$scratch/stats-before"
	new_version_spoil
	new_version_is "$version"
	new_version_overwrite "$answer" 1 $NEW_VERSION_FILES || return 1
	wait_for 240 'the rehearsal and all changes' new_version_is_held "$version" || return 1
	new_version_hub_says hub "the rehearsal on Hubzilla $version failed" || return 1
	new_version_hub_says rehearsal 'receive a delete' || return 1
	new_version_stats >"$scratch/stats-held"
	diff "$scratch/stats-before" "$scratch/stats-held" >"$scratch/stats-diff" || { echo 'files changed while all was to be held:'; head -5 "$scratch/stats-diff"; return 1; }
	[ "$(new_version_queued)" = $NEW_VERSION_FILES ] || { echo "$(new_version_queued) are queued"; return 1; }
	if [ "$answer" = passive ]; then
		hub_php b addon/filesync/cli.php config set passive 1
	else
		hub_php b addon/filesync/cli.php config set trusted_version "$version"
	fi
	wait_for 240 'the queue' new_version_is_let_in || { echo "$(new_version_queued) are still queued"; return 1; }
	wait_quiet 240 || return 1
	[ "$answer" = passive ] || { settle 120 || return 1; new_version_stats >"$scratch/stats-after"; new_version_in_place "$scratch/stats-before" "$scratch/stats-after" || return 1; }
	[ "$(new_version_right "$answer")" = $NEW_VERSION_FILES ] || { echo "$(new_version_right "$answer") of $NEW_VERSION_FILES are right after $answer"; return 1; }
	[ "$answer" != passive ] || new_version_hub_says hub 'an admin chose' || return 1
}
