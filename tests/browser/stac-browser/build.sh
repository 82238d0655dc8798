#!/usr/bin/env bash
# Builds STAC Browser from its npm package, at the versions that package-lock.json pins, into target/browser: a folder of
# static files that opens the catalog it is put into, and asks no other host for anything of its own. Does nothing when
# that is up to date. On Debian, run as root, it installs a missing Node.js first.
set -euo pipefail

readonly here=tests/browser/stac-browser work=target/stac-browser out=target/browser
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
source tests/setup.sh
one_at_a_time "$here/build.sh"

install_packages() {
    say "installing what builds STAC Browser into $work"
    rm -rf "$work"
    mkdir -p "$work"
    cp "$here/package.json" "$here/package-lock.json" .npmrc "$work"
    # The optional packages watch files and read what no catalog of ours has; the one that the map needs is a
    # dependency here.
    (cd "$work" && retry npm ci --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error)
    echo "$pins" >"$work/.pins"
}

build() {
    say "building STAC Browser into $out, which takes a minute or two"
    local source=$work/source package=$work/node_modules/@radiantearth/stac-browser
    # In a folder of its own: what lies in node_modules is not translated for other browsers.
    rm -rf "$source" "$out"
    cp -R "$package" "$source"
    # Its styles name node_modules by a path.
    ln -s ../node_modules "$source/node_modules"
    # It builds with the tools that are installed, not with those its makers lint with.
    node -e '
        const [path, ours] = process.argv.slice(1).map((name) => require("node:path").resolve(name));
        const manifest = { ...require(path), devDependencies: require(ours).devDependencies };
        require("node:fs").writeFileSync(path, JSON.stringify(manifest, null, 2));
    ' "$source/package.json" "$here/package.json"
    cp "$here/config.js" "$source/public/config.js"
    cp "$here/basemaps.config.js" "$source/basemaps.config.js"
    # The page reads config.js once this comment is a line of it.
    sed -i 's|<!-- *<script defer="defer" src="/config.js"></script> *-->|<script defer="defer" src="./config.js"></script>|' \
        "$source/public/index.html"
    grep -qF 'src="./config.js"' "$source/public/index.html" || {
        say "the page of this STAC Browser names config.js otherwise: $source/public/index.html"
        return 1
    }
    (cd "$source" && NODE_ENV=production ../node_modules/.bin/vue-cli-service build --dest ../built \
        --historyMode hash --pathPrefix ./ --noSourceMaps --no-clean >"../build.log" 2>&1) || {
        cat "$work/build.log" >&2
        say "STAC Browser was not built"
        return 1
    }
    mv "$work/built" "$out"
    echo "$inputs" >"$out/.pins"
}

pins=$(hash_of "$here/package.json" "$here/package-lock.json")
inputs=$(hash_of "$here"/*)
readonly pins inputs

up_to_date "$out/.pins" "$inputs" && exit 0
require_packages missing_node "Node.js 18.17 and npm, or later ones, are"
up_to_date "$work/.pins" "$pins" || install_packages
build
