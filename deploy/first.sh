#!/bin/sh
# Makes what a new venue with a signer and four co-signers begins with: first.sh ROOT fills the folders ROOT/venue, ROOT/signer and
# ROOT/cosigner1 to cosigner4. TACIT_OPERATOR_PASSPHRASE, TACIT_SIGNER_PASSPHRASE and TACIT_COSIGNER_PASSPHRASE seal their keys. At
# the end it prints the address of the signer. Co-signers of other organisations make their keys themselves, and tell their addresses.
set -eu
umask 077
root=${1:?"usage: first.sh ROOT"}
profile=${PROFILE:-demo}
if [ -e "$root/venue/genesis.json" ]; then
  echo "first.sh: there is a venue in $root/venue already" >&2
  exit 1
fi

addresses=
for i in 1 2 3 4; do
  mkdir -p "$root/cosigner$i"
  addresses="$addresses $(tacit cosign key "$root/cosigner$i/key.json" | sed -n 's/^address //p')"
done

# A start makes genesis and keys. With feeds that are not there nothing is written to its log, which is not kept.
opened=$(mktemp)
tacit serve --data "$root/venue" --port 0 --profile "$profile" --no-prove --feeds - --cosigner-keys $addresses > "$opened" &
venue=$!
until [ -s "$opened" ]; do
  kill -0 $venue
  sleep 0.2
done
kill -TERM $venue
wait $venue
rm -f "$opened" "$root"/venue/venue.db* "$root"/venue/signed.db*

mkdir -p "$root/signer"
# Not --from: no machine of a venue has the key that signs.
tacit signer key "$root/signer/key.json" | sed -n 's/^address //p'
for i in 1 2 3 4; do cp "$root/venue/genesis.json" "$root/cosigner$i/genesis.json"; done
