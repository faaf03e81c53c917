"""What a dump costs: time, how long the target is held, and memscan's memory, on a million mixed objects.

Everything is set against a plain copy of the same memory, measured in the same run, so that the
ratios mean the same on any machine. Nothing passes or fails here. OBJECTS=n changes the size.
"""
import json
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import time

RUNS = 5
# Goals, from the manual's promises: printed beside what was measured.
INTERPRETED_RATIO = 3
HELD_RATIO, BYTES_PER_OBJECT, SECONDS = 5, 40, 2.0
FILE_BYTES, REFERENCE_BYTES, OBJECTS_PER_SECOND = 30, 8, 5e6
CORE_RATIO = 1.2


def find_python():
    for p in os.environ.get("PYTHONS", "").split() + ["/usr/bin/python3", "python3.11", "python3"]:
        try:
            if subprocess.run([p, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 11))"], stderr=subprocess.DEVNULL).returncode == 0:
                return p
        except OSError:
            pass
    sys.exit("bench.py: no Python 3.11 was found")


def run_measured(command):
    """Seconds, peak resident bytes, and what it wrote."""
    began = time.monotonic()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = status
    if status != 0:
        sys.exit("bench.py: %s: wait status %d" % (" ".join(command), status))
    return time.monotonic() - began, usage.ru_maxrss * 1024


def time_to_first_byte(command):
    began = time.monotonic()
    p = subprocess.Popen(command, stdout=subprocess.PIPE)
    select.select([p.stdout], [], [])
    p.stdout.read(1)
    first = time.monotonic() - began
    p.stdout.read()
    p.wait()
    return first, time.monotonic() - began


def value_bytes(dump):
    """Bytes of the columns of values in a dump that is not compressed."""
    with open(dump, "rb") as f:
        data = f.read()
    at, rows = struct.unpack_from("<QI", data, len(data) - 32)
    extents = [struct.unpack_from("<4sIQQQ", data, at + 32 * i) for i in range(rows)]
    return sum(length for name, crc, offset, length, raw in extents if name in (b"VALS", b"VALA"))


def objects_per_second(memscan, target, dump, threads):
    """The best of some runs."""
    best = 0
    for i in range(RUNS):
        said = subprocess.run([memscan, "-v", "--force", "--pid", str(target.pid), "-o", dump, "--threads", str(threads)],
                              stderr=subprocess.PIPE, text=True, check=True).stderr
        best = max(best, int(re.search(r": ([\d,]+) objects a second", said).group(1).replace(",", "")))
    return best


def tick_gap(target):
    target.stdin.write(b"gap\n")
    return int(target.stdout.readline())


# A million objects whose references a table tells, and as many whose tp_traverse is interpreted.
KINDS = {
    "table": "[[None] for i in range(1000000)]",
    "interpreted": "[itertools.repeat(None) for i in range(1000000)]",
}


def time_of_kind(memscan, python, kind, dump):
    """The best of some runs, in seconds."""
    code = "import itertools, sys; keep = %s; print('ready', flush=True); sys.stdin.read()" % KINDS[kind]
    target = subprocess.Popen([python, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        target.stdout.readline()
        return min(run_measured([memscan, "-q", "--force", "--pid", str(target.pid), "-o", dump])[0] for i in range(RUNS))
    finally:
        target.stdin.close()
        target.wait()


def measure_kinds(memscan, python, dump):
    table, interpreted = (time_of_kind(memscan, python, kind, dump) for kind in ("table", "interpreted"))
    print("interpreted objects     %.2f s for a million, %.2f s for a million with a table: %.2f times     goal: under %d"
          % (interpreted, table, interpreted / table, INTERPRETED_RATIO))


def main():
    memscan, tools = os.environ["MEMSCAN"], os.path.join(os.environ["BUILD"], "tests")
    python, objects = find_python(), os.environ.get("OBJECTS", "1000000")
    target = subprocess.Popen([tools + "/live/allow", python, "-S", "tests/bench/heap.py", objects],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        target.stdout.readline()
        with tempfile.TemporaryDirectory() as directory:
            measure(memscan, tools, target, os.path.join(directory, "dump"))
            measure_kinds(memscan, python, os.path.join(directory, "dump"))
    finally:
        target.stdin.close()
        target.wait()


def measure_core(memscan, target, dump, thinking):
    """A core of the same heap, in the page cache, against what a live dump does after the process was let go."""
    core = dump + ".core"
    try:
        subprocess.run(["gcore", "-o", core, str(target.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        print("from a core             not measured: gcore is not there, or failed")
        return
    core += ".%d" % target.pid
    totals = []
    for i in range(RUNS):
        run_measured([memscan, "-q", "--force", "--core", core, "-o", dump])
        totals.append(json.loads(subprocess.check_output([memscan, "info", "--json", dump]))["total_ns"])
    print("from a core             %.2f s (best of %d); a live dump but for its pause %.2f s: %.2f times     goal: under %.1f"
          % (min(totals) / 1e9, RUNS, thinking / 1e9, min(totals) / thinking, CORE_RATIO))
    os.unlink(core)


def measure(memscan, tools, target, dump):
    copied, _, copy_ns = map(int, subprocess.check_output([tools + "/bench/rawcopy", str(target.pid)]).split())
    tick_gap(target)
    time.sleep(1)
    quiet_gap = tick_gap(target)
    runs = []
    for i in range(RUNS):
        seconds, peak = run_measured([memscan, "-q", "--force", "--pid", str(target.pid), "-o", dump])
        info = json.loads(subprocess.check_output([memscan, "info", "--json", dump]))
        runs.append((seconds, peak, info, tick_gap(target)))
    runs.sort(key=lambda r: r[2]["pause_ns"])
    median = runs[len(runs) // 2]
    info = median[2]
    seconds = sorted(r[0] for r in runs)
    held, n = info["pause_ns"], info["objects"]
    own = max(r[1] for r in runs) - info["copy_bytes"]
    values = value_bytes(dump)
    first, whole = time_to_first_byte([memscan, "summary", dump])

    thinking = min(r[2]["total_ns"] - r[2]["pause_ns"] for r in runs)
    print("heap                    %d objects, %d references, %.0f MB in writable memory" % (n, info["references"], copied / 1e6))
    beside = info["file_bytes"] - values - REFERENCE_BYTES * info["references"]
    print("dump file               %.0f MB, %.1f bytes an object" % (info["file_bytes"] / 1e6, info["file_bytes"] / n))
    print("  without values        %.1f bytes an object and %d a reference     goal: under %d" % (beside / n, REFERENCE_BYTES, FILE_BYTES))
    rates = [objects_per_second(memscan, target, dump, threads) for threads in (1, 2)]
    print("from copy to file       %.2f million objects a second in one thread, %.2f in two     goal: %.0f" % (rates[0] / 1e6, rates[1] / 1e6, OBJECTS_PER_SECOND / 1e6))
    print("whole command           %.2f s (best %.2f, worst %.2f)           goal: %.0f s" % (seconds[RUNS // 2], seconds[0], seconds[-1], SECONDS))
    print("target held             %.1f ms (best %.1f, worst %.1f)" % (held / 1e6, runs[0][2]["pause_ns"] / 1e6, runs[-1][2]["pause_ns"] / 1e6))
    print("plain copy of the same  %.1f ms for %.0f MB (%.1f GB/s)" % (copy_ns / 1e6, copied / 1e6, copied / copy_ns))
    print("held / plain copy       %.2f                                   goal: under %d" % (held / copy_ns, HELD_RATIO))
    print("a 1 ms tick's gap       %.1f ms at most as the target saw it; %.1f ms when left alone" % (max(r[3] for r in runs) / 1e6, quiet_gap / 1e6))
    print("memscan's own memory    %.0f MB besides the copy: %.1f bytes an object     goal: under %d" % (own / 1e6, own / n, BYTES_PER_OBJECT))
    measure_core(memscan, target, dump, thinking)
    print("summary                 first byte after %.3f s, all after %.3f s" % (first, whole))


if __name__ == "__main__":
    main()
