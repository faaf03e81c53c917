"""Objects that several processes have in common: `memscan info` against the processes themselves.

    python3 family-compare.py TRUTH INFO.json JSONL PID [JSONL PID ...]

INFO is of all dumps, JSONL the export of each. Looks for the common objects in two more ways: in the exports, which gives the
number that memscan must have found, and in what the processes wrote (TRUTH.PID, TRUTH.PID.values): of every object
that all of them know both must say the same. So must they of each process and its parent.
"""
import json
import sys

from compare import read_truth

# What an object is, rather than what is known of its use.
CONTENT = ("type", "size", "len", "value_kind", "value", "cut", "buffer", "refs")


def read_dump(path):
    """By address: all that must be the same, as text; and the references that CPython does not show."""
    found, hidden = {}, set()
    with open(path) as f:
        for line in f:
            record = json.loads(line)
            if record["record"] == "object":
                digest = (record.get("notes") or {}).get("digest")
                found[record["address"]] = json.dumps([digest] + [record.get(k) for k in CONTENT])
                if '"hidden"' in line:
                    hidden.add(record["address"])
    return found, hidden


def read_process(path):
    """By address: type, size, referents and, of a constant, a checksum."""
    types, objects = read_truth(path)
    with open(path + ".values") as f:
        values = dict(map(int, line.split()) for line in f)
    return {a: (types[t], size, refs, values.get(a)) for a, (t, size, refs) in objects.items()}


def common(heaps):
    """Addresses at which all have the same."""
    first = heaps[0]
    return {a for a, what in first.items() if all(h.get(a) == what for h in heaps[1:])}


def judge(name, said, dumps, truths, hidden):
    found, known = common(dumps), common(truths)
    everywhere = set(truths[0]).intersection(*truths[1:])
    # What is hidden may differ where all that a process sees of its objects does not.
    more = {a for a in found & everywhere if a not in known}
    less = {a for a in known if a not in found and a not in hidden}
    print("result: %s: %d objects are the same; of %d that all know, by their own account %d, by the dumps %d"
          % (name, said, len(everywhere), len(known), len(found & everywhere)))
    for what, addresses in (("are the same in the dumps alone", more), ("differ in the dumps alone", less)):
        for a in sorted(addresses)[:3]:
            print("FAIL: objects that %s: 0x%x %r" % (what, a, [t[a] for t in truths]))
            print("    " + "\n    ".join(d.get(a, "?")[:500] for d in dumps))
    if said != len(found):
        print("FAIL: memscan found %d, not %d" % (said, len(found)))
    if len(known) < len(truths[0]) // 2 or len(known) == len(truths[0]):
        print("FAIL: they have hardly anything in common, or everything: this is no test")
        return False
    return said == len(found) and not more and not less


def main():
    truth, info_path = sys.argv[1:3]
    with open(info_path) as f:
        info = json.load(f)
    dumps, truths, hidden = {}, {}, set()
    for path, pid in zip(sys.argv[3::2], sys.argv[4::2]):
        dumps[int(pid)], more = read_dump(path)
        hidden |= more
        truths[int(pid)] = read_process("%s.%s" % (truth, pid))
    ok = judge("all", info["same"], list(dumps.values()), list(truths.values()), hidden)
    rows = {row["pid"]: row for row in info["processes"]}
    if set(rows) != set(dumps) or any(rows[pid]["objects"] != len(dumps[pid]) for pid in rows):
        print("FAIL: other processes, or other objects, than those exported")
        ok = False
    for pid, row in rows.items():
        above = row["parent"]
        if (above in rows) != (row["as_parent"] is not None):
            print("FAIL: process %d: as_parent %r" % (pid, row["as_parent"]))
            ok = False
        if above in rows:
            ok &= judge("%d and its parent" % pid, row["as_parent"], [dumps[above], dumps[pid]],
                        [truths[above], truths[pid]], hidden)
        if not 0 < row["own"] < row["pss"] < row["rss"]:
            print("FAIL: process %d: own %d, proportional %d, resident %d" % (pid, row["own"], row["pss"], row["rss"]))
            ok = False
    sys.exit(not ok)


main()
