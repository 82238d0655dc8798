"""The audit of a deployed stack: drift made by hand is found, measured, repaired where that is allowed, and then gone."""

import json

import catalog
import pytest
from conftest import ARCHITECTURE
from scenes import fixtures
from stack import BUCKET

SCENES = fixtures("CBERS4A/WFI/**/*.xml")
PREFIX = "CBERS4A/WFI"


def invoke(stack, **event):
    """The function's report, or its error."""
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["AuditCatalog"], Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    return payload["errorMessage"] if "FunctionError" in answer else payload


def counts(report) -> dict[str, int]:
    assert isinstance(report, dict), report
    return {name: group["count"] for name, group in report["drift"].items()}


@pytest.fixture(scope="module")
def hasty(stack):
    """The stack, with an audit that does not wait for minutes."""
    client, name = stack.client("lambda"), stack.outputs["AuditCatalog"]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": before | {"LAZYCAT_AUDIT_GRACE": "2"}})
    yield stack
    client.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def test_drift_is_found_and_measured_and_a_stack_that_may_not_repair_does_not(hasty):
    stack = hasty
    stack.supply(*SCENES)
    reprocess = json.dumps({"bucket": SCENES[0].bucket, "prefix": f"{PREFIX}/"}).encode()
    stack.client("lambda").invoke(FunctionName=stack.outputs["GenerateSceneMessages"], Payload=reprocess)
    stack.settle()
    report = invoke(stack, prefix=PREFIX, full=True)
    assert counts(report) == {}
    assert report["looked"]["items"] == report["looked"]["scenes"] == report["looked"]["compared"] == len(SCENES)

    s3, (gone, edited, served) = stack.client("s3"), (scene.item_key for scene in SCENES[:3])
    before = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in (gone, edited, served)}
    s3.delete_object(Bucket=BUCKET, Key=gone)
    s3.put_object(Bucket=BUCKET, Key=edited, Body=before[edited] + b" ", ContentType="application/geo+json")
    s3.put_object(Bucket=BUCKET, Key=served, Body=before[served], ContentType="text/plain")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/notes.txt", Body=b"")
    found = {"source-without-item": 1, "link-without-object": 1, "item-differs": 1, "content-type": 1, "stray": 1}
    assert counts(invoke(stack, prefix=PREFIX, full=True)) == found
    assert any('"AuditDrift":[5.0]' in line for line in stack.log_lines("AuditCatalog"))
    assert stack.marks() == set() and stack.waiting("ScenesQueue") == 0
    assert not stack.has(gone), "it only tells"

    # What the next generation of the same messages makes is what was there.
    force = json.dumps({"bucket": SCENES[0].bucket, "prefix": f"{PREFIX}/", "force": True}).encode()
    stack.client("lambda").invoke(FunctionName=stack.outputs["GenerateSceneMessages"], Payload=force)
    stack.settle()
    s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/notes.txt")
    assert counts(invoke(stack, prefix=PREFIX, full=True)) == {}
    assert {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in before} == before
    catalog.assert_sound(stack)


@pytest.mark.parametrize(
    ("event", "told"),
    (
        ({"prefix": "CBERS4A/WFI/999"}, "no key of the catalog or its source stands in the level CBERS4A/WFI/999"),
        ({"prefix": "LANDSAT8"}, "LANDSAT8"),
        ({"prefx": ""}, "prefx"),
    ),
)
def test_what_cannot_be_audited_is_told(hasty, event, told):
    assert told in invoke(hasty, **event)


def test_a_camera_without_scenes_is_no_fault_of_a_schedule(hasty):
    assert counts(invoke(hasty, prefix="CBERS4A/WFI/999", mayBeEmpty=True)) == {}


@pytest.fixture
def repairing(stack, source_topic):
    """The stack as it is deployed where its audit may repair; as before in the end."""
    stack.deploy(ARCHITECTURE, source_topic, AuditRepair="yes")
    stack.allow_batches("AuditCatalogRole")
    client, name = stack.client("lambda"), stack.outputs["AuditCatalog"]
    known = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": known | {"LAZYCAT_AUDIT_GRACE": "2"}})
    yield stack
    stack.forbid_batches("AuditCatalogRole")
    # A parameter that is not named keeps its value.
    stack.deploy(ARCHITECTURE, source_topic, AuditRepair="no")


def test_a_stack_that_may_repair_does_so_with_the_rights_that_it_then_has(repairing):
    stack = repairing
    gone, s3 = SCENES[0].item_key, stack.client("s3")
    before = s3.get_object(Bucket=BUCKET, Key=gone)["Body"].read()
    s3.delete_object(Bucket=BUCKET, Key=gone)
    report = invoke(stack, prefix=PREFIX)
    assert counts(report) == {"source-without-item": 1, "link-without-object": 1} and report["repaired"] is True
    stack.settle()
    assert s3.get_object(Bucket=BUCKET, Key=gone)["Body"].read() == before
    assert counts(invoke(stack, prefix=PREFIX)) == {}
    catalog.assert_sound(stack)
