"""A target with objects of C types that are not the interpreter's: from packages by other compilers and generators.

By hand against the C API (numpy, psycopg2, regex, multidict, greenlet, gi), by Cython (pandas, lxml, gevent, aiohttp, uvloop,
msgpack), from Rust (cryptography). No memscan table knows any of them. What is not installed is left out, and said.
Nothing here leaves the process but for sockets between its own ends.
"""
import truth  # first, see there

import io
import os
import site
import sys
import tempfile
import types

sys.path += [p for p in site.getsitepackages() if p not in sys.path]

import census

# What the packages print goes nowhere: standard output is for truth.py.
STDOUT = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

KEEP = {}
ABSENT = []
PRESENT = []
PLACE = tempfile.TemporaryDirectory()

BEFORE = set(census.take()[0])


def package(f):
    """Run f, which is named after a package, and keep what it returns; say if it is not here, or is another release than f knows."""
    try:
        __import__(f.__name__)
        KEEP[f.__name__] = f()
        version = getattr(sys.modules[f.__name__], "__version__", "")
        PRESENT.append((f.__name__ + " " + str(version)).strip())
    except Exception as e:
        is_absent = isinstance(e, ModuleNotFoundError) and e.name == f.__name__
        ABSENT.append(f.__name__ if is_absent else "%s (%s: %s)" % (f.__name__, type(e).__name__, str(e).split("\n")[0]))
        if "list" in sys.argv[2:]:
            sys.excepthook(*sys.exc_info())
    return f


def file_of(text):
    with tempfile.NamedTemporaryFile("w", dir=PLACE.name, delete=False) as f:
        f.write(text)
    return f.name


@package
def numpy():
    import numpy as np

    out = []
    for dtype in "?bBhHiIlLqQefdgFDG":
        a = np.arange(24).astype(dtype)
        out += [a, a.reshape(2, 3, 4), a[::2], a.reshape(4, 6).T, np.asfortranarray(a.reshape(4, 6)), a[3], a.dtype,
                np.zeros((), dtype)]
    record = np.dtype([("name", "U10"), ("n", "<i4"), ("sub", [("x", "f8"), ("y", "f8", (2, 2))]), ("o", "O")], align=True)
    records = np.zeros(50, record)
    records["o"] = [[i] for i in range(50)]
    objects = np.array([{"i": i} for i in range(100)] + [None])
    times = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
    out += [record, records, records[3], records["sub"]["y"], records.view(np.recarray), objects, objects[::3],
            objects.reshape(-1, 1)]
    out += [times, times - times[0], times[1], np.array(["text", "longer"]), np.array([b"bytes"]), np.zeros(4, "V7"),
            record["sub"], record.fields]
    out += [np.ma.masked_array(np.arange(5), mask=[0, 1, 0, 1, 0]), np.matrix([[1, 2], [3, 4]]),
            np.broadcast_to(np.arange(3), (1000, 3))]
    a, b = np.arange(12).reshape(3, 4), np.arange(4.0)
    walk = np.nditer([a, b], flags=["multi_index", "buffered", "external_loop"][:1])
    next(walk)
    flat, both = a.flat, np.broadcast(a, b)
    next(flat), next(both)
    nested = np.nested_iters([a, a * 2], [[1], [0]])
    out += [walk, flat, both, nested, np.ndindex(3, 4), np.ndenumerate(a), a.flags, a.ctypes, a.__array_interface__,
            memoryview(a), np.lib.index_tricks.c_]
    for generator in (np.random.PCG64(1), np.random.MT19937(1), np.random.Philox(1), np.random.SFC64(1)):
        out += [np.random.Generator(generator), generator, generator.lock, np.random.SeedSequence(3)]
    out += [np.random.RandomState(1), np.random.default_rng(1).random(1000), np.frompyfunc(lambda x: x, 1, 1), np.vectorize(str),
            np.add, np.add.reduce]
    out += [np.memmap(PLACE.name + "/map", "f4", "w+", shape=(100,)), np.poly1d([1, 2]), np.float32(1), np.str_("s"),
            np.bytes_(b"b"), np.void(b"abc")]
    out += [np.from_dlpack(a), a.__dlpack__(), np.frombuffer(bytearray(100), "u1"), np.iinfo("i8"), np.finfo("f4"),
            np.errstate(all="ignore")]
    return out + [np.dtype("i4").newbyteorder(), np.dtype(("i4", (3, 3))), np.dtype("M8[ns]"),
                  np.dtype({"names": ["a"], "formats": ["i4"], "titles": ["T"]})]


@package
def pandas():
    import numpy as np
    import pandas as pd

    days = pd.date_range("2024-01-01", periods=60, freq="D", tz="Europe/Berlin")
    frame = pd.DataFrame({"i": range(60), "f": np.linspace(0, 1, 60), "s": ["text %d" % (i % 7) for i in range(60)], "d": days})
    frame["c"] = frame["s"].astype("category")
    frame["n"] = pd.array([None, 1, 2] * 20, dtype="Int64")
    frame["b"] = pd.array([True, None] * 30, dtype="boolean")
    frame["o"] = [[i] for i in range(60)]
    frame["sp"] = pd.arrays.SparseArray([0] * 59 + [1])
    frame["st"] = frame["s"].astype("string")
    multi = frame.set_index(["s", "i"])
    out = [frame, multi, frame.T, frame["i"], frame.i[::2], frame.groupby("s"), frame.rolling(3), frame.resample("W", on="d"),
           frame.loc, frame.iloc]
    indexes = [pd.RangeIndex(10), pd.Index([1, 2, 3]), pd.Index([1.5]), pd.Index(["a", "b"]), days,
               pd.timedelta_range("1D", periods=5), multi.index]
    indexes += [pd.period_range("2024", periods=5, freq="M"), pd.IntervalIndex.from_breaks(range(50)),
                pd.CategoricalIndex(["a", "b", "a"])]
    for index in indexes:
        # The look-up builds the index's engine with its hash table.
        out += [index, index.get_loc(index[0]) if index.is_unique else None, index.is_monotonic_increasing, index[0],
                index._engine]
    interval = pd.interval_range(0, 500, freq=2)
    interval.get_loc(3)
    out += [frame.groupby("s").sum(), frame.groupby("s").ngroups, frame.s.value_counts(), frame.merge(frame, on="i"),
            frame.pivot_table(values="f", index="s")]
    out += [pd.Timestamp("2024-01-01", tz="UTC"), pd.Timedelta("1D"), pd.Period("2024-01"), pd.Interval(0, 1), pd.NaT, pd.NA,
            pd.offsets.MonthEnd(3), interval]
    out += [pd.offsets.CustomBusinessDay(2), pd.offsets.DateOffset(days=1), pd.tseries.frequencies.to_offset("3W-MON"),
            pd.read_csv(file_of("a,b\n1,2\n"))]
    return out + [pd.read_csv(file_of("a,b\n" + "1,x\n" * 1000), chunksize=10), frame._mgr, frame.s.str, frame.d.dt, frame.c.cat,
                  pd.Grouper(key="d", freq="W")]


@package
def lxml():
    from lxml import builder, etree, html, objectify

    root = etree.fromstring("<a xmlns:n='urn:n' n:x='1' y='2'>" + "<b k='v'>text</b>tail<!-- c --><?p i?><n:c/>" * 50 + "</a>")
    tree, page = root.getroottree(), html.fromstring("<p class=c>one<a href=x>two</a><form><input name=n></form>")
    half, iterators = etree.XMLPullParser(["start", "end"]), []
    half.feed("<x><y/>")
    for it in (root.iter(), root.iterchildren(), root.iterdescendants("b"), root[5].iterancestors(), root[3].itersiblings(),
               root.itertext(), etree.iterwalk(root),
               iter(root), root.iterfind("b"), half.read_events()):
        iterators += [it, next(it)]
    sheet = etree.XSLT(etree.XML("<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template match='/'><r/>"
                                 "</xsl:template></xsl:stylesheet>"))
    schema = etree.XMLSchema(etree.XML("<x:schema xmlns:x='http://www.w3.org/2001/XMLSchema'><x:element name='a'/></x:schema>"))
    namespace = etree.FunctionNamespace("urn:f")
    namespace["f"] = lambda context: []
    lookup = etree.ElementNamespaceClassLookup()
    lookup.get_namespace("urn:n")["c"] = type("Own", (etree.ElementBase,), {"extra": 1})
    parser = etree.XMLParser(remove_blank_text=True, load_dtd=False)
    parser.set_element_class_lookup(lookup)
    paths = [etree.XPath("//b[@k=$v]"), etree.ETXPath("//{urn:n}c"), etree.XPathEvaluator(root),
             etree.XPathDocumentEvaluator(tree)]
    out = [root, tree, list(root), root.attrib, root.nsmap, page, page.forms[0].fields, half, iterators, sheet, sheet(tree),
           schema, namespace, lookup, parser]
    out += [paths, [p("//b") for p in paths[2:]], paths[0](root, v="v"), etree.QName("n", "x"), etree.CDATA("x"),
            etree.Comment("c"), etree.Entity("amp")]
    out += [objectify.fromstring("<r><i>1</i><s>t</s><f>1.5</f><n/></r>"),
            list(objectify.fromstring("<r><i>1</i><b>true</b></r>").iterchildren())]
    out += [etree.RelaxNG(etree.XML("<element name='a' xmlns='http://relaxng.org/ns/structure/1.0'><empty/></element>")),
            etree.HTMLParser(), etree.TreeBuilder()]
    out += [etree.fromstring("<n:c xmlns:n='urn:n'/>", parser), builder.E.x(builder.E.y("t")),
            etree.DTD(io.StringIO("<!ELEMENT a ANY>")), etree.Resolver()]
    try:
        etree.fromstring("<a><b></a>")
    except etree.XMLSyntaxError as e:
        out += [e, e.error_log, list(e.error_log)]
    return out + [sys.getrefcount(root[3]), root.xpath("//text()"), root.xpath("string(b)"),
                  etree.iterparse(file_of("<a><b/></a>")), etree.C14NWriterTarget(print)]


@package
def greenlet():
    import greenlet

    main = greenlet.getcurrent()

    def body(depth, *args):
        held = [depth, args]
        if depth:
            return body(depth - 1, *args), held
        return main.switch(held)

    def fails(*args):
        raise ValueError(args)

    class Own(greenlet.greenlet):
        def run(self, *args):
            self.attribute = main.switch(args)

    out = [main, greenlet.greenlet(), greenlet.greenlet(body), Own()]
    for i in range(20):
        g = greenlet.greenlet(body)
        out += [g, g.switch(i, "argument"), g.gr_frame]
    own, done, failed = Own(), greenlet.greenlet(lambda: [1]), greenlet.greenlet(fails)
    out += [own, own.switch(1), done, done.switch(), failed]
    try:
        failed.switch(2)
    except ValueError as e:
        out.append(e)
    child = greenlet.greenlet(body, own)
    child.switch(3)
    return out + [child, greenlet.getcurrent(), greenlet.GreenletExit([1])]


@package
def gevent():
    import gevent
    import gevent.event
    import gevent.local
    import gevent.lock
    import gevent.pool
    import gevent.pywsgi
    import gevent.queue
    import gevent.socket
    import gevent.threadpool

    event, result, queue, local = gevent.event.Event(), gevent.event.AsyncResult(), gevent.queue.Queue(3), gevent.local.local()
    local.value = ["main"]

    def waits(i):
        held = [i]
        local.value = held
        event.wait()
        return held

    waiting = [gevent.spawn(waits, i) for i in range(20)]
    later, done = gevent.spawn_later(1 << 20, print, [1]), gevent.spawn(lambda: [2])
    failed = gevent.spawn(lambda: {}["missing"])
    gevent.get_hub().exception_stream = None
    full = [gevent.spawn(queue.put, [i]) for i in range(5)]
    waiting[0].link(print)
    gevent.idle()
    gevent.sleep(0)
    a, b = gevent.socket.socketpair()
    reading = gevent.spawn(a.recv, 10)
    gevent.sleep(0)
    hub, pool = gevent.get_hub(), gevent.pool.Pool(3)
    pool.spawn(waits, 1), pool.spawn(waits, 2)
    gevent.sleep(0)
    out = [event, result, queue, local, waiting, later, done, failed, full, hub, hub.loop, pool, pool.imap(waits, [1]), reading,
           a, b, gevent.local.local()]
    out += [hub.loop.timer(1000.0), hub.loop.io(b.fileno(), 1), hub.loop.async_(), hub.loop.idle(), hub.loop.prepare(),
            hub.loop.check(), hub.loop.fork(), hub.loop.signal(10)]
    out += [gevent.queue.JoinableQueue(), gevent.queue.PriorityQueue(), gevent.queue.LifoQueue(), gevent.queue.SimpleQueue(),
            gevent.queue.Channel()]
    out += [gevent.lock.Semaphore(2), gevent.lock.BoundedSemaphore(), gevent.lock.RLock(), gevent.Timeout(5), gevent.pool.Group(),
            hub.loop.timer(5.0)]
    out[-1].start(print, [1])
    result.set_exception(ValueError([1]))
    return out + [hub.loop.run_callback(print, [3]), gevent.getcurrent(), waiting[0].loop, gevent.iwait(waiting),
                  gevent.pywsgi.Input]


@package
def multidict():
    import multidict

    out = []
    for n in (0, 1, 5, 30, 300):
        for t in (multidict.MultiDict, multidict.CIMultiDict):
            d = t([("Key%d" % (i % 20), [i]) for i in range(n)])
            proxy = multidict.MultiDictProxy(d) if t is multidict.MultiDict else multidict.CIMultiDictProxy(d)
            its = [iter(d.keys()), iter(d.values()), iter(d.items())]
            for it in its:
                next(it, None)
            out += [d, proxy, d.keys(), d.values(), d.items(), its, d.copy(), proxy.keys()]
    return out + [multidict.istr("Mixed-Case"), [multidict.istr("Other %d" % i) for i in range(10)]]


@package
def yarl():
    import yarl
    import yarl._quoting

    url = yarl.URL("http://user:pass@host:81/a path/é?q=1&q=2#frag")
    return [url, url / "more", url.query, url.with_query(a=["1", "2"]), vars(yarl._quoting).copy(), url.human_repr()]


@package
def frozenlist():
    import frozenlist

    a, b = frozenlist.FrozenList([[1], [2]]), frozenlist.FrozenList(range(100))
    b.freeze()
    return [a, b, iter(a), frozenlist.FrozenList()]


@package
def aiohttp():
    import asyncio

    import aiohttp
    import aiohttp.web
    from aiohttp import _helpers, _http_parser, _websocket, http_parser, http_writer

    class Protocol(aiohttp.base_protocol.BaseProtocol):
        pass

    loop = asyncio.new_event_loop()
    out = [_helpers.reify(len), _websocket, aiohttp.FormData({"a": "b"}), loop]
    for t in (_http_parser.HttpRequestParser, _http_parser.HttpResponseParser):
        parser = t(Protocol(loop), loop, 2 ** 16)
        out.append(parser)
        text = b"POST /p?q=1 HTTP/1.1" if t is _http_parser.HttpRequestParser else b"HTTP/1.1 200 OK"
        out.append(parser.feed_data(text + b"\r\nHost: h\r\nX-One: 1\r\nContent-Length: 10\r\n\r\nhalf"))
        fresh = t(Protocol(loop), loop, 2 ** 16)
        fresh.feed_data(text + b"\r\nHost")
        out.append(fresh)

    async def main():
        app = aiohttp.web.Application()
        app.router.add_get("/{name}", main)
        session = aiohttp.ClientSession()
        return [app, session, session.connector, aiohttp.CookieJar(), aiohttp.web.Response(text="t"), aiohttp.TCPConnector(),
                aiohttp.ClientTimeout(3)]

    return out + loop.run_until_complete(main()) + [http_parser, http_writer]


@package
def psycopg2():
    import datetime
    import socket

    import psycopg2
    import psycopg2.extensions as ext
    import psycopg2.extras

    out = [ext.adapt(v) for v in ("text", 1, 1.5, True, None, b"bytes", [1, "2", [3]], datetime.date.today(),
                                  datetime.datetime.now(), datetime.timedelta(1))]
    out += [ext.AsIs([1]), psycopg2.Binary(b"x"), ext.Xid(1, "a", "b"), psycopg2.Date(2024, 1, 1), ext.INTEGER, ext.UNICODE,
            ext.new_type((1,), "OWN", lambda v, c: v)]
    out += [ext.new_array_type((2,), "OWN[]", ext.INTEGER), dict(ext.string_types), dict(ext.adapters),
            psycopg2.extras.Json({"a": 1}), psycopg2.extras.NumericRange(1, 2)]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PLACE.name + "/.s.PGSQL.5432")
    listener.listen()
    connecting = psycopg2.connect(host=PLACE.name, user="u", dbname="d", async_=1)
    connecting.poll()
    connecting.notices.append("notice")
    try:
        psycopg2.connect(host=PLACE.name + "/none", dbname="d")
    except psycopg2.OperationalError as e:
        out += [e, e.diag, e.cursor]
    return out + [listener, connecting, connecting.info, ext.connection.__new__(ext.connection), ext.cursor.__new__(ext.cursor),
                  ext.Column("name", 23)]


@package
def msgpack():
    import msgpack

    packer, unpacker = msgpack.Packer(default=str, autoreset=False), msgpack.Unpacker(object_hook=dict, ext_hook=msgpack.ExtType)
    packer.pack({"a": [1, 2.5, None]})
    unpacker.feed(msgpack.packb([1, "x", {"k": [b"v"]}]) + b"\x93\x01\x02")
    half = msgpack.Unpacker(list_hook=tuple)
    half.feed(b"\x94\xa1a\x92\x01")
    try:
        half.unpack()
    except msgpack.OutOfData:
        pass
    return [packer, unpacker, unpacker.unpack(), half, msgpack.Timestamp(1, 2), msgpack.ExtType(1, b"x"),
            msgpack.Unpacker(open(os.devnull, "rb"))]


@package
def cffi():
    import cffi

    ffi = cffi.FFI()
    ffi.cdef("""
        struct pair { int a; double b[3]; struct pair *next; char name[]; };
        typedef union { int i; float f; } either;
        enum color { RED, GREEN = 7 };
        typedef int (*callback_t)(int, void *);
        size_t strlen(const char *);
        extern char **environ;
        double floor(double);
    """)
    libc = ffi.dlopen(None)
    pair = ffi.new("struct pair *", [1, [1, 2, 3], ffi.NULL, b"name"])
    pair.next = ffi.new("struct pair *", [2])
    handle, callback = ffi.new_handle([pair]), ffi.callback("callback_t", lambda i, p: i, error=-1)
    buffer = bytearray(100)
    out = [ffi, libc, libc.strlen, libc.environ, pair, pair.b, pair[0], handle, callback, ffi.new("either *", {"i": 3}),
           ffi.cast("enum color", 7)]
    out += [ffi.from_buffer("int[]", buffer), ffi.from_buffer(buffer), ffi.buffer(pair), ffi.gc(pair, print),
            ffi.new("int[50]", list(range(50))), ffi.addressof(pair, "b")]
    out += [ffi.typeof("int(*)(struct pair *, char **)"), ffi.typeof("struct pair").fields, iter(ffi.new("int[3]")),
            ffi.new("char[]", b"x" * 5000)]
    out += [ffi.new_allocator(lambda n: ffi.new("char[]", n))("int[10]"), ffi.cast("long double", 1.5),
            ffi.new("wchar_t[]", "wide"), ffi.typeof("enum color")]
    return out + [ffi.addressof(pair.b, 1), ffi.typeof("callback_t").args, ffi.from_handle(handle), ffi.errno]


@package
def regex():
    import regex

    pattern = regex.compile(r"(?P<word>\w+)(?:\s(?P<word>\d+))*(?P<opt>x)?|\L<names>", names=["one", "two"])
    fuzzy = regex.compile(r"(?:approximate){e<=3}", regex.BESTMATCH)
    text = "some words 12 34 here" * 5
    scanner, splitter = pattern.finditer(text, overlapped=True), regex.compile(r"\s").splititer(text)
    out = [pattern, fuzzy, next(scanner), scanner, next(splitter), splitter, list(pattern.finditer(text)),
           fuzzy.search("aproximat"), pattern.scanner(text)]
    partial = regex.compile(r"abc\d+").fullmatch("abc", partial=True)
    match = pattern.match(text)
    return out + [partial, match, match.capturesdict(), match.regs, regex.compile(rb"(?r)\w+").search(b"bytes"),
                  regex.compile(r"(?V1)[[a-z]--[aeiou]]+\p{Greek}")]


@package
def BTrees():
    import BTrees
    import persistent
    import persistent.mapping
    import persistent.timestamp

    out = []
    for family in ("OO", "OI", "OU", "OL", "OQ", "IO", "II", "IF", "IU", "UO", "UU", "UI", "UF", "LO", "LL", "LF", "LQ", "QO",
                   "QQ", "QL", "QF", "fs"):
        try:
            module = __import__("BTrees.%sBTree" % family, fromlist=["*"])
        except ModuleNotFoundError:
            continue
        for size in (0, 10, 1000):
            keys = list(range(size))
            if family == "fs":
                keys = [b"%c%c" % (i >> 7, i & 127) for i in keys]
            elif family[0] == "O":
                keys = ["key %d" % i for i in keys]
            for kind in ("BTree", "Bucket"):
                tree = getattr(module, family + kind)()
                for i, k in enumerate(keys):
                    tree[k] = b"%06d" % i if family == "fs" else ["value", i] if family[1] == "O" else i
                its = [iter(tree), tree.iteritems(), tree.itervalues()]
                for it in its:
                    next(it, None)
                out += [tree, its, tree.keys(), tree.items(), tree.values()]
            for kind in ("TreeSet", "Set"):
                s = getattr(module, family + kind)(keys)
                out += [s, iter(s), s.keys()]

    class Stored(persistent.Persistent):
        def __init__(self):
            self.attribute = [self]

    stamp = persistent.timestamp.TimeStamp(2024, 1, 2, 3, 4, 5.0)
    mapping = persistent.mapping.PersistentMapping({"a": Stored()})
    return out + [Stored(), mapping, persistent.PickleCache(types.SimpleNamespace()), stamp,
                  BTrees.Length.Length(3) if hasattr(BTrees, "Length") else None]


@package
def uvloop():
    import asyncio
    import signal
    import socket

    import uvloop

    async def waits(future):
        held = ["waiting"]
        await future
        return held

    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        tasks = [loop.create_task(waits(future)) for i in range(10)]
        a, b = socket.socketpair()
        c, d = socket.socketpair()
        a.setblocking(False), d.setblocking(False)
        server = await loop.create_unix_server(asyncio.Protocol, PLACE.name + "/uv")
        client = await loop.create_unix_connection(asyncio.Protocol, PLACE.name + "/uv")
        reader, writer = await asyncio.open_unix_connection(PLACE.name + "/uv")
        transport = await loop.create_connection(asyncio.Protocol, sock=a)
        out = [loop, future, tasks, server, client, reader, writer, transport, b, c, d, loop.call_soon(print, [1]),
               loop.call_later(1 << 20, print, [2])]
        r, w = os.pipe()
        out += [await loop.connect_read_pipe(asyncio.Protocol, os.fdopen(r)),
                await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(w, "w"))]
        udp = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        out += [udp, await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=udp[0])]
        loop.add_reader(c, print, [3])
        loop.add_signal_handler(signal.SIGUSR2, print, [4])
        out += [loop.create_task(loop.sock_recv(d, 10)), loop.call_later(5, print), server.sockets]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return out

    loop = uvloop.new_event_loop()
    return loop.run_until_complete(main()) + [uvloop.EventLoopPolicy()]


def ocsp_objects(certificate, key, start):
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509 import ocsp

    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA1()).build()
    answer = ocsp.OCSPResponseBuilder().add_response(certificate, certificate, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, start,
                                                     start, None, None)
    response = answer.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).sign(key, hashes.SHA256())
    its = response.responses
    return [request, response, its, ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)]


@package
def cryptography():
    import datetime

    from cryptography import fernet, x509
    from cryptography.hazmat.primitives import hashes, hmac, padding, serialization
    from cryptography.hazmat.primitives.asymmetric import dh, dsa, ec, ed448, ed25519, rsa, x448, x25519
    from cryptography.hazmat.primitives.ciphers import Cipher, aead, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    keys = [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate(),
            x25519.X25519PrivateKey.generate()]
    keys += [ed448.Ed448PrivateKey.generate(), x448.X448PrivateKey.generate(), dsa.generate_private_key(1024)]
    out = keys + [k.public_key() for k in keys] + [keys[0].private_numbers(), keys[1].public_key().public_numbers()]
    out.append(dh.generate_parameters(2, 512))
    cipher = Cipher(algorithms.AES(bytes(16)), modes.CBC(bytes(16)))
    encryptor, digest, mac = cipher.encryptor(), hashes.Hash(hashes.SHA256()), hmac.HMAC(b"k", hashes.SHA1())
    encryptor.update(bytes(40)), digest.update(b"x"), mac.update(b"y")
    gcm = Cipher(algorithms.AES(bytes(16)), modes.GCM(bytes(12))).encryptor()
    gcm.authenticate_additional_data(b"data")
    out += [cipher, encryptor, gcm, digest, digest.copy(), mac, padding.PKCS7(128).padder(), padding.ANSIX923(128).unpadder(),
            aead.AESGCM(bytes(16))]
    out += [aead.ChaCha20Poly1305(bytes(32)), fernet.Fernet(fernet.Fernet.generate_key()),
            PBKDF2HMAC(hashes.SHA256(), 32, b"salt", 10)]
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test"), x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "DE")])
    start = datetime.datetime(2024, 1, 1)
    for key in keys[:2]:
        make = x509.CertificateBuilder().subject_name(name).issuer_name(name).not_valid_before(start).not_valid_after(start.replace(2034)).serial_number(7)
        make = make.public_key(key.public_key()).add_extension(x509.SubjectAlternativeName([x509.DNSName("a.test"),
                                                                                            x509.DNSName("b.test")]), False)
        certificate = make.add_extension(x509.BasicConstraints(True, 3), True).sign(key, hashes.SHA256())
        again = x509.load_pem_x509_certificate(certificate.public_bytes(serialization.Encoding.PEM))
        again.extensions, again.subject
        revoked = x509.RevokedCertificateBuilder().serial_number(5).revocation_date(start).build()
        lists = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(start).next_update(start.replace(2030)).add_revoked_certificate(revoked)
        crl, request = lists.sign(key, hashes.SHA256()), x509.CertificateSigningRequestBuilder().subject_name(name).sign(key,
                                                                                                                         hashes.SHA256())
        its = iter(crl)
        out += [make, certificate, again, again.extensions, list(again.extensions), revoked, crl, its, next(its), list(crl),
                request, request.subject]
        ocsp = x509.ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA1()).build() if hasattr(x509,
                                                                                                                          "ocsp") else None
        out += [ocsp, x509.ObjectIdentifier("1.2.3")]
    return out + ocsp_objects(certificate, key, start)


@package
def gi():
    from gi.repository import Gio, GLib, GObject

    class Own(GObject.Object):
        __gsignals__ = {"changed": (GObject.SignalFlags.RUN_FIRST, None, (int,))}
        number = GObject.Property(type=int, default=3)

        def __init__(self):
            super().__init__()
            self.attribute = [self.number]

    own, action, menu, store = Own(), Gio.SimpleAction.new("a", None), Gio.Menu(), Gio.ListStore()
    own.connect("changed", lambda *a: None, [1])
    own.connect("notify::number", print)
    action.connect("activate", lambda *a: a)
    own.bind_property("number", Own(), "number")
    menu.append("label", "action")
    store.append(own)
    out = [own, action, menu, store, GLib.MainLoop(), GLib.MainContext.new(), GLib.Variant("a{sv}", {"k": GLib.Variant("i", 3)}),
           GLib.DateTime.new_now_utc()]
    out += [Gio.File.new_for_path("/usr"), Gio.Cancellable(), GObject.Value(int, 3), own.props, own.list_properties(),
            GObject.TYPE_INT, Own.__gtype__, GLib.Bytes.new(b"x")]
    out += [Gio.FileType.DIRECTORY, Gio.FileQueryInfoFlags.NONE, GLib.Error("message"), own.weak_ref(), GLib.idle_add,
            Gio.Application.new, menu.get_n_items, GLib.KeyFile()]
    file = out[8]
    info = file.query_info("standard::*", Gio.FileQueryInfoFlags.NONE, None)
    source = GLib.Timeout(1 << 20)
    source.set_callback(print, [1])
    return out + [info, file.enumerate_children("standard::name", 0, None), source, GObject.GType.from_name("GObject"),
                  GLib.Source, Gio.MemoryInputStream()]


@package
def yaml():
    import yaml

    out = [yaml.Loader("a: [1, {b: c}]"), yaml.Dumper(io.StringIO())]
    if hasattr(yaml, "CLoader"):
        tokens, events = yaml.CLoader("a: [1, {b: &x c}]\n---\nd: *x"), yaml.CLoader("a: [&x [1], *x]")
        for i in range(4):
            out += [tokens.get_token(), events.get_event()]
        out += [tokens, events, events.peek_event(), yaml.CDumper(io.StringIO())]
    try:
        yaml.safe_load("a: [")
    except yaml.YAMLError as e:
        out.append(e)
    return out


@package
def wrapt():
    """Proxies that say of themselves what their object says, their class too."""
    import wrapt

    @wrapt.decorator
    def wrapper(wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

    class Wrapped:
        @wrapper
        def method(self):
            return 1

    w = Wrapped()
    out = [wrapper, Wrapped, w, w.method, wrapt.ObjectProxy([1, 2]), wrapt.CallableObjectProxy(print),
           wrapt.PartialCallableObjectProxy(print, 1)]
    return out + [wrapt.ObjectProxy(Wrapped), wrapt.FunctionWrapper(print, wrapper),
                  wrapt.WeakFunctionProxy(w.method) if hasattr(wrapt, "WeakFunctionProxy") else None]


@package
def PIL():
    from PIL import Image, ImageDraw, ImageFont, ImageMath

    image = Image.new("RGBA", (50, 40), "red")
    pixels, draw = image.load(), ImageDraw.Draw(image)
    draw.rectangle((1, 1, 5, 5))
    png = io.BytesIO()
    image.save(png, "png")
    opened = Image.open(io.BytesIO(png.getvalue()))
    half = Image.open(io.BytesIO(png.getvalue()[:60]))
    return [image, image.im, pixels, draw, draw.draw, opened, half, image.convert("P").palette, ImageFont.load_default(),
            ImageMath, Image.core.outline()]


@package
def zmq():
    import zmq

    context = zmq.Context()
    a, b = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    a.bind("inproc://here")
    b.connect("inproc://here")
    a.send(b"message" * 100, copy=False)
    poller = zmq.Poller()
    poller.register(b)
    return [context, a, b, b.recv(copy=False), zmq.Frame(b"data"), zmq.Frame(b"data").buffer, poller,
            zmq.Context.shadow(context.underlying)]


@package
def bitarray():
    import bitarray

    a = bitarray.bitarray("0110" * 50)
    it, found = iter(a), a.itersearch(bitarray.bitarray("11"))
    tree = bitarray.decodetree({"a": bitarray.bitarray("0"), "b": bitarray.bitarray("10"), "c": bitarray.bitarray("11")})
    return [a, it, next(it), found, next(found), tree, a.iterdecode(tree), bitarray.frozenbitarray("1"),
            bitarray.bitarray(buffer=bytearray(5))]


@package
def pydantic_core():
    import pydantic_core as p

    schema = p.core_schema.typed_dict_schema({"a": p.core_schema.typed_dict_field(p.core_schema.list_schema(p.core_schema.int_schema()))})
    validator = p.SchemaValidator(schema)
    out = [validator, p.SchemaSerializer(schema), p.Url("http://h/p?q"), p.MultiHostUrl("redis://a,b/1"), p.PydanticUndefined,
           p.TzInfo(3600)]
    try:
        validator.validate_python({"a": ["x", {}]})
    except p.ValidationError as e:
        out.append(e)
    return out + [p.ArgsKwargs(([1],), {"k": 2}), p.PydanticCustomError("kind", "text {a}", {"a": [1]}),
                  p.PydanticKnownError("int_type"), p.Some([1])]


@package
def rpds():
    import rpds

    m, l, s = rpds.HashTrieMap({"a": [1]}), rpds.List([[1], 2]), rpds.HashTrieSet({1, "x"})
    return [m, l, s, m.insert("b", m), iter(m), iter(l), iter(s), m.keys(), m.items(), m.values(), l.push_front(s),
            rpds.Queue([1])]


# ---- the end ----


def without_python_sizes():
    """A __sizeof__ written in Python cannot be asked from outside, and changes what it looks at: pandas computes and keeps. Without them
    sys.getsizeof() says what the object itself takes."""
    for t in [o for o in census.reachable() if issubclass(type(o), type)]:
        if isinstance((census.dict_of(t) or {}).get("__sizeof__"), types.FunctionType):
            del t.__sizeof__


def with_tp_name(type_name):
    """Where the text of __module__ should be, types of Cython 3.1 have a descriptor for their objects; repr() then takes tp_name."""

    def name(t):
        return type_name(t) if type(census.module_of(t)) is str else type.__repr__(t)[8:-2]

    return name


def main():
    if not PRESENT or "--any" in sys.argv:
        sys.exit(not PRESENT)
    without_python_sizes()
    every, have = census.take()
    new = set(every) - BEFORE
    empty = len(new & have)
    KEEP["empty"] = census.empty_ones([t for name in sorted(new - have) for t in every[name]])
    every, have = census.take()
    new = set(every) - BEFORE
    print("result: packages: %s" % ", ".join(PRESENT), file=sys.stderr)
    print("result: packages: objects of %d C types, empty ones of %d, none of %d" % (empty, len(new & have) - empty,
                                                                                     len(new - have)), file=sys.stderr)
    if ABSENT:
        print("result: packages: not here: " + ", ".join(ABSENT), file=sys.stderr)
    if "list" in sys.argv[2:]:
        print("\n".join(sorted(new - have)), file=sys.stderr)
    truth.type_name = with_tp_name(truth.type_name)
    os.dup2(STDOUT, 1)
    truth.serve(truth.raw_fork())


if __name__ == "__main__":
    main()
