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
    first = types(new, "unexplained")[:2]
    check("two types come first", len(first) == 2, first)
    lists, one = first if len(first) == 2 else [old["unexplained"], {}]
    # A stale word may stand for one that was leaked.
    check("the leaked lists come first", lists["type"] == "list" and 1400 <= lists["refs"] <= 1500 + int(most), lists)
    check("then the object leaked a thousand times", one["type"].endswith("Victim") and
          int(one["address"], 16) == int(victim, 16) and 990 <= one["difference"] <= 1000, one)
    rest = new["unexplained_refs"] - lists["refs"] - one["refs"]
    check("nothing else is", rest <= int(most), rest)
sys.exit(failed)
