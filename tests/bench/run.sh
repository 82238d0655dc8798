#!/usr/bin/env bash
# Runs the benchmarks that are named, or all; then prints what they have measured as one table, which stands in
# target/bench/figures.md and figures.json as well. docs/benchmarks.md says what each needs.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdir -p target/bench
rm -f target/bench/loaders.json
export LAZYCAT_BENCH_JSON=$PWD/target/bench/figures.jsonl
: > "$LAZYCAT_BENCH_JSON"

bench() {
    printf '\n## %s\n\n' "$1"
    shift
    "$@" || failed+=("$*")
}

cargo_bench() {
    cargo bench --quiet --locked "$@"
}

lambda() {
    make -C functions binaries ARCHITECTURE="$(uname -m | sed s/aarch64/arm64/)"
    .venv/bin/python -B functions/bench.py target/lambda
}

failed=()
for name in ${*:-items rebuild lazy run loaders functions}; do
    case $name in
        items) bench 'Item generation, one thread' cargo_bench --package lazycat --bench items ;;
        rebuild) bench 'Rebuild of a row' cargo_bench --package lazycat --bench rebuild ;;
        lazy) bench 'Lazy beside eager' cargo_bench --package lazycat --bench lazy ;;
        run) bench 'lazycat run' cargo_bench --package lazycat-cli --no-default-features --bench run ;;
        loaders) bench 'Search indexes and their loaders' make --no-print-directory bench-loaders JSON=target/bench/loaders.json ;;
        functions) bench 'Functions' lambda ;;
        *) echo "there is no benchmark $name" >&2; exit 2 ;;
    esac
done

printf '\n## All figures\n\n'
tests/bench/gather.py target/bench/figures "$LAZYCAT_BENCH_JSON" $(ls target/bench/loaders.json 2>/dev/null)
if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
