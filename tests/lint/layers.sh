#!/bin/sh
# Who may include whom: see layers.awk. The lint itself is tried on three files that break its rules.
: "${LAYERS:?}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/src/util" "$tmp/src/graph" "$tmp/src/py"
echo '#include "memscan/heap.h"' > "$tmp/src/util/a.c"
echo '#include "memscan/target.h"' > "$tmp/src/graph/b.c"
echo '#include "walk/priv.h"' > "$tmp/src/py/c.c"
root=$PWD
for f in src/util/a.c src/graph/b.c src/py/c.c; do
	if (cd "$tmp" && awk -f "$root/tests/lint/layers.awk" "$LAYERS" $f > /dev/null); then
		echo "the lint does not see what is wrong in: $(cat "$tmp/$f")"
		exit 1
	fi
done
awk -f tests/lint/layers.awk "$LAYERS" include/memscan/* $(find src -name '*.[ch]' | sort)
