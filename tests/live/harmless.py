"""harmless.py MEMSCAN ALLOW FILE: what dumps do to a target, as seen by the target and by its memory.

First a target that is blocked: between two dumps no byte of its writable memory may change, no
page of it appear. Then one that ticks every millisecond and answers questions: it must give
the same answers before, during and after, receive no signal, and its clock must go on.
"""
import hashlib
import os
import subprocess
import sys

# On one processor: the kernel keeps the number of a thread's processor in its memory (rseq). Without huge pages
# (PR_SET_THP_DISABLE), which it may make out of small ones, and pages that were not there, at any time.
BLOCKED = """
import ctypes, os
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
kept = [{"n": i, "text": "number %d" % i} for i in range(20000)]
untouched = bytearray(0)
import mmap
far = mmap.mmap(-1, 64 << 20)  # pages that nobody has written to
os.write(1, b"ready\\n")
os.read(0, 1)
"""

TICKING = """
import os, select, signal, sys, time
kept = [{"n": i, "text": "number %d" % i} for i in range(20000)]
received = []
for number in range(1, signal.NSIG):
    try:
        signal.signal(number, lambda n, frame: received.append(n))
    except (OSError, ValueError):
        pass
os.write(1, b"ready\\n")
ticks, gaps, last, state = 0, [], time.monotonic_ns(), 1
while True:
    readable = select.select([0], [], [], 0.001)[0]
    now = time.monotonic_ns()
    gaps.append(now - last)
    last = now
    ticks += 1
    if readable:
        line = os.read(0, 100)
        if not line:
            break
        state = state * 6364136223846793005 + int(line) & (1 << 64) - 1
        os.write(1, b"%d %d %d %d\\n" % (state, ticks, max(gaps), len(received)))
        gaps = [0]
"""


def start(allow, code):
    p = subprocess.Popen([allow, sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    if p.stdout.readline() != b"ready\n":
        sys.exit("the target did not start")
    return p


def wait_until_blocked(pid):
    """When it said that it was ready it still ran."""
    state = None
    while state != "S":
        with open("/proc/%d/stat" % pid) as f:
            state = f.read().rsplit(")", 1)[1].split()[0]
        if state in "ZX":
            sys.exit("the target has ended")


def memory(pid):
    """The writable private mappings with a hash of what is in them, and the memory counters."""
    regions = {}
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, prot = line.split()[:2]
            if "w" not in prot:
                continue
            first, end = (int(x, 16) for x in span.split("-"))
            digest = hashlib.sha1()
            for at in range(first, end, 1 << 20):
                mem.seek(at)
                digest.update(mem.read(min(1 << 20, end - at)))
            regions[span] = digest.hexdigest()
    return regions


def counters(pid):
    """KiB of memory of its own, wherever that is, and of what it has written to, if all of that is there."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        fields = {k: int(n) for k, n in (line.split()[:2] for line in f if line.endswith("kB\n"))}
    swapped = fields["Swap:"]
    return fields["Anonymous:"] + swapped, None if swapped else fields["Private_Dirty:"]


def dump(memscan, pid, path):
    subprocess.run([memscan, "-q", "--force", "--pid", str(pid), "-o", path], check=True)


def check_blocked(memscan, allow, path):
    p = start(allow, BLOCKED)
    wait_until_blocked(p.pid)
    before = counters(p.pid)
    dump(memscan, p.pid, path)
    after = counters(p.pid)
    if after[0] != before[0] or (None not in before + after and after[1] != before[1]):
        sys.exit("the target's memory grew by being dumped: %s, %s" % (before, after))
    first = memory(p.pid)
    dump(memscan, p.pid, path)
    second = memory(p.pid)
    if first != second:
        changed = [k for k in set(first) | set(second) if first.get(k) != second.get(k)]
        sys.exit("the target's memory changed: %s" % changed)
    p.stdin.close()
    if p.wait() != 0:
        sys.exit("the target did not end well")


def check_ticking(memscan, allow, path):
    p = start(allow, TICKING)
    state = last_ticks = 0
    expected = 1
    longest = {}

    def ask(i, when):
        nonlocal expected, last_ticks
        p.stdin.write(b"%d\n" % i)
        answer, ticks, gap, received = map(int, p.stdout.readline().split())
        expected = expected * 6364136223846793005 + i & (1 << 64) - 1
        if answer != expected:
            sys.exit("a wrong answer %s a dump" % when)
        if ticks <= last_ticks or received:
            sys.exit("%s a dump: ticks %d after %d, %d signals" % (when, ticks, last_ticks, received))
        last_ticks = ticks
        longest[when] = max(longest.get(when, 0), gap)

    for i in range(300):
        ask(i, "before")
    for run in range(5):
        scan = subprocess.Popen([memscan, "-q", "--force", "--pid", str(p.pid), "-o", path])
        while scan.poll() is None:
            ask(run, "during")
        if scan.returncode != 0:
            sys.exit("memscan: exit status %d" % scan.returncode)
    for i in range(300):
        ask(i, "after")
    p.stdin.close()
    if p.wait() != 0:
        sys.exit("the target did not end well")
    print("result: a 1 ms tick's longest gap: %.1f ms before, %.1f ms during, %.1f ms after dumps"
          % tuple(longest[w] / 1e6 for w in ("before", "during", "after")))


def main():
    memscan, allow, path = sys.argv[1:]
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")
    check_blocked(memscan, allow, path)
    check_ticking(memscan, allow, path)


if __name__ == "__main__":
    main()
