"""OpenSearch: one node in a temporary folder, on a free port of this machine."""

import json
import subprocess
import tempfile
import urllib.request
from pathlib import Path

INSTALLED = Path(__file__).resolve().parent.parent.parent / "target" / "opensearch" / "engine"


class Engine:
    """Runs from `start` to `stop`, and never longer than this process."""

    def __init__(self):
        self.port = 0
        self._folder = tempfile.TemporaryDirectory(prefix="lazycat-opensearch-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        assert (INSTALLED / ".pins").exists(), f"{INSTALLED} is not there: run `make setup`"
        folder = Path(self._folder.name)
        # What runs for seconds is better not compiled well.
        machine = ["-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder}"]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["java", *machine, "-cp", f"{INSTALLED}/classes:{INSTALLED}/jars/*", "Engine"],
                # It ends when its input does.
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        for line in self._process.stdout:
            if line.startswith("listening "):
                self.port = int(line.rpartition(":")[2])
                return
        raise AssertionError(f"OpenSearch does not start:\n{(folder / 'log').read_text()}")

    def ask(self, path: str, query: dict | None = None) -> dict:
        """What it answers to a GET, or to the POST of a query."""
        body = None if query is None else json.dumps(query).encode()
        request = urllib.request.Request(self.url + path, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def stop(self):
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
        self._folder.cleanup()
