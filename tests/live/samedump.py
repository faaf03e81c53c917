"""Compare two dumps byte for byte, but for what says how they were taken.

    python3 samedump.py A B [names|unheld] [regions]

That is the column META; the list of mappings, RGNS, of which a core has no names but those of files; and the texts that
these two alone use, which come after all others. What the compared columns say by the number of a text must
be the same text under the same number.

With "names", the kernel's names of threads may differ, of which a core has only one. That gives texts other numbers,
so that texts are compared instead. With "unheld", one of them is of a process that was not held: no registers say how
far the C stacks of its threads reach, nor, up to 3.10, which kernel's thread is whose.

With "regions" the mappings have to be the same, too.
"""
import struct
import sys

APART = {"META", "RGNS", "STRS", "STRO"}
ROOT_WORD = 11
NAMED = {0, 5, 6, 13, 15}  # kinds of references whose payload is a text: attribute, slot, local, field, closure


def columns(path):
    data = open(path, "rb").read()
    toc, rows = struct.unpack("<QI", data[-32:-20])
    found = {}
    for name, _, at, n, _ in struct.iter_unpack("<4sIQQQ", data[toc:toc + 32 * rows]):
        found.setdefault(name.decode(), bytearray()).extend(data[at:at + n])
    return found


def strings(col):
    ends = [e for e, in struct.iter_unpack("<Q", col["STRO"])]
    return [bytes(col["STRS"][a:b]) for a, b in zip(ends, ends[1:])]


def highest(col, has_regions):
    """The highest number of a text that the compared columns use."""
    used = {0}
    for row in struct.iter_unpack("<QIIIIQQ", col["TYPE"]):
        used.update(row[1:3])
    for row in struct.iter_unpack("<QQII", col.get("THRD", b"")):
        used.add(row[2])
    for row in struct.iter_unpack("<IIiIII", col.get("FRAM", b"")):
        used.update(row[4:])
    for row in struct.iter_unpack("<IIIIQQQ", col.get("OBUF", b"")):
        used.add(row[3])
    for row in struct.iter_unpack("<QQQII", col["RGNS"]) if has_regions else ():
        used.add(row[4])
    for label, in struct.iter_unpack("<I", col["REFL"]):
        kind, payload = label & 31, label >> 7
        if kind in NAMED:
            used.add(payload)
    return max(used)


# Columns with numbers of texts: layout of a row, and where in it they are.
WITH_TEXTS = {"TYPE": ("<QIIIIQQ", (1, 2)), "THRD": ("<QQII", (2,)), "FRAM": ("<IIiIII", (4, 5)),
              "OBUF": ("<IIIIQQQ", (3,)), "ROOT": ("<IIIIII", (2,)), "RGNS": ("<QQQII", (4,))}


def with_texts(col, is_held):
    """The columns that have numbers of texts, with the texts in their stead; no names of threads."""
    texts = strings(col)
    result = dict(col)
    for name, (layout, at) in WITH_TEXTS.items():
        rows = [list(row) for row in struct.iter_unpack(layout, col.get(name, b""))]
        for row in rows:
            for i in at:
                row[i] = "" if name == "THRD" else texts[row[i]]
        result[name] = rows
    if not is_held:
        result["THRD"] = [row[:1] + row[2:] for row in result["THRD"]]
        result["ROOT"] = [row for row in result["ROOT"] if (row[1], row[2]) != (ROOT_WORD, b"C stack\0")]
    labels = [label for label, in struct.iter_unpack("<I", col["REFL"])]
    result["REFL"] = [(label & 127, texts[label >> 7] if label & 31 in NAMED and label >> 7 < len(texts) else label >> 7)
                      for label in labels]
    return result


def main():
    a, b = columns(sys.argv[1]), columns(sys.argv[2])
    how = set(sys.argv[3:])
    apart = APART - {"RGNS"} if "regions" in how else APART
    if how & {"names", "unheld"}:
        a, b = (with_texts(col, "unheld" not in how) for col in (a, b))
        differing = [name for name in sorted(set(a) | set(b)) if name not in apart and a.get(name) != b.get(name)]
        if differing or len(a["OADR"]) < 8:
            sys.exit("not the same: %s" % differing)
        return
    bad = []
    for name in sorted(set(a) | set(b)):
        if name not in apart and a.get(name) != b.get(name):
            at = next((i for i, (x, y) in enumerate(zip(a.get(name, b""), b.get(name, b""))) if x != y), -1)
            bad.append("%s (%d and %d bytes, first at %d)" % (name, len(a.get(name, b"")), len(b.get(name, b"")), at))
    texts = strings(a), strings(b)
    same = 0
    while same < min(map(len, texts)) and texts[0][same] == texts[1][same]:
        same += 1
    if same <= highest(a, "regions" in how):
        bad.append("the texts: %d is %r and %r" % (same, texts[0][same:same + 1], texts[1][same:same + 1]))
    if "OADR" not in a or len(a["OADR"]) < 8:
        bad.append("no objects")
    for text in bad:
        print("not the same: " + text)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
