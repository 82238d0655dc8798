"""A proxy between the functions and the emulator: records every request, and answers some of them itself."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ACCESS_DENIED = (403, "AccessDenied")
SLOW_DOWN = (503, "SlowDown")


@dataclass(frozen=True)
class Request:
    """A request of a function: which service, which operation, on which object."""

    service: str
    operation: str
    # Of S3 only.
    bucket: str = ""
    key: str = ""
    # How many entries a batch has.
    entries: int = 1


@dataclass
class Rule:
    """What happens to the requests that `matches` picks, the first `times` of them."""

    matches: Callable[[Request], bool]
    # An answer in place of the service's; none where the request is held until it is released.
    answer: tuple[int, str] | None = None
    times: int | None = None
    seen: int = 0
    caught: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


def classify(method: str, path: str, headers, body: bytes) -> Request:
    """What a request of the AWS SDK asks for."""
    service = re.search(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9]+)/", headers.get("Authorization", ""))
    service = service[1] if service else "unsigned"
    if target := headers.get("X-Amz-Target"):
        entries = body.count(b'"Id"') if "Batch" in target else 1
        return Request(service, target.rpartition(".")[2], entries=entries)
    if service != "s3":
        form = parse_qs(body.decode(errors="replace"))
        ids = sum(name.endswith(".Id") for name in form)
        return Request(service, form.get("Action", ["?"])[0], entries=max(ids, 1))
    split = urlsplit(path)
    bucket, _, key = unquote(split.path).lstrip("/").partition("/")
    if method == "GET" and not key:
        return Request(service, "List", bucket, parse_qs(split.query).get("prefix", [""])[0])
    return Request(service, method.capitalize(), bucket, key)


class Recorder:
    """Listens on a free port of 127.0.0.1 from `start` to `stop`."""

    def __init__(self):
        self.requests: list[Request] = []
        self.rules: list[Rule] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.upstream_port = 0

    def start(self, upstream_port: int):
        self.upstream_port = upstream_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.forget_rules()
        self._server.shutdown()
        self._server.server_close()

    def since(self, mark: int) -> list[Request]:
        with self._lock:
            return self.requests[mark:]

    def mark(self) -> int:
        with self._lock:
            return len(self.requests)

    def count(self, mark: int = 0) -> Counter:
        """How often what was asked since `mark`: by service and operation."""
        return Counter(f"{request.service} {request.operation}" for request in self.since(mark))

    def rule(self, rule: Rule) -> Rule:
        with self._lock:
            self.rules.append(rule)
        return rule

    def forget_rules(self):
        with self._lock:
            rules, self.rules = self.rules, []
        for rule in rules:
            rule.released.set()

    def note(self, request: Request) -> Rule | None:
        """Records a request; gives the rule that it falls under."""
        with self._lock:
            self.requests.append(request)
            for rule in self.rules:
                if rule.matches(request) and (rule.times is None or rule.seen < rule.times):
                    rule.seen += 1
                    rule.caught.set()
                    return rule
        return None


def _handler_of(recorder: Recorder):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        upstream: HTTPConnection | None = None

        def log_message(self, *_):
            pass

        def handle_any(self):
            body = self._body()
            rule = recorder.note(classify(self.command, self.path, self.headers, body))
            if rule and rule.answer:
                return self._answer(*rule.answer)
            if rule:
                # Whoever sent it may be dead by the time it is released; then it never arrives.
                rule.released.wait()
                self.close_connection = True
                return None
            return self._forward(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer(self, status: int, code: str):
            body = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _forward(self, body: bytes):
            headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
            headers["Content-Length"] = str(len(body))
            if self.upstream is None:
                self.upstream = HTTPConnection("127.0.0.1", recorder.upstream_port)
            try:
                self.upstream.request(self.command, self.path, body, headers)
                response = self.upstream.getresponse()
            except ConnectionError:
                # An idle connection may have been closed by the other side.
                self.upstream = HTTPConnection("127.0.0.1", recorder.upstream_port)
                self.upstream.request(self.command, self.path, body, headers)
                response = self.upstream.getresponse()
            content = response.read()
            self.send_response_only(response.status, response.reason)
            for name, value in response.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = response.getheader("Content-Length") if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            self.wfile.write(content)

        def finish(self):
            if self.upstream is not None:
                self.upstream.close()
            try:
                super().finish()
            except ConnectionError:
                pass

        def handle(self):
            try:
                super().handle()
            except ConnectionError:
                # A function that was killed hangs up.
                self.close_connection = True

    return Handler
