"""A target with objects of the standard library's extension modules, as far as they are there.

Types that nobody can list beforehand: most have a tp_traverse or a __sizeof__ of their own.
Written for Python 3.6 and later.
"""
import truth  # first, see there

import sys

KEEP = {}
SKIPPED = []


def keeps(f):
    """Run f and keep what it returns; an interpreter without the module does without."""
    try:
        KEEP[f.__name__] = f()
    except (ImportError, LookupError) as e:  # LookupError: a codec that was not built
        SKIPPED.append(str(e))
    return f


@keeps
def ctypes_objects():
    import ctypes

    class Pair(ctypes.Structure):
        _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double), ("s", ctypes.c_char_p), ("o", ctypes.py_object)]

    class Either(ctypes.Union):
        _fields_ = [("i", ctypes.c_int), ("f", ctypes.c_float), ("bits", ctypes.c_int, 3)]

    class Node(ctypes.Structure):
        pass

    Node._fields_ = [("next", ctypes.POINTER(Node)), ("pairs", Pair * 3)]
    pair = Pair(1, 2.0, b"kept alive", [1, 2])
    node = Node(ctypes.pointer(Node()), (pair, pair, pair))
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda i: i)
    libc = ctypes.CDLL(None)
    libc.strlen.argtypes, libc.strlen.restype = [ctypes.c_char_p], ctypes.c_size_t
    libc.strlen(b"text")
    array = (ctypes.c_int * 1000)(*range(1000))
    pointers = (ctypes.c_char_p * 3)(b"one", b"two", None)
    return [pair, Either(3), node, node.next.contents, callback, libc, libc.strlen, array, pointers, ctypes.byref(array),
            ctypes.create_string_buffer(b"text", 5000), ctypes.c_wchar_p("wide"), ctypes.py_object(KEEP), Pair.a,
            ctypes.cast(array, ctypes.POINTER(ctypes.c_int)), ctypes.c_void_p(0), ctypes.pointer(pair), ctypes.pythonapi]


@keeps
def legacy_text():
    """Strings as only C code makes them: not compact, with a wchar_t form beside, not yet ready."""
    import ctypes

    api = ctypes.pythonapi
    out = []
    if not hasattr(api, "PyUnicode_FromUnicode"):
        return out
    make = api.PyUnicode_FromUnicode
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t]
    wide = api.PyUnicode_AsUnicode
    wide.restype, wide.argtypes = ctypes.c_void_p, [ctypes.py_object]

    def filled(text):
        raw = make(None, 7)
        buffer = ctypes.cast(wide(raw), ctypes.POINTER(ctypes.c_wchar))
        for i in range(7):
            buffer[i] = text[i % len(text)]
        return raw

    for text in ("legacy", "l\u00e9gacy", "\u20ac", "\U0001f600"):
        ready, both = filled(text), text + " with a wide form"
        hash(ready)
        wide(both)
        out += [filled(text), ready, both]
    utf8 = api.PyUnicode_AsUTF8
    utf8.restype, utf8.argtypes = ctypes.c_char_p, [ctypes.py_object]
    for text in ("ascii %d", "\u00e9 %d", "\u20ac %d", "\U0001f600 %d"):
        s = text % 7
        utf8(s)
        out.append(s)
    return out


@keeps
def numbers():
    import datetime
    import decimal
    import fractions
    import random
    import statistics

    zone = datetime.timezone(datetime.timedelta(hours=2), "zone")
    now = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, zone)
    out = [decimal.Decimal(i) / 7 for i in range(300)] + [decimal.Decimal("1e1000"), decimal.Decimal(10) ** 400]
    out += [decimal.getcontext(), decimal.Context(prec=3), decimal.getcontext().flags, decimal.localcontext()]
    out += [fractions.Fraction(i, 7) for i in range(100)] + [random.Random(3), random.SystemRandom(), random.Random(1).random]
    out += [zone, now, now.date(), now.time(), now - now, datetime.timezone.utc, datetime.datetime.min, now.timetz()]
    return out + [statistics, datetime.timedelta(days=3)]


@keeps
def zones():
    import zoneinfo

    try:
        return [zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo.no_cache("UTC")]
    except zoneinfo.ZoneInfoNotFoundError as e:
        raise ImportError(str(e))


@keeps
def databases():
    import sqlite3

    con = sqlite3.connect(":memory:")
    con.row_factory = sqlite3.Row
    con.create_function("f", 1, lambda x: x)
    con.execute("create table t (a, b)")
    con.executemany("insert into t values (?, ?)", [(i, str(i)) for i in range(50)])
    cursor = con.execute("select f(a), b from t")
    row = cursor.fetchone()
    return [con, cursor, row, con.cursor(), sqlite3.Row]


@keeps
def network():
    import select
    import selectors
    import socket

    a, b = socket.socketpair()
    f = a.makefile("rb")
    out = [a, b, f, select.poll(), select.epoll(), selectors.DefaultSelector()]
    out[-1].register(b, selectors.EVENT_READ, data=[1])
    return out


@keeps
def secure():
    import ssl

    ctx = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    outgoing.write(b"bytes")
    return [ctx, incoming, outgoing, ctx.wrap_bio(incoming, outgoing, server_hostname="example.org"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)]


@keeps
def hashes():
    import hashlib
    import hmac
    import zlib

    out = [hashlib.new(n, b"data") for n in ("md5", "sha1", "sha256", "sha512", "sha3_256")]
    out += [hashlib.blake2b(b"x", digest_size=8), hashlib.blake2s(), hmac.new(b"key", b"msg", "sha256")]
    compress, expand = zlib.compressobj(), zlib.decompressobj()
    compress.compress(b"x" * 1000)
    expand.decompress(zlib.compress(b"y" * 1000) + b"unused")
    return out + [compress, expand]


@keeps
def compressors():
    import bz2
    import lzma

    return [bz2.BZ2Compressor(), bz2.BZ2Decompressor(), lzma.LZMACompressor(), lzma.LZMADecompressor()]


@keeps
def markup():
    import xml.dom.minidom
    import xml.etree.ElementTree as tree
    from xml.parsers import expat

    root = tree.fromstring("<a x='1'><b>text</b>tail<c/><d><e f='g'/></d></a>")
    for i in range(20):
        tree.SubElement(root, "child%d" % i, number=str(i))
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attrs: None
    parser.Parse("<doc><half>", False)
    it = root.iter()
    next(it)
    builder = tree.TreeBuilder()
    builder.start("x", {})
    pull = tree.XMLPullParser(["start", "end"])
    pull.feed("<x><y/>")
    return [root, root.attrib, parser, it, builder, pull, tree.ElementTree(root), tree.XMLParser(), xml.dom.minidom.parseString("<a><b/></a>")]


@keeps
def formats():
    import configparser
    import csv
    import io
    import json
    import pickle
    import struct

    pickler = pickle.Pickler(io.BytesIO())
    shared = [1, 2]
    pickler.dump([shared, shared, {"k": shared}])
    unpickler = pickle.Unpickler(io.BytesIO(pickle.dumps([shared, "x"], 4) + pickle.dumps(3)))
    unpickler.load()
    reader = csv.reader(io.StringIO("a,b\n1,2\n"))
    next(reader)
    config = configparser.ConfigParser()
    config.read_string("[s]\nk = v\n")
    out = [pickler, unpickler, pickler.memo, reader, csv.writer(io.StringIO()), csv.DictReader(["a,b"]), csv.excel(), config]
    out += [struct.Struct("<ihq"), struct.Struct("3s").iter_unpack(b"abcdef"), json.JSONDecoder(), json.JSONEncoder(indent=1)]
    if hasattr(pickle, "PickleBuffer"):
        out.append(pickle.PickleBuffer(bytearray(b"x" * 100)))
    return out


@keeps
def text_codecs():
    import codecs
    import unicodedata

    encoder = codecs.getincrementalencoder("shift_jis")()
    decoder = codecs.getincrementaldecoder("euc_kr")()
    decoder.decode(b"\xb0")
    return [encoder, decoder, codecs.lookup("gb18030"), codecs.getreader("utf-16"), codecs.getincrementaldecoder("utf-8")(),
            unicodedata.ucd_3_2_0, codecs.lookup("cp1252")]


@keeps
def memory():
    import mmap
    import queue
    import shelve
    import tempfile

    m = mmap.mmap(-1, 100000)
    m[:4] = b"text"
    q = queue.SimpleQueue() if hasattr(queue, "SimpleQueue") else queue.Queue()
    for i in range(50):
        q.put([i])
    f = tempfile.TemporaryFile()
    p = queue.PriorityQueue()
    p.put((1, "a"))
    return [m, memoryview(m), q, f, p, queue.LifoQueue(), shelve]


@keeps
def asynchronous():
    import asyncio

    async def leaf(event):
        held = ["waiting"]
        await event.wait()
        return held

    async def main():
        event, lock, queue = asyncio.Event(), asyncio.Lock(), asyncio.Queue()
        await lock.acquire()
        tasks = [asyncio.ensure_future(leaf(event)) for i in range(20)]
        gathered = asyncio.gather(*tasks[:5], return_exceptions=True)
        loop = asyncio.get_event_loop()
        future = loop.create_future()
        future.add_done_callback(print)
        failed = loop.create_future()
        failed.set_exception(ValueError([1]))
        failed.exception()
        done = loop.create_future()
        done.set_result({"result": 1})
        await queue.put([1])
        timer = loop.call_later(100000, print, [1])
        await asyncio.sleep(0)
        return [event, lock, queue, tasks, gathered, future, failed, done, timer, tasks[0].__await__(), future.__await__()]

    loop = asyncio.new_event_loop()
    return [loop, loop.run_until_complete(main())]


@keeps
def programs():
    """Modules of many classes and functions, as real programs have them."""
    import argparse
    import ast
    import difflib
    import email.message
    import email.parser
    import html.parser
    import http.client
    import inspect
    import ipaddress
    import logging.handlers
    import pathlib
    import pprint
    import shlex
    import string
    import subprocess
    import traceback
    import unittest.mock
    import urllib.parse
    import urllib.request
    import uuid

    parser = argparse.ArgumentParser()
    parser.add_argument("--option", type=int, default=3)
    logger = logging.getLogger("wide.target")
    logger.addHandler(logging.NullHandler())
    tree = ast.parse(inspect.getsource(truth))
    mock = unittest.mock.Mock(name="mock")  # a MagicMock answers sys.getsizeof() by growing
    mock.method(1).other(2)
    message = email.parser.Parser().parsestr("Subject: s\n\nbody")
    out = [parser, logger, tree, mock, message, pathlib.Path("/usr/bin"), list(pathlib.Path("/usr").parents), uuid.UUID(int=7)]
    out += [ipaddress.ip_network("10.0.0.0/8"), urllib.parse.urlparse("http://u:p@h:1/p?q#f"), inspect.signature(keeps)]
    out += [string.Template("$x"), shlex.shlex("a b"), difflib.SequenceMatcher(None, "ab", "ba"), inspect.currentframe]
    return out + [traceback.StackSummary(), subprocess, urllib.request.Request("http://h/"), http.client, pprint, html.parser]


@keeps
def slots_behind_items():
    """__slots__ of a subclass of tuple lie behind its items, at another place in each length (3.15)."""
    try:
        class Named(tuple):
            __slots__ = ("first", "second")
    except TypeError:
        return []

    class More(Named):
        __slots__ = ("third",)

    class Open(Named):
        pass

    out = []
    for cls in Named, More, Open:
        for n in range(4):
            o = cls([i] for i in range(n))
            o.second = ["second", n]
            if cls is More:
                o.third = ["third", n]
            if cls is Open:
                o.other = ["other", n]
            out.append(o)
    return out


@keeps
def optional_modules():
    out = []
    for name in ("_bisect", "_heapq", "_opcode", "audioop", "binascii", "cmath", "crypt", "curses", "dbm", "faulthandler", "fcntl",
                 "grp", "multiprocessing.pool", "nis", "ossaudiodev", "parser", "pwd", "pyexpat", "readline", "resource", "spwd",
                 "symtable", "syslog", "termios", "tracemalloc", "_testcapi", "_xxsubinterpreters", "_queue", "_lsprof", "_uuid",
                 "concurrent.futures", "ensurepip", "tkinter", "turtle", "xmlrpc.client", "zipfile", "tarfile", "wave", "smtplib"):
        try:
            out.append(__import__(name, fromlist=["*"]))
        except Exception as e:
            SKIPPED.append(str(e))
    return out


def main():
    truth.serve(truth.raw_fork())


if __name__ == "__main__":
    main()
