"""Scene metadata of the fixtures, and the messages that tell of it."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "scenes"
BUCKETS = {"CBERS4": "cbers-pds", "CBERS4A": "cbers-pds", "AMAZONIA1": "amazonia-pds"}
# The reference system's kinds of quicklooks.
EXTENSIONS = {"CBERS4": "jpg", "CBERS4A": "png", "AMAZONIA1": "png"}


@dataclass(frozen=True)
class Scene:
    """A scene of a folder laid out as the public bucket: SATELLITE/CAMERA/PATH/ROW/SCENE/SCENE_BANDn.xml."""

    key: str
    xml: bytes

    @property
    def bucket(self) -> str:
        return BUCKETS[self.key.split("/")[0]]

    @property
    def id(self) -> str:
        return self.key.split("/")[4]

    @property
    def row(self) -> str:
        return "/".join(self.key.split("/")[:4])

    @property
    def item_key(self) -> str:
        return f"{self.row}/{self.id}.json"

    @property
    def quicklook(self) -> str:
        folder, _, _ = self.key.rpartition("/")
        return f"{folder}/{self.id.rpartition('_L')[0]}.{EXTENSIONS[self.key.split('/')[0]]}"


def read(folder: Path, pattern: str) -> list[Scene]:
    """The scenes whose files match, one file a scene."""
    scenes: dict[str, Scene] = {}
    for file in sorted(folder.glob(pattern)):
        scene = Scene(str(file.relative_to(folder)), file.read_bytes())
        scenes.setdefault(scene.id, scene)
    return list(scenes.values())


def fixtures(pattern: str) -> list[Scene]:
    """Scenes of fixtures/scenes."""
    return read(FIXTURES, pattern)


def made(folder: Path, camera: str, count: int, per_row: int) -> list[Scene]:
    """As many scenes of a camera as wanted, so many in each row, from the fixtures' generator."""
    command = [ROOT / "target/debug/lazycat-fixtures", "--out", folder, "--count", str(count)]
    subprocess.run([*command, "--per-row", str(per_row), "--cameras", camera], check=True, stdout=subprocess.DEVNULL)
    return read(folder, "**/*.xml")


def record(bucket: str, key: str, event: str = "ObjectCreated:Put", **more) -> dict:
    """One record of an S3 event; the key as S3 encodes it, or as the test wants it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-02T03:04:05.678Z",
        "eventName": event,
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1} | more},
    }


def event(*records: dict) -> str:
    return json.dumps({"Records": records})


def announcement(scene: Scene) -> str:
    """The S3 event of a scene's quicklook."""
    return event(record(scene.bucket, scene.quicklook))


def envelope(message: str) -> str:
    """A notification of SNS, as it stands in a queue without raw delivery."""
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:::t", "Message": message})
