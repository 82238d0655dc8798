#!/usr/bin/env bash
# Sees to it that there is a PostgreSQL with PostGIS, and puts the STAC API of the field over pgstac into
# target/postgres/api. On Debian, run as root, it installs a missing PostgreSQL or Python.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/setup.sh
readonly here=tests/postgres api=target/postgres/api
one_at_a_time "$here/setup.sh"

python_works() { python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The Debian packages that are wanting.
missing_packages() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
    compgen -G '/usr/share/postgresql/*/extension/postgis.control' >/dev/null || echo postgresql-postgis
    python_works || echo python3 python3-venv
}

make_api() {
    rm -rf "$api"
    python3 -m venv "$api"
    retry "$api/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
    "$api/bin/python" -m pip check --disable-pip-version-check >&2
}

require_packages missing_packages "PostgreSQL with PostGIS, as Debian has them, and Python 3.11 with venv are"
hash=$(hash_of "$here/requirements.txt" "$here/setup.sh")
readonly stamp=$api/.pins
if ! up_to_date "$stamp" "$hash" || ! "$api/bin/python" -c '' 2>/dev/null; then
    say "installing the STAC API over pgstac into $api"
    make_api
    echo "$hash" >"$stamp"
fi
