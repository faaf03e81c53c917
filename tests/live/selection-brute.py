"""Selections against loops over the exported dump: selection-brute.py MEMSCAN DUMP JSONL OLD OLD-JSONL."""
import fnmatch
import json
import random
import re
import subprocess
import sys

memscan, dump, jsonl, old, old_jsonl = sys.argv[1:]
failures = 0


def load(path):
    objects, roots, types = {}, [], {}
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            r = json.loads(line)
            if r["record"] == "object":
                objects[r["address"]] = r
            elif r["record"] == "root":
                roots.append(r)
            elif r["record"] == "type":
                bare = r["module"] in ("", "builtins")
                types[r["name"] if bare else r["module"] + "." + r["name"]] = r
    return objects, roots, types


O, ROOTS, TYPES = load(jsonl)
ALL = frozenset(O)


def edges(o):
    """References that a selection counts."""
    return [r for r in o["refs"] if r["kind"] != "weak" and not (r["kind"] == "type" and r.get("hidden"))]


OUT = {a: {r["to"] for r in edges(o)} for a, o in O.items()}
IN = {}
for a, tos in OUT.items():
    for to in tos:
        IN.setdefault(to, set()).add(a)


def where(test):
    return frozenset(a for a, o in O.items() if test(o))


def referents(s):
    return frozenset().union(*(OUT[a] for a in s)) if s else frozenset()


def referrers(s):
    return frozenset(f for a in s for f in IN.get(a, ()))


def reachable(s):
    seen, todo = set(s), list(s)
    while todo:
        for to in OUT[todo.pop()]:
            if to not in seen:
                seen.add(to)
                todo.append(to)
    return frozenset(seen)


def dict_of(types, s):
    return frozenset(r["to"] for a in s for r in O[a]["refs"] if r["kind"] == "dict") & types


def of_type(pattern):
    names = [n for n in TYPES if fnmatch.fnmatchcase(n, pattern)]
    if not names:
        names = [n for n, t in TYPES.items() if fnmatch.fnmatchcase(t["name"], pattern)]
    return where(lambda o: o["type"] in names)


def is_text(o):
    return o.get("value_kind") in ("str", "bytes", "name", "text")


def attrs(o, name):
    """Objects that are its attribute of that name."""
    found = []
    for r in o["refs"]:
        if r["kind"] in ("attribute", "slot") and r.get("name") == name:
            found.append(O[r["to"]])
        if r["kind"] == "dict":
            found += keys(O[r["to"]], name)
    return found


def keys(o, name):
    found, before = [], None
    for r in o["refs"]:
        if r["kind"] == "dict-value" and before is not None and before["kind"] == "dict-key":
            key = O[before["to"]]
            if key.get("value_kind") in ("str", "bytes") and key["value"] == name and not key.get("cut"):
                found.append(O[r["to"]])
        before = r
    return found


def equal_text(o, text):
    return is_text(o) and o["value"] == text and not o.get("cut")


def number(o):
    if o.get("value_kind") not in ("int", "float") or o.get("cut"):
        return None
    text = o["value"]  # what JSON cannot hold exactly is a text: 0x.., nan
    return (int(text, 16) if "0x" in text else float(text)) if isinstance(text, str) else text


def over(o, n):
    return number(o) is not None and number(o) > n


def value_text(o):
    return str(o["value"]) if is_text(o) else ""


GROUND = [
    ("dict", of_type("dict")),
    ("Named", of_type("Named")),
    ("__main__.Na*", of_type("__main__.Na*")),
    ("__main__.*", of_type("__main__.*")),
    ('"str"', of_type("str")),
    ("s?t", of_type("s?t")),
    ("[st]*", of_type("[st]*")),
    ("no.such.type", frozenset()),
    ("all", ALL),
    ("*", ALL),
    ("size > 1K", where(lambda o: o["size"] > 1024)),
    ("size <= 64", where(lambda o: o["size"] <= 64)),
    ("size != 0x38", where(lambda o: o["size"] != 56)),
    ("refcount > 100", where(lambda o: o["refcount"] > 100)),
    ("refcount = 1", where(lambda o: o["refcount"] == 1)),
    ("len == 0", where(lambda o: o.get("len") == 0)),
    ("len != 0", where(lambda o: o.get("len", 0) != 0)),
    ("len >= 300", where(lambda o: o.get("len", 0) >= 300)),
    ("references >= 5", where(lambda o: len(o["refs"]) >= 5)),
    ("buffer > 0", where(lambda o: o.get("buffer", {}).get("owned", False) and o["buffer"]["bytes"] > 0)),
    ("tracked", where(lambda o: "tracked" in o["flags"])),
    ("gc", where(lambda o: "gc" in o["flags"])),
    ("immortal", where(lambda o: "immortal" in o["flags"])),
    ("static", where(lambda o: "static" in o["flags"])),
    ("interned", where(lambda o: "interned" in o["flags"])),
    ("guessed", where(lambda o: "guessed" in o["flags"])),
    ("owned", frozenset(r["to"] for o in O.values() for r in o["refs"] if r["kind"] == "dict")),
    ("rooted", frozenset(r["to"] for r in ROOTS if r["kind"] not in ("tracked", "interned", "word"))),
    ('type == "__main__.Sub"', of_type("__main__.Sub")),
    ("type != dict", ALL - of_type("dict")),
    ('type ~ "^d.*t$"', where(lambda o: re.search("^d.*t$", o["type"]))),
    ("module == __main__", where(lambda o: TYPES[o["type"]]["module"] == "__main__")),
    ('module !~ "^(builtins|__main__)$"', where(lambda o: not re.search("^(builtins|__main__)$", TYPES[o["type"]]["module"]))),
    ('value == "name-7"', where(lambda o: equal_text(o, "name-7"))),
    ('str and value ~ "^(name|slot)-1[0-9]?$"', of_type("str") & where(lambda o: re.search("^(name|slot)-1[0-9]?$", value_text(o)))),
    (r"""value == 'text "7" \\ """ + "\x1b[31m'", where(lambda o: equal_text(o, 'text "7" \\ \x1b[31m'))),
    ("value > 1.5", where(lambda o: over(o, 1.5))),
    ("int and value == 20", of_type("int") & where(lambda o: number(o) == 20)),
    ("value == -1", where(lambda o: number(o) == -1)),
    ("attr.name", where(lambda o: attrs(o, "name"))),
    ("attr.extra", where(lambda o: attrs(o, "extra"))),
    ("Named and attr.extra == None", of_type("Named") & where(lambda o: any(v["type"] == "NoneType" for v in attrs(o, "extra")))),
    ('attr.name == "name-12"', where(lambda o: any(equal_text(v, "name-12") for v in attrs(o, "name")))),
    ('attr.name ~ "1$"', where(lambda o: any(re.search("1$", value_text(v)) for v in attrs(o, "name")))),
    ("Named and attr.age >= 18", of_type("Named") & where(lambda o: any((number(v) or 0) >= 18 for v in attrs(o, "age")))),
    ("key.a", where(lambda o: keys(o, "a"))),
    ('key."key with blanks" > 2', where(lambda o: any(over(v, 2) for v in keys(o, "key with blanks")))),
    ("key.a < 5", where(lambda o: any(number(v) is not None and number(v) < 5 for v in keys(o, "a")))),
    ("referents of Named", referents(of_type("Named"))),
    ("referrers of Slotted", referrers(of_type("Slotted"))),
    ("reachable from Slotted", reachable(of_type("Slotted"))),
    ("dict of Sub", dict_of(of_type("dict"), of_type("Sub"))),
    ("dict of (Sub or type)", dict_of(of_type("dict"), of_type("Sub") | of_type("type"))),
]
some = random.Random(7)
for a in some.sample(sorted(O), 5):
    GROUND.append((hex(a), frozenset([a])))


def found(args, field="address"):
    run = subprocess.run([memscan, "find", "--json"] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        return run.stderr.decode(errors="replace")
    answer = json.loads(run.stdout.decode(), strict=False)
    assert answer["count"] == len(answer["objects"])
    return frozenset(int(o[field], 16) for o in answer["objects"])


def check(args, expected):
    global failures
    got = found(args)
    if got == expected:
        return
    failures += 1
    print("differs:", args[1:])
    if isinstance(got, str):
        print("  ", got)
        return
    for a in sorted(got - expected)[:3]:
        print("   not expected:", O[a]["type"], str(O[a].get("value"))[:80])
    for a in sorted(expected - got)[:3]:
        print("   not found:", O[a]["type"], str(O[a].get("value"))[:80])


# How tightly operators bind: the least first.
SUM, PRODUCT, FACTOR, PRIMARY = range(4)


def grow(depth):
    """A random expression: its text, how tightly its outermost operator binds, the set."""
    if depth == 0:
        text, s = some.choice(GROUND)
        compound = " and " in text
        return text, PRODUCT if compound else PRIMARY, s
    op = some.choice(["and", "or", "minus", "xor", "not", "referents of", "referrers of", "reachable from", "()"])

    def operand(level, depth=depth - 1):
        text, has, s = grow(depth)
        return ("(" + text + ")" if has < level else text), s

    if op == "()":
        text, _, s = grow(depth - 1)
        return "( " + text + " )", PRIMARY, s
    if op == "not":
        text, s = operand(FACTOR)
        return some.choice(["not ", "!"]) + text, FACTOR, ALL - s
    if op.endswith(("of", "from")):
        text, s = operand(PRIMARY)
        f = {"referents of": referents, "referrers of": referrers, "reachable from": reachable}[op]
        return op + " " + text, PRIMARY, f(s)
    # Of equals, the left one goes first.
    left, a = operand(PRODUCT if op == "and" else SUM)
    right, b = operand(FACTOR if op == "and" else PRODUCT)
    sign = {"and": "&", "or": "|", "xor": "^", "minus": "minus"}[op]
    s = {"and": a & b, "or": a | b, "minus": a - b, "xor": a ^ b}[op]
    return left + " " + some.choice([op, sign]) + " " + right, PRODUCT if op == "and" else SUM, s


n = 0
for text, expected in GROUND:
    check([dump, text], expected)
    n += 1
for _ in range(100):
    text, _, expected = grow(some.randrange(1, 5))
    check([dump] + (text.split(" ") if not re.search("[\"'-]", text) and some.random() < 0.3 else [text]), expected)
    n += 1

# What an older dump has, too.
THEN = load(old_jsonl)[0]
CONSTANT = ("str", "bytes", "int", "float", "bool")


def is_new(o):
    was = THEN.get(o["address"])
    if was is None or was["type"] != o["type"]:
        return True
    k, l = o.get("value_kind"), was.get("value_kind")
    if k is None or l is None:
        return False
    if k != l:
        return True
    return k in CONSTANT and (o["value"], o.get("len"), o.get("cut")) != (was["value"], was.get("len"), was.get("cut"))


NEW = where(is_new)
made = [a for a in of_type("Named") if any((number(v) or 0) >= 1000 for v in attrs(O[a], "age"))]
if len(made) != 25 or not NEW.issuperset(made):
    failures += 1
    print("the oracle does not see the new objects:", len(made), len(NEW))
check([dump, "--rel", old, "all"], NEW)
check([dump, "--rel", old, "Named"], NEW & of_type("Named"))
check([dump, "--rel", old, "referents of (not new)"], referents(ALL - NEW) & NEW)
check([dump, "all", "--rel", dump], frozenset())


# The largest.
def top(by, *sel):
    run = subprocess.run([memscan, "top", "--json", "--limit", "0", "--by", by, dump] + list(sel), stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout.decode(), strict=False)["objects"]


def owned(o):
    return o["buffer"]["bytes"] if o.get("buffer", {}).get("owned") else 0


BYTES = {
    "size": lambda o: o["size"],
    "buffer": owned,
    "both": lambda o: o["size"] + (0 if o.get("buffer", {}).get("in_size") else owned(o)),
}
place = {a: i for i, a in enumerate(O)}
for by, f in sorted(BYTES.items()):
    for sel, of in (("all", ALL), ("dict or Slotted", of_type("dict") | of_type("Slotted"))):
        got = [int(o["address"], 16) for o in top(by, sel)]
        if got != sorted(of, key=lambda a: (-f(O[a]), place[a])):
            failures += 1
            print("top --by %s %s differs" % (by, sel))
retained = top("retained")
if sorted((-o["retained"], place[int(o["address"], 16)]) for o in retained) != [(-o["retained"], place[int(o["address"], 16)]) for o in retained]:
    failures += 1
    print("top --by retained is not in order")
check([dump, "retained > 4000 and tracked"], frozenset(int(o["address"], 16) for o in retained if o["retained"] > 4000) & where(lambda o: "tracked" in o["flags"]))
print("result: %d selections of %d objects, %d new ones" % (n + 12, len(O), len(NEW)))
sys.exit(failures > 0)
