"""Compare the stacks that memscan prints with what the interpreter said of itself (stacks.py).

    python3 stacks-compare.py NAME TRUTH THREADS.json DUMP.jsonl GIL

GIL: "spin" if the thread of that name holds the GIL, "none" if there is no GIL.
"""
import json
import sys


def read_truth(path):
    """Threads as (ident, name, native id, [frame]), frames as [function, file, line, {variable}]; generators."""
    threads, generators, variables, complete = [], {}, None, False
    for line in open(path, encoding="utf-8"):
        fields = line.rstrip("\n").split("\t")
        if fields[0] == "thread":
            # 2.7 says so of a C long.
            ident = int(fields[1])
            threads.append((ident & 0xffffffff if -2 ** 31 <= ident < 0 else ident, fields[2], fields[3], []))
        elif fields[0] == "frame":
            variables = {}
            threads[-1][3].append([fields[1], fields[2], int(fields[3]), variables])
        elif fields[0] == "generator":
            variables = generators[int(fields[1])] = {}
        elif fields[0] == "local":
            variables[fields[1]] = (int(fields[2]), fields[3], fields[4])
        complete = fields[0] == "end"
    if not complete:
        sys.exit("%s: the truth is not whole" % path)
    return threads, generators


class Verdict:
    def __init__(self):
        self.compared = self.frames = self.bad = 0

    def same(self, what, found, expected):
        self.compared += 1
        if found != expected:
            self.bad += 1
            if self.bad <= 30:
                print("%s: found %s, expected %s" % (what, ascii(found), ascii(expected)))


def bare(text, type_name):
    """A value without its quotes (a str of 2.7 is shown as bytes), or an int out of its form."""
    if type_name in ("int", "long"):
        return int(text.rstrip("L"), 0)
    if type_name == "str":
        return text.lstrip("b")[1:-1]
    return text


def compare_locals(v, where, found, expected):
    """
    Python fills f_locals of a class body with cells when it is asked for it: those names are left out; as is "request",
    which it does not show there because it is a variable of the function around it.
    """
    skip = {"__class__", "__classdict__"} | ({"request"} if "Unfinished" in where else set())
    v.same(where + ": names", sorted(set(found) - skip), sorted(set(expected) - skip))
    for name in set(found) & set(expected) - skip:
        address, type_name, text = expected[name]
        here = "%s: %s" % (where, name)
        v.same(here + ": address", int(found[name]["address"], 16), address)
        v.same(here + ": type", found[name]["type"].split(".")[-1], type_name)
        if text and type_name in ("int", "long", "float", "str", "bool"):
            v.same(here + ": value", bare(found[name]["value"], type_name), bare(text, type_name))


def compare_threads(v, truth, dump, gil):
    rows = {(t["ident"], t["name"]): t for t in dump["threads"]}
    for ident, name, native, frames in truth:
        row = rows.get((ident, name))
        v.same("%s: there" % name, row is not None, True)
        if row is None:
            continue
        if native not in ("", "None"):
            v.same(name + ": native id", row["native_id"], int(native))
        v.same(name + ": GIL", row["holds_gil"], None if gil == "none" else name == gil)
        found = [f for f in dump["frames"] if f["thread"] == row["thread"]]
        v.same(name + ": depth", len(found), len(frames))
        by_frame = {}
        for l in dump["locals"]:
            if l["thread"] == row["thread"]:
                by_frame.setdefault(l["frame"], {})[l["name"]] = l
        for i, ((function, file, line, variables), f) in enumerate(zip(frames, found)):
            where = "%s: frame %d (%s)" % (name, i, function)
            v.frames += 1
            v.same(where, (f["function"], f["file"], f["line"]), (function, file, line))
            compare_locals(v, where, by_frame.get(i, {}), variables)
    main = [t for t in dump["threads"] if t["name"] == "MainThread"]
    v.same("main threads", len(main), 1)
    if main:
        functions = [f["function"] for f in dump["frames"] if f["thread"] == main[0]["thread"]]
        v.same("main thread", functions[-2:], ["main", "<module>"])


def compare_generators(v, generators, path):
    """Names and addresses; a variable that is shared is in a cell."""
    cells = {}
    records = {}
    for line in open(path, encoding="utf-8", errors="surrogateescape"):
        record = json.loads(line)
        if record["record"] != "object":
            continue
        if record["address"] in generators:
            records[record["address"]] = record
        if record["type"].split(".")[-1] == "cell":
            cells[record["address"]] = record["refs"]
    v.same("generators", sorted(records), sorted(generators))
    for address, record in records.items():
        found = {}
        for r in record["refs"]:
            if r["kind"] == "local":
                inside = [c["to"] for c in cells.get(r["to"], [])]
                found[r["name"]] = inside[0] if inside else r["to"]
        expected = {name: x[0] for name, x in generators[address].items()}
        v.same("generator 0x%x" % address, found, expected)


def main():
    name, truth_path, threads_path, dump_path, gil = sys.argv[1:]
    threads, generators = read_truth(truth_path)
    v = Verdict()
    compare_threads(v, threads, json.load(open(threads_path, encoding="utf-8")), gil)
    compare_generators(v, generators, dump_path)
    print("result: %s: %d threads, %d frames, %d facts compared, %d wrong" % (name, len(threads), v.frames, v.compared, v.bad))
    sys.exit(v.bad != 0 or v.frames < 500)


if __name__ == "__main__":
    main()
