"""How long the target is held, as it sees it itself, against what it could be at best and what others do.

Set against, in the same run: a raw copy of the same pages into touched memory in as many threads; gcore; a loop inside
the process over gc.get_objects. Least of RUNS each. PAUSE_OBJECTS and PAUSE_PYTHONS (blank-separated) change what is measured.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

RUNS = 5
RAW_MB = int(os.environ.get("PAUSE_RAW_MB", "2048"))
SIZES = os.environ.get("PAUSE_OBJECTS", "100000 1000000 5000000").split()


def pythons():
    given = os.environ.get("PAUSE_PYTHONS", "").split()
    newest = sorted(glob.glob("build/interpreters/deb-3.1[0-9]/python"))[-1:]
    return given or ["/usr/bin/python3"] + newest


class Target:
    def __init__(self, tools, *command):
        self.p = subprocess.Popen([tools + "/live/allow"] + list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.p.stdout.readline()

    def ask(self, what):
        self.p.stdin.write(what)
        return int(self.p.stdout.readline())

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def held(memscan, t, dump, *options):
    """Least of some runs: (gap the target saw, hold that memscan reports), in ns, and the last dump's info."""
    seen, told = [], []
    for i in range(RUNS):
        t.ask(b"gap\n")
        subprocess.check_call([memscan, "-q", "--force", "--pid", str(t.p.pid), "-o", dump] + list(options))
        seen.append(t.ask(b"gap\n"))
        info = json.loads(subprocess.check_output([memscan, "info", "--json", dump]))
        told.append(info["pause_ns"])
    return min(seen), min(told), info


def gcore(t, directory):
    t.ask(b"gap\n")
    began = time.monotonic()
    if subprocess.call(["gcore", "-o", directory + "/core", str(t.p.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) != 0:
        return None, None
    took = time.monotonic() - began
    os.unlink("%s/core.%d" % (directory, t.p.pid))
    return t.ask(b"gap\n"), took


def times(a, b):
    return "%.0f" % (a / b) if a else "-"


def row(memscan, tools, directory, python, n):
    t = Target(tools, python, "-S", "tests/bench/heap.py", n)
    threads = 1
    for line in subprocess.check_output([memscan, "--dry-run", "--pid", str(t.p.pid)]).decode().splitlines():
        if line.startswith("to copy"):
            threads = int(line.split(" by ")[1].split()[0])
    size, raw = map(int, subprocess.check_output([tools + "/bench/rawcopy", str(t.p.pid), str(threads)]).split())
    seen, told, info = held(memscan, t, directory + "/dump")
    raw = min(raw, int(subprocess.check_output([tools + "/bench/rawcopy", str(t.p.pid), str(threads)]).split()[1]))
    core, took = gcore(t, directory)
    loop = t.ask(b"loop\n")
    t.end()
    print("| %s | %d | %.0f | %d | %.1f | %.1f | %.1f | %.2f | %s | %s |" % (info["python"].split()[0], info["objects"], size / 1e6, threads,
          seen / 1e6, told / 1e6, raw / 1e6, seen / raw, times(core, seen), times(loop, seen)), flush=True)


def raw_buffers(memscan, tools, directory, python):
    holds = []
    for mb in 0, RAW_MB:
        t = Target(tools, python, "-S", "tests/bench/heap.py", "1000000", str(mb))
        holds.append(held(memscan, t, directory + "/dump")[0])
        t.end()
    print("\n%d MB of arrays beside 1,000,000 objects: held %.1f ms, without them %.1f ms: %+.0f%% (goal: +10%%)"
          % (RAW_MB, holds[1] / 1e6, holds[0] / 1e6, 100.0 * (holds[1] - holds[0]) / holds[0]))


def main():
    memscan, tools = os.environ["MEMSCAN"], os.path.join(os.environ["BUILD"], "tests")
    print("| Python | objects | MB | threads | seen, ms | told, ms | raw copy, ms | seen / raw (goal 1.3) | gcore / seen (goal 10) | loop / seen (goal 50) |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        for python in pythons():
            for n in SIZES:
                row(memscan, tools, directory, python, n)
        raw_buffers(memscan, tools, directory, pythons()[0])


main()
