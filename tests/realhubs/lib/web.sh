# shellcheck shell=bash
# A web server and PHP for each hub: names and certificates, PHP's settings, starting and stopping. `servers.sh` configures the server that WEB names.
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

# Makes a certificate authority.
make_authority() {
	local ca=$LAYOUT/ca
	mkdir -p "$ca"
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=filesync test CA" \
		-addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$ca/ca.key" -out "$ca/ca.pem" 2>/dev/null
}
# Makes the certificate of a hub.
make_certificate() {
	local ca=$LAYOUT/ca hub=$1
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$hub.$DOMAIN" -keyout "$ca/$hub.key" -out "$ca/$hub.csr" 2>/dev/null
	printf 'subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$hub.$DOMAIN" >"$ca/$hub.ext"
	openssl x509 -req -in "$ca/$hub.csr" -CA "$ca/ca.pem" -CAkey "$ca/ca.key" -CAcreateserial -days 30 \
		-extfile "$ca/$hub.ext" -out "$ca/$hub.pem" 2>/dev/null
	chmod 644 "$ca"/*.key
}

# Several layouts may come and go at once; who reads the hosts file while another writes it would lose lines.
hosts_alone() { exec 9>"${TMPDIR:-/tmp}/filesync-realhubs.lock" && flock 9; }

# Names a hub in the hosts file, once, in a line with a mark.
name_hub() {
	local line="${ADDRESS[$1]} $1.$DOMAIN # filesync-realhubs $DOMAIN"
	grep -qxF "$line" /etc/hosts && return 0
	[ -w /etc/hosts ] || die "/etc/hosts must name $1.$DOMAIN (${ADDRESS[$1]}) and so on; not writable here"
	hosts_alone
	echo "$line" >>/etc/hosts
	exec 9>&-
}

# Takes the names of the hubs away, or that of one: unname_hubs [hub].
unname_hubs() {
	[ -w /etc/hosts ] || return 0
	# The file may be a mount point: write into it rather than replace it.
	local kept
	hosts_alone
	kept=$(grep -vF "${1:+${ADDRESS[$1]} $1.$DOMAIN }# filesync-realhubs $DOMAIN" /etc/hosts)
	printf '%s\n' "$kept" >/etc/hosts
	exec 9>&-
}

# Writes the files that PHP, FPM and the web server of one hub read.
configure_web() {
	local hub=$1 dir=$LAYOUT/$1
	mkdir -p "$dir/bin" "$dir/ini" "$dir/nginx/tmp" "$dir/log" "$dir/run" "$dir/site" "$dir/opcache"
	[ -z "$SUBDIR" ] || ln -sfn ../www "$dir/site/$SUBDIR"
	cat >"$dir/ini/50-realhubs.ini" <<-INI
		memory_limit = $([ "$hub" = b ] && echo "${MEMORY_LIMIT:-128M}" || echo 128M)
		upload_max_filesize = 4G
		post_max_size = 4G
		display_errors = Off
		log_errors = On
		error_log = $dir/log/php.log
		auto_prepend_file = $LAYOUT/actions/prepend.php
		opcache.revalidate_freq = 0
		opcache.enable_cli = 1
		opcache.file_cache = $dir/opcache
	INI
	# The hub starts its daemons with this, so that they read the same settings as FPM.
	cat >"$dir/bin/php" <<-SH
		#!/bin/sh
		PHP_INI_SCAN_DIR=:$dir/ini FILESYNC_REALHUBS_LOG=$dir/log/processes.log exec $(command -v php) -d opcache.file_cache_only=1 "\$@"
	SH
	chmod 755 "$dir/bin/php"
	cat >"$dir/fpm.conf" <<-FPM
		[global]
		pid = $dir/run/fpm.pid
		error_log = $dir/log/fpm.log
		daemonize = yes
		[hub]
		$([ "$(id -u)" = 0 ] && printf 'user = %s\ngroup = %s\nlisten.owner = %s\n' "$HUB_USER" "$HUB_USER" "$HUB_USER")
		listen = $dir/run/fpm.sock
		pm = ${FPM_PM:-dynamic}
		pm.max_children = ${FPM_CHILDREN:-10}
		pm.start_servers = 2
		pm.min_spare_servers = 1
		pm.max_spare_servers = 4
		pm.status_path = /fpm-status
		env[FILESYNC_REALHUBS_LOG] = $dir/log/processes.log
		env[PATH] = $PATH
	FPM
	"configure_${WEB//-/_}" "$hub" "$dir"
	if [ "$(id -u)" = 0 ]; then chown -R "$HUB_USER:" "$dir/log" "$dir/run" "$dir/nginx" "$dir/opcache"; fi
}

# Makes PHP of a hub read its settings again: php_restart <hub>.
php_restart() {
	if has_fpm; then fpm_down "$1"; fpm_up "$1"; else server_down "$1"; server_up "$1"; fi
}
# Apache with mod_php has PHP within.
has_fpm()    { [ "$WEB" != apache ]; }
fpm_up()     { PHP_INI_SCAN_DIR=:$LAYOUT/$1/ini "$PHP_FPM" -y "$LAYOUT/$1/fpm.conf" || die "PHP-FPM of hub $1 did not start"; }
fpm_down()   { stop_pid_file "$LAYOUT/$1/run/fpm.pid" QUIT; }
server_up() {
	"start_${WEB//-/_}" "$LAYOUT/$1" || die "$WEB of hub $1 did not start"
	# Apache writes it after the command is back, and who stops it needs it.
	wait_for 30 "$WEB of hub $1" test -s "$LAYOUT/$1/run/server.pid"
}
# Kills the web server as a crash does: nobody is told.
server_kill() {
	local pid
	pid=$(cat "$LAYOUT/$1/run/server.pid")
	kill -KILL "$pid" $(pgrep -P "$pid")
	rm -f "$LAYOUT/$1/run/server.pid"
}
# Lets a hub answer everything except requests for bytes, and those again.
hold_bytes() {
	case $WEB in
		nginx) echo "location ~ ^$BELOW/(getfile|dav|api/z/1.0/file) { return 503; }" ;;
		apache*) echo "RedirectMatch 503 ^$BELOW/(getfile|dav|api/z/1.0/file)" ;;
		lighttpd) echo "\$HTTP[\"url\"] =~ \"^/(getfile|dav|api/z/1.0/file)\" { url.access-deny = ( \"\" ) }" ;;
		caddy) printf '@held path /getfile* /dav* /api/z/1.0/file*\nerror @held 503\n' ;;
	esac >"$LAYOUT/$1/nginx/held.conf"
	server_reload "$1"
}
let_bytes_go() {
	rm -f "$LAYOUT/$1/nginx/held.conf"
	server_reload "$1"
}
server_reload() {
	case $WEB in
		lighttpd) server_down "$1"; server_up "$1" ;;
		caddy) caddy reload --config "$LAYOUT/$1/nginx/Caddyfile" --address "unix/$LAYOUT/$1/run/caddy.sock" >>"$LAYOUT/$1/log/caddy.log" 2>&1 || die "caddy of hub $1 does not take its settings" ;;
		*) kill -HUP "$(cat "$LAYOUT/$1/run/server.pid")" ;;
	esac
	sleep 0.5
}
server_down() { stop_pid_file "$LAYOUT/$1/run/server.pid" TERM; }
web_up()     { ! has_fpm || fpm_up "$1"; server_up "$1"; }
web_down()   { server_down "$1"; ! has_fpm || fpm_down "$1"; }
