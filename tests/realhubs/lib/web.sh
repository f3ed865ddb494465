# shellcheck shell=bash
# A web server and PHP for each hub, configured as the hub's own documentation does: nginx and a PHP-FPM pool, or Apache with mod_php.

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

# Writes the files that PHP, FPM and nginx of one hub read.
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
		pm = dynamic
		pm.max_children = 10
		pm.start_servers = 2
		pm.min_spare_servers = 1
		pm.max_spare_servers = 4
		pm.status_path = /fpm-status
		env[FILESYNC_REALHUBS_LOG] = $dir/log/processes.log
		env[PATH] = $PATH
	FPM
	"configure_$WEB" "$hub" "$dir"
	if [ "$(id -u)" = 0 ]; then chown -R "$HUB_USER:" "$dir/log" "$dir/run" "$dir/nginx" "$dir/opcache"; fi
}

# configure_nginx <hub> <its folder>
configure_nginx() {
	local hub=$1 dir=$2
	cat >"$dir/nginx/nginx.conf" <<-NGINX
		$([ "$(id -u)" = 0 ] && echo "user $HUB_USER;")
		worker_processes 1;
		pid $dir/run/server.pid;
		error_log $dir/log/nginx-error.log;
		events { worker_connections 256; }
		http {
			include /etc/nginx/mime.types;
			default_type application/octet-stream;
			log_format timed '\$remote_addr - \$remote_user [\$time_local] "\$request" \$status \$body_bytes_sent "\$http_referer" "\$http_user_agent" \$request_time \$request_length';
			access_log $dir/log/access.log timed;
			client_body_temp_path $dir/nginx/tmp/body;
			fastcgi_temp_path $dir/nginx/tmp/fastcgi;
			proxy_temp_path $dir/nginx/tmp/proxy;
			uwsgi_temp_path $dir/nginx/tmp/uwsgi;
			scgi_temp_path $dir/nginx/tmp/scgi;
			sendfile on;
			map \$request_uri \$hub_uri { default \$request_uri; ~^$BELOW(/(dav|cloud)/.*) \$1; }
			server {
				listen ${ADDRESS[$hub]}:${PORT:-$DEFAULT_PORT}$([ "$SCHEME" = http ] || echo " ssl");
				server_name $hub.$DOMAIN;
				ssl_certificate $LAYOUT/ca/$hub.pem;
				ssl_certificate_key $LAYOUT/ca/$hub.key;
				root $dir/$([ -n "$SUBDIR" ] && echo site || echo www);
				index index.php;
				charset utf-8;
				client_max_body_size 4g;
				include $dir/nginx/held[.]conf;
				location $BELOW/ { if (!-e \$request_filename) { rewrite ^$BELOW(.*)\$ $BELOW/index.php?q=\$1; } }
				location ^~ /.well-known/ { allow all; if (!-e \$request_filename) { rewrite ^(.*)\$ $BELOW/index.php?q=\$1; } }
				location ~* \.(tpl|tgz|log|out)\$ { deny all; }
				location ~* \.php\$ {
					try_files \$uri =404;
					include /etc/nginx/fastcgi_params;
					$([ "$SCHEME" = http ] || echo "fastcgi_param HTTPS on;")
					fastcgi_param SERVER_PORT $DEFAULT_PORT;
					fastcgi_param REQUEST_URI \$hub_uri;
					fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
					fastcgi_pass unix:$dir/run/fpm.sock;
					fastcgi_read_timeout 60s;
					fastcgi_buffering ${BUFFERING:-on};
				}
				location ^~ /filesync-files/store/ { internal; alias $dir/www/store/; gzip off; add_header X-Content-Type-Options nosniff; }
				location ~ /\. { deny all; }
				location ~ ^$BELOW/store { deny all; }
				location ~ ^$BELOW/util { deny all; }
			}
		}
	NGINX
}

# configure_apache <hub> <its folder>
configure_apache() {
	local hub=$1 dir=$2 module
	for module in mpm_prefork authz_core dir mime rewrite ssl env alias php$(php -r 'echo PHP_MAJOR_VERSION.".".PHP_MINOR_VERSION;'); do
		cat "/etc/apache2/mods-available/$module.load"
	done | grep -v '^#' | sort -u >"$dir/nginx/apache.modules"
	cat >"$dir/nginx/apache.conf" <<-APACHE
		ServerRoot $dir/nginx
		ServerName $hub.$DOMAIN
		PidFile $dir/run/server.pid
		DefaultRuntimeDir $dir/run
		Mutex file:$dir/run default
		ErrorLog $dir/log/apache-error.log
		User $HUB_USER
		Group $HUB_USER
		Listen ${ADDRESS[$hub]}:${PORT:-$DEFAULT_PORT}
		Include $dir/nginx/apache.modules
		TypesConfig /etc/mime.types
		StartServers 3
		MinSpareServers 2
		MaxRequestWorkers 10
		LogFormat "%h %l %u %t \"%r\" %>s %B \"%{Referer}i\" \"%{User-Agent}i\"" combined
		CustomLog $dir/log/access.log combined
		$([ "$SCHEME" = http ] || printf 'SSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s' "$LAYOUT/ca/$hub.pem" "$LAYOUT/ca/$hub.key")
		DocumentRoot $dir/$([ -n "$SUBDIR" ] && echo site || echo www)
		DirectoryIndex index.php
		IncludeOptional $dir/nginx/held[.]conf
		<FilesMatch "\.php\$">
			SetHandler application/x-httpd-php
		</FilesMatch>
		<Directory $dir>
			Options FollowSymLinks
			AllowOverride All
			Require all granted
		</Directory>
		$([ -z "$SUBDIR" ] || printf 'RewriteEngine on\nRewriteRule ^/(\.well-known/.*)$ %s/index.php?q=$1 [PT,QSA]' "$BELOW")
	APACHE
}

# Makes PHP of a hub read its settings again: php_restart <hub>.
php_restart() {
	if [ "$WEB" = apache ]; then server_down "$1"; server_up "$1"; else fpm_down "$1"; fpm_up "$1"; fi
}
fpm_up()     { PHP_INI_SCAN_DIR=:$LAYOUT/$1/ini "$PHP_FPM" -y "$LAYOUT/$1/fpm.conf" || die "PHP-FPM of hub $1 did not start"; }
fpm_down()   { stop_pid_file "$LAYOUT/$1/run/fpm.pid" QUIT; }
server_up() {
	case $WEB in
		nginx) nginx -c "$LAYOUT/$1/nginx/nginx.conf" -e "$LAYOUT/$1/log/nginx-error.log" ;;
		apache) PHP_INI_SCAN_DIR=:$LAYOUT/$1/ini FILESYNC_REALHUBS_LOG=$LAYOUT/$1/log/processes.log apache2 -f "$LAYOUT/$1/nginx/apache.conf" -k start ;;
	esac || die "$WEB of hub $1 did not start"
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
		apache) echo "RedirectMatch 503 ^$BELOW/(getfile|dav|api/z/1.0/file)" ;;
	esac >"$LAYOUT/$1/nginx/held.conf"
	server_reload "$1"
}
let_bytes_go() {
	rm -f "$LAYOUT/$1/nginx/held.conf"
	server_reload "$1"
}
server_reload() {
	kill -HUP "$(cat "$LAYOUT/$1/run/server.pid")"
	sleep 0.5
}
server_down() { stop_pid_file "$LAYOUT/$1/run/server.pid" TERM; }
web_up()     { [ "$WEB" = apache ] || fpm_up "$1"; server_up "$1"; }
web_down()   { server_down "$1"; [ "$WEB" = apache ] || fpm_down "$1"; }
