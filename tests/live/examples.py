"""The examples of a manual page, done: examples.py PAGE WHOLE, in a directory that has the dumps of which the page
speaks, with PID and MEMSCAN in the environment.

Of every page each command line has to be one that memscan takes. Of a page whose examples are of these dumps (WHOLE is
yes), each has to succeed, and what the page shows has to be printed: titles word by word, and rows about the program of
the tutorial, numbers aside. Other rows are of the interpreter, and may differ from one to the next."""
import os
import re
import shutil
import subprocess
import sys

page, whole = sys.argv[1], sys.argv[2] == "yes"
here = os.path.dirname(os.path.abspath(os.environ["MEMSCAN"]))
has_jq = shutil.which("jq") is not None
bad = done = 0


def blocks(text):
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.M | re.S):
        yield [line.replace("\\&", "").replace("\\e", "\\") for line in block.splitlines()]


def examples(text):
    """Command lines, each with the lines that are shown below it."""
    for block in blocks(text):
        command, shown = None, []
        for line in block:
            m = re.match(r"(?:\$ )?((?:sudo )?memscan .*)", line)
            if m and not line.startswith("memscan: "):
                if command:
                    yield command, shown
                command, shown = m.group(1), []
            elif command and command.count("'") % 2:
                command += " " + line.strip()
            else:
                shown.append(line)
        if command:
            yield command, shown


def like(line):
    line = re.sub(r"0x[0-9a-f]+", "X", line)
    line = re.sub(r"[0-9][0-9,.]*[KMGT]?\b", "N", line)
    line = re.sub(r'"[^"]*shop.py"', '"shop.py"', line)
    return re.sub("[\u2581-\u2588]", "|", " ".join(line.split()))


def runnable(command, address):
    command = re.sub(r"^sudo ", "", command)
    # Taking dumps is for other tests; here it is enough that the line is understood.
    if re.search(r"--pid|--core", command):
        command = re.sub(r"--pid (\d+|\$\([^)]*\))", "--dry-run --pid " + os.environ["PID"], command)
        command = command.split("|")[0]
    return re.sub(r"0x[0-9a-f]+", address, command)


def run(command):
    env = dict(os.environ, PATH=here + ":" + os.environ["PATH"], LC_ALL="C.UTF-8")
    return subprocess.run(["sh", "-c", command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def complain(command, text, out):
    global bad
    bad += 1
    print(f"FAIL: {page}: {command}: {text}\n{out.stdout[:2000]}{out.stderr[:500]}")


first = run("memscan find --limit 1 --tsv 2.dump __main__.Session").stdout.split("\n")[1].split("\t")[0]
with open(page, encoding="utf-8") as f:
    for command, shown in examples(f.read()):
        line = runnable(command, first)
        no_jq = "| jq" in line and not has_jq
        out = run(line.split("|")[0] if no_jq else line)
        done += 1
        # Shown to be wrong: then it is, in these words.
        if any(text.strip() == "^" for text in shown):
            if out.returncode != 2 or not out.stderr.startswith("\n".join(shown)):
                complain(line, "does not fail as it is shown", out)
            continue
        if out.returncode in (2, 126, 127) or out.returncode > 127:
            complain(line, f"exit status {out.returncode}", out)
        # Whether a table can be compared is the machine's matter.
        if not whole or no_jq or "offsets --check" in line:
            continue
        if out.returncode != 0:
            complain(line, f"exit status {out.returncode}", out)
        printed = {like(text) for text in out.stdout.splitlines()}
        for text in shown:
            is_title = re.search(r"\d|^\.\.\.", text) is None and text != ""
            if (is_title or re.search("__main__|Session|Cache", text)) and like(text) not in printed:
                complain(line, f"nothing like '{text}'", out)
if done == 0:
    print(f"FAIL: {page} has no examples")
    bad += 1
print(f"{page}: {done} examples")
sys.exit(bad != 0)
