"""A stack over a full bucket: deployed again, deleted, and deployed anew over what it left. These tests run last."""

import catalog
from conftest import ARCHITECTURE
from scenes import announcement, fixtures
from stack import BUCKET, FUNCTIONS, NAME, wait_until

SCENES = iter(fixtures("CBERS4/MUX/294/**/*.xml") + fixtures("CBERS4/MUX/321/**/*.xml") + fixtures("CBERS4/PAN10M/151/**/*.xml"))


def flows(stack):
    """Another scene goes all the way."""
    scene = next(SCENES)
    stack.supply(scene)
    stack.publish(announcement(scene))
    wait_until(lambda: stack.has(scene.item_key), 30, "the item is there")
    stack.settle()
    catalog.assert_sound(stack)


def test_deploying_again_changes_nothing(stack, source_topic):
    before = stack.resources()
    assert "No changes to deploy" in stack.deploy(ARCHITECTURE, source_topic)
    assert stack.resources() == before


def test_a_changed_parameter_is_deployed_over_the_full_bucket(stack, source_topic):
    keys = stack.keys()
    assert len(keys) > 1_000
    stack.deploy(ARCHITECTURE, source_topic, LogRetentionDays="7")
    group = stack.resources()["GenerateStacItemLogs"]
    [found] = stack.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 7
    assert stack.keys() == keys
    flows(stack)


def test_a_deleted_stack_leaves_the_bucket_and_its_objects_and_nothing_else(stack):
    keys, queue, table = stack.keys(), stack.outputs["ScenesQueue"], stack.outputs["DirtyLevels"]
    functions = [stack.outputs[name] for name in FUNCTIONS]
    stack.delete()
    assert stack.keys() == keys
    assert table not in stack.client("dynamodb").list_tables()["TableNames"]
    assert queue not in stack.client("sqs").list_queues().get("QueueUrls", [])
    left = {function["FunctionName"] for function in stack.client("lambda").list_functions()["Functions"]}
    assert not left & set(functions)
    assert stack.client("iam").list_roles()["Roles"] == []
    assert not [group for group in stack.client("logs").describe_log_groups()["logGroups"] if NAME in group["logGroupName"]]


def test_a_second_stack_adopts_the_bucket(stack, source_topic):
    keys = stack.keys()
    stack.deploy(ARCHITECTURE, source_topic, CreateCatalogBucket="no")
    stack.allow_plain_http()
    stack.set_schedule("DISABLED")
    assert stack.keys() == keys
    assert stack.outputs["CatalogBucket"] == BUCKET
    flows(stack)
