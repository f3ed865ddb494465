# shellcheck shell=bash
# The layout's own database server, on a socket in the layout's folder and on no network.

DB_DIR=$LAYOUT/database

database_up() {
	case $DB in
		mysql) mysql_up ;;
		pgsql) pgsql_up ;;
		*) die "DB is mysql or pgsql, not $DB" ;;
	esac
}

database_down() {
	[ -s "$DB_DIR/server.pid" ] && stop_pid_file "$DB_DIR/server.pid" TERM
	[ -d "$DB_DIR/pgsql" ] && as_hub "$PGSQL_BIN/pg_ctl" -D "$DB_DIR/pgsql" -m fast -s stop 2>/dev/null
	return 0
}

# Runs SQL from standard input: database_sql <database>.
database_sql() {
	case $DB in
		mysql) mariadb --no-defaults --socket="$DB_DIR/server.sock" -uroot "${1:-mysql}" ;;
		pgsql) as_hub "$PGSQL_BIN/psql" -q -X -v ON_ERROR_STOP=1 -h "$DB_DIR" -U hub "${1:-postgres}" ;;
	esac
}

# Prints one value: database_value <database> <query>.
database_value() {
	case $DB in
		mysql) mariadb --no-defaults --socket="$DB_DIR/server.sock" -uroot -N -B -e "$2" "$1" ;;
		pgsql) as_hub "$PGSQL_BIN/psql" -tAqX -F "$(printf '\t')" -h "$DB_DIR" -U hub -c "$2" "$1" ;;
	esac
}

# Prints all rows of a table: database_dump <database> <table>.
database_dump() {
	case $DB in
		mysql) mariadb-dump --no-defaults --socket="$DB_DIR/server.sock" -uroot --skip-extended-insert "$1" "$2" ;;
		pgsql) as_hub "$PGSQL_BIN/psql" -tAqX -h "$DB_DIR" -U hub -c "SELECT * FROM $2" "$1" ;;
	esac
}

database_drop() {
	case $DB in
		mysql) echo "DROP DATABASE IF EXISTS $1" ;;
		pgsql) echo "DROP DATABASE IF EXISTS $1 WITH (FORCE)" ;;
	esac | database_sql
}

# What `.htconfig.php` needs: host, port, type.
database_host() { [ "$DB" = mysql ] && echo ":$DB_DIR/server.sock" || echo "$DB_DIR"; }
database_type() { [ "$DB" = mysql ] && echo 0 || echo 1; }

mysql_up() {
	if [ ! -d "$DB_DIR/mysql" ]; then
		as_hub mkdir -p "$DB_DIR/mysql"
		as_hub mariadb-install-db --no-defaults --datadir="$DB_DIR/mysql" --tmpdir="$DB_DIR" --auth-root-authentication-method=normal \
			--skip-test-db >"$LAYOUT/log/database-install.log" 2>&1 || die "mariadb-install-db failed, see $LAYOUT/log"
	fi
	as_hub setsid "$MYSQL_SERVER" --no-defaults --datadir="$DB_DIR/mysql" --tmpdir="$DB_DIR" --socket="$DB_DIR/server.sock" --pid-file="$DB_DIR/server.pid" \
		--skip-networking --skip-log-bin --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=2 \
		--max-allowed-packet=64M --character-set-server=utf8mb4 </dev/null >>"$LAYOUT/log/database.log" 2>&1 &
	wait_for 60 MariaDB mariadb-admin --no-defaults --socket="$DB_DIR/server.sock" -uroot ping || die "MariaDB did not start"
}

MYSQL_SERVER=$(command -v mariadbd || command -v mysqld || echo /usr/sbin/mariadbd)
# shellcheck disable=SC2012 # names without spaces
PGSQL_BIN=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -1)")

pgsql_up() {
	if [ ! -d "$DB_DIR/pgsql" ]; then
		as_hub "$PGSQL_BIN/initdb" -D "$DB_DIR/pgsql" -U hub -E UTF8 --locale=C.UTF-8 --auth=trust \
			>"$LAYOUT/log/database-install.log" 2>&1 || die "initdb failed, see $LAYOUT/log"
	fi
	as_hub "$PGSQL_BIN/pg_ctl" -D "$DB_DIR/pgsql" -s -w -l "$DB_DIR/server.log" \
		-o "-k $DB_DIR -c listen_addresses='' -c synchronous_commit=off" start || die "PostgreSQL did not start"
}

# Makes an empty database with the schema that the hub's tree brings: database_create <name> <tree>.
database_create() {
	local name=$1 tree=$2
	if [ "$DB" = mysql ]; then
		echo "CREATE DATABASE $name CHARACTER SET utf8mb4; GRANT ALL ON $name.* TO hub@localhost IDENTIFIED BY 'hub'" | database_sql
		database_sql "$name" <"$tree/install/schema_mysql.sql"
	else
		echo "CREATE DATABASE $name" | database_sql
		database_sql "$name" <"$tree/install/schema_postgres.sql" >/dev/null
	fi
}
