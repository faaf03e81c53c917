"""The walk of heapy's tutorial, a command a question: heapy-walk.py MEMSCAN DUMP OLD MADE ANSWERS."""
import json
import subprocess
import sys

memscan, dump, old, made, answers = sys.argv[1:]
truth = json.load(open(answers))
failures = 0


def summary(*args):
    run = subprocess.run([memscan, "summary", "--json", *args], stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout.decode(), strict=False)


def rows(*args):
    return {k["kind"]: [k["count"], k["size"]] for k in summary(*args)["kinds"]}


def same(question, got, expected):
    global failures
    if got == expected:
        return
    failures += 1
    print("%s: differs" % question)
    for k in sorted(set(got) | set(expected)):
        if got.get(k) != expected.get(k):
            print("   %s: %s, not %s" % (k, got.get(k), expected.get(k)))


# What is there, by clodo?
kinds = rows(old)
same("by clodo", {"__main__.Package": kinds["__main__.Package"]}, truth["packages"])
assert "dict (no owner)" in kinds
# What do packages refer to? (h[0].referents)
same("referents", rows(old, "referents of Package"), truth["referents"])
# What kinds of objects refer to their strings and keys? (byrcs)
same("byrcs", rows("--by", "referrers", old, "(str or tuple) and referents of Package"), truth["byrcs"])
# How? (byvia)
same("byvia", rows("--by", "via", old, "str and referents of Package"), truth["byvia"])
# Which strings are the same?
identical = rows("--by", "value", old, "str and referents of Package")
same("identical", {k.split("'")[1]: v for k, v in identical.items()}, truth["identical"])
# How large are the dicts, and what is in them?
same("sizes", {k.replace(",", ""): v for k, v in rows("--by", "size", old, "dict and referents of Package").items()}, truth["sizes"])
shapes = rows("--by", "shape", old, "dict and referents of Package")
# The texts of Python 2 are bytes.
same("shapes", {k.strip("{}").replace("b'", "").replace("'", ""): v for k, v in shapes.items()}, truth["shapes"])
# Those that both packages and tuples hold, by set algebra.
both = summary(old, "(referents of Package and referents of tuple) and str")["objects"]
either = summary(old, "(referents of Package xor referents of tuple) and str and referents of Package")["objects"]
n_strings = sum(v[0] for v in truth["identical"].values())
same("algebra", {"all": both + either}, {"all": n_strings})
# The weak table: a reference of its own for each package, which holds the key and not the package.
refs = rows(old, "weakref.KeyedRef and referrers of (tuple and referents of Package)")
same("weak table", {k: v[0] for k, v in refs.items()}, {"weakref.KeyedRef": truth["weak"]})
# By owner, then by way: two levels.
two = summary("--by", "type", "--then", "via", old, "referents of Package")["kinds"]
for k in two:
    if k["then"] is None:
        parts = [p for p in two if p["kind"] == k["kind"] and p["then"] is not None]
        same("then", {"n": sum(p["count"] for p in parts), "size": sum(p["size"] for p in parts)}, {"n": k["count"], "size": k["size"]})
# What would be freed if they went? (domisize) It is more than the sum of each: two share a list.
run = subprocess.run([memscan, "retained", "--json", "--limit", "0", old, "Package"], stdout=subprocess.PIPE, check=True)
freed = json.loads(run.stdout.decode(), strict=False)
same("domisize", {"freed": [freed["retained_count"], freed["retained"]]}, {"freed": truth["domisize"]})
each = {str(int(r["address"], 16)): r["retained"] for r in freed["rows"]}
same("domisize of each", {a: each.get(a) for a in truth["alone"]}, {a: v[1] for a, v in truth["alone"].items()})
same("more than the sum", {"shared": sum(each.values()) < freed["retained"]}, {"shared": True})
# What is new since? (setrelheap)
same("new", {k: v[0] for k, v in rows("--rel", old, dump, "Package").items()}, {"__main__.Package": int(made)})
print("result: %d questions of heapy's tutorial" % 12)
sys.exit(failures > 0)
