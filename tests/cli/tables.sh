#!/bin/sh
# `make tables` changes nothing: every offset table whose binaries are here can be made, and is the committed one.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cp offsets/*.tbl "$tmp" || exit 1
TABLES=$tmp MEMSCAN=${MEMSCAN:-build/memscan} sh offsets/make.sh > "$tmp/said" 2>&1 || { cat "$tmp/said"; exit 1; }
made=0
for table in offsets/*.tbl; do
	grep -q "^${table##*/}: left as it is" "$tmp/said" || made=$((made + 1))
	cmp "$table" "$tmp/${table##*/}" || { diff "$table" "$tmp/${table##*/}" | head -n 20; exit 1; }
done
sed 's/^/skip: /' "$tmp/said"
for table in "$tmp"/*.tbl; do
	[ -e "offsets/${table##*/}" ] || { echo "${table##*/} is not there yet"; exit 1; }
done
[ $made -gt 0 ] || exit 77
echo "result: $made of $(ls offsets/*.tbl | wc -l) tables made anew, as they are"
