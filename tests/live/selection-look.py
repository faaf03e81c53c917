"""How selections, kinds and objects look on terminals of 80 and 200 columns: selection-look.py MEMSCAN DUMP."""
import subprocess
import sys
import unicodedata

from terminal import on_terminal

memscan, dump = sys.argv[1:]
failures = 0


def fail(*what):
    global failures
    failures += 1
    print("FAIL:", *what)


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


COMMANDS = [
    ["find", dump, "__main__.L*"],
    ["find", dump, "str", "and", "value ~ '^text'"],
    ["top", dump],
    ["top", "--by", "retained", dump],
    ["top", "--by", "buffer", dump],
] + [["summary", "--by", by, "--then", then, dump, "not tracked or __main__.*"] for by, then in [
    ("type", "via"), ("owner", "referrers"), ("module", "size"), ("via", "shape"), ("shape", "value"), ("value", "type"),
    ("referrers", "owner")]]

for args in COMMANDS:
    for columns in (80, 200):
        text = on_terminal(columns, [memscan, *args])
        for line in text.split("\n"):
            if any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in line):
                fail(args, "control characters:", repr(line))
            if width(line) > columns:
                fail(args, "%d columns on %d:" % (width(line), columns), line)
        if len(text.split("\n")) < 4:
            fail(args, "prints nothing")

if "\\x1b" not in on_terminal(200, [memscan, *COMMANDS[1]]):
    fail("escapes in values are not shown")
long = on_terminal(200, [memscan, *COMMANDS[0]])
if "L\u00f6ng" not in long or "..." not in long:
    fail("a long name is not shown, or not cut:", long)

# Nothing matches: it is said so, and is no error.
for args in (["find", dump, "no.such.Type"], ["top", dump, "len > 1T"], ["summary", dump, "dict minus dict"],
             ["summary", "--by", "via", "--then", "shape", dump, "'no such'"]):
    if not on_terminal(80, [memscan, *args]).startswith("No objects match.\n"):
        fail(args, "does not say that nothing matches")
    for form in ("--json", "--tsv", "--csv"):
        run = subprocess.run([memscan, args[0], form, *args[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if run.returncode != 0 or b"match" in run.stdout:
            fail(args, form, run.stdout)
print("result: %d commands at 80 and 200 columns" % len(COMMANDS))
sys.exit(failures > 0)
