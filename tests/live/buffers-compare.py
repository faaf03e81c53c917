"""Compare the buffers of a dump with what the target, buffers.py, said of them.

    memscan export --format jsonl heap.dump | python3 buffers-compare.py ACCOUNT SUMMARY

SUMMARY is what `memscan summary --json` says of the same dump: its sums must be those of the records. No byte may be
owned twice. Ends with 1 on any difference.
"""
import json
import sys

failures = 0


def fail(text):
    global failures
    failures += 1
    if failures <= 40:
        print("FAIL: " + text)


def compare(entry, record, records):
    where = "%s at 0x%x" % (entry["what"], entry["object"])
    if record is None:
        return fail("%s: not in the dump" % where)
    b = record.get("buffer")
    if "nothing" in entry:
        return fail("%s: has a buffer: %s" % (where, b)) if b is not None else None
    if b is None:
        return fail("%s: no buffer" % where)
    for key in ("address", "length", "bytes", "owned", "in_size", "mapped", "owner", "description"):
        if key not in entry and key not in ("mapped", "owner"):
            continue
        want = entry.get(key, False if key == "mapped" else None)
        if b.get(key) != want:
            fail("%s: %s is %s, not %s" % (where, key, b.get(key), want))
    # The size is the object's own, and has the buffer or has it not: a record cannot say both.
    if b["in_size"] and record["size"] < b["length"]:
        fail("%s: a size of %d cannot have %d bytes in it" % (where, record["size"], b["length"]))
    for name, to in entry.get("refs", ()):
        if not any(r.get("name") == name and r["to"] == to and r.get("hidden") for r in record["refs"]):
            fail("%s: no hidden reference .%s to 0x%x" % (where, name, to))


def no_byte_twice(records):
    spans = sorted((b["address"], b["address"] + b["length"], r["address"]) for r in records.values()
                   for b in [r.get("buffer")] if b and b["owned"] and b["length"])
    for (_, end, one), (start, _, other) in zip(spans, spans[1:]):
        if start < end:
            fail("0x%x and 0x%x both own 0x%x" % (one, other, start))
    return len(spans)


def main():
    records = {}
    for line in sys.stdin:
        record = json.loads(line)
        if record["record"] == "object":
            records[record["address"]] = record
    checked, absent, held = 0, [], []
    with open(sys.argv[1]) as f:
        for entry in map(json.loads, f):
            if "absent" in entry:
                absent.append(entry["absent"])
            elif "held" in entry:
                held = entry["held"]
            else:
                checked += 1
                compare(entry, records.get(entry["object"]), records)
    lost = [a for a in held if records.get(a, {}).get("type") != "__main__.Held"]
    if lost:
        fail("%d of %d objects that only arrays hold are missing, 0x%x first" % (len(lost), len(held), lost[0]))
    reached = {r["to"] for record in records.values() if record["type"].startswith("numpy.") for r in record["refs"] if r["kind"] == "index"}
    if not reached.issuperset(held):
        fail("no array refers to %d of the objects that only arrays hold" % len(set(held) - reached))

    n_owned = no_byte_twice(records)
    beside = sum(r["buffer"]["bytes"] for r in records.values()
                 if "buffer" in r and r["buffer"]["owned"] and not r["buffer"]["in_size"])
    with open(sys.argv[2]) as f:
        summary = json.load(f)
    if summary["buffers"] != beside or sum(k["buffers"] for k in summary["kinds"]) != beside:
        fail("the summary has %d bytes in buffers, the records %d" % (summary["buffers"], beside))
    print("result: %d objects with or without buffers as they say; %d own memory; %d held by arrays alone%s"
          % (checked, n_owned, len(held), "; not installed: " + ", ".join(absent) if absent else ""))
    sys.exit(1 if failures or checked < 60 else 0)


main()
