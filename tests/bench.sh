#!/usr/bin/env bash
# Runs the benchmarks and prints their tables, with what they ran on.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --release --benches --locked --quiet
printf '%s cores, %s\n' "$(nproc)" "$(rustc --version)"
printf '\n## Item generation, one thread\n\n'
cargo bench --quiet --locked --package lazycat --bench items
printf '\n## Rebuild of a row\n\n'
cargo bench --quiet --locked --package lazycat --bench rebuild
printf '\n## Search\n\n'
cargo bench --quiet --locked --package lazycat-api --bench search
printf '\n## lazycat run\n\n'
cargo bench --quiet --locked --package lazycat-cli --bench run
