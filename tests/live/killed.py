"""killed.py MEMSCAN PID FILE: kill memscan at 60 moments spread over the time that it takes."""
import os
import subprocess
import sys
import time


def state(pid):
    with open("/proc/%d/status" % pid) as f:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    return fields["State"][0], fields["TracerPid"]


def main():
    memscan, pid, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    command = [memscan, "-q", "--force", "--pid", str(pid), "-o", path]
    began = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - began
    for i in range(60):
        p = subprocess.Popen(command)
        try:
            p.wait(whole * i / 60)
        except subprocess.TimeoutExpired:
            p.kill()
        p.wait()
        found = state(pid)
        # The kernel has let go of the target when the tracer can be waited for.
        if found[0] not in "RS" or found[1] != "0":
            sys.exit("after %d/60 of the time the target is in state %s, traced by %s" % (i, found[0], found[1]))
    for name in os.listdir(os.path.dirname(path)):
        if ".part" in name:
            os.unlink(os.path.join(os.path.dirname(path), name))


if __name__ == "__main__":
    main()
