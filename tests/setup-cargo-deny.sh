#!/usr/bin/env bash
# Installs the pinned cargo-deny into target/tools, unless it is there or in the PATH already.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly version=0.20.2
export PATH="$PWD/target/tools/bin:$PATH"

if [[ "$(cargo-deny --version 2>/dev/null)" == "cargo-deny $version" ]]; then
    exit 0
fi
for attempt in 1 2 3; do
    cargo install cargo-deny --version "$version" --locked --quiet --root target/tools && exit 0
    echo "setup-cargo-deny.sh: attempt $attempt of 3 failed" >&2
    sleep $((attempt * 10))
done
exit 1
