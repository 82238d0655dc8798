"""A Lambda function with a function URL, on this machine: the real binary, given requests as events.

What Lambda does for it is done here: the runtime interface that the binary asks for its next event, and before it a
server that makes events of requests (payload format 2.0) and answers of what comes back.
"""

import base64
import json
import os
import queue
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

HERE = "127.0.0.1"
PATIENCE = 60


class Function:
    """Runs from its making to `end`. Events wait for one another, as for one instance of a function."""

    def __init__(self, binary: Path, log: Path, **environment: str):
        self._events: queue.Queue[tuple[str, dict]] = queue.Queue()
        self._answers: dict[str, queue.Queue[dict]] = {}
        self._runtime = self._serve(self._make_runtime())
        self._front = self._serve(self._make_front())
        self.url = f"http://{HERE}:{self._front.server_port}/"
        variables = {
            "AWS_LAMBDA_RUNTIME_API": f"{HERE}:{self._runtime.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "stac-api", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_REGION": "us-east-1",
            # A function URL is reached over https; this one is not.
            "LAZYCAT_PUBLIC_URL": self.url,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAZYCAT_"))}
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [binary], env=inherited | variables | environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def end(self):
        self._process.kill()
        self._process.wait()
        for server in (self._front, self._runtime):
            server.shutdown()
            server.server_close()

    def invoke(self, event: dict) -> dict:
        """What the function answers to an event."""
        identifier = str(uuid.uuid4())
        self._answers[identifier] = queue.Queue()
        self._events.put((identifier, event))
        try:
            return self._answers[identifier].get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"the function does not answer:\n{self.log.read_text()}") from None
        finally:
            del self._answers[identifier]

    @staticmethod
    def _serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer((HERE, 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _make_runtime(function) -> type[BaseHTTPRequestHandler]:
        class Runtime(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                identifier, event = function._events.get()
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", identifier)
                self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:stac-api")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = _body(self)
                *_, identifier, what = self.path.split("/")
                if identifier in function._answers:
                    answer = json.loads(body)
                    function._answers[identifier].put(answer if what == "response" else {"statusCode": 502, "body": body.decode()})
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Runtime

    def _make_front(function) -> type[BaseHTTPRequestHandler]:
        class Front(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _answer(self):
                answer = function.invoke(event_of(self.command, self.path, dict(self.headers.items()), _body(self)))
                body = answer.get("body", "")
                body = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
                self.send_response(answer["statusCode"])
                for name, value in answer.get("headers", {}).items():
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer

        return Front


def event_of(method: str, path: str, headers: dict[str, str], body: bytes) -> dict:
    """A request as a function URL gives it to its function."""
    headers = {name.lower(): value for name, value in headers.items()}
    parts = urlsplit(path)
    event = {
        "version": "2.0", "routeKey": "$default", "rawPath": parts.path, "rawQueryString": parts.query, "headers": headers,
        "requestContext": {
            "domainName": headers.get("host", ""), "stage": "$default",
            "http": {"method": method, "path": parts.path, "protocol": "HTTP/1.1", "sourceIp": HERE},
        },
        "isBase64Encoded": bool(body),
    }
    return event | ({"body": base64.b64encode(body).decode()} if body else {})


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
