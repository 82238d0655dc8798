#!/usr/bin/env bash
# Installs the tools of the tests: .venv (Python) and node_modules (Node.js) in the repository's root, from the pinned
# lists. Does nothing when both are up to date. On Debian, run as root, it installs a missing Python or Node.js first.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/setup.sh
readonly requirements=tests/requirements.txt
one_at_a_time tests/judges/setup.sh

python_works() { python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The Debian packages that are wanting.
missing_packages() {
    python_works || echo python3 python3-venv
    missing_node
}

make_python() {
    rm -rf .venv
    python3 -m venv .venv
    retry .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
    .venv/bin/python -m pip check --disable-pip-version-check >&2
}

make_node() {
    # The optional packages (a STAC object model) serve only rules written for it; ours are written in Python.
    retry npm ci --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error
}

python_hash=$(hash_of "$requirements" tests/judges/setup.sh)
node_hash=$(hash_of package.json package-lock.json tests/judges/setup.sh)
readonly python_stamp=.venv/.pins node_stamp=node_modules/.pins

if up_to_date "$python_stamp" "$python_hash" && up_to_date "$node_stamp" "$node_hash" &&
    .venv/bin/python -c '' 2>/dev/null && node_works; then
    exit 0
fi

require_packages missing_packages "Python 3.11 with venv, Node.js 18.17 and npm, or later ones, are"
if ! up_to_date "$python_stamp" "$python_hash" || ! .venv/bin/python -c '' 2>/dev/null; then
    say "installing the Python tools of the tests into .venv"
    make_python
    echo "$python_hash" >"$python_stamp"
fi
if ! up_to_date "$node_stamp" "$node_hash"; then
    say "installing the Node.js judge into node_modules"
    make_node
    echo "$node_hash" >"$node_stamp"
fi
