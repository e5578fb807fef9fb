#!/bin/sh
# A server of PostgreSQL: of a venue's log, one of several (PEERS), or of jobs (no PEERS).
#
#   database.sh init   makes a new database in an empty folder: once, on the first server
#   database.sh        runs. A folder that is empty is filled with a copy of who leads: never with a database that is new. A server that
#                      led before does not start where another leads: empty its folder, and it becomes a standby
#
# NAME     of this server: its host, as the others reach it
# PEERS    the hosts of all servers of the log, this one among them
# PGDATA   folder of the database; its parent is on the disk that is to last
# SECRETS  folder of passwords, a file each: of the log replicator and tacit, of jobs tacit and prover
set -eu
: "${NAME:?}" "${PGDATA:?}" "${SECRETS:=/run/secrets}" "${PEERS:=}" "${PORT:=5432}" "${LISTEN:=*}" "${RUN:=/var/run/postgresql}"
umask 077
passfile=$RUN/replicator.pgpass

others=$(for it in $PEERS; do [ "$it" = "$NAME" ] || echo "$it"; done)
say() { echo "database.sh: $*" >&2; }
joined() { printf '%s\n' $others | sed "s/.*/$1/" | paste -sd, -; }

# The host that takes writes among the others; fails where none does.
leader() {
  for it in $others; do
    if [ "$(PGPASSFILE=$passfile PGCONNECT_TIMEOUT=3 psql -h "$it" -p "$PORT" -U replicator -d postgres -Atc 'SELECT NOT pg_is_in_recovery()' 2>&1)" = t ]; then
      echo "$it"
      return
    fi
  done
  return 1
}

init() {
  if [ -s "$PGDATA/PG_VERSION" ]; then
    say "there is a database in $PGDATA already"
    exit 1
  fi
  if [ -n "$others" ] && leads=$(leader); then
    say "$leads leads: start this one, and it is copied"
    exit 1
  fi
  initdb -D "$PGDATA" -U postgres -E UTF8 --locale=C --data-checksums --auth-local=trust --auth-host=scram-sha-256 > "$RUN/initdb.log"
  # Who may come: from this container whoever is in it, from networks of this machine by password. With TLS: hostssl, and a certificate
  # in ssl_cert_file.
  {
    echo "local all postgres trust"
    if [ -n "$others" ]; then
      echo "host tacit       tacit        samenet scram-sha-256"
      echo "host postgres    replicator   samenet scram-sha-256"
      echo "host replication replicator   samenet scram-sha-256"
    else
      echo "host jobs        tacit,prover samenet scram-sha-256"
    fi
  } > "$PGDATA/pg_hba.conf"
  # Without slots a standby that is lost fills no disk; one that was away for longer than this lasts is copied anew.
  cat >> "$PGDATA/postgresql.conf" <<END
wal_keep_size = '1GB'
wal_log_hints = on
tcp_keepalives_idle = 5
tcp_keepalives_interval = 2
tcp_keepalives_count = 3
tcp_user_timeout = 15s
END
  # Not yet with standbys, for which it would wait.
  pg_ctl -D "$PGDATA" -w -s -l "$RUN/init.log" -o "-c listen_addresses='' -c port=$PORT -c unix_socket_directories='$RUN'" start
  if [ -n "$others" ]; then
    ask postgres <<END
\set tacit \`cat $SECRETS/tacit\`
\set replicator \`cat $SECRETS/replicator\`
CREATE ROLE tacit LOGIN PASSWORD :'tacit';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator';
CREATE DATABASE tacit OWNER tacit;
GRANT pg_read_all_stats TO tacit;
END
  else
    ask postgres <<END
\set tacit \`cat $SECRETS/tacit\`
\set prover \`cat $SECRETS/prover\`
CREATE ROLE tacit LOGIN PASSWORD :'tacit';
CREATE ROLE prover LOGIN PASSWORD :'prover';
CREATE DATABASE jobs OWNER tacit;
END
    ask jobs <<END
GRANT CREATE ON SCHEMA public TO tacit;
GRANT USAGE ON SCHEMA public TO prover;
ALTER DEFAULT PRIVILEGES FOR ROLE tacit IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prover;
END
  fi
  pg_ctl -D "$PGDATA" -w -s stop
}
ask() { psql -X -q -v ON_ERROR_STOP=1 -h "$RUN" -p "$PORT" -U postgres -d "$1"; }

if [ -n "$others" ]; then printf '*:*:*:replicator:%s\n' "$(cat "$SECRETS/replicator")" > "$passfile"; fi
if [ "${1:-}" = init ]; then
  init
  exit
fi

if [ -z "$others" ]; then
  [ -s "$PGDATA/PG_VERSION" ] || init
  exec postgres -D "$PGDATA" -c listen_addresses="$LISTEN" -c port="$PORT" -c unix_socket_directories="$RUN" -c cluster_name="$NAME"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  until leads=$(leader); do
    say "waits for a server that leads, to be copied"
    sleep 2
  done
  say "copies $leads"
  rm -rf "$PGDATA.new"
  PGPASSFILE=$passfile pg_basebackup -h "$leads" -p "$PORT" -U replicator -D "$PGDATA.new" -X stream -c fast
  touch "$PGDATA.new/standby.signal"
  [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
  mv "$PGDATA.new" "$PGDATA"
elif [ ! -e "$PGDATA/standby.signal" ] && leads=$(leader); then
  say "$leads leads, and this one led before: empty $PGDATA, and it is copied"
  exit 1
fi
# A standby follows whoever of the others takes writes, also after another was promoted. Each, should it lead, waits for one of the others.
exec postgres -D "$PGDATA" -c listen_addresses="$LISTEN" -c port="$PORT" -c unix_socket_directories="$RUN" -c cluster_name="$NAME" \
  -c synchronous_standby_names="ANY 1 ($(joined '"&"'))" \
  -c primary_conninfo="host=$(joined '&') port=$PORT user=replicator passfile=$passfile application_name=$NAME target_session_attrs=read-write connect_timeout=5 keepalives_idle=5 tcp_user_timeout=15000"
