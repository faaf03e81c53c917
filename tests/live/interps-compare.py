"""Whose is each object, and in which generation of the collector? Compares a dump with what each interpreter of
subint.py said of itself.

    memscan export --format jsonl heap.dump | python3 subint-compare.py NAME TRUTH N

Interpreters 0 to N wrote TRUTH.i and TRUTH.i.own. What is on an interpreter's own list is that interpreter's; where one collector
serves all (to 3.8), the lists do not tell, but what is private to each is its own all the same.
"""
import gc
import json
import sys

gc.disable()  # It would go through all that has been read again and again.


def read_own(path):
    """Generations by address, and what is private. A single line is of a release that does not tell generations.

    What is in one account of an interpreter only was there for the sake of telling.
    """
    with open(path, "rb") as f:
        known = {int(line.split(b" ", 1)[0]) for line in f if line[:1].isdigit()}
    with open(path + ".own") as f:
        *lists, private = [line.split() for line in f]
    tells = len(lists) > 1
    tracked = {int(a): generation if tells else None for generation, *of in lists for a in of}
    both = {a: generation for a, generation in tracked.items() if a in known}
    if len(both) < len(tracked) - 10:
        sys.exit("interps-compare.py: %s: the accounts differ in %d objects" % (path, len(tracked) - len(both)))
    return both, [int(a) for a in private[1:]]


def read_dump(lines):
    objects, interps, others = {}, [], []
    for line in lines:
        record = json.loads(line)
        if record["record"] == "object":
            del record["refs"]
            objects[record["address"]] = record
        elif record["record"] == "interpreter":
            interps.append(record["interpreter"])
        elif "interpreter" in record:
            others.append(record["interpreter"])
    return objects, interps, others


def main():
    label, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    every = list(range(count + 1))
    own = [read_own("%s.%d" % (path, i)) for i in every]
    objects, interps, others = read_dump(sys.stdin.buffer)
    is_shared = set(own[0][0]) & set(own[1][1]) != set()
    has_generations = any("generation" in o for o in objects.values())
    counts = {"interpreter": 0, "generation": 0}
    wrong = []

    def expect(address, key, expected):
        record = objects.get(address, {})
        counts[key] += 1
        if record.get(key) != expected:
            wrong.append("0x%x %s: %s is %r, not %r" % (address, record.get("type"), key, record.get(key), expected))

    for i, (tracked, private) in enumerate(own):
        for address in private if is_shared else [*tracked, *private]:
            expect(address, "interpreter", i)
        for address, generation in tracked.items():
            if has_generations and generation is not None:
                expect(address, "generation", generation)
    shared = unknown = 0
    for o in objects.values():
        shared += "shared" in o
        unknown += "shared" not in o and "interpreter" not in o
        if ("static" in o["flags"]) > ("shared" in o):
            wrong.append("0x%x %s lies in a library, and is somebody's" % (o["address"], o["type"]))
        if has_generations and ("tracked" in o["flags"]) != ("generation" in o):
            wrong.append("0x%x %s: tracked and generation disagree" % (o["address"], o["type"]))
    if interps != every or set(others) != set(every):
        wrong.append("interpreters %r, named %r" % (interps, sorted(set(others))))
    if not counts["interpreter"] or not shared or unknown > len(objects) / 100:
        wrong.append("too little was compared")
    print("result: %s: %d interpreters: of %d objects %d are shared, %d of unknown owner; compared %d owners, %d generations: %d wrong"
          % (label, len(interps), len(objects), shared, unknown, counts["interpreter"], counts["generation"], len(wrong)))
    for text in wrong[:20]:
        print("    " + text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
