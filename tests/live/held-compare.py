"""Compare what memscan says holds objects with what the target knows, and what it says would be freed with removing:
held-compare.py MEMSCAN DUMP ACCOUNT JSONL SAMPLES. The rules for what holds are those of memscan-path(1), WAYS."""
import json
import random
import re
import subprocess
import sys

SETS = 20
memscan, dump, account, jsonl = sys.argv[1:5]
SAMPLES = int(sys.argv[5])
failures = 0


def ask(command, *arguments):
    out = subprocess.run([memscan, command, "--json", dump] + list(arguments), stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out.decode("utf-8", "surrogateescape"))


def check(what, is_true, *details):
    global failures
    if not is_true:
        failures += 1
        print("FAIL:", what, *details)


# ---- the graph, from the export ----

class Graph:
    def __init__(self):
        objects, roots = [], []
        for line in open(jsonl, errors="surrogateescape"):
            record = json.loads(line)
            if record["record"] == "object":
                objects.append(record)
            elif record["record"] == "root":
                roots.append(record)
        self.number = {o["address"]: i for i, o in enumerate(objects)}
        self.address = [o["address"] for o in objects]
        self.type = [o["type"] for o in objects]
        self.size = [o["size"] for o in objects]
        quiet = {self.number[r["to"]] for r in roots if r["kind"] == "interned"}
        self.to = [[] if i in quiet else [self.number[r["to"]] for r in o["refs"] if r["kind"] != "weak"]
                   for i, o in enumerate(objects)]
        self.refs = [{(r["to"], r["kind"]) for r in o["refs"] if r["kind"] != "weak"} for o in objects]
        known = {self.number[r["to"]] for r in roots if r["kind"] not in ("tracked", "native", "word")}
        known |= {i for i, o in enumerate(objects) if {"static", "immortal"} & set(o["flags"])}
        self.held = self.reach(known, set())
        # What nothing known holds stays whatever of the rest is removed.
        self.roots = known | (set(range(len(objects))) - self.held)

    def reach(self, roots, gone):
        seen = set(gone)
        stack = [i for i in roots if i not in seen]
        seen.update(stack)
        while stack:
            for to in self.to[stack.pop()]:
                if to not in seen:
                    seen.add(to)
                    stack.append(to)
        return seen - gone

    def freed(self, gone):
        return set(range(len(self.to))) - self.reach(self.roots, gone)


g = Graph()
with open(account) as f:
    known = json.load(f)
# No object here owns memory that is not in its size.
own = {int(row["address"], 16): row for row in ask("retained", "--limit", "0", "all")["rows"]}
check("all objects have a row", set(own) == set(g.address))
rng = random.Random(1)
samples = rng.sample(sorted(g.held), min(SAMPLES, len(g.held)))
of_sample = {}
for i in samples:
    row = own[g.address[i]]
    freed = of_sample[i] = g.freed({i})
    check("retained", row["retained"] == sum(own[g.address[k]]["size"] for k in freed), row)
for i in samples:
    dominator = own[g.address[i]]["dominator"]
    above = [k for k in samples if k != i and i in of_sample[k]]
    if dominator is None:
        check("dominator", not above, own[g.address[i]])
        continue
    d = g.number[int(dominator, 16)]
    check("dominator", i in g.freed({d}), own[g.address[i]])
    check("nearest dominator", all(k == d or d in of_sample[k] for k in above), own[g.address[i]])
for n in range(SETS):
    gone = set(rng.sample(sorted(g.held), rng.randrange(2, 40)))
    freed, said = g.freed(gone), ask("retained", " or ".join(hex(g.address[i]) for i in gone))
    check("retained of a set", said["retained"] == sum(own[g.address[k]]["size"] for k in freed) and
          said["retained_count"] == len(freed), said["retained"])
for row in ask("retained", "--by", "type")["types"]:
    gone = {i for i in g.held if g.type[i] == row["type"]}
    if len(gone) == row["count"]:
        check("retained of a type", row["retained_count"] == len(g.freed(gone)), row)

# ---- ways ----

def check_steps(path, to):
    check("a way ends at its object", int(path[-1]["address"], 16) == to, path[-1])
    for above, step in zip(path, path[1:]):
        refs = g.refs[g.number[int(above["address"], 16)]]
        check("a step is a reference", (int(step["address"], 16), step["kind"]) in refs, above, step)


def one(address, *arguments):
    answer = ask("path", *(arguments + (hex(address),)))
    for path in answer["paths"]:
        check_steps(path, address)
    return answer


def same(what, found, expected):
    check(what, found == expected, "found", found, "expected", expected)


same("an item", one(known["item"])["patterns"][0]["path"], "app.cache._store['user:17'].orders[3]")
same("root", {k: one(known["item"])["paths"][0][0][k] for k in ("type", "kind", "name")},
     {"type": "module", "kind": "module", "name": "app.cache"})
same("a long list", one(known["end"])["patterns"][0]["path"].replace("next.next...", "N"), "app.cache.head.N.value")
sessions = ask("path", "__main__.Session")
same("sessions", (sessions["count"], sessions["patterns"][0]["count"], sessions["patterns"][0]["path"]),
     (301, 300, "app.cache._store[*]"))
local = one(known["local"])["paths"][0]
check("a local", local[0]["kind"] in ("local", "frame"), local)
text = one(known["local"])["patterns"][0]["path"]
check("a local's frame", re.match(r'thread "worker-3", hold at .*held\.py:\d+, local secret$', text), text)
shared = one(known["shared"], "--all")["paths"]
same("disjoint ways", len(shared), 2)
same("avoided", [p["path"] for p in one(known["shared"], "--avoid", hex(known["second"]))["patterns"]], ["app.cache.first"])
same("the other", [p["path"] for p in one(known["shared"], "--avoid", "(referrers of %s) minus %s" %
                                            (hex(known["shared"]), hex(known["second"])))["patterns"]], ["app.other.second[0]"])
same("all ways avoided", one(known["item"], "--avoid", hex(known["store"]))["unreached"], 1)
same("garbage", one(known["garbage"])["paths"][0][0]["kind"], "tracked")
same("nothing", ask("path", "str and len == 123456789")["count"], 0)
print("%d objects, %d removed one by one, %d sets" % (len(g.to), len(samples), SETS))
sys.exit(failures > 0)
