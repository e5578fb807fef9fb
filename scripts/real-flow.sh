#!/usr/bin/env bash
# Real order flow through the venue: the first messages of a LOBSTER file proved and verified, more of it unproved and
# rechecked, its auctions also by a program from outside, where one is given.
#     scripts/real-flow.sh FILE.csv.gz [PROVED=300] [UNPROVED=all] [RECHECK.mjs]
set -euo pipefail
cd "$(dirname "$0")/.."
file=$1 proved=${2:-300} unproved=${3:-all} recheck=${4:-}
mkdir -p build

# Every account's deposit is proved too: few accounts for few messages.
accounts=$((proved < 100 ? 16 : 48))
node bin/tacit.js replay "$file" --limit "$proved" --every 1 --accounts "$accounts" --prove --json build/replay-proved.json
node bin/tacit.js verify build/replay-proved.json

limit=()
[ "$unproved" = all ] || limit=(--limit "$unproved")
node bin/tacit.js replay "$file" "${limit[@]}" --json build/replay.json
node bin/tacit.js recheck build/replay.json
[ -z "$recheck" ] || node "$recheck" build/replay.json
