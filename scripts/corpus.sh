#!/bin/sh
# Prints the directory of the SQL that the test suites of PostgreSQL and MariaDB
# hold, after getting it from Debian if it is not there. Nothing is installed.
set -eu

dir=${XDG_CACHE_HOME:-$HOME/.cache}/livesql-corpus
mirror=http://deb.debian.org/debian

fetch() {
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
    find "$tmp/mariadb" -name '*.test' -size -1024k | while read -r file; do
        cp "$file" "$tmp/corpus/mysql/$(echo "${file#"$tmp/mariadb/"}" | tr / _)"
    done
    mkdir -p "$(dirname "$dir")"
    mv "$tmp/corpus" "$dir"
}

[ -d "$dir" ] || fetch
echo "$dir"
