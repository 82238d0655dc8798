"""The bucket as people see it: STAC Browser on a page of another host, in a headless Chromium."""

import functools
import subprocess
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from scenes import ROOT, announcement, fixtures

BROWSER = ROOT / "target" / "browser"
SCREENSHOTS = ROOT / "target" / "browser-screenshots" / "bucket"
ROW = "CBERS4/MUX/154/126"


# As on the public page: it belongs to no catalog.
CONFIGURATION = b'window.STAC_BROWSER_CONFIG = { catalogUrl: null, displayOverview: false, socialSharing: [] };'


class Page(SimpleHTTPRequestHandler):
    """The build of STAC Browser, with a configuration of its own."""

    def do_GET(self):
        if self.path != "/config.js":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.send_header("Content-Length", str(len(CONFIGURATION)))
        self.end_headers()
        self.wfile.write(CONFIGURATION)

    def log_message(self, *_):
        pass


@contextmanager
def page():
    """STAC Browser on a server of its own: another origin than the bucket's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page, directory=BROWSER))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def browse(catalog: str, *options: str) -> subprocess.CompletedProcess:
    """Walks from the root to an item and back, on the page's own address for a catalog elsewhere."""
    with page() as address:
        external = f"{address}#/external/{catalog.replace('://', ':/')}"
        command = ["node", ROOT / "tests/browser/browse.mjs", "--page", external, "--catalog", catalog, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_the_bucket_of_a_stack_is_seen_from_the_root_to_an_item_by_a_page_of_another_host(stack):
    assert (BROWSER / "index.html").is_file(), "make browser"
    scenes = [scene for scene in fixtures(f"{ROW}/**/*.xml") if not stack.has(scene.item_key)]
    stack.supply(*scenes)
    stack.send(*map(announcement, scenes))
    stack.settle()
    seen = browse(f"{stack.url}catalog.json", "--row", ROW, "--screenshots", str(SCREENSHOTS))
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "back at the root" in seen.stdout


def test_a_bucket_that_lets_no_other_page_read_it_is_seen_to_be_closed(stack):
    s3 = stack.client("s3")
    [bucket] = [part for part in stack.url.split("/") if part][-1:]
    rules = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    s3.delete_bucket_cors(Bucket=bucket)
    try:
        seen = browse(f"{stack.url}catalog.json", "--row", ROW)
    finally:
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert seen.returncode == 1 and "CORS" in seen.stderr, seen.stdout + seen.stderr
