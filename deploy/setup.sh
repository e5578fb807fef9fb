#!/bin/sh
# Makes what compose.yaml begins with, once: secrets, the image, circuits and keys, the venue's folder, keys of signer and co-signers, and
# the database of the log. Needs docker compose. What is there already stays as it is.
set -eu
cd "$(dirname "$0")"
compose="docker compose -f compose.yaml"

# Whoever may enter the folder may read them; a container sees those that it is given, whoever it runs as.
mkdir -p -m 700 secrets
secret() { [ -s "secrets/$1" ] || od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$1"; }
for it in replicator log-tacit jobs-tacit prover operator-passphrase signer-passphrase cosigner-passphrase signer-token metrics-token operator-token grafana-password; do
  secret $it
done
rm -f secrets/venue.pgpass secrets/prover.pgpass
# A line for each database: where two lines fit, the client takes another one than libpq does.
printf '*:*:jobs:tacit:%s\n*:*:tacit:tacit:%s\n' "$(cat secrets/jobs-tacit)" "$(cat secrets/log-tacit)" > secrets/venue.pgpass
printf '*:*:jobs:prover:%s\n' "$(cat secrets/prover)" > secrets/prover.pgpass
chmod 444 secrets/*
if [ "${1:-}" = secrets ]; then exit; fi

$compose build setup
$compose run --rm setup
if ! grep -q '^SIGNER=' .env 2> /dev/null; then
  signer=$($compose run --rm -T setup first.sh /tacit | tail -n 1)
  echo "SIGNER=$signer" >> .env
  $compose run --rm db1 init
fi
echo "ready: docker compose -f $(pwd)/compose.yaml up -d; the secrets are in $(pwd)/secrets: keep a copy elsewhere"
