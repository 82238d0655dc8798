#!/bin/sh
# Starts the function. uv writes into its cache, and an image cannot be written to: links to what is in it stand where one
# can, but for the locks.
set -eu

here=$(dirname "$0")
cache=${1:-/tmp/uv-cache}
if ! test -e "$cache"; then
    rm -rf "$cache.new"
    cp -rs "$here/uv-cache" "$cache.new"
    find "$cache.new" -name '*.lock' -delete
    mv "$cache.new" "$cache"
fi
exec "$here/bootstrap"
