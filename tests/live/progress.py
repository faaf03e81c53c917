"""Run a command with its standard error on a terminal: progress.py PATTERN COMMAND...

What is drawn there has to be lines that each take the place of the one before, of which one matches PATTERN, with a
share that never goes down, and nothing has to be left in the end but what the command says last."""
import os
import pty
import re
import sys

pattern, command = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    os.execv(command[0], command)
drawn = b""
while True:
    try:
        more = os.read(fd, 65536)
    except OSError:  # the other side is closed
        break
    if not more:
        break
    drawn += more
_, status = os.waitpid(pid, 0)
lines = drawn.decode().split("\r\x1b[K")
bad = []
if status != 0:
    bad.append(f"wait status {status}")
if lines[0] != "":
    bad.append(f"it begins with {lines[0]!r}")
if len(lines) < 3:
    bad.append("nothing was drawn")
form = r"[a-z' -]+(, [0-9,]+ objects)?(: \d+%(, [^:]+)?)?"
for line in lines[1:-1]:
    if not re.fullmatch(form, line) or len(line) > 79:
        bad.append(f"no line of progress: {line!r}")
shares = [int(m.group(1)) for m in map(re.compile(r": (\d+)%").search, lines) if m]
if shares != sorted(shares):
    bad.append("shares go down")
if not any(re.match(pattern, line) for line in lines):
    bad.append(f"no line matches {pattern!r}")
if not re.fullmatch(r"(memscan: [^\r\n]*\r?\n)?", lines[-1]):
    bad.append(f"left at the end: {lines[-1]!r}")
for text in bad:
    print(f"{' '.join(command)}: {text}")
if bad:
    print(lines[:20])
sys.exit(bool(bad))
