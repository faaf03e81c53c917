"""How few pages of a forking server and its workers were copied twice.

    python3 family-pages.py SERVER... before            > pages
    python3 family-pages.py pages INFO.json...

First, as root: for each process, bytes of writable memory that it has, and of these how many are in the same page frame
at the same address in its parent, by /proc. Then: what the dumps say that was copied is
hardly more than what a process has of its own, and the rest was taken over.
"""
import json
import struct
import sys

PAGE = 4096
PRESENT, FILE, FRAME = 1 << 63, 1 << 61, (1 << 55) - 1


def frames(pid):
    """Page frames of private writable memory, by address."""
    found = {}
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/pagemap" % pid, "rb") as pagemap:
        for line in maps:
            fields = line.split()
            if fields[1][:2] != "rw" or fields[1][3] != "p" or fields[-1].startswith("[v"):
                continue
            start, end = (int(x, 16) for x in fields[0].split("-"))
            pagemap.seek(start // PAGE * 8)
            data = pagemap.read((end - start) // PAGE * 8)
            for i, (entry,) in enumerate(struct.iter_unpack("<Q", data)):
                if entry & PRESENT:
                    found[start + i * PAGE] = 0 if entry & FILE else entry & FRAME
    return found


def parent_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def before(pids):
    pages = {pid: frames(pid) for pid in pids}
    result = {}
    for pid in pids:
        other = pages.get(parent_of(pid), {})
        common = sum(1 for at, frame in pages[pid].items() if frame and other.get(at) == frame)
        result[pid] = {"present": len(pages[pid]) * PAGE, "common": common * PAGE}
    print(json.dumps(result))


def judge(path, infos):
    with open(path) as f:
        pages = json.load(f)
    rc = 0
    for info_path in infos:
        with open(info_path) as f:
            info = json.load(f)
        was = pages[str(info["pid"])]
        own = was["present"] - was["common"]
        twice = max(0, info["copy_bytes"] - own)
        known = info["known_bytes"] or 0
        print("result: pid %d: %d KiB, %d in common with its parent; copied %d, taken over %d, copied twice %d"
              % (info["pid"], was["present"] >> 10, was["common"] >> 10, info["copy_bytes"] >> 10, known >> 10, twice >> 10))
        if twice > was["common"] // 50 + 64 * PAGE:
            print("FAIL: too much of it was copied twice")
            rc = 1
        if known + info["left_out_bytes"] < was["common"] * 0.9 - 64 * PAGE or known > was["common"] + 64 * PAGE:
            print("FAIL: that is not what it has in common")
            rc = 1
        if was["common"] == 0 and info["known_from"] is not None:
            print("FAIL: it has nothing in common, and something was taken over")
            rc = 1
    if not any(was["common"] > was["present"] // 2 for was in pages.values()):
        print("FAIL: the processes have hardly anything in common: this is no test")
        rc = 1
    sys.exit(rc)


if sys.argv[-1] == "before":
    before([int(p) for p in sys.argv[1:-1]])
else:
    judge(sys.argv[1], sys.argv[2:])
