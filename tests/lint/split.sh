#!/bin/sh
# The analysing half needs nothing of the acquiring half: it was linked without libelf and libdw (else there
# would be no program), and it refers to neither at run time. It reads a dump too, if one is at hand.
: "${BUILD:?}"
needed=$(readelf -d "$BUILD/split" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
[ -n "$needed" ] || { echo "$BUILD/split is not there"; exit 1; }
case $needed in
*libelf* | *libdw*) echo "the analysing half is linked with:" $needed; exit 1 ;;
esac
for dump in tests/data/*.dump; do
	[ -e "$dump" ] || break
	"$BUILD/split" "$dump" || { [ $? = 4 ] && continue; echo "split $dump failed"; exit 1; }
done
exit 0
