"""A plain interpreter that has run a good part of the standard library: stdlib.py DIRECTORY-OF-LEAKER.

Asked to leak, it has an extension (or, where none can be built, ctypes) take references that it never gives back: 1000 to one
object, and the only one of each of 1500 lists. The answer is the object's address, or what is missing.
"""
import gc
import os
import sys

MODULES = """argparse ast asyncio base64 bisect calendar cmd codecs collections concurrent.futures configparser contextlib copy
csv ctypes datetime decimal difflib dis email email.mime.text enum fractions functools gettext glob gzip hashlib heapq hmac
html.parser http.client http.server inspect io itertools json linecache locale logging logging.handlers math mimetypes
multiprocessing operator optparse pdb pickle pickletools pkgutil platform plistlib pprint queue random re sched secrets select
selectors shelve shlex shutil signal smtplib socket socketserver sqlite3 ssl statistics string stringprep struct subprocess
tarfile tempfile textwrap threading timeit tokenize traceback typing unicodedata unittest urllib2 urlparse urllib.parse
urllib.request uuid warnings weakref xml.dom.minidom xml.etree.ElementTree xml.sax zipfile zlib zoneinfo""".split()

CO = """
async def work(n):
    await asyncio.sleep(0)
    return n
async def main():
    return await asyncio.gather(*[work(i) for i in range(10)])
"""


class Slotted(object):
    __slots__ = ("p", "q")


class Instance(object):
    def __init__(self, i):
        self.i = i
        self.j = [i]


class Victim(object):
    pass


def present(names):
    found = {}
    for name in names:
        try:
            __import__(name)
            found[name] = sys.modules[name]
        except ImportError:
            pass
    return found


def numbers(i):
    for k in range(i):
        yield k, str(k)


def wait(lock, x):
    local = [x, x]
    lock.acquire()
    return local


def use(m):
    """Objects of many kinds, kept."""
    keep = [m["json"].loads('{"a": [1, 2.5, null, "%d"], "b": {"c": true}}' % i) for i in range(100)]
    keep.append([m["re"].compile("(?P<a>b|c)*%d" % i) for i in range(20)])
    point = m["collections"].namedtuple("point", "x y")
    keep.append([point(i, -i).x for i in range(100)])
    keep.append([point(i, -i) for i in range(100)])
    keep.append([m["struct"].Struct("<%dsH" % i) for i in range(1, 30)])
    keep.append({frozenset([i, i + 1000]) for i in range(100)})
    keep.append(m["functools"].partial(int, base=2))
    keep.append(m["itertools"].chain([1, 2], [3]))
    for i in range(200):
        a = Slotted()
        a.p = i
        keep += [a, Instance(i), numbers(i)]
        next(keep[-1], None)
    if "decimal" in m:
        keep.append([m["decimal"].Decimal(i) / 7 for i in range(2, 100)])
    day = m["datetime"].datetime(2020, 1, 1)
    keep.append([day + m["datetime"].timedelta(i) for i in range(100)])
    if "sqlite3" in m:
        db = m["sqlite3"].connect(":memory:")
        db.execute("create table t (a, b)")
        db.executemany("insert into t values (?, ?)", [(i, str(i)) for i in range(100)])
        keep.append((db, db.execute("select * from t").fetchall()))
    if "xml.etree.ElementTree" in m:
        keep.append(m["xml.etree.ElementTree"].fromstring("<a><b c='d'>text</b>tail</a>"))
    if hasattr(m.get("asyncio"), "run"):
        names = {"asyncio": m["asyncio"]}
        exec(CO, names)
        keep.append(m["asyncio"].run(names["main"]()))
    return keep


def start_threads(threading):
    lock = threading.Lock()
    lock.acquire()
    threads = [threading.Thread(target=wait, args=(lock, i)) for i in range(3)]
    for t in threads:
        t.daemon = True
        t.start()
    return lock, threads


def leak():
    """A function that leaks a reference to its argument."""
    sys.path.insert(0, sys.argv[1])
    try:
        import leaker
        return leaker.keep
    except ImportError:
        pass
    import ctypes
    return lambda o: ctypes.pythonapi.Py_IncRef(ctypes.py_object(o))


def answer(keep):
    try:
        take = leak()
    except ImportError as e:
        return "none: %s" % e
    victim = Victim()
    keep.append(victim)
    for _ in range(1000):
        take(victim)
    for _ in range(1500):
        take([])
    return "0x%x" % id(victim)


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    sys.stderr = open(os.devnull, "w")  # what is deprecated is imported all the same
    m = present(MODULES)
    keep = use(m)
    held = start_threads(m["threading"])
    gc.collect()
    say("ready")
    while sys.stdin.readline().strip() == "leak":
        say(answer(keep))
    os._exit(not held)


main()
