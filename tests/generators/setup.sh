#!/usr/bin/env bash
# Puts uv into target/generators/venv, and into target/generators/cache what it needs to run a package of stactools without
# the network. Does nothing when both are there as pinned. On Debian, run as root, it installs a missing Python first.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/setup.sh
readonly here=tests/generators tools=target/generators
readonly stactools=stactools==0.5.3 requests=requests==2.32.5 package=stactools-amazonia-1==0.1.3 group=amazonia1
one_at_a_time "$here/setup.sh"

python_works() { python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The Debian packages that are wanting.
missing_packages() { python_works || echo python3 python3-venv; }

run_package() {
    UV_CACHE_DIR="$tools/cache" UV_PYTHON_DOWNLOADS=never "$@" "$tools/venv/bin/uvx" --quiet --from "$stactools" \
        --with "$package" --with "$requests" stac "$group" create-item --help >/dev/null
}

make_tools() {
    rm -rf "$tools"
    python3 -m venv "$tools/venv"
    retry "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
    retry run_package env
}

hash=$(hash_of "$here/requirements.txt" "$here/setup.sh")
readonly stamp=$tools/.pins
if up_to_date "$stamp" "$hash" && run_package env UV_OFFLINE=1; then
    exit 0
fi

require_packages missing_packages "Python 3.11 with venv, or a later one, is"
say "installing uv and $package for the tests into $tools"
make_tools
echo "$hash" >"$stamp"
