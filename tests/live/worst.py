"""One line for each interpreter that was compared, worst first: worst.py LOG...

Adds up what compare.py wrote into the logs of test scripts. Ends with 1 if an interpreter is not at 100%, or
anything was damaged.
"""
import json
import sys

from compare import percent

SUMS = ("objects", "found", "type", "size", "referents", "beyond", "guesses", "damage")
RATES = ("found", "type", "size", "referents")


def read(paths):
    rows = {}
    for path in paths:
        with open(path, errors="replace") as f:
            for line in f:
                if not line.startswith("figures: "):
                    continue
                figures = json.loads(line[len("figures: "):])
                row = rows.setdefault(figures["interpreter"], dict(figures, **dict.fromkeys(SUMS, 0)))
                for key in SUMS:
                    row[key] += figures[key]
    return rows.values()


def badness(row):
    return (min(row[key] / row["objects"] for key in RATES), -row["damage"], -row["guesses"], row["interpreter"])


def main():
    rows = sorted(read(sys.argv[1:]), key=badness)
    if not rows:
        return 0
    lines = [["interpreter", "version", "flavour", "objects", "found", "type", "size", "referents", "beyond", "guesses", "damage"]]
    for row in rows:
        lines.append([row["interpreter"], row["version"], row["flavour"], row["objects"]]
                     + [percent(row[key], row["objects"]) for key in RATES]
                     + [row[key] for key in ("beyond", "guesses", "damage")])
    widths = [max(len(str(line[i])) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(str(cell).ljust(w) if i < 3 else str(cell).rjust(w)
                        for i, (cell, w) in enumerate(zip(line, widths))))
    exact = sum(1 for row in rows if badness(row)[0] == 1 and row["damage"] == 0)
    print("Exact: %d of %d interpreters" % (exact, len(rows)))
    return 0 if exact == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
