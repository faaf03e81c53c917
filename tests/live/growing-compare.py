"""What diff and trend say of dumps a, b, c, d of growing.py and of `other`, another process: growing-compare.py MEMSCAN DIR."""
import json
import os
import re
import subprocess
import sys

from terminal import on_terminal

memscan, where = sys.argv[1:]
A, B, C, D, OTHER = (os.path.join(where, name) for name in ("a", "b", "c", "d", "other"))
with open(os.path.join(where, "told")) as f:
    TOLD = [json.loads(line) for line in f]
N = 400
STORE = re.compile(r"cache\b.*\bstore\b")
failures = 0


def check(what, is_true, *details):
    global failures
    if not is_true:
        failures += 1
        print("FAIL:", what, *details)


def run(*args, status=0, env=None):
    r = subprocess.run([memscan, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    check("exit status of %s" % (args,), r.returncode == status, r.returncode, r.stderr)
    return r.stdout.decode(errors="surrogateescape"), r.stderr.decode()


def ask(*args, status=0):
    return json.loads(run(args[0], "--json", *args[1:], status=status)[0])


def addresses(rows):
    return {int(r["address"], 16) for r in rows}


def named(rows, kind):
    found = [r for r in rows if r["kind"] == kind]
    check("one row of " + kind, len(found) == 1, found)
    return found[0] if found else {}


# ---- by object: what the server says ----

d = ask("diff", "--limit", "0", "--objects", A, B)
told = TOLD[0]
check("same process", d["same_process"] is True)
for state, type_, key in (("new", "__main__.Session", "new"), ("gone", "__main__.Doomed", "gone")):
    mine = [o for o in d["objects"] if o["state"] == state and o["type"] == type_]
    check(state, addresses(mine) == set(told[key]), len(mine), len(told[key]))
by_state = {s: addresses(o for o in d["objects"] if o["state"] == s) for s in ("new", "gone", "grown", "shrunk")}
check("the store grew", told["store"] in by_state["grown"])
check("a list shrank", told["drained"] in by_state["shrunk"])

# ---- against the export of both dumps ----

CONSTANT = ("str", "bytes", "int", "float", "bool")


def load(path):
    out = subprocess.run([memscan, "export", "--format", "jsonl", path], stdout=subprocess.PIPE, check=True).stdout
    records = (json.loads(line) for line in out.decode(errors="surrogateescape").split("\n") if line)
    return {r["address"]: r for r in records if r["record"] == "object"}


def is_same(x, y):
    if x["type"] != y["type"]:
        return False
    k, l = x.get("value_kind"), y.get("value_kind")
    if k is None or l is None:
        return True
    return k == l and (k not in CONSTANT or (x["value"], x.get("len")) == (y["value"], y.get("len")))


then, now = load(A), load(B)
survived = {a for a in now if a in then and is_same(now[a], then[a])}
for key, expected in (("new", len(now) - len(survived)), ("gone", len(then) - len(survived)), ("survived", len(survived)),
                      ("count_then", len(then)), ("count_now", len(now))):
    check(key, d[key] == expected, d[key], expected)
check("new addresses", by_state["new"] == set(now) - survived)
check("gone addresses", by_state["gone"] == set(then) - survived)
all_kinds = ask("diff", "--limit", "0", "--by", "type", "--brief", A, B)["kinds"]
for k in all_kinds:
    mine = [o["type"] for o in now.values()].count(k["kind"])
    check("count of " + k["kind"], k["count"] == mine, k["count"], mine)
    check("account of " + k["kind"], k["count_then"] - k["gone"] + k["new"] == k["count"], k)

# ---- by kind, and what holds them ----

sessions = named(d["kinds"], "__main__.Session")
check("sessions", (sessions["new"], sessions["gone"], sessions["count_change"]) == (N, 0, N), sessions)
check("the way", sessions["held_as_count"] == N and STORE.search(sessions["held_as"]), sessions["held_as"])
doomed = named(d["kinds"], "__main__.Doomed")
check("doomed", (doomed["new"], doomed["gone"], doomed["count_change"]) == (0, 10, -10), doomed)
top = d["holders"][0]
check("the holder", int(top["address"], 16) == told["store"] and STORE.search(top["held_as"]), top)
check("what it holds", top["new"] >= 3 * N and top["retained_change"] >= top["new_size"], top)
check("each once", sum(h["new"] for h in d["holders"]) == d["new"])
r = named(ask("diff", "--retained", "--limit", "0", A, B)["kinds"], "__main__.Session")
check("retained", 0 < r["size_change"] < r["retained_change"], r)
retained = {o["address"]: o for o in ask("retained", "--limit", "0", B, "not __main__.Job")["rows"]}
check("retained size", {o["retained"] for o in d["objects"] if int(o["address"], 16) == told["store"]} ==
      {retained["0x%x" % told["store"]]["retained"]})

# ---- exit statuses, the same dump, another process ----

run("diff", "--exit-code", A, B, status=1)
run("diff", "--exit-code", "--min", "1G", A, B)
run("diff", "--exit-code", B, A)
run("diff", A, B)
check("no change", "No kind changed" in run("diff", A, A)[0])
check("no change", ask("diff", A, A)["kinds"] == [] and ask("diff", A, A)["holders"] == [])
other, said = run("diff", "--json", D, OTHER)
other = json.loads(other)
check("another process", other["same_process"] is False and other["new"] is None and "different processes" in said)
check("no holders", "holders" not in other)
check("kinds", named(ask("diff", "--limit", "0", OTHER, D)["kinds"], "__main__.Session")["count_change"] == 3 * N)
run("diff", "--objects", A, OTHER, status=2)
run("diff", A, status=2)
rel = ask("find", "--rel", A, "--limit", "0", B, "all")
check("--rel and diff", addresses(rel["objects"]) == by_state["new"])
# Every command that takes a selection leaves out the old ones.
fresh = [a for a in now if a not in survived]
new_ones = set(fresh)
sizes = sum(now[a]["size"] for a in fresh)
for args, key, expected in ((["summary"], "objects", len(fresh)), (["summary"], "size", sizes), (["top"], "count", len(fresh)),
                            (["path"], "count", len(fresh)), (["retained"], "count", len(fresh)),
                            (["find"], "size", sizes)):
    got = ask(args[0], "--rel", A, B, "all")[key]
    check("%s --rel" % args[0], got == expected, key, got, expected)
outward = [r for a in fresh for r in now[a]["refs"]]
inward = [r for o in now.values() for r in o["refs"] if r["to"] in new_ones]
for command, refs in (("refs", outward), ("referrers", inward)):
    got = sum(g["count"] for g in ask(command, "--limit", "0", "--rel", A, B, "all")["groups"])
    check("%s --rel" % command, got == len(refs), got, len(refs))

d = ask("diff", "--objects", "--limit", "0", A, B, "Session or Doomed")
check("diff of a selection", {k["kind"] for k in d["kinds"]} == {"__main__.Session", "__main__.Doomed"} and
      (d["new"], d["gone"]) == (N, 10), d["kinds"])
check("its holders", [(h["new"], int(h["address"], 16)) for h in d["holders"]] == [(N, told["store"])], d["holders"])
check("its objects", addresses(d["objects"]) == set(told["new"]) | set(told["gone"]), len(d["objects"]))
d = ask("diff", "--brief", "--limit", "0", "--by", "type", "--rel", A, B, C)
check("diff --rel", d["count_then"] == len(fresh) and named(d["kinds"], "__main__.Session")["count"] == 2 * N, d["count_then"])
run("diff", "--exit-code", A, B, "Doomed")
lines = {}
for select in ((), ("Session",), ("--rel", A)):
    out = run("export", "--format", "jsonl", *select[:2 * ("--rel" in select)], B, *select[:1 * ("--rel" not in select)])[0]
    lines[select] = [line for line in out.split("\n") if line]
whole = set(lines[()])
check("export of a selection", all(set(some) <= whole for some in lines.values()))
exported = {s: {json.loads(line)["address"] for line in some if line.startswith('{"record": "object"')} for s, some in lines.items()}
check("exported objects", exported[("Session",)] == {a for a in now if now[a]["type"] == "__main__.Session"})
check("export --rel", exported[("--rel", A)] == new_ones)
check("all else is there", len({len(lines[s]) - len(exported[s]) for s in lines}) == 1)
store = ask("show", B, "dict and len == %d and referents of (dict of Cache or Cache)" % (10 + N))
check("show of a selection", int(store["address"], 16) == told["store"], store["address"])
run("show", B, "Session", status=2)
run("show", B, "Session and size > 1G", status=4)

# ---- trend ----

t = ask("trend", "--limit", "0", C, A, D, B)
check("order", [f["file"] for f in t["dumps"]] == [A, B, C, D])
first = t["objects"][0]
check("the container", int(first["address"], 16) == told["store"] and STORE.search(first["held_as"]), first)
check("its points", [p["len"] for p in t["object_points"][0]] == [10 + N * k for k in range(4)], t["object_points"][0])
check("seconds", t["seconds"] >= 3 and t["seconds"] == t["dumps"][-1]["created"] - t["dumps"][0]["created"])
check("its rate", first["len_per_hour"] == int(3 * N * 3600 / t["seconds"] + 0.5), first)
growers = addresses(t["objects"])
check("growing list", told["filled"] in growers)
check("neither queue nor drained", not {told["queue"], told["drained"]} & growers)
at = [k["kind"] for k in t["kinds"]].index("__main__.Session")
check("sessions", [p["count"] for p in t["kind_points"][at]] == [10 + N * k for k in range(4)])
check("only ever", all(p["count"] <= q["count"] and p["size"] <= q["size"]
                       for points in t["kind_points"] for p, q in zip(points, points[1:])))
check("neither jobs nor doomed", not {"__main__.Job", "__main__.Doomed"} & {k["kind"] for k in t["kinds"]})
some = ask("trend", "--limit", "0", "--select", "Session or 0x%x" % told["store"], A, B, C, D)
check("trend of a selection", {k["kind"] for k in some["kinds"]} == {"__main__.Session", "dict (no owner)"}, some["kinds"])
check("its containers", addresses(some["objects"]) == {told["store"]}, some["objects"])
check("its counts", [f["count"] for f in some["dumps"]] == [11 + N * k for k in range(4)], some["dumps"])
some = ask("trend", "--limit", "0", "--rel", A, B, C, D)
check("trend --rel", [f["count"] for f in some["dumps"]][0] == len(fresh), some["dumps"])
run("trend", A, B, status=2)
mixed, said = run("trend", "--json", A, B, OTHER)
check("another process", "objects" not in json.loads(mixed) and "different processes" in said)

# ---- for people ----


def terminal(columns, args, locale):
    return on_terminal(columns, [memscan, *args], dict(os.environ, LC_ALL=locale))


for args in (["diff", A, B], ["diff", "--objects", "--retained", A, B], ["diff", OTHER, B], ["trend", A, B, C, D]):
    for columns in (80, 200):
        for line in terminal(columns, args, "C.UTF-8").split("\n"):
            check("%s fits %d columns" % (args[0], columns), len(line) <= columns and line.isprintable(), repr(line))
wide = terminal(200, ["trend", A, B, C, D], "C.UTF-8")
check("sparkline", "\u2581\u2583\u2586\u2588" in wide, wide)
plain = terminal(200, ["trend", A, B, C, D], "C")
check("sparkline of ASCII", plain.isascii() and "_:+#" in plain, plain)
check("people's text", STORE.search(terminal(200, ["diff", A, B], "C")))
print("result: %d failures; %d new objects of %d" % (failures, d["new"], d["count_now"]))
sys.exit(failures > 0)
