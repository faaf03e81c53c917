#!/bin/sh
# interps.sh MODE PYTHON: a process with three interpreters, "isolated" or "shared" as their makers call it, or made by
# a "host" in C. What each of them says of itself is in the dump, whose it is, and in which generation.
mode=$1
python=$2
. tests/live/lib.sh

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || skip "$python does not run"
name="interpreters $mode $version ($python)"
kind=$mode
[ $mode != host ] || kind=host:$tools/newinterp.so

start "$python" -S -W ignore $live/subint.py "$TMP/truth" "$kind" 2
dump --values none
[ $status = 0 ] || fail "exit status $status"

# The truth is told again: had anything changed in between, it would be another one.
mkdir "$TMP/before"
mv "$TMP"/truth.* "$TMP/before"
ask again
for f in "$TMP"/before/*; do
	again=$TMP/${f##*/}
	# A few objects are there only while an interpreter tells of itself.
	case $f in *.own) [ "$(diff "$f" "$again" | grep -c '^[<>]')" -gt 10 ] || continue ;; esac
	cmp -s "$f" "$again" || fail "what an interpreter says of itself is not the same afterwards: ${f##*/}"
done
stop_target

[ -f "$TMP/dump" ] || exit 1
"$MEMSCAN" export --format jsonl "$TMP/dump" > "$TMP/records"
for i in 0 1 2; do
	python3 $live/compare.py "$name $i" "$TMP/truth.$i" < "$TMP/records" || fail "the dump is not exact"
done
python3 $live/interps-compare.py "$name" "$TMP/truth" 2 < "$TMP/records" || fail "objects are not whose they are"

# The same figures by other ways: info's table, and summary by interpreter. The selection language knows both.
"$MEMSCAN" info --json "$TMP/dump" > "$TMP/info.json"
"$MEMSCAN" summary --by interpreter --json "$TMP/dump" > "$TMP/summary.json"
set -- "interpreter == 1" "interpreter > 1 and not tracked" "not interpreter >= 0"
! grep -q '"generation"' "$TMP/records" || set -- "$@" "generation == 0" "generation = 2"
for text; do
	"$MEMSCAN" find --limit 0 --json "$TMP/dump" "$text" > "$TMP/found: $text" 2> "$TMP/err" || fail "find '$text'"
done
python3 - "$TMP" "$@" << 'END' || fail "the tables or selections do not agree"
import collections, gc, json, sys
gc.disable()
directory, texts = sys.argv[1], sys.argv[2:]
info, summary = (json.load(open("%s/%s.json" % (directory, name))) for name in ("info", "summary"))
of = {"interpreter == 1": lambda r: r.get("interpreter") == 1,
      "interpreter > 1 and not tracked": lambda r: r.get("interpreter", 0) > 1 and "tracked" not in r["flags"],
      "not interpreter >= 0": lambda r: "interpreter" not in r,
      "generation == 0": lambda r: r.get("generation") == "0",
      "generation = 2": lambda r: r.get("generation") == "2"}
count, size = collections.Counter(), collections.Counter()
expected = {text: set() for text in texts}
for line in open(directory + "/records"):
    if not line.startswith('{"record": "object"'):
        continue
    record = json.loads(line)
    whose = "shared" if "shared" in record else str(record.get("interpreter", "unknown"))
    count[whose] += 1
    size[whose] += record["size"]
    for text in texts:
        if of[text](record):
            expected[text].add(record["address"])
table = {r["interpreter"]: (r["objects"], r["size"]) for r in info["interpreters"]}
kinds = {r["kind"].replace("interpreter ", ""): (r["count"], r["size"]) for r in summary["kinds"]}
sums = {k: (count[k], size[k]) for k in count}
threads = [r["threads"] for r in info["interpreters"] if r["interpreter"] not in ("shared", "unknown")]
if not table == kinds == sums or min(threads) < 0 or threads[0] != 1 or sum(count.values()) != info["objects"]:
    sys.exit("info %r\nsummary %r\nrecords %r\nthreads %r" % (table, kinds, sums, threads))
for text in texts:
    got = {int(str(r["address"]), 0) for r in json.load(open("%s/found: %s" % (directory, text)))["objects"]}
    if not expected[text] or got != expected[text]:
        sys.exit("%s: %d found, %d expected, %d in both" % (text, len(got), len(expected[text]), len(got & expected[text])))
END
done_testing
