#!/bin/sh
# Installs what the tests need and the machine lacks: PostgreSQL, MariaDB, Redis
# and a C compiler (for the race detector). With the argument "chromium", that
# browser too. Does nothing, and asks nobody, when everything is there.
#
# The packages' services are not started: the tests start servers of their own
# (testdb/server), which only need the programs.
set -eu

# have PROGRAM [DIRECTORY...]: is the program in PATH or in one of the directories?
have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    program=$1
    shift
    for dir in "$@"; do
        [ -x "$dir/$program" ] && return 0
    done
    return 1
}

missing=
need() {
    missing="$missing $1"
}

{ have initdb /usr/lib/postgresql/*/bin && have postgres /usr/lib/postgresql/*/bin; } || need postgresql
{ have mariadb-install-db && have mariadbd /usr/sbin /usr/local/sbin; } || need mariadb-server
have redis-server || have valkey-server || need redis-server
have gcc || have cc || need gcc
# Without the headers of the C library, which gcc only recommends, cgo does not work.
[ -e /usr/include/stdlib.h ] || need libc6-dev
for extra in "$@"; do
    case $extra in
    chromium) have chromium || have google-chrome || need chromium ;;
    *)
        echo "deps.sh: unknown argument $extra" >&2
        exit 2
        ;;
    esac
done

[ -n "$missing" ] || exit 0

if ! have apt-get; then
    echo "deps.sh: please install, under the names of your system:$missing" >&2
    exit 1
fi
root=
if [ "$(id -u)" -ne 0 ]; then
    if ! have sudo; then
        echo "deps.sh: please run as root: apt-get install$missing" >&2
        exit 1
    fi
    root=sudo
fi

echo "deps.sh: installing$missing"

# policy-rc.d tells the packages' scripts not to start services (101: forbidden).
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
made_policy=
clean_up() {
    rm -f "$log"
    [ -z "$made_policy" ] || $root rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
    $root chmod 755 "$policy"
fi

# run COMMAND...: quiet, unless it fails
run() {
    if ! $root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
        echo "deps.sh: failed: $*" >&2
        tail -n 30 "$log" >&2
        exit 1
    fi
}

run apt-get -q update
# shellcheck disable=SC2086 # one word per package
run apt-get -q -y --no-install-recommends install $missing
