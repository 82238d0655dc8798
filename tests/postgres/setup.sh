#!/usr/bin/env bash
# Sees to it that there is a PostgreSQL with PostGIS. On Debian, run as root, it installs a missing one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/setup.sh

missing_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
    compgen -G '/usr/share/postgresql/*/extension/postgis.control' >/dev/null || echo postgis postgresql-postgis
}

require_packages missing_postgres "PostgreSQL with PostGIS, as Debian has them, are"
