"""The audit of reference counts of two dumps of stdlib.py: refcounts-compare.py MEMSCAN MOST BEFORE AFTER VICTIM.

Before it leaks, no more than MOST references may be left over; after that, what it leaked comes first.
"""
import json
import subprocess
import sys

memscan, most, before, after, victim = sys.argv[1:]
failed = False


def audit(dump):
    return json.loads(subprocess.check_output([memscan, "leaks", "--refcounts", "--limit", "0", "--json", dump]))


def check(what, is_so, seen):
    global failed
    if not is_so:
        failed = True
        print("wrong: %s: %s" % (what, seen))


def types(counts, table):
    """The first row of each type, in order."""
    rows = []
    for row in counts[table]:
        if row["type"] not in [r["type"] for r in rows]:
            rows.append(row)
    return rows


def text(counts, table):
    return ", ".join("%s %d" % (r["type"], r["refs"]) for r in types(counts, table)) or "nothing"


old = audit(before)
print("result: %d audited, %d exact; left over: %s; found too many: %s" % (
    old["audited"], old["exact"], text(old, "unexplained"), text(old, "missing")))
check("most objects are audited", old["audited"] > 40000, old["audited"])
check("next to nothing is left over", old["unexplained_refs"] <= int(most), text(old, "unexplained"))
check("nothing is found twice", old["missing_refs"] <= 3, text(old, "missing"))

if victim.startswith("0x"):
    new = audit(after)
    first = {r["type"].split(".")[-1]: r for r in types(new, "unexplained")[:2]}
    check("the two leaks come first", sorted(first) == ["Victim", "list"], list(first))
    nothing = {"refs": 0, "address": "0x0", "difference": 0}
    lists, one = first.get("list", nothing), first.get("Victim", nothing)
    # Stale words may stand for some of those that were leaked: 27 were seen.
    check("the lists are leaked", 1440 <= lists["refs"] <= 1500 + int(most), lists)
    check("the object is, a thousand times", int(one["address"], 16) == int(victim, 16) and
          990 <= one["difference"] <= 1000, one)
    rest = new["unexplained_refs"] - lists["refs"] - one["refs"]
    check("nothing else is", rest <= int(most), rest)
sys.exit(failed)
