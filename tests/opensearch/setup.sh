#!/usr/bin/env bash
# Puts what the tests of OpenSearch run into target/opensearch: the engine (jars, and Engine.java compiled) and the STAC API
# that serves its indices (venv). Does nothing when both are there as pinned. On Debian, run as root, it installs a missing
# Java, Maven or Python first.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/setup.sh
readonly here=tests/opensearch engine=target/opensearch/engine api=target/opensearch/api
one_at_a_time "$here/setup.sh"

java_works() { [[ $(javac -version 2>&1) =~ ^javac\ ([0-9]+) ]] && ((BASH_REMATCH[1] >= 17)); }
python_works() { python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The Debian packages that are wanting.
missing_packages() {
    java_works || echo openjdk-17-jdk-headless
    command -v mvn >/dev/null || echo maven
    python_works || echo python3 python3-venv
}

make_engine() {
    rm -rf "$engine"
    mkdir -p "$engine/classes"
    retry mvn --batch-mode --quiet --file "$here/pom.xml" \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$PWD/$engine/jars"
    javac --release 17 -classpath "$engine/jars/*" -d "$engine/classes" "$here/Engine.java"
}

make_api() {
    rm -rf "$api"
    python3 -m venv "$api"
    retry "$api/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
    "$api/bin/python" -m pip check --disable-pip-version-check >&2
}

engine_hash=$(hash_of "$here/pom.xml" "$here/Engine.java" "$here/setup.sh")
api_hash=$(hash_of "$here/requirements.txt" "$here/setup.sh")
readonly engine_stamp=$engine/.pins api_stamp=$api/.pins

api_works() { "$api/bin/python" -c '' 2>/dev/null; }

if up_to_date "$engine_stamp" "$engine_hash" && up_to_date "$api_stamp" "$api_hash" && api_works; then
    exit 0
fi

require_packages missing_packages "a JDK of Java 17, Maven and Python 3.11 with venv, or later ones, are"
if ! up_to_date "$engine_stamp" "$engine_hash"; then
    say "installing OpenSearch for the tests into $engine"
    make_engine
    echo "$engine_hash" >"$engine_stamp"
fi
if ! up_to_date "$api_stamp" "$api_hash" || ! api_works; then
    say "installing the STAC API over OpenSearch into $api"
    make_api
    echo "$api_hash" >"$api_stamp"
fi
