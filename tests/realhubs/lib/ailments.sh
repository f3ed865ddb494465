# shellcheck shell=bash
# What can be wrong with hub B's set-up. Sourced by `doctor`.

# name, what doctor marks it with (? stands for: could not be tried, or worth knowing), its check, words of the finding (a pattern)
# shellcheck disable=SC2034 # read by what sources this
AILMENTS='no-file             ?     ranges         no file to test with
hub-unknown         WRONG hub            does not know Hubzilla 99.9
core-changed        WRONG hub            has changed attach_delete
hub-changed         WRONG assumptions    Zotlabs.Module.attach_move
files-missing       WRONG files          Receive/Undo.php \(missing\)
files-changed       WRONG files          Transfer/Queue.php \(changed\)
no-manifest         ?     files          no MANIFEST
not-enabled         WRONG registered     not switched on
not-installed       WRONG registered     not installed
no-admin-page       WRONG registered     its page for the admin
hook-lost           ok    registered     has registered the addon
override-taken      WRONG overrides      Zotlabs.Lib.sync_files
override-missing    WRONG overrides      Zotlabs.Lib.sync_items
no-extension-cli    WRONG extension      on the command line: the PHP extension filesync is not loaded
other-extension     WRONG extension      is version 9[^ ]*, the addon
no-extension-cron   WRONG extension-cli  the extension was not loaded when cron last ran
disabled-function   WRONG php            disk_free_space
disabled-in-web     WRONG php-web        disk_free_space
hub-extension       WRONG php            the hub needs PHP extensions that are missing: nowhere
little-memory       WRONG memory         memory_limit is 32M on the command line
little-memory-web   WRONG memory-web     memory_limit is 48M in the web server
no-extension-web    WRONG extension-web  in the web server: the PHP extension filesync is not loaded
not-reloaded        WRONG extension-web  in the web server: the PHP extension filesync is version
stale-opcache       WRONG addon-web      have been replaced
limits-differ       WRONG limits         filesync.stall_window_seconds
no-table            WRONG tables         tables are missing: filesync_kept
tables-behind       ok    tables         all tables exist
no-settings-table   WRONG tables         tables are missing: filesync_setting
no-column           WRONG tables         filesync_kept.why
small-disk          WRONG space          are free in store
small-disk-paused   WRONG paused         transfers pause until
extension-bound     WRONG space          are free in store
other-device        ok    device         on another device
not-writable        WRONG store          not writable: store/alicia
data-not-writable   WRONG store          not writable: store/.data./filesync
not-the-user        ?     user           not run as the owner
addon-not-roots     ?     code           may change the addon
switched-off        ?     serving        switched off
channel-off         ?     serving        serves no channel
cron-late           WRONG cron           cron last ran
cron-never          WRONG cron           has not run since
cron-new            ?     cron           has not run since
packets-dropped     WRONG packets        packets were dropped
nobody-works        WRONG workers        0 of 2 workers run
slots-stuck         ok    workers        0 of 2 workers run
web-down            WRONG reachable      does not reach itself
bad-certificate     WRONG reachable      certificate
no-tickets          WRONG tickets        status 404
signature-dropped   WRONG tickets        a ticket was refused
authorization       WRONG authorization  does not reach PHP
x-accel-passed-on   WRONG ranges         passed x-sendfile on
x-accel-unknown     WRONG ranges         status
compressed          WRONG ranges         compressed
no-ranges           WRONG ranges         status 200
sniffing            WRONG headers        x-content-type-options
no-head             WRONG length         HEAD answers
source-open         WRONG source         hands out the addon.s source files
store-open          WRONG private        from the folder store
no-doors            WRONG doors          status 404
no-patch            ok    methods        programs send POST instead
no-methods          WRONG methods        drops the header X-HTTP-Method-Override
short-bodies        WRONG bodies         requests of 64 KiB arrive
clone-down          WRONG clone          does not say who it is
clone-stock         ok    clone          without filesync
clone-other         ok    clone          of another protocol
private-network     WRONG address        has a private address
clock               WRONG clock          ahead of this one
backup-folder       WRONG backup         nightly backup sets cannot be written
backup-late         WRONG backup         was not brought up to date for two days
other-importer      ?     addons         importer'

# Those that the page for the admin names, where the command is another process.
# shellcheck disable=SC2034 # read by what sources this
BY_PAGE='no-extension-cron'
B=$LAYOUT/b

# The web server's PHP of hub B reads ini files of its own.
fpm_restart_b() {
	fpm_down b
	PHP_INI_SCAN_DIR=:$B/web "$PHP_FPM" -y "$B/fpm.conf"
}
# make_on, for that hub.
make_b() { INI_DIRS="$B/ini $B/web" make_on b "$@" >/dev/null 2>&1; }
# shellcheck disable=SC2154 # `doctor` sets it
installed_again() { make_b "$copy" install; }
# An ini file of hub B's command line or web server: ini cli|web <name> [line…]; without lines it goes.
ini() {
	local file
	file=$B/$([ "$1" = web ] && echo web || echo ini)/$2.ini
	if [ $# -gt 2 ]; then printf '%s\n' "${@:3}" >"$file"; else rm -f "$file"; fi
	[ "$1" != web ] || fpm_restart_b
}
# Changes hub B's web server: nginx_b <sed script>; without one it is as it was.
nginx_b() {
	local file=$B/nginx/nginx.conf
	[ -f "$file.good" ] || cp "$file" "$file.good"
	cp "$file.good" "$file"
	[ $# = 0 ] || { sed -i "$1" "$file"; ! cmp -s "$file" "$file.good" || return 1; }
	server_reload b
}
sql() { echo "$2" | database_sql "hub_$1"; }
state_of() { sql b "UPDATE filesync_setting SET value = '$2' WHERE scope = 'state' AND name = '$1'"; }
# Changes a file of hub B's tree, and puts it back: its time is another each time, as opcache wants it.
change() { cp -p "$(hub_root b)/$1" "$copy/kept"; sed -i "$2" "$(hub_root b)/$1"; ! cmp -s "$copy/kept" "$(hub_root b)/$1"; }
change_back() { cp "$copy/kept" "$(hub_root b)/$1"; touch -d "1 hour ago" "$(hub_root b)/$1"; }
# An addon of somebody else on hub B: other_addon <name> <PHP>.
other_addon() {
	local dir
	dir=$(hub_root b)/addon/$1
	mkdir -p "$dir"
	printf '<?php\n/**\n * Name: %s\n * Description: %s\n * Version: 1.0\n */\n%s\n' "$1" "$1" "$2" >"$dir/$1.php"
	chown -R "$HUB_USER:" "$dir"
	hub_php b util/addons install "$1" >/dev/null
}
no_other_addon() { hub_php b util/addons uninstall "$1" >/dev/null; rm -rf "$(hub_root b)/addon/$1"; }
arrives() { give 3 "${1:-file}" && command_of b work --until-idle --seconds 60; }

break_no_file() { :; }
mend_no_file() { arrives; }

break_hub_unknown() { change boot.php "s/'STD_VERSION', *'[0-9.]*'/'STD_VERSION', '99.9'/"; }
mend_hub_unknown() { change_back boot.php; }
break_core_changed() { change include/attach.php 's/^function attach_delete(\$channel_id,/function attach_delete($channel,/'; }
mend_core_changed() { change_back include/attach.php; }

break_hub_changed() { change Zotlabs/Module/Photos.php 's/\([^_a-z]\)attach_move(/\1\\attach_move(/'; }
mend_hub_changed() { change_back Zotlabs/Module/Photos.php; }

break_files_missing() { rm "$(hub_root b)/addon/filesync/Receive/Undo.php"; }
mend_files_missing() { installed_again; }
break_files_changed() { echo '// mine' >>"$(hub_root b)/addon/filesync/Transfer/Queue.php"; }
mend_files_changed() { installed_again; }
break_no_manifest() { rm "$(hub_root b)/addon/filesync/MANIFEST"; }
mend_no_manifest() { installed_again; }

break_not_enabled() { sql b "UPDATE config SET v = '' WHERE cat = 'system' AND k = 'addon'"; }
mend_not_enabled() { as_said; }
break_not_installed() { sql b "DELETE FROM addon WHERE aname = 'filesync'"; }
mend_not_installed() { as_said; }
break_no_admin_page() { sql b "UPDATE addon SET plugin_admin = 0 WHERE aname = 'filesync'"; }
mend_no_admin_page() { as_said; }

# It is restored automatically.
break_hook_lost() { sql b "DELETE FROM hook WHERE hook = 'cron' AND file LIKE 'addon/filesync/%'"; }
mend_hook_lost() { [ "$(database_value hub_b "SELECT count(*) FROM hook WHERE hook = 'cron' AND file LIKE 'addon/filesync/%'")" = 1 ]; }

# Another addon takes one of the calls over, and has its turn before filesync.
break_override_taken() {
	other_addon first 'function first_load() { Zotlabs\Extend\Hook::register("init_1", "addon/first/first.php", "first_init_1", 1, 10); }
		function first_unload() { Zotlabs\Extend\Hook::unregister_by_file("addon/first/first.php"); }
		function first_init_1(&$unused) {
			function_exists("Zotlabs\Lib\sync_files") || eval("namespace Zotlabs\Lib; function sync_files(\$channel, \$files) { return \\sync_files(\$channel, \$files); }");
		}'
}
mend_override_taken() { no_other_addon first; }
break_override_missing() { rm "$(hub_root b)/addon/filesync/overrides/hubzilla.php"; }
mend_override_missing() { installed_again; }

break_no_extension_cli() { rm "$B/ini/60-filesync.ini"; }
mend_no_extension_cli() { installed_again; }
break_other_extension() { next_version; rm "$B/ext/filesync.so"; cp "$copy.next/filesync.so" "$B/ext/"; fpm_restart_b; }
mend_other_extension() { installed_again; }
break_no_extension_cron() { rm "$B/ini/60-filesync.ini"; hub_php b Zotlabs/Daemon/Master.php Cronhooks; }
# shellcheck disable=SC2154 # `doctor` sets it
mend_no_extension_cron() { installed_again; hub_php b Zotlabs/Daemon/Master.php Cronhooks && look_by_page && [ "$status" = 0 ]; }
break_disabled_function() { ini cli 70-ailment 'disable_functions = disk_free_space'; }
mend_disabled_function() { ini cli 70-ailment; }
break_disabled_in_web() { ini web 70-ailment 'disable_functions = disk_free_space'; }
mend_disabled_in_web() { ini web 70-ailment; }
break_hub_extension() { sed -i.whole 's/"ext-curl":/"ext-nowhere": "*", "ext-curl":/' "$(hub_root b)/composer.json"; }
mend_hub_extension() { mv "$(hub_root b)/composer.json.whole" "$(hub_root b)/composer.json"; }
break_little_memory() { ini cli 70-ailment 'memory_limit = 32M'; }
mend_little_memory() { ini cli 70-ailment 'memory_limit = 128M' && is_well >/dev/null; ini cli 70-ailment; }
break_little_memory_web() { ini web 70-ailment 'memory_limit = 48M'; }
mend_little_memory_web() { ini web 70-ailment 'memory_limit = 128M' && is_well >/dev/null; ini web 70-ailment; }

break_no_extension_web() { rm "$B/web/60-filesync.ini"; fpm_restart_b; }
mend_no_extension_web() { installed_again; }
# What an upgrade leaves whose reload was forgotten.
break_not_reloaded() { next_version; RELOAD=true make_b "$copy.next" install; [ -f "$(hub_root b)/addon/filesync/cli.php" ]; }
mend_not_reloaded() { make_b "$copy.next" install && is_well; local result=$?; installed_again; return $result; }
break_stale_opcache() {
	ini web 70-ailment 'opcache.validate_timestamps = 0' && command_of b doctor >/dev/null
	echo '// new' >>"$copy/php/Transfer/Queue.php"
	RELOAD=true make_b "$copy" install
	[ -f "$(hub_root b)/addon/filesync/cli.php" ]
}
mend_stale_opcache() { kill -USR2 "$(cat "$B/run/fpm.pid")"; sleep 1; is_well; local result=$?; ini web 70-ailment; return $result; }
break_limits_differ() { ini web 70-ailment 'filesync.stall_window_seconds = 31'; }
mend_limits_differ() { ini cli 70-ailment 'filesync.stall_window_seconds = 31' && is_well; local result=$?; ini cli 70-ailment; ini web 70-ailment; return $result; }

break_no_table() { sql b 'DROP TABLE filesync_kept'; }
mend_no_table() { as_said; }
# Any command brings them up to date.
break_tables_behind() { hub_php b util/config filesync schema 2 >/dev/null; }
mend_tables_behind() { :; }
break_no_settings_table() { sql b 'DROP TABLE filesync_setting'; }
mend_no_settings_table() { as_said && command_of b config set allow_private_addresses 1 >/dev/null && hub_php b Zotlabs/Daemon/Master.php Cron; }
break_no_column() { sql b 'ALTER TABLE filesync_kept DROP COLUMN why'; }
# shellcheck disable=SC2154 # `doctor` sets it
mend_no_column() { sql b "${remedy#*: }"; }

data_disk() {
	local folder
	folder="$(hub_root b)/store/[data]"
	cp -a "$folder" "$copy/data"
	mount -t tmpfs -o "size=$1,mode=0755,uid=$(id -u "$HUB_USER")" none "$folder" && cp -a "$copy/data/." "$folder/"
}
no_data_disk() {
	local folder
	folder="$(hub_root b)/store/[data]"
	cp -a "$folder/." "$copy/data/"
	umount -l "$folder"
	cp -a "$copy/data/." "$folder/"
	rm -rf "$copy/data"
}
break_small_disk() { data_disk 100m; }
mend_small_disk() {
	local result
	command_of b config set headroom_bytes 1048576 >/dev/null
	ini cli 70-ailment 'filesync.disk_headroom_bytes = 1048576'
	ini web 70-ailment 'filesync.disk_headroom_bytes = 1048576'
	arrives fits && is_well
	result=$?
	no_data_disk
	command_of b config clear headroom_bytes >/dev/null
	ini cli 70-ailment
	ini web 70-ailment
	return $result
}
# The bound of the extension is met, which is not the addon's: files wait, nothing pauses.
break_extension_bound() { command_of b config set headroom_bytes 0 && data_disk 100m && give 3 bound && wait_for 60 'files that find no room' finds_no_room; } >/dev/null
mend_extension_bound() {
	no_data_disk
	command_of b config clear headroom_bytes
	sql b 'UPDATE filesync_transfer SET next_at = 0'
	command_of b work --until-idle --seconds 60
} >/dev/null
finds_no_room() { [ "$(database_value hub_b "SELECT count(*) FROM filesync_transfer WHERE state = 'waiting' AND kind = 'Storage'")" = 3 ]; }
# No file can be made, though there is room for its bytes; the folder for them is there.
break_small_disk_paused() { arrives early; command_of b config set storage_pause_seconds 600 >/dev/null; data_disk "1g,nr_inodes=$(find "$(hub_root b)/store/[data]" | wc -l)"; give 3 paused; command_of b work --seconds 10 >/dev/null; wait_for 60 'a pause' is_paused; }
mend_small_disk_paused() { no_data_disk; command_of b config clear storage_pause_seconds >/dev/null; state_of storage_paused_until "$(date +%s)"; echo 'UPDATE filesync_transfer SET next_at = 0' | database_sql hub_b; command_of b work --until-idle --seconds 60; }
# A fault that filesync must notice itself may be found a little later.
is_paused() { [ "$(database_value hub_b "SELECT count(*) FROM filesync_setting WHERE scope = 'state' AND name = 'storage_paused_until' AND value > '$(date +%s)'")" = 1 ]; }
break_other_device() { data_disk 1g; }
mend_other_device() { no_data_disk; }
break_not_writable() { chown -R root: "$(store_of b)"; }
mend_not_writable() { chown -R "$HUB_USER:" "$(store_of b)"; }
break_data_not_writable() { chown -R root: "$(hub_root b)/store/[data]/filesync"; }
mend_data_not_writable() { chown -R "$HUB_USER:" "$(hub_root b)/store/[data]/filesync"; }
# Said to whoever is not the hub's user; here it is not asked as root but of a folder of somebody else's.
break_not_the_user() { chown nobody: "$(hub_root b)/store"; }
mend_not_the_user() { grep -q 'sudo -u nobody ' <<<"$remedy"; local result=$?; chown "$HUB_USER:" "$(hub_root b)/store"; return $result; }

# So it is where the hub's user owns all of the hub.
break_addon_not_roots() { :; }
mend_addon_not_roots() {
	local root result
	root=$(hub_root b)
	# shellcheck disable=SC2154 # `doctor` sets it
	chown root: "$root" "$root/addon" && chmod go-w "$root" "$root/addon" && installed_again && look && grep -qE '^ok +code ' <<<"$said"
	result=$?
	chown "$HUB_USER:" "$root" "$root/addon" && chown -R "$HUB_USER:" "$root/addon/filesync" && installed_again
	return $result
}

break_switched_off() { command_of b config set enabled 0 >/dev/null; }
mend_switched_off() { as_said; }
break_channel_off() {
	local id
	for id in $(database_value hub_b 'SELECT channel_id FROM channel'); do command_of b config set enabled 0 --scope "channel:$id" >/dev/null; done
}
mend_channel_off() {
	local id
	for id in $(database_value hub_b 'SELECT channel_id FROM channel'); do command_of b config clear enabled --scope "channel:$id" >/dev/null; done
}
break_cron_late() { state_of cron_at $(($(date +%s) - 7200)); }
mend_cron_late() { as_said; }
break_cron_never() { sql b "DELETE FROM filesync_setting WHERE scope = 'state' AND name = 'cron_at'; UPDATE addon SET tstamp = $(($(date +%s) - 7200)) WHERE aname = 'filesync'"; }
mend_cron_never() { as_said; }
# The disk for backups is not mounted.
break_backup_folder() {
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets" && command_of b config set backup_folder "$LAYOUT/scratch/sets" && mv "$LAYOUT/scratch/sets" "$LAYOUT/scratch/away"
} >/dev/null
mend_backup_folder() { mv "$LAYOUT/scratch/away" "$LAYOUT/scratch/sets"; is_well; local result=$?; command_of b config clear backup_folder; rm -rf "$LAYOUT/scratch/sets"; return $result; }
break_backup_late() {
	install -d -o "$HUB_USER" -m 700 "$LAYOUT/scratch/sets" && command_of b config set backup_folder "$LAYOUT/scratch/sets"
	sql b "INSERT INTO filesync_setting (id, scope, name, value) SELECT md5(concat('nightly', channel_id)), concat('backup:', channel_id), 'nightly', '{\"planned\":1,\"due\":1}' FROM channel WHERE channel_system = 0"
} >/dev/null
mend_backup_late() { sql b "DELETE FROM filesync_setting WHERE name = 'nightly'"; is_well; local result=$?; command_of b config clear backup_folder; rm -rf "$LAYOUT/scratch/sets"; return $result; }
break_cron_new() { sql b "DELETE FROM filesync_setting WHERE scope = 'state' AND name = 'cron_at'; UPDATE addon SET tstamp = $(date +%s) WHERE aname = 'filesync'"; }
mend_cron_new() { as_said; }
# A channel's folder takes nothing up, and more packets come than may be held.
break_packets_dropped() {
	local n
	command_of b config set held_max_packets 1 >/dev/null
	chmod a-w "$(store_of b)"
	for n in 1 2 3; do
		head -c 1000 /dev/urandom >"$LAYOUT/scratch/dropped" && chmod 644 "$LAYOUT/scratch/dropped"
		hub_do a upload "$LAYOUT/scratch/dropped" "dropped-$n" "dropped-$n" >/dev/null
	done
	send_all && wait_for 60 'a packet that is dropped' is_dropped
}
mend_packets_dropped() {
	chmod u+w "$(store_of b)"
	command_of b config clear held_max_packets
	sql b 'UPDATE filesync_packet SET next_at = 0'
	command_of b backfill
	command_of b work --until-idle --seconds 60
} >/dev/null
is_dropped() { [ "$(database_value hub_b 'SELECT count(*) FROM filesync_dropped')" -gt 0 ]; }
# The hub cannot start its background processes.
break_nobody_works() { hub_php b util/config system phpbin /nowhere/php >/dev/null; give 3 stuck; sleep 2; sql b "UPDATE filesync_transfer SET next_at = $(($(date +%s) - 7200)) WHERE state IN ('staged', 'waiting')"; }
mend_nobody_works() { command_of b work >/dev/null; hub_php b util/config system phpbin "$B/bin/php" >/dev/null; }
# The clock was a day ahead for a while.
break_slots_stuck() {
	command_of b work --seconds 5 >/dev/null
	sql b "UPDATE filesync_lease SET token = 'x', expires = $(($(date +%s) + 86400)) WHERE name LIKE 'worker-%' OR name LIKE 'channel-%'"
}
mend_slots_stuck() { arrives after; }

break_web_down() { server_down b; }
mend_web_down() { server_up b; }
# What the web server was told wrongly is taken back.
for name in bad_certificate no_tickets signature_dropped compressed no_ranges sniffing no_head source_open store_open no_doors no_patch no_methods short_bodies; do eval "mend_$name() { nginx_b; }"; done
break_bad_certificate() { nginx_b "s,$LAYOUT/ca/b\.,$LAYOUT/ca/a.,"; }
break_no_tickets() { nginx_b 's,^\(\s*\)location \^~ /.well-known/.*,location = /getfile/ticket { return 404; }\n&,'; }
break_signature_dropped() { nginx_b 's,^\s*fastcgi_param REQUEST_URI.*,&\nfastcgi_param HTTP_FILESYNC_SIGNATURE "";,'; }
break_authorization() { nginx_b 's,^\s*fastcgi_param REQUEST_URI.*,&\nfastcgi_param HTTP_AUTHORIZATION "";,'; }
mend_authorization() { nginx_b "s,^\s*fastcgi_param REQUEST_URI.*,&\n$(grep -oE 'fastcgi_param HTTP_AUTHORIZATION [^;]*;' <<<"$remedy"),"; is_well; local result=$?; nginx_b; return $result; }
break_x_accel_passed_on() { command_of b config set x_accel X-Sendfile >/dev/null; }
mend_x_accel_passed_on() { command_of b config clear x_accel >/dev/null; }
break_x_accel_unknown() { nginx_b '/filesync-files/d' && command_of b config set x_accel X-Accel-Redirect:/filesync-files/ >/dev/null; }
mend_x_accel_unknown() { nginx_b; is_well; local result=$?; command_of b config clear x_accel >/dev/null; return $result; }
# Nothing compresses an answer of a part; what fetches the whole for itself, as a cache, does.
break_compressed() { nginx_b 's,^\s*fastcgi_param REQUEST_URI.*,&\nfastcgi_param HTTP_RANGE ""; gzip on; gzip_min_length 1; gzip_types application/octet-stream;,'; }
break_no_ranges() { nginx_b 's,^\s*fastcgi_param REQUEST_URI.*,&\nfastcgi_param HTTP_RANGE "";,'; }
break_sniffing() { nginx_b 's,^\s*fastcgi_param REQUEST_URI.*,&\nfastcgi_hide_header X-Content-Type-Options;,'; }
break_no_head() { nginx_b 's,^\(\s*\)location \^~ /.well-known/.*,if ($request_method = HEAD) { return 405; }\n&,'; }
break_source_open() { nginx_b 's,^\(\s*\)location \^~ /.well-known/.*,location ^~ /addon/ { }\n&,'; }
break_store_open() { nginx_b '\,location ~ ^/store ,d'; }
break_no_doors() { nginx_b 's,^\(\s*\)location \^~ /.well-known/.*,location ^~ /filesync/v1 { return 404; }\n&,'; }
break_no_patch() { nginx_b 's,^\(\s*\)location \^~ /.well-known/.*,if ($request_method = PATCH) { return 405; }\n&,'; }
break_no_methods() { nginx_b 's,^\(\s*\)location \^~ /.well-known/.*,if ($request_method = PATCH) { return 403; }\n&,; s,^\s*fastcgi_param REQUEST_URI.*,&\nfastcgi_param HTTP_X_HTTP_METHOD_OVERRIDE "";,'; }
break_short_bodies() { nginx_b 's,client_max_body_size 4g,client_max_body_size 100k,'; }

break_clone_down() { server_down a; }
mend_clone_down() { server_up a; }
break_clone_stock() { command_of a config set enabled 0 >/dev/null; }
mend_clone_stock() { command_of a config set enabled 1 >/dev/null; }
break_clone_other() { sed -i 's/const SIBLING = 1;/const SIBLING = 2;/' "$(hub_root a)/addon/filesync/Protocol/Version.php"; sleep 1; }
mend_clone_other() { sed -i 's/const SIBLING = 2;/const SIBLING = 1;/' "$(hub_root a)/addon/filesync/Protocol/Version.php"; sleep 1; }
break_private_network() { command_of b config clear allow_private_addresses >/dev/null; }
mend_private_network() { as_said; }
# Hub A says another time.
break_clock() {
	cp "$LAYOUT/actions/prepend.php" "$copy/prepend.php"
	echo '<?php PHP_SAPI === "cli" || header("Date: " . gmdate("D, d M Y H:i:s", time() + 400) . " GMT"); require "'"$LAYOUT"'/actions/prepend.php";' >"$LAYOUT/a/prepend.php"
	echo "auto_prepend_file = $LAYOUT/a/prepend.php" >"$LAYOUT/a/ini/90-clock.ini"
	fpm_down a && fpm_up a
	echo 'fastcgi_pass_header Date;' >"$LAYOUT/a/nginx/held.conf"
	server_reload a
}
mend_clock() { rm -f "$LAYOUT/a/ini/90-clock.ini" "$LAYOUT/a/nginx/held.conf"; fpm_down a; fpm_up a; server_reload a; }
break_other_importer() { other_addon importer 'function importer_import($channel, $files) { return sync_files($channel, $files); }'; }
mend_other_importer() { as_said; no_other_addon importer; }
