#!/bin/sh
# Prints the directory of the SQL that the test suites of PostgreSQL and MariaDB
# hold, after getting it from Debian if it is not there. Nothing is installed.
set -eu

dir=${XDG_CACHE_HOME:-$HOME/.cache}/livesql-corpus
# Where this machine gets Debian's packages from.
mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^bookworm main //p' | head -n 1)

fetch() {
    [ -n "$mirror" ] || {
        echo "apt has no source of Debian bookworm, whose packages hold the test suites" >&2
        exit 1
    }
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    # Lists of its own, so that the machine's stay as they are.
    mkdir -p "$tmp/state/lists/partial" "$tmp/cache/archives/partial" "$tmp/etc"
    echo "deb-src $mirror bookworm main" >"$tmp/sources.list"
    echo "deb $mirror bookworm main" >>"$tmp/sources.list"
    options="-q -o Dir::State=$tmp/state -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache=$tmp/cache
        -o Dir::Etc::SourceList=$tmp/sources.list -o Dir::Etc::SourceParts=- -o APT::Sandbox::User="
    cd "$tmp"
    # shellcheck disable=SC2086 # one word per option
    {
        apt-get $options update
        apt-get $options source --download-only postgresql-15
        apt-get $options download mariadb-test-data
    } >"$tmp/log" 2>&1 || {
        tail -n 20 "$tmp/log" >&2
        exit 1
    }
    mkdir -p "$tmp/corpus/postgres" "$tmp/corpus/mysql" "$tmp/mariadb"
    tar xf postgresql-15_*.orig.tar.* --wildcards '*/src/test/regress/sql/*.sql'
    cp postgresql-15*/src/test/regress/sql/*.sql "$tmp/corpus/postgres/"
    dpkg-deb -x mariadb-test-data_*.deb "$tmp/mariadb"
    # A file for each, named after its path.
    (cd "$tmp/mariadb" && find . -name '*.test' -size -1024k -print0 | tar c --null -T -) |
        tar x -C "$tmp/corpus/mysql" --transform 's,^\./,,;s,/,_,g'
    mkdir -p "$(dirname "$dir")"
    mv "$tmp/corpus" "$dir"
}

[ -d "$dir" ] || fetch
echo "$dir"
