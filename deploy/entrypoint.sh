#!/bin/sh
# Secrets are files: the first line of the file that NAME_FILE names becomes NAME, for each name that begins with TACIT_.
# A password file of PostgreSQL must be readable by its owner alone, which a mounted one may not be: it is copied.
set -eu
for name in $(env | sed -n 's/^\(TACIT_[A-Z_]*\)_FILE=.*/\1/p'); do
  eval "path=\$${name}_FILE"
  value=$(head -n 1 "$path")
  export "$name=$value"
done
if [ -n "${PGPASS_FROM:-}" ]; then
  PGPASSFILE=$(mktemp)
  cat "$PGPASS_FROM" > "$PGPASSFILE"
  export PGPASSFILE
fi
exec "$@"
