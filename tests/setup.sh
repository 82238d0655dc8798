# Sourced by the scripts that set the tests up: what they have in common.

readonly attempts=3

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# retry COMMAND...: runs it until it succeeds, some times, and waits longer each time.
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

# one_at_a_time SCRIPT: waits for others that run it in this repository. The lock is on the script, so that it leaves no
# file behind.
one_at_a_time() {
    if command -v flock >/dev/null; then
        exec 9<"$1"
        flock 9
    fi
}

# up_to_date STAMP HASH: whether this installation was finished with these pins.
up_to_date() { [[ -f $1 && $(<"$1") == "$2" ]]; }

hash_of() { { cat -- "$@"; } | sha256sum | cut -d' ' -f1; }

node_works() { node -e 'process.exit(URL.canParse ? 0 : 1)' 2>/dev/null; } # 18.17 or later
npm_works() { npm --version >/dev/null 2>&1; }

# The Debian packages that are wanting for Node.js.
missing_node() {
    node_works || echo nodejs
    npm_works || echo npm
}

# require_packages MISSING WANTED: installs, as root on Debian, the packages that the function MISSING prints; when some
# are missing still, says that WANTED is needed and ends.
require_packages() {
    local missing
    missing=$("$1")
    [[ -z $missing ]] && return
    missing=${missing//$'\n'/ }
    if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        say "installing Debian packages: $missing"
        export DEBIAN_FRONTEND=noninteractive
        retry apt-get -qq update
        # shellcheck disable=SC2086 # a list of names
        retry apt-get -qq -o Acquire::Retries=3 install --yes --no-install-recommends $missing >/dev/null
        hash -r
        missing=$("$1")
        missing=${missing//$'\n'/ }
    fi
    if [[ -n $missing ]]; then
        say "$2 needed. Missing or too old: $missing"
        exit 1
    fi
}
