"""A small shop as a web service: standard library only, a thread for each request.

It has what such services have: sessions, a cache, orders with customers and lines, an
audit log, a background worker. It also has a bug that is common in them: sessions get
an expiry time that nobody ever looks at, so each visitor stays in memory for ever.

    service.py            listens on a free port of 127.0.0.1 and prints "port N"
"""
import collections
import dataclasses
import datetime
import functools
import http.server
import itertools
import json
import queue
import threading
import uuid


@dataclasses.dataclass
class Product:
    sku: str
    name: str
    price: int  # cents
    tags: list


@dataclasses.dataclass
class OrderLine:
    product: Product
    quantity: int


class Customer:
    __slots__ = ("name", "email", "orders", "__weakref__")

    def __init__(self, name):
        self.name = name
        self.email = name.lower().replace(" ", ".") + "@example.org"
        self.orders = []


class Order:
    numbers = itertools.count(1000)

    def __init__(self, customer, lines):
        self.number = next(self.numbers)
        self.customer = customer
        self.lines = lines
        self.created = datetime.datetime.now()
        self.note = "order %d of %s" % (self.number, customer.name)
        customer.orders.append(self)

    def total(self):
        return sum(line.product.price * line.quantity for line in self.lines)


class Session:
    """What is known of a visitor. `expires` is set, and never read: the leak of this demo."""

    def __init__(self, customer, agent):
        self.key = uuid.uuid4().hex
        self.customer = customer
        self.agent = agent
        self.expires = datetime.datetime.now() + datetime.timedelta(minutes=20)
        self.history = []
        self.basket = {}


class SessionStore:
    def __init__(self):
        self.sessions = {}
        self.lock = threading.Lock()

    def get(self, key, customer, agent):
        with self.lock:
            session = self.sessions.get(key)
            if session is None:
                session = Session(customer, agent)
                self.sessions[session.key] = session
            return session


class PageCache:
    """Pages by path, the last ones used; this one is bounded, as it should be."""

    def __init__(self, limit):
        self.limit = limit
        self.pages = collections.OrderedDict()

    def page(self, path, make):
        if path in self.pages:
            self.pages.move_to_end(path)
            return self.pages[path]
        page = self.pages[path] = make()
        while len(self.pages) > self.limit:
            self.pages.popitem(last=False)
        return page


class Shop:
    def __init__(self):
        self.products = [Product("sku-%04d" % i, "Product number %d" % i, 99 + i * 7, ["tag%d" % (i % 9)]) for i in range(800)]
        self.customers = {name: Customer(name) for name in ("Customer %d" % i for i in range(500))}
        self.sessions = SessionStore()
        self.cache = PageCache(200)
        self.audit = collections.deque(maxlen=5000)
        self.outgoing = queue.Queue()
        self.orders = {}

    @functools.lru_cache(maxsize=256)
    def search(self, word):
        return tuple(p for p in self.products if word in p.name or word in p.tags)

    def order(self, customer, wanted):
        lines = [OrderLine(self.products[i % len(self.products)], 1 + i % 3) for i in wanted]
        order = Order(customer, lines)
        self.orders[order.number] = order
        self.outgoing.put(order)
        return order

    def send_mail(self):
        """The background worker: "sends" a mail for every order."""
        while True:
            order = self.outgoing.get()
            self.audit.append("mail about order %d to %s" % (order.number, order.customer.email))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet
    shop = None

    def do_GET(self):
        kind, _, argument = self.path.strip("/").partition("/")
        customer = self.shop.customers.get("Customer %s" % self.headers.get("X-Customer", "0"))
        session = self.shop.sessions.get(self.headers.get("X-Session", ""), customer, self.headers.get("User-Agent", ""))
        session.history.append({"path": self.path, "at": datetime.datetime.now()})
        self.shop.audit.append("%s %s" % (session.key, self.path))
        if kind == "product":
            product = self.shop.products[int(argument) % len(self.shop.products)]
            body = self.shop.cache.page(self.path, lambda: ("<h1>%s</h1>" % product.name) * 40)
        elif kind == "search":
            body = json.dumps([p.sku for p in self.shop.search(argument)])
        elif kind == "order":
            body = "order %d" % self.shop.order(customer, map(int, argument.split(","))).number
        else:
            body = json.dumps({"sessions": len(self.shop.sessions.sessions), "orders": len(self.shop.orders)})
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Session", session.key)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    Handler.shop = shop = Shop()
    threading.Thread(target=shop.send_mail, name="mailer", daemon=True).start()
    server = Server(("127.0.0.1", 0), Handler)
    print("port %d" % server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
