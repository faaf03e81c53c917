"""What `memscan leaks` says of leaks.py against its account: leaks-compare.py MEMSCAN DUMP ACCOUNT."""
import json
import subprocess
import sys

memscan, dump = sys.argv[1:3]
with open(sys.argv[3]) as f:
    account = json.load(f)
failures = 0


def ask(*options, sel=None):
    run = [memscan, "leaks", "--json"] + list(options) + [dump] + ([sel] if sel else [])
    return json.loads(subprocess.check_output(run))


def check(what, is_so, *seen):
    global failures
    if not is_so:
        failures += 1
        print("wrong:", what, *seen)


def only(kind, type_name):
    rows = [s for s in suspects if s["kind"] == kind and s["type"].endswith(type_name)]
    check("one suspect %s of %s" % (kind, type_name), len(rows) == 1, rows)
    return rows[0] if rows else {"address": "0x0", "count": 0, "path": "", "retained": 0}


suspects = ask("--limit", "0")["suspects"]

cache = only("container", "Session")
check("the cache", int(cache["address"], 16) == account["cache"] and cache["count"] == 3000, cache)
check("what holds the cache", cache["path"] == "__main__.CACHE", cache["path"])
check("the cache keeps the sessions' data", cache["retained"] > 3000 * 2000, cache["retained"])
check("it is what keeps most", suspects[0]["type"].endswith("Session"), suspects[0])
sessions = only("type", "Session")
check("all sessions", sessions["count"] == 3000 and sessions["path"] == "__main__.CACHE[*]", sessions)

finalized = only("cycle-del", "Finalized")
check("cycles with __del__", finalized["count"] == 5, finalized)
check("one of them", int(finalized["address"], 16) in account["finalized"], finalized)
rings = only("cycle", "Ring")
check("cycles without", rings["count"] == 7 and int(rings["address"], 16) in account["ring"], rings)

traceback = only("traceback", "traceback")
check("the traceback", traceback["retained"] > 300000, traceback)
check("what holds it", traceback["path"].startswith("__main__.KEPT[0]"), traceback["path"])
frame = only("frame", "frame")
n_frames = len(account["frames"])
# Some releases keep the frame that ran a generator with that of the generator.
check("frames that have ended", n_frames <= frame["count"] <= n_frames + 2 and int(frame["address"], 16) in account["frames"], frame)
check("they keep their locals", frame["retained"] > 600000 + (500000 if n_frames > 2 else 0), frame)
check("what holds one", frame["path"].startswith("__main__.KEPT["), frame)
# Of a call, of a finished generator and of a finished coroutine: each alone is named, too.
for address, name in zip(account["frames"], ("ended", "counting", "served")):
    alone = [s for s in ask("--limit", "0", sel="0x%x" % address)["suspects"] if s["kind"] == "frame"]
    check("the frame of " + name, len(alone) == 1 and int(alone[0]["address"], 16) == address and
          name in str(alone[0]["value"]) and alone[0]["retained"] > 200000, alone)
garbage = only("gc.garbage", "list")
check("gc.garbage", garbage["count"] == 1, garbage)
# All of the cycles' objects are waiting for the collector, and nothing else of these types.
for kind, name, n in (("cycle-del", "Finalized", 10), ("cycle", "Ring", 14)):
    row = only(kind, name)
    # The objects and their attributes, which some releases keep in the objects.
    check("members of the cycles of " + name, row["retained_count"] in (n, 2 * n), row)
    check("the way round", row["path"] == "x.other.other is x", row)
    check("of no weight", row["small"] is True, row)
check("others have weight", not cache["small"] and not traceback["small"] and not frame["small"], suspects)
check("the small ones come last", sorted(s["small"] for s in suspects) == [s["small"] for s in suspects], suspects)
# A selection leaves only suspects among its objects.
some = ask("--limit", "0", sel="Ring or Session")["suspects"]
check("suspects of a selection", sorted(s["kind"] for s in some) == ["cycle", "type"], some)
check("of a selection", [s["count"] for s in some] == [3000, 7], some)
one = ask("--limit", "0", sel="0x%x" % account["ring"][3])["suspects"]
check("the cycle of one object", [(s["kind"], s["count"]) for s in one] == [("cycle", 1)], one)
check("nothing is new since itself", ask("--limit", "0", "--rel", dump)["suspects"] == [], "--rel")

audit = ask("--refcounts", sel="Session")
check("the audit of a selection", audit["audited"] == 3000 and audit["exact"] == 3000 and audit["unexplained"] == [], audit)
counts = ask("--refcounts")
check("all objects are accounted for", counts["objects"] == counts["audited"] + counts["never_freed"] +
      counts["uncounted"], counts)
check("nothing is found twice", counts["missing_refs"] <= 5, counts["missing"])
unexplained = counts["unexplained"]
leaked = 0
if "victim" in account:
    lists, victim = unexplained[0], unexplained[3]
    # A few may have been on the interpreter's list of free ones, where stale words explain them.
    check("the leaked lists come first", lists["type"] == "list" and 1480 <= lists["refs"] <= 1520, lists)
    check("then the object leaked a thousand times", victim["type"].endswith("Victim") and
          int(victim["address"], 16) == account["victim"] and victim["difference"] >= 990, victim)
    leaked = 2500
    native = [s for s in suspects if s["kind"] == "native"]
    check("nothing known holds them", len(native) == 1 and native[0]["count"] >= 1480, native)
rest = counts["unexplained_refs"] - leaked
print("%d audited, %d exact, %d references are left over" % (counts["audited"], counts["exact"], rest))
check("next to nothing is left over", rest * 100 < counts["audited"], rest, unexplained)
sys.exit(failures != 0)
