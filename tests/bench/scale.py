"""How a dump's cost grows: the mixed heap at several sizes, with the exponent of each step, and heaps that are
extreme in one way. Prints the table of RESULTS.md; nothing passes or fails but a dump that does not succeed.

    scale.py [mixed:OBJECTS | KIND:N]...     PYTHON names the interpreter, THREADS what --threads gets

A row costs as much memory as its heap and the copy; one that does not fit MemAvailable is left out, and said.
"""
import json
import math
import os
import re
import subprocess
import sys
import tempfile

MIXED = [100000, 1000000, 5000000, 20000000]
EXTREME = ["references:100000000", "text:4000000000", "types:200000", "threads:10000", "mappings:60000",
           "chain:20000000", "keys:10000000"]
# Bytes of the target for each N, roughly, to see beforehand what fits.
BYTES = {"mixed": 105, "references": 8, "text": 1, "bytes": 1, "types": 2600, "threads": 20000, "mappings": 4096,
         "chain": 50, "keys": 100}


def available():
    with open("/proc/meminfo") as f:
        return int(re.search(r"MemAvailable:\s+(\d+)", f.read()).group(1)) * 1024


def start(python, kind, n):
    script = ["tests/bench/heap.py"] if kind == "mixed" else ["tests/bench/extremes.py", kind]
    allow = os.path.join(os.environ.get("BUILD", "build/release"), "tests/live/allow")
    command = ([allow] if os.path.exists(allow) else []) + [python, "-S"] + script + [str(n)]
    target = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    if target.stdout.readline() != b"ready\n":
        sys.exit("scale.py: %s:%d did not get ready" % (kind, n))
    return target


def measure(memscan, target, dump):
    """One dump; the figures of `info`, and the processor time from the copy to the file, in seconds."""
    command = [memscan, "-v", "--force", "--pid", str(target.pid), "-o", dump] + os.environ.get("OPTIONS", "").split()
    if os.environ.get("THREADS"):
        command += ["--threads", os.environ["THREADS"]]
    p = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = p.stderr.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = status
    if status != 0:
        sys.exit("scale.py: wait status %d: %s" % (status, said))
    info = json.loads(subprocess.check_output([memscan, "info", "--json", dump]))
    number, unit = re.search(r"\(([\d.]+) (\S+) of processors", said).groups()
    info["cpu"] = float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]
    info["own"] = usage.ru_maxrss * 1024 - info["copy_bytes"]
    return info


def row(memscan, python, kind, n, dump):
    need = 2.4 * BYTES[kind] * n
    if need > available():
        print("| %s | %d | left out: it takes some %.0f GB of memory |" % (kind, n, need / 1e9), flush=True)
        return None
    target = start(python, kind, n)
    try:
        runs = [measure(memscan, target, dump) for i in range(3 if n * BYTES[kind] < 2e8 else 1)]
    finally:
        target.stdin.close()
        target.wait()
    best = min(runs, key=lambda r: r["cpu"])
    objects = best["objects"]
    print("| %s | %d | %d | %d | %.3f | %.2f | %.0f | %.1f | %.1f | %.1f | %d |" % (
        kind, n, objects, best["references"], best["cpu"], objects / best["cpu"] / 1e6, best["own"] / 1e6,
        best["own"] / objects, best["file_bytes"] / 1e6, best["pause_ns"] / 1e6, best["damage"]), flush=True)
    return objects, best["cpu"]


def main():
    memscan = os.environ.get("MEMSCAN", "build/memscan")
    python = os.environ.get("PYTHON", "/usr/bin/python3")
    wanted = sys.argv[1:] or ["mixed:%d" % n for n in MIXED] + EXTREME
    print("| heap | N | objects | references | s of processors | M objects/s | own MB | own bytes/object | file MB | held ms | damage |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    steps = []
    with tempfile.TemporaryDirectory() as directory:
        for what in wanted:
            kind, n = what.split(":")
            got = row(memscan, python, kind, int(n), os.path.join(directory, "dump"))
            if kind == "mixed" and got is not None:
                steps.append(got)
    for (n0, t0), (n1, t1) in zip(steps, steps[1:]):
        print("\nmixed, %d to %d objects: time grows with exponent %.2f" % (n0, n1, math.log(t1 / t0) / math.log(n1 / n0)))


if __name__ == "__main__":
    main()
