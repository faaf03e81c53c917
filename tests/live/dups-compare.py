"""What dups and waste say against what the target said: dups-compare.py ANSWERS DUPS WASTE."""
import json
import sys

truth, dups, waste = [json.load(open(path)) for path in sys.argv[1:]]
wrong = []


def check(what, have, want):
    if have != want:
        wrong.append("%s: %r, not %r" % (what, have, want))


def figures(row):
    return [row["count"], row["size"], row["saved"]]


# Values: the row whose example is one of the objects.
rows = {int(row["address"], 16): row for row in dups["values"]}
holders = {"packages": "dict (no owner) ['cpv']", "tuples": "list [*]", "inner": "tuple [*]", "floats": "list [*]"}
for name, (ids, want) in sorted(truth["values"].items()):
    found = [rows[i] for i in ids if i in rows]
    check(name, [figures(row) for row in found], [want])
    for row in found:
        # Where no table describes a tuple of this release, its parts have no names.
        if not (row["holder"] or "").startswith("tuple +"):
            check(name + " held by", (row["holder"].replace("[b'", "['"), row["held"]), (holders.get(name, "list [*]"), want[0]))
        check(name + " by digest", row["by_digest"], name in ("same", "other", "raw5", "raw6", "huge"))
check("tuples of lists", [i for i in truth["lists"] if i in rows], [])
check("nan", [row["value"] for row in dups["values"] if row["value"] == "nan"], [])
for table in ("values", "types"):
    check(table + " in all", sum(row["saved"] for row in dups[table]), dups["saved"])
    check(table + " counted", sum(row["count"] for row in dups[table]), dups["count"])
saved = [row["saved"] for row in dups["values"]]
check("order", saved, sorted(saved, reverse=True))

# Shapes.
shapes = [row for row in dups["shapes"] if sorted(row["shape"].strip("{}").split(", ")) in (
    ["name", "owner", "size"], ["b'name'", "b'owner'", "b'size'"])]
check("records", [figures(row) for row in shapes], [truth["records"]])

# Waste.
places = {}
for row in waste["places"]:
    places.setdefault(int(row["address"], 16), {})[row["waste"]] = row["bytes"]
for name, (i, want) in sorted(truth["waste"].items()):
    check(name, places.get(i), want or None)
for name, (ids, want) in sorted(truth["many"].items()):
    check(name, [places.get(i) for i in ids], [want or None] * len(ids))
check("waste in all", (sum(row["bytes"] for row in waste["kinds"]), sum(row["bytes"] for row in waste["places"])),
      (waste["bytes"], waste["bytes"]))
print("\n".join(wrong))
sys.exit(len(wrong) != 0)
