"""How long the target is held, as it sees it itself, against what it could be at best and what others do; and what the dump costs.

Set against, in the same run and by turns with the dumps: a raw copy of the same pages into touched memory in as many threads;
gcore; a loop inside the process over gc.get_objects. Least of RUNS each. PAUSE_OBJECTS and PAUSE_PYTHONS (blank-separated) change
what is measured.
"""
import glob
import json
import os
import re
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

    def loop(self):
        """Nanoseconds of the loop inside, and the objects that it wrote."""
        self.p.stdin.write(b"loop\n")
        return map(int, self.p.stdout.readline().split())

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def dump_once(memscan, t, dump, *options):
    """Its info, with the gap that the target saw, objects a second from the copy to the file, and memory beside the copy."""
    t.ask(b"gap\n")
    p = subprocess.Popen([memscan, "-v", "--force", "--pid", str(t.p.pid), "-o", dump] + list(options), stderr=subprocess.PIPE, text=True)
    said = p.stderr.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = status
    if status != 0:
        sys.exit("pause.py: wait status %d: %s" % (status, said))
    seen = t.ask(b"gap\n")
    info = json.loads(subprocess.check_output([memscan, "info", "--json", dump]))
    info.update(seen=seen, rate=int(re.search(r": ([\d,]+) objects a second", said).group(1).replace(",", "")),
                own=usage.ru_maxrss * 1024 - info["copy_bytes"])
    return info


def raw_copy(tools, t, threads):
    """Bytes; nanoseconds of one copy, and of the best of some in a row."""
    return map(int, subprocess.check_output([tools + "/bench/rawcopy", str(t.p.pid), str(threads)]).split())


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


def least(runs, key):
    return min(r[key] for r in runs)


def row(memscan, tools, directory, python, n, costs):
    t = Target(tools, python, "-S", "tests/bench/heap.py", n)
    threads = 1
    for line in subprocess.check_output([memscan, "--dry-run", "--pid", str(t.p.pid)]).decode().splitlines():
        if line.startswith("to copy"):
            threads = int(line.split(" by ")[1].split()[0])
    runs, first, best = [], [], []
    for i in range(RUNS):
        runs.append(dump_once(memscan, t, directory + "/dump"))
        size, once, often = raw_copy(tools, t, threads)
        first.append(once)
        best.append(often)
    seen, info = least(runs, "seen"), runs[-1]
    alone = [dump_once(memscan, t, directory + "/dump", "--threads", "1")["rate"] for i in range(RUNS)]
    core, took = gcore(t, directory)
    loop, wrote = t.loop()
    t.end()
    version = info["python"].split()[0]
    print("| %s | %d | %.0f | %d | %.1f | %.1f | %.1f | %.1f | %.2f | %s | %s | %s |" % (version, info["objects"], size / 1e6, threads,
          seen / 1e6, least(runs, "pause_ns") / 1e6, min(first) / 1e6, min(best) / 1e6, seen / min(first), times(core, seen),
          times(loop, seen), "%.2f" % took if took else "-"), flush=True)
    own, total = least(runs, "own"), least(runs, "total_ns")
    costs.append("| %s | %d | %.2f | %.2f | %.2f | %.0f | %.0f | %.1f | %.1f | %.1f | %.2f | %d |" % (version, info["objects"],
                 max(alone) / 1e6, max(r["rate"] for r in runs) / 1e6, total / 1e9, info["copy_bytes"] / 1e6, own / 1e6, own / info["objects"],
                 info["file_bytes"] / 1e6, info["file_bytes"] / info["objects"], loop / 1e9, wrote))


def raw_buffers(memscan, tools, directory, python):
    targets = [Target(tools, python, "-S", "tests/bench/heap.py", "1000000", str(mb)) for mb in (0, RAW_MB)]
    # By turns: the machine is not always as fast.
    runs = [[dump_once(memscan, t, directory + "/dump") for t in targets] for i in range(RUNS)]
    holds = [least(of_one, "seen") for of_one in zip(*runs)]
    for t in targets:
        t.end()
    print("\n%d MB of arrays beside 1,000,000 objects: held %.1f ms, without them %.1f ms: %+.0f%% (goal: +10%%)"
          % (RAW_MB, holds[1] / 1e6, holds[0] / 1e6, 100.0 * (holds[1] - holds[0]) / holds[0]))


def main():
    memscan, tools = os.environ["MEMSCAN"], os.path.join(os.environ["BUILD"], "tests")
    costs = []
    print("\nPause: least of %d. Raw copies: one, and the best of five in a row. gcore's and the loop's stall against what was seen."
          % RUNS)
    print("| Python | objects | MB | threads | seen, ms | told, ms | raw, ms | raw again, ms | seen / raw (goal 1.3) | gcore / seen (goal 10) | loop / seen (goal 50) | gcore, s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        for python in pythons():
            for n in SIZES:
                row(memscan, tools, directory, python, n, costs)
        print("\nCost: million objects a second from the copy to the file, with --threads 1 and as it comes; the loop writes to /dev/null.")
        print("| Python | objects | in one (goal 5) | in more | whole, s | copy, MB | own, MB | own bytes/object | file, MB | file bytes/object | loop, s | loop's objects |")
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        print("\n".join(costs), flush=True)
        raw_buffers(memscan, tools, directory, pythons()[0])


main()
