"""PostgreSQL with PostGIS and pgstac: a scratch cluster in a temporary folder, on a free port of this machine."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def program(name: str) -> str:
    """A program of the newest PostgreSQL that is installed, as Debian has it."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    assert found, f"there is no {name}: run `make setup`"
    return str(found[-1])


class Cluster:
    """Runs from `start` to `stop`."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lazycat-postgres-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # It does not run as root.
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        if user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._server: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        return self._server.pid

    def start(self):
        data = str(self.folder / "data")
        arguments = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D", data]
        subprocess.run([program("initdb"), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **self._as)
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}", "fsync=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [program("postgres"), "-D", data, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._as
            )
        deadline = time.monotonic() + 120
        ready = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            ended = self._server.poll() is not None
            assert not ended and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def make(self, name: str):
        """Makes a database with the schema of pgstac."""
        subprocess.run(
            [program("createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name], check=True, cwd="/"
        )
        pgstac = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGDATABASE": name}
        run = [str(Path(sys.executable).parent / "pypgstac"), "migrate"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL, env=os.environ | pgstac)

    def address(self, name: str) -> str:
        """How to connect to a database, as libpq has it."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={name}"

    def stop(self):
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(20)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
