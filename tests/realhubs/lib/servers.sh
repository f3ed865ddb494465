# shellcheck shell=bash
# The web servers that WEB may name: nginx as the hub's own documentation has it, Apache with the hub's .htaccess and mod_php (apache) or PHP-FPM (apache-fpm),
# lighttpd and Caddy. What docs/web-servers.md tells an admin to write is read from there, so that it is tried as it stands.
#
# Each reads <folder of the hub>/nginx/held.conf too, where there is one.

# Prints a block of docs/web-servers.md, with the hub's paths: documented <hub> <heading> <which>.
documented() {
	local dir=$LAYOUT/$1
	awk -v heading="## $2" -v wanted="$3" '
		/^## / { is_there = $0 == heading; count = 0 }
		/^```/ { is_within = ! is_within; count += is_within; next }
		is_there && is_within && count == wanted { print; found = 1 }
		END { exit ! found }' "$REPOSITORY/docs/web-servers.md" | sed "s,/var/www/hub,$dir/www,g; s,/run/php/php-fpm.sock,$dir/run/fpm.sock,g; s,hub\.example,$1.$DOMAIN,g"
	[ "${PIPESTATUS[0]}" = 0 ] || die "docs/web-servers.md has no block $3 beneath $2"
}

# Prints what the layout needs besides what an admin needs.
needs_of_web() {
	case $WEB in
		apache) echo apache2 ;;
		apache-fpm) echo "apache2 $PHP_FPM" ;;
		nginx | lighttpd | caddy) echo "$WEB $PHP_FPM" ;;
		*) die "WEB=$WEB: nginx, apache, apache-fpm, lighttpd or caddy" ;;
	esac
	case $WEB$SUBDIR in lighttpd?* | caddy?*) die "WEB=$WEB lays out no hub in a sub-directory" ;; esac
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

start_nginx() { nginx -c "$1/nginx/nginx.conf" -e "$1/log/nginx-error.log"; }

configure_apache() { apache_conf "$1" "$2" "mpm_prefork php$(php -r 'echo PHP_MAJOR_VERSION.".".PHP_MINOR_VERSION;')" '<FilesMatch "\.php$">
	SetHandler application/x-httpd-php
</FilesMatch>'; }
start_apache() { PHP_INI_SCAN_DIR=:$1/ini FILESYNC_REALHUBS_LOG=$1/log/processes.log apache2 -f "$1/nginx/apache.conf" -k start; }

configure_apache_fpm() { apache_conf "$1" "$2" 'mpm_event proxy proxy_fcgi' "$(documented "$1" Apache 1)"; }
start_apache_fpm() { apache2 -f "$1/nginx/apache.conf" -k start; }

# apache_conf <hub> <its folder> <modules> <how PHP is run>
apache_conf() {
	local hub=$1 dir=$2 module optional=/etc/apache2/mods-available/xsendfile.load
	for module in authz_core dir mime rewrite ssl env setenvif alias $3; do
		cat "/etc/apache2/mods-available/$module.load"
	done | grep -v '^#' | awk '! seen[$0]++' >"$dir/nginx/apache.modules"
	[ ! -f $optional ] || { cat $optional && documented "$hub" Apache 2; } >>"$dir/nginx/apache.modules"
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
		<IfModule mpm_prefork_module>
			StartServers 3
			MinSpareServers 2
			MaxRequestWorkers 10
		</IfModule>
		LogFormat "%h %l %u %t \"%r\" %>s %B \"%{Referer}i\" \"%{User-Agent}i\"" combined
		CustomLog $dir/log/access.log combined
		$([ "$SCHEME" = http ] || printf 'SSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s' "$LAYOUT/ca/$hub.pem" "$LAYOUT/ca/$hub.key")
		DocumentRoot $dir/$([ -n "$SUBDIR" ] && echo site || echo www)
		DirectoryIndex index.php
		IncludeOptional $dir/nginx/held[.]conf
		$4
		<Directory $dir>
			Options FollowSymLinks
			AllowOverride All
			Require all granted
		</Directory>
		$([ -z "$SUBDIR" ] || printf 'RewriteEngine on\nRewriteRule ^/(\.well-known/.*)$ %s/index.php?q=$1 [PT,QSA]' "$BELOW")
	APACHE
}

configure_lighttpd() {
	local hub=$1 dir=$2
	cat >"$dir/nginx/lighttpd.conf" <<-LIGHTTPD
		server.modules = ( "mod_accesslog"$([ "$SCHEME" = http ] || echo ', "mod_openssl"') )
		server.bind = "${ADDRESS[$hub]}"
		server.port = ${PORT:-$DEFAULT_PORT}
		server.pid-file = "$dir/run/server.pid"
		server.errorlog = "$dir/log/lighttpd-error.log"
		accesslog.filename = "$dir/log/access.log"
		server.username = "$HUB_USER"
		server.groupname = "$HUB_USER"
		$([ "$SCHEME" = http ] || printf 'ssl.engine = "enable"\nssl.pemfile = "%s"\nssl.privkey = "%s"' "$LAYOUT/ca/$hub.pem" "$LAYOUT/ca/$hub.key")
		include_shell "/usr/share/lighttpd/create-mime.conf.pl"
		include "$dir/nginx/held*.conf"
		$(documented "$hub" lighttpd 1)
		server.upload-dirs = ( "$dir/nginx/tmp" )
	LIGHTTPD
}
start_lighttpd() { mkdir -p "$1/nginx/tmp" && lighttpd -f "$1/nginx/lighttpd.conf"; }

configure_caddy() {
	local hub=$1 dir=$2 documented first
	documented=$(documented "$hub" Caddy 1)
	documented=${documented/	log {/	log {
		output file $dir/log/access.log}
	first="$hub.$DOMAIN {"
	cat >"$dir/nginx/Caddyfile" <<-CADDY
		{
			admin unix/$dir/run/caddy.sock
			auto_https off
			storage file_system $dir/nginx
		}
		$SCHEME://$hub.$DOMAIN:${PORT:-$DEFAULT_PORT} {
			bind ${ADDRESS[$hub]}
			$([ "$SCHEME" = http ] || echo "tls $LAYOUT/ca/$hub.pem $LAYOUT/ca/$hub.key")
			import $dir/nginx/held*.conf
			${documented#*"$first"}
	CADDY
}
# It does not change its user: it gets the port of a server by a capability, like Debian's unit.
start_caddy() {
	local as=()
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid="$HUB_USER" --regid="$HUB_USER" --clear-groups --inh-caps=+net_bind_service --ambient-caps=+net_bind_service --)
	HOME=$1/nginx "${as[@]}" caddy start --config "$1/nginx/Caddyfile" --pidfile "$1/run/server.pid" >>"$1/log/caddy.log" 2>&1
}
