"""Compare a dump with what the interpreter said of itself.

    memscan export --format jsonl heap.dump | python3 compare.py NAME TRUTH [INTERPRETER]

Prints one line of percentages, with an INTERPRETER the same figures for worst.py, and on a difference the types it concerns, with examples.
Ends with 1 unless every object of the truth is in the dump with the same type, size
and referents. References that tp_traverse does not report ("hidden") are not compared.
"""
import collections
import json
import sys

EXAMPLES = 3
WORST = 30


def read_truth(path):
    """Type names, and by address (type index, size, referents as text)."""
    types, objects, complete = {}, {}, False
    with open(path, "rb") as f:
        for line in f:
            if line[:1].isdigit():
                address, kind, size, refs = line[:-1].split(b" ", 3)
                objects[int(address)] = (int(kind), int(size), refs)
            elif line.startswith(b"T "):
                _, index, name = line[:-1].split(b" ", 2)
                types[int(index)] = name
            elif line.startswith(b"E"):
                complete = True
            else:
                # A type's name with a line break in it.
                types[max(types)] += b"\n" + line[:-1]
    if not complete or not objects:
        sys.exit("compare.py: %s: the truth is not whole" % path)
    return {i: name.decode("utf-8", "surrogatepass") for i, name in types.items()}, objects


class Differences:
    """Counts by what differs and by type, with the first examples of each."""

    def __init__(self):
        self.total = {}
        self.by_type = {}

    def add(self, what, type_name, text):
        self.total[what] = self.total.get(what, 0) + 1
        entry = self.by_type.setdefault((what, type_name), [0, []])
        entry[0] += 1
        if len(entry[1]) < EXAMPLES:
            entry[1].append(text)

    def show(self):
        worst = sorted(self.by_type.items(), key=lambda item: (-item[1][0], item[0]))
        for (what, type_name), (count, examples) in worst[:WORST]:
            print("%s: %s: %d" % (what, ascii(type_name), count))
            for text in examples:
                print("    " + text)
        if len(worst) > WORST:
            print("and %d more kinds of differences" % (len(worst) - WORST))


def show_refs(refs, names):
    """Referents as hexadecimal addresses with their types: enough to look them up."""
    shown = ["0x%x %s" % (r, names(r)) for r in refs[:6]]
    return "[%s%s]" % (", ".join(shown), ", ..." if len(refs) > 6 else "")


def compare_refs(record, truth_refs, names, note):
    """Note a difference as multisets; true if the order is the same, too."""
    found = [r["to"] for r in record["refs"] if "hidden" not in r]
    if " ".join(map(str, found)).encode("ascii") == truth_refs:
        return True
    expected = [int(r) for r in truth_refs.split()]
    if sorted(found) == sorted(expected):
        return False
    missing = list((collections.Counter(expected) - collections.Counter(found)).elements())
    extra = list((collections.Counter(found) - collections.Counter(expected)).elements())
    note("0x%x: missing %s, too many %s" % (record["address"], show_refs(missing, names), show_refs(extra, names)))
    return False


def percent(good, of):
    """Rounded down: 100% means all."""
    if good == of:
        return "100%"
    return "%.4f%%" % (int(1000000.0 * good / of) / 10000.0)


def main():
    label, truth_path = sys.argv[1:3]
    types, objects = read_truth(truth_path)
    total = len(objects)
    diff = Differences()
    seen = set()
    meta = {}
    same_order = guessed = beyond = hidden = damage = records = 0

    def names(address):
        return types[objects[address][0]] if address in objects else "?"

    for line in sys.stdin.buffer:
        record = json.loads(line)
        kind = record["record"]
        records += 1
        if kind == "damage":
            damage += record["count"]
        if kind == "meta":
            meta[record["key"]] = record["value"]
        if kind != "object":
            continue
        guessed += line.count(b'"guess"')
        hidden += line.count(b'"hidden"')
        address = record["address"]
        truth = objects.get(address)
        if truth is None:
            beyond += 1
            continue
        seen.add(address)
        type_index, size, refs = truth
        name = types[type_index]
        objects_type = record["type"]
        if objects_type != name:
            diff.add("type", name, "0x%x: dump says %s" % (address, ascii(objects_type)))
        if record["size"] != size:
            diff.add("size", name, "0x%x: dump says %d, sys.getsizeof() %d" % (address, record["size"], size))
        if compare_refs(record, refs, names, lambda text: diff.add("referents", name, text)):
            same_order += 1
    for address, (type_index, size, refs) in objects.items():
        if address not in seen:
            diff.add("not found", types[type_index], "0x%x: %d bytes" % (address, size))

    def good(what):
        return percent(len(seen) - diff.total.get(what, 0), total)

    print("result: %s: %d objects: found %s, type %s, size %s, referents %s (same order %s); "
          "guessed %d, hidden %d, beyond %d, damage %d"
          % (label, total, percent(len(seen), total), good("type"), good("size"), good("referents"), percent(same_order, total),
             guessed, hidden, beyond, damage))
    if len(sys.argv) > 3:
        print("figures: " + json.dumps({
            "interpreter": sys.argv[3], "version": meta.get("python", "?"), "flavour": meta.get("flavour", "?"),
            "objects": total, "found": len(seen), "type": len(seen) - diff.total.get("type", 0),
            "size": len(seen) - diff.total.get("size", 0), "referents": len(seen) - diff.total.get("referents", 0),
            "beyond": beyond, "guesses": guessed, "damage": damage}))
    diff.show()
    if damage > 0:
        print("damage in a sound heap")
    sys.exit(1 if diff.total or damage > 0 or records == 0 else 0)


if __name__ == "__main__":
    main()
