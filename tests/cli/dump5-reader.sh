#!/bin/sh
# The reader printed in memscan-dump(5) is taken out of the page and reads the dumps of the tree. What it
# finds must be what `memscan export` finds: two readers, one file. The page's tables of columns, kinds
# and flags must say what the headers say.
set -u
memscan=${MEMSCAN:-build/memscan}
page=man/memscan-dump.5
python3 -c pass 2> /dev/null || {
	echo "python3 is not installed"
	exit 77
}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# The reader, as a terminal would show it.
sed -n '/^\.\\" begin reader/,/^\.\\" end reader/p' $page | grep -v '^\.\\"' |
	sed -e 's/^\\&//' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\(ti/~/g' -e 's/\\(ha/^/g' -e 's/\\(ga/`/g' \
		-e 's/\\e/\\/g' > "$tmp/reader.py"
[ -s "$tmp/reader.py" ] || {
	echo "$page: no reader between its marks"
	exit 1
}

cat > "$tmp/compare.py" << 'EOF'
import json, sys
import reader

MAX = (1 << 25) - 1
path = sys.argv[1]
exported = [json.loads(line) for line in sys.stdin]
theirs = [r for r in exported if r["record"] == "object"]
ours = list(reader.objects(path))
refs_seen = names_seen = values_seen = buffers_seen = 0

def plain(text):
    return not any(0xd800 <= ord(c) < 0xe000 for c in text)

def check(what, a, b):
    if a != b:
        sys.exit("%s: %s: the page's reader has %r, memscan has %r" % (path, what, a, b))

check("objects", len(ours), len(theirs))
for (address, module, name, size, count, preview, buffer, refs), t in zip(ours, theirs):
    where = "%#x" % address
    check(where, address, t["address"])
    if plain(module) and plain(name):
        check(where + " type", name if module in ("", "builtins") else module + "." + name, t["type"])
    check(where + " size", size, t["size"])
    check(where + " refcount", count, t["refcount"])
    kind, cut, length, text = preview
    check(where + " len", length, t.get("len"))
    check(where + " value kind", kind, t.get("value_kind", "none"))
    if kind != "none":
        check(where + " cut", cut, t.get("cut", False))
    if kind == "bytes":
        check(where + " value", text.decode("latin-1"), t["value"])
        values_seen += 1
    if kind in ("str", "name", "text"):
        try:
            check(where + " value", text.decode("utf-8", "surrogatepass"), t["value"])
            values_seen += 1
        except UnicodeDecodeError:
            pass
    check(where + " buffer", buffer is None, "buffer" not in t)
    if buffer:
        start, total, length, flags, owner, what = buffer
        b = t["buffer"]
        check(where + " buffer", (start, total, length, owner), (b["address"], b["bytes"], b["length"], b.get("owner")))
        check(where + " buffer's flags", [bool(flags & bit) for bit in (1, 4, 8)], [b["owned"], b["in_size"], b["mapped"]])
        if plain(what):
            check(where + " buffer's name", what, b.get("description", ""))
        buffers_seen += 1
    check(where + " references", len(refs), len(t["refs"]))
    for (to, kind, payload, flags), r in zip(refs, t["refs"]):
        check(where + " reference", to, r["to"])
        check(where + " kind", kind, r["kind"])
        check(where + " hidden", flags & 1, int(r.get("hidden", False)))
        check(where + " guess", flags >> 1, int(r.get("guess", False)))
        refs_seen += 1
        if kind in ("attribute", "slot", "local") and payload and plain(payload):
            check(where + " name", payload, r["name"])
            names_seen += 1
        if kind == "index" and payload != MAX:
            check(where + " index", str(payload), r["name"])
            names_seen += 1
tables = reader.columns(path)
generations = tables.get("OGEN") or bytes(len(ours))
owners = [row[0] for row in reader.rows(tables, "OINT", "H")] or [65534] * len(ours)
for t, generation, owner in zip(theirs, generations, owners):
    where = "%#x" % t["address"]
    check(where + " generation", [None, "0", "1", "2", "permanent"][generation], t.get("generation"))
    check(where + " interpreter", owner if owner < 65534 else None, t.get("interpreter"))
    check(where + " shared", owner == 65535, t.get("shared", False))
check("interpreters", reader.rows(tables, "INTR", "QQ"),
    [(r["address"], r["id"]) for r in exported if r["record"] == "interpreter"])
for record, column, layout in (("type", "TYPE", "QIIIIQQ"), ("root", "ROOT", "IIIIII"),
        ("thread", "THRD", "QQII"), ("region", "RGNS", "QQQII"), ("meta", "META", "II")):
    check(column, len(reader.rows(tables, column, layout)), sum(r["record"] == record for r in exported))
print("%s: %d objects, %d references, %d names, %d values, %d buffers" %
    (path, len(ours), refs_seen, names_seen, values_seen, buffers_seen))
if path.endswith("golden.dump"):
    check("what was compared", (len(ours), refs_seen, names_seen, values_seen, buffers_seen), (9, 11, 5, 4, 3))
EOF

failed=0
for dump in tests/data/golden.dump tests/fuzz/corpus/dump/valid-*.dump; do
	"$memscan" export --format jsonl "$dump" > "$tmp/out" || failed=1
	PYTHONPATH=$tmp PYTHONDONTWRITEBYTECODE=1 python3 "$tmp/compare.py" "$dump" < "$tmp/out" || failed=1
done
# It runs by itself, too, and refuses what was not finished.
python3 "$tmp/reader.py" tests/data/golden.dump > "$tmp/out"
grep -q '^0x959ea0 builtins.int, 28 bytes, refcount 4294967297' "$tmp/out" || {
	echo "the reader alone does not list the golden dump"
	failed=1
}
if python3 "$tmp/reader.py" tests/data/broken-truncated.dump > "$tmp/out" 2>&1; then
	echo "the reader takes a truncated dump"
	failed=1
fi

# Rows "X(ID, "name")" of a list in heap.h, numbered from 0, against ".It number Ta Cm name" in the page.
list() {
	sed -n "/^#define $1(X)/,/^\$/p" include/memscan/heap.h | sed -n 's/^\tX([A-Z_]*, "\([^"]*\)").*/\1/p' | nl -v 0 -w 1 -s ' '
}
for kinds in HEAP_REF_KINDS HEAP_ROOT_KINDS HEAP_TYPE_HOW HEAP_VALUE_KINDS HEAP_GENERATIONS HEAP_NOTES; do
	list $kinds > "$tmp/list"
	[ -s "$tmp/list" ] || {
		echo "$kinds: not found in heap.h"
		failed=1
	}
	while read -r number name; do
		sed 's/\\-/-/g' $page | grep -q "^\.It $number Ta Cm $name Ta " || {
			echo "$page does not say that $number is $name ($kinds)"
			failed=1
		}
	done < "$tmp/list"
done
sed -n 's/^\tX([A-Z_]*, \(0x[0-9a-f]*\), "\([^"]*\)").*/\1 \2/p' include/memscan/heap.h > "$tmp/flags"
sed -n 's/^\tX(\([A-Z]\{4\}\), \([0-9]*\)).*/\1 \2/p' include/memscan/dumpfmt.h > "$tmp/columns"
[ -s "$tmp/flags" ] && [ "$(wc -l < "$tmp/columns")" -ge 25 ] || {
	echo "flags or columns not found in the headers"
	failed=1
}
while read -r bit name; do
	sed 's/\\-/-/g' $page | grep -q "^\.It $bit Ta Cm $name Ta " || {
		echo "$page does not say that flag $bit is $name"
		failed=1
	}
done < "$tmp/flags"
while read -r column size; do
	grep -q "^\.It Cm $column Ta $size Ta " $page || {
		echo "$page does not say that an element of $column has $size bytes"
		failed=1
	}
done < "$tmp/columns"
exit $failed
