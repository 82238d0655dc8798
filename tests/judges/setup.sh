#!/usr/bin/env bash
# Installs the tools of the tests: .venv (Python) and node_modules (Node.js) in the repository's root, from the pinned
# lists. Does nothing when both are up to date. On Debian, run as root, it installs a missing Python or Node.js first.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly requirements=tests/requirements.txt
readonly attempts=3

# One set-up at a time in this repository: the lock is on this script, so that it leaves no file behind.
if command -v flock >/dev/null; then
    exec 9<tests/judges/setup.sh
    flock 9
fi

say() { printf 'setup.sh: %s\n' "$*" >&2; }

retry() {
    local attempt
    for ((attempt = 1; attempt <= attempts; attempt++)); do
        "$@" && return 0
        ((attempt == attempts)) && break
        say "attempt $attempt of $attempts failed: $*; trying again in $((attempt * attempt * 5)) s"
        sleep $((attempt * attempt * 5))
    done
    say "failed $attempts times: $*"
    return 1
}

python_works() { python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
node_works() { node -e 'process.exit(URL.canParse ? 0 : 1)' 2>/dev/null; } # 18.17 or later
npm_works() { npm --version >/dev/null 2>&1; }

# The Debian packages that are wanting.
missing_packages() {
    python_works || echo python3 python3-venv
    node_works || echo nodejs
    npm_works || echo npm
}

require_interpreters() {
    local missing
    missing=$(missing_packages)
    [[ -z $missing ]] && return
    missing=${missing//$'\n'/ }
    if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        say "installing Debian packages: $missing"
        export DEBIAN_FRONTEND=noninteractive
        retry apt-get -qq update
        # shellcheck disable=SC2086 # a list of names
        retry apt-get -qq -o Acquire::Retries=3 install --yes --no-install-recommends $missing >/dev/null
        hash -r
        missing=$(missing_packages)
        missing=${missing//$'\n'/ }
    fi
    if [[ -n $missing ]]; then
        say "Python 3.11 with venv, Node.js 18.17 and npm, or later ones, are needed. Missing or too old: $missing"
        exit 1
    fi
}

# up_to_date STAMP HASH: whether this installation was finished with these pins.
up_to_date() { [[ -f $1 && $(<"$1") == "$2" ]]; }

hash_of() { { cat -- "$@"; } | sha256sum | cut -d' ' -f1; }

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

require_interpreters
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
