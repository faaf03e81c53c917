#!/bin/sh
# corpus.sh NAME: replay the corpus of one fuzzer: inputs that once did harm, or that reach far. Nothing
# may crash, hang or upset a sanitizer.
set -u
dir=tests/fuzz/corpus/$1
n=$(find "$dir" -type f 2> /dev/null | wc -l)
[ "$n" -gt 0 ] || { echo "$dir has no inputs"; exit 1; }
timeout 300 "$BUILD/fuzz/$1" "$dir"/* || exit 1
echo "result: $n inputs of the fuzzer $1"
