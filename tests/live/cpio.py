"""An initramfs: cpio.py OUTPUT INIT BUSYBOX MODULE... with /init, /bin/busybox and all its names, and the modules in /modules."""
import os
import subprocess
import sys


def entries(init, busybox, modules):
    for name in "bin", "dev", "proc", "host", "modules":
        yield name, 0o40755, b"", 0
    yield "dev/console", 0o20600, b"", 1
    yield "init", 0o100755, open(init, "rb").read(), 0
    yield "bin/busybox", 0o100755, open(busybox, "rb").read(), 0
    for name in subprocess.check_output([busybox, "--list"], text=True).split():
        if name != "busybox":
            yield "bin/" + name, 0o120777, b"busybox", 0
    for module in modules:
        yield "modules/" + os.path.basename(module), 0o100644, open(module, "rb").read(), 0
    yield "TRAILER!!!", 0, b"", 0


def main():
    with open(sys.argv[1], "wb") as out:
        for i, (name, mode, data, minor) in enumerate(entries(sys.argv[2], sys.argv[3], sys.argv[4:])):
            name = name.encode() + b"\0"
            # Device 5:1 is the console.
            fields = i + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 5 if minor else 0, minor, len(name), 0
            head = b"070701" + b"".join(b"%08x" % f for f in fields) + name
            out.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))


main()
