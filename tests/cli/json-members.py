"""Every member of what `memscan COMMAND --json` prints is named in the command's section of its manual page, by the
macro for names: json-members.py MEMSCAN PAGE COMMAND ARGUMENT..."""
import json
import re
import subprocess
import sys

memscan, page, command = sys.argv[1:4]
out = subprocess.run([memscan, command, "--json"] + sys.argv[4:], capture_output=True, text=True)
what = " ".join(sys.argv[3:])
if out.returncode not in (0, 6):
    sys.exit(f"{what}: exit status {out.returncode}: {out.stderr}")
answer = json.loads(out.stdout)
if not isinstance(answer, dict):
    sys.exit(f"{what}: no object")


def members(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


with open(f"man/{page}.1", encoding="utf-8") as f:
    section = re.search(rf"^\.Ss {command}\n(.*?)(?=^\.S[sh] (?!Kinds))", f.read(), re.M | re.S).group(1)
named = set()
for line in section.splitlines():
    if re.match(r"\.(Va|Pq Va) ", line):
        named.update(re.findall(r"\w+", line))
found = set(members(answer))
missing = sorted(key for key in found if key not in named and re.sub("_more$", "", key) not in named)
if missing:
    sys.exit(f"{what}: {page}(1) does not name {', '.join(missing)}")
if not found:
    sys.exit(f"{what}: no members")
