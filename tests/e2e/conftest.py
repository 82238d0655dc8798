"""One stack for all tests: built, deployed by sam to an emulator, and looked at from outside.

The functions are the binaries that the tests in Rust have built, started by the emulator as Lambda would start them; they reach it through
a proxy that records their requests. Permissions are enforced: a function that lacks one fails.
"""

import platform
import sys

import pytest

import template
from emulator import Emulator
from recorder import Recorder
from scenes import ROOT
from stack import Stack

sys.path.insert(0, str(ROOT / "tests" / "postgres"))
from cluster import Cluster  # noqa: E402

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


# In this order: the last tests take the stack away.
ORDER = (
    "test_template", "test_loaders", "test_index_loaders", "test_stac_api", "test_submit_item", "test_generators", "test_deployment", "test_flow",
    "test_bad_messages", "test_faults", "test_reprocess", "test_operations", "test_audit", "test_audit_index", "test_browser", "test_load",
    "test_filing", "test_audit_filed", "test_lifecycle",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(item.module.__name__))


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The emulator with the source's topic and buckets, and the proxy."""
    folder = tmp_path_factory.mktemp("world")
    recorder = Recorder()
    emulator = Emulator(folder, recorder.url)
    recorder.start(emulator.port)
    try:
        emulator.start()
        yield Stack(emulator, recorder, folder)
    finally:
        emulator.stop()
        recorder.stop()


@pytest.fixture(scope="session")
def postgres():
    """A database server; each module makes a database of its own."""
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def source_topic(world):
    for bucket in template.read()["Parameters"]["SourceBuckets"]["Default"].split(","):
        world.client("s3").create_bucket(Bucket=bucket)
    return world.client("sns").create_topic(Name="quicklooks")["TopicArn"]


@pytest.fixture(scope="session")
def deployed(world, source_topic):
    """The stack as it was deployed."""
    world.build(ARCHITECTURE)
    world.deploy(ARCHITECTURE, source_topic)
    return world


@pytest.fixture(scope="session")
def stack(deployed):
    """The stack, reached over plain HTTP. Its schedule is off: the tests tick by themselves."""
    deployed.allow_plain_http()
    deployed.set_schedule("DISABLED")
    return deployed


@pytest.fixture(autouse=True)
def no_rules_are_left(request):
    """A test that failed leaves no rules to the next."""
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").recorder.forget_rules()
