"""See that `memscan info -v --json` says what an interpreter says of itself: told.py VERIFY INFO

VERIFY is what tests/interpreters/verify.py printed in it.
"""
import json
import sys

FLAVOURS = {"nogil": "free-threaded", "debug": "debug", "tracerefs": "trace-refs"}
SOURCES = ("debug information", "_Py_DebugOffsets", "embedded table", "table file")


def main():
    with open(sys.argv[1]) as f:
        own = dict(line.rstrip("\n").split("=", 1) for line in f)
    with open(sys.argv[2]) as f:
        info = json.load(f)
    is_musl = own["flavour"] == "musl"
    wanted = {
        "python": own["version"],
        "flavour": FLAVOURS.get(own["flavour"], "release"),
        "compiler": own["compiler"],
    }
    wrong = ["%s: info says %r, the interpreter %r" % (key, info[key], value)
             for key, value in wanted.items() if info[key] != value]
    if not info["machine"].startswith(own["bits"] + "-bit "):
        wrong.append("machine: info says %r, the interpreter %s bits" % (info["machine"], own["bits"]))
    # One that is linked statically asks for no loader.
    if (info["libc"] == "musl") != is_musl or info["libc"] not in ("musl", "glibc", "", None):
        wrong.append("libc: info says %r, and the flavour is %s" % (info["libc"], own["flavour"]))
    if not info["offsets"]:
        wrong.append("info does not say where the offsets came from")
    offsets = info["offset_sources"]
    wrong += ["%s: %s" % (o["field"], o["source"]) for o in offsets if not o["source"].endswith(SOURCES)]
    if len(offsets) < 100:
        wrong.append("only %d offsets have a source" % len(offsets))
    print("told: %(python)s, %(flavour)s, %(machine)s, %(compiler)s, %(libc)s, %(offsets)s" % info)
    for line in wrong:
        print("    " + line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
