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

# The same figures by other ways: info's table, and summary by interpreter.
"$MEMSCAN" info --json "$TMP/dump" > "$TMP/info.json"
"$MEMSCAN" summary --by interpreter --json "$TMP/dump" > "$TMP/summary.json"
python3 - "$TMP/info.json" "$TMP/summary.json" "$TMP/records" << 'END' || fail "the tables do not agree"
import collections, json, sys
info, summary = (json.load(open(p)) for p in sys.argv[1:3])
count, size = collections.Counter(), collections.Counter()
for line in open(sys.argv[3]):
    record = json.loads(line)
    if record["record"] == "object":
        whose = "shared" if "shared" in record else str(record.get("interpreter", "unknown"))
        count[whose] += 1
        size[whose] += record["size"]
table = {r["interpreter"]: (r["objects"], r["size"]) for r in info["interpreters"]}
kinds = {r["kind"].replace("interpreter ", ""): (r["count"], r["size"]) for r in summary["kinds"]}
expected = {k: (count[k], size[k]) for k in count}
threads = [r["threads"] for r in info["interpreters"] if r["interpreter"] not in ("shared", "unknown")]
if not table == kinds == expected or min(threads) < 0 or threads[0] != 1 or sum(count.values()) != info["objects"]:
    sys.exit("info %r\nsummary %r\nrecords %r\nthreads %r" % (table, kinds, expected, threads))
END
# The selection language knows both.
for text in "interpreter == 1" "interpreter > 1 and not tracked" "not interpreter >= 0" "generation == 0" "generation = 2"; do
	case $text in g*) grep -q '"generation"' "$TMP/records" || continue ;; esac
	"$MEMSCAN" find --limit 0 --json "$TMP/dump" "$text" > "$TMP/found.json" 2> "$TMP/err" || fail "find '$text'"
	python3 - "$text" "$TMP/found.json" "$TMP/records" << 'END' || fail "find '$text' has other objects"
import json, sys
text, found, records = sys.argv[1:]
of = {"interpreter == 1": lambda r: r.get("interpreter") == 1,
      "interpreter > 1 and not tracked": lambda r: r.get("interpreter", 0) > 1 and "tracked" not in r["flags"],
      "not interpreter >= 0": lambda r: "interpreter" not in r,
      "generation == 0": lambda r: r.get("generation") == "0",
      "generation = 2": lambda r: r.get("generation") == "2"}[text]
expected = {r["address"] for r in map(json.loads, open(records)) if r["record"] == "object" and of(r)}
got = {int(str(r["address"]), 0) for r in json.load(open(found))["objects"]}
if not expected or got != expected:
    sys.exit("%s: %d found, %d expected, %d in both" % (text, len(got), len(expected), len(got & expected)))
END
done
done_testing
