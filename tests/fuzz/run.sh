#!/bin/sh
# Runs every fuzz target for a while, one after the other on one core, and prints what came of it.
#
# usage: run.sh <cargo-fuzz> <target folder> <seconds for each> [target...]
set -eu

cargo_fuzz=$1
folder=$2/fuzz
seconds=$3
shift 3

here=$(cd "$(dirname "$0")" && pwd)
triple=$(rustc -vV | sed -n 's/^host: //p')
input_bytes_max=4096
# Seconds of the clock, not of work: on a busy machine a process may not get on for a while.
# The stack of every allocation would take more time than the engine does.
export ASAN_OPTIONS=malloc_context_size=0:quarantine_size_mb=16

# cargo-fuzz wants a nightly compiler for the sanitizer; the stable one has it too, behind this variable.
RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$folder "$cargo_fuzz" fuzz build --fuzz-dir "$here/libfuzzer" --target-dir "$folder"

[ $# -gt 0 ] || set -- $(cd "$here/corpus" && ls)
findings=0
table=$(printf '%-20s %12s %8s %9s %9s' target executions seconds edges findings)
for target in "$@"; do
    mkdir -p "$folder/corpus/$target" "$folder/artifacts/$target"
    log=$folder/$target.log
    echo "fuzz: $target for $seconds s"
    found=0
    nice -n 10 "$folder/$triple/release/$target" -max_total_time="$seconds" -max_len=$input_bytes_max -len_control=0 \
        -timeout=120 -rss_limit_mb=2048 -dict="$here/words.dict" -artifact_prefix="$folder/artifacts/$target/" \
        -print_final_stats=1 "$folder/corpus/$target" "$here/corpus/$target" >"$log" 2>&1 || found=1
    findings=$((findings + found))
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    took=$(sed -n 's/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p' "$log")
    edges=$(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    table="$table
$(printf '%-20s %12s %8s %9s %9s' "$target" "${executions:-?}" "${took:-?}" "${edges:-?}" "$found")"
    [ $found = 0 ] || { grep -A 2 'panicked at' "$log" || tail -n 3 "$log"; echo "fuzz: see $log"; } >&2
done
echo "$table"
[ $findings = 0 ]
