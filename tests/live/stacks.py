"""A target whose threads are each in a place of their own, and which then says itself what their stacks are.

    python stacks.py TRUTH

Says "ready" when all threads wait; "again" makes it write to TRUTH, and until then it does not look at
a frame, so that no frame object or copy of variables is there that nobody would have made. Runs on 2.7 and later.
"""
import os
import sys
import threading

try:
    from thread import get_ident
except ImportError:
    from _thread import get_ident

sys.setrecursionlimit(3000)
READY, MARK = os.pipe()
HOLD, RELEASE = os.pipe()
RUN = [1]
HERE = {}


def block(): os.write(MARK, b"x"), os.read(HOLD, 1)


class Request(object):
    def __init__(self, number):
        self.number = number


def in_plain(request):
    text, number, long_one, nothing, truth, ratio = "some text", 42, 2 ** 70, None, True, 1.5
    items = [request, number]
    del number
    for index in range(3):
        if index == 2:
            try:
                block(

                )
            finally:
                items = None


def recurse(depth, request):
    local = [depth, request]
    if depth:
        return recurse(depth - 1, request), local
    block()


def in_recursion(request):
    recurse(500, request)


def generator(request):
    held = {"in a running generator": request}
    yield held
    block()
    yield held


def in_generator(request):
    for held in generator(request):
        pass


def in_comprehension(request):
    outer = "outer"
    return [(i, request, outer, block()) for i in range(3)]


def in_generator_expression(request):
    return list((i, block()) for i in range(3))


def in_lambda(request):
    (lambda x, y=7: (x, os.write(MARK, b"x"), os.read(HOLD, 1)))(request)


def in_class_body(request):
    class Unfinished(object):
        attribute = request
        number = 17
        block()


def in_closure(request):
    shared = [request]
    late = None

    def inner(argument):
        own = (shared, argument)
        block()
        return late, own

    inner("argument")
    late = 1


def in_exec(request):
    exec(compile("inner = [request]\n\nnumber = 5\nblock()\n", "<made up>", "exec"),
         {"block": block, "request": request}, {})


def in_native(request):
    """The callback of a C function."""
    sorted([3, 1, 2], key=lambda i: block() or i)


def in_nothing_but_c(request):
    """No Python function below: the thread is in the read that it was given."""
    os.write(MARK, b"x"), os.read(HOLD, 1)


def in_except(request):
    try:
        raise ValueError(request)
    except ValueError as error:
        block()


def in_many(request):
    many = [request]
    v0 = 0
    v1 = 1000
    v2 = 2000
    v3 = many[0] or (3,
             3)
    v4 = 4000
    v5 = 5000
    v6 = 6000
    v7 = 7000
    v8 = 8000
    v9 = 9000
    v10 = 10000
    v11 = 11000
    v12 = 12000
    v13 = many[0] or (13,
             13)
    v14 = 14000
    v15 = 15000
    v16 = 16000
    v17 = 17000
    v18 = 18000
    v19 = 19000
    v20 = 20000
    v21 = 21000
    v22 = 22000
    v23 = many[0] or (23,
             23)
    v24 = 24000
    v25 = 25000
    v26 = 26000
    v27 = 27000
    v28 = 28000
    v29 = 29000
    v30 = 30000
    v31 = 31000
    v32 = 32000
    v33 = many[0] or (33,
             33)
    v34 = 34000
    v35 = 35000
    v36 = 36000
    v37 = 37000
    v38 = 38000
    v39 = 39000
    v40 = 40000
    v41 = 41000
    v42 = 42000
    v43 = many[0] or (43,
             43)
    v44 = 44000
    v45 = 45000
    v46 = 46000
    v47 = 47000
    v48 = 48000
    v49 = 49000
    v50 = 50000
    v51 = 51000
    v52 = 52000
    v53 = many[0] or (53,
             53)
    v54 = 54000
    v55 = 55000
    v56 = 56000
    v57 = 57000
    v58 = 58000
    v59 = 59000
    block()


def in_args(request, *args, **kwargs):
    block()


def in_kwargs(request):
    in_args(request, 1, 2, key="value")


def in_thread_object(request):
    """Frame objects exist of this one before it is looked at, and a copy of its variables."""
    before = "before"
    HERE["frame"] = sys._getframe()
    HERE["copy"] = HERE["frame"].f_locals
    before = "after"
    del HERE["copy"]
    block()


def spin(request):
    while RUN: pass


ASYNC = """
async def waits(request):
    held = [request]
    block()


async def holds(request):
    async with Manager() as manager:
        block()


class Manager:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *args):
        pass


def in_coroutine(request):
    waits(request).send(None)


def in_async_with(request):
    holds(request).send(None)
"""

BODIES = [in_plain, in_recursion, in_generator, in_comprehension, in_generator_expression, in_lambda, in_class_body,
          in_closure, in_exec, in_native, in_nothing_but_c, in_except, in_many, in_kwargs, in_thread_object]
if sys.version_info >= (3, 5):
    exec(compile(ASYNC, "async.py", "exec"))
    BODIES += [in_coroutine, in_async_with]


def suspended(first, second):
    shared = [first]
    index = 5
    yield lambda: shared
    yield index, second


def value(v):
    if v is None or type(v) in (bool, int, float, str) or type(v).__name__ == "long":
        return repr(v)
    return ""


def tell_variables(out, places):
    for name in sorted(places, key=str):
        v = places[name]
        out.write("local\t%s\t%d\t%s\t%s\n" % (name, id(v) & (2 * sys.maxsize + 1), type(v).__name__, value(v)))


def tell(path, threads, generators):
    """Stacks of all threads, and the variables of the generators."""
    current = sys._current_frames()
    with open(path, "w") as out:
        for t in threads:
            out.write("thread\t%d\t%s\t%s\n" % (t.ident, t.name, getattr(t, "native_id", "")))
            frame = current[t.ident]
            while frame is not None:
                code = frame.f_code
                name = getattr(code, "co_qualname", code.co_name)
                out.write("frame\t%s\t%s\t%d\n" % (name, code.co_filename, frame.f_lineno))
                tell_variables(out, dict(frame.f_locals))
                frame = frame.f_back
        for g in generators:
            holder = g if sys.version_info >= (3, 11) else g.gi_frame
            out.write("generator\t%d\n" % (id(holder) & (2 * sys.maxsize + 1)))
            tell_variables(out, dict(g.gi_frame.f_locals))
        out.write("end\n")


def main(path):
    threads = []
    for i, body in enumerate(BODIES):
        t = threading.Thread(target=body, args=(Request(i),), name="thread " + body.__name__)
        t.daemon = True
        t.start()
        threads.append(t)
        os.read(READY, 1)
    t = threading.Thread(target=spin, args=(None,), name="spin")
    t.daemon = True
    t.start()
    threads.append(t)
    generators = [suspended(Request(i), "second") for i in range(2)]
    for g in generators:
        next(g)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while sys.stdin.readline() == "again\n":
        tell(path, threads, generators)
        sys.stdout.write("told\n")
        sys.stdout.flush()
    RUN[:] = []
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
