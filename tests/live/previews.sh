#!/bin/sh
# Previews of floats are what repr() says, to the last digit; those of strs are cut at a whole
# character of at most 100 bytes, and say so exactly when something is missing.
. tests/live/lib.sh

cat > "$TMP/compare.py" << 'END'
import json, sys

truth = json.load(open(sys.argv[1]))
seen = {"floats": 0, "strs": 0, "ints": 0}
wrong = 0

def complain(*what):
    global wrong
    wrong += 1
    if wrong < 10:
        print(*what)

for line in sys.stdin:
    if '"record": "object"' not in line:
        continue
    # Numbers stay the text that they are.
    o = json.loads(line, parse_float=str, parse_constant=str)
    at = str(o["address"])
    if at in truth["floats"]:
        seen["floats"] += 1
        have = str(o["value"]).replace("Infinity", "inf").replace("NaN", "nan")
        if have != truth["floats"][at]:
            complain("float", truth["floats"][at], "not", have)
    elif at in truth["ints"]:
        seen["ints"] += 1
        if str(o["value"]) != truth["ints"][at]:
            complain("int", truth["ints"][at], "not", o["value"])
    elif at in truth["strs"]:
        seen["strs"] += 1
        length, n, cut = truth["strs"][at]
        if (o["len"], len(o["value"]), o.get("cut", False)) != (length, n, cut):
            complain("str of", length, "has", o["len"], len(o["value"]), o.get("cut", False), "not", n, cut)
for kind in seen:
    if seen[kind] != len(truth[kind]):
        complain(seen[kind], kind, "of", len(truth[kind]))
sys.exit(wrong != 0)
END

start "$PYTHON" -S $live/previews.py "$TMP/truth"
dump
[ $status = 0 ] || fail "exit status $status"
stop_target
"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 "$TMP/compare.py" "$TMP/truth" || fail "previews are wrong"
done_testing
