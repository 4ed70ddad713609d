#!/usr/bin/env bash
# Runs every fuzz target of the module for a short time.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-5s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# ended reports whether the last run of a target failed of nothing but the end of its
# time, which Go before 1.27 now and then takes for an error (golang/go#75804). What an
# input fails of stands in lines of its own, with the place.
ended() {
  grep -A1 "^--- FAIL: $1 " "$log" | tail -n +2 | grep -qx '    context deadline exceeded'
}

fuzz() {
  local dir=$1 target=$2
  echo "fuzz $dir $target"
  for _ in 1 2 3; do
    if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$dir" </dev/null 2>&1 | tee "$log"; then
      return 0
    fi
    ended "$target" || return 1
    echo "fuzz $dir $target: once more, for golang/go#75804"
  done
  return 1
}

mapfile -t files < <(grep -rlE '^func Fuzz[A-Za-z0-9_]+\(' --include='*_test.go' . | sort)
for file in "${files[@]}"; do
  for target in $(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | awk '{print $2}'); do
    fuzz "$(dirname "$file")" "$target" || exit 1
  done
done
