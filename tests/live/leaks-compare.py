"""What `memscan leaks` says of leaks.py against its account: leaks-compare.py MEMSCAN DUMP ACCOUNT."""
import json
import subprocess
import sys

memscan, dump = sys.argv[1:3]
with open(sys.argv[3]) as f:
    account = json.load(f)
failures = 0


def ask(*options):
    return json.loads(subprocess.check_output([memscan, "leaks", "--json"] + list(options) + [dump]))


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
check("the frame", int(frame["address"], 16) == account["frame"], frame)
check("it keeps its locals", frame["retained"] > 200000 and frame["path"] == "__main__.KEPT[1]", frame)
garbage = only("gc.garbage", "list")
check("gc.garbage", garbage["count"] == 1, garbage)

counts = ask("--refcounts")
check("all objects are accounted for", counts["objects"] == counts["audited"] + counts["never_freed"] +
      counts["uncounted"], counts)
check("nothing is found twice", counts["missing_refs"] <= 5, counts["missing"])
unexplained = counts["unexplained"]
leaked = 0
if "victim" in account:
    lists, victim = unexplained[0], unexplained[3]
    check("the leaked lists come first", lists["type"] == "list" and 1500 <= lists["refs"] <= 1520, lists)
    check("then the object leaked a thousand times", victim["type"].endswith("Victim") and
          int(victim["address"], 16) == account["victim"] and victim["difference"] >= 990, victim)
    leaked = 2500
    native = [s for s in suspects if s["kind"] == "native"]
    check("nothing known holds them", len(native) == 1 and native[0]["count"] >= 1500, native)
rest = counts["unexplained_refs"] - leaked
print("%d audited, %d exact, %d references are left over" % (counts["audited"], counts["exact"], rest))
check("next to nothing is left over", rest * 100 < counts["audited"], rest, unexplained)
sys.exit(failures != 0)
