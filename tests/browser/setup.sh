#!/usr/bin/env bash
# Sees to it that there is a Chromium. On Debian, run as root, it installs a missing one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/setup.sh

missing_chromium() {
    command -v "${CHROMIUM:-/usr/bin/chromium}" >/dev/null || echo chromium fonts-dejavu
}

require_packages missing_chromium "Chromium (the variable CHROMIUM may name one) is"
