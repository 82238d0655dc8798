"""The emulator of AWS, in a process of its own, with permissions enforced."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

REGION = "us-east-1"
ACCOUNT = "000000000000"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """Listens on a free port of 127.0.0.1 from `start` to `stop`. The functions reach it through `endpoint`."""

    def __init__(self, folder: Path, endpoint: str):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "emulator.log"
        self._folder = folder
        self._endpoint = endpoint
        self._process: subprocess.Popen | None = None

    def environment(self) -> dict[str, str]:
        """For programs that are to use it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def start(self):
        temporary = self._folder / "tmp"
        temporary.mkdir()
        environment = self.environment() | {
            # What it tells its functions.
            "AWS_ENDPOINT_URL": self._endpoint,
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "TMPDIR": str(temporary),
            # Roles and policies count.
            "AUTH": "true",
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).parent / "ministack"],
                env=environment, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # The functions are its children: they end with it.
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the emulator does not start:\n{self.log.read_text()}") from None
                time.sleep(0.05)

    def stop(self):
        if self._process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, sign)
            except ProcessLookupError:
                pass
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                pass

    def processes_of(self, function: str) -> list[int]:
        """The pids of a function's running instances."""
        wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
        pids = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and os.getpgid(int(process.name)) == self._process.pid:
                    if wanted in (process / "environ").read_bytes().split(b"\0"):
                        pids.append(int(process.name))
            except OSError:
                # It has ended meanwhile.
                continue
        return pids
