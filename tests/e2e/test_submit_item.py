"""submit-item as deployed: behind its function URL and a REST API with a key, before a queue, with the permissions of its role."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import template
from conftest import ARCHITECTURE
from emulator import ACCOUNT, REGION
from scenes import ROOT
from template import as_list

sys.path.insert(0, str(ROOT / "tests" / "api"))
from function import event_of  # noqa: E402

TEMPLATE = ROOT / "functions" / "submit-item" / "template.yaml"
NAME = "submit-item-e2e"
HOST = "abc.lambda-url.us-east-1.on.aws"
BUCKET = "submit-item-e2e-catalog"
PUBLIC = "https://stac.example/"


def test_linters_are_content():
    run = subprocess.run([Path(sys.executable).parent / "cfn-lint", TEMPLATE], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


def item(identifier: str, **changes) -> dict:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": identifier, "collection": "known", "bbox": [1, 2, 1, 2],
        "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"datetime": "2024-05-01T10:00:00Z"}, "links": [],
        "assets": {"image": {"href": "s3://images/a.tif"}},
    } | changes


class Door:
    """The deployed function, asked as its function URL asks it, and the queue behind it."""

    def __init__(self, world, queue: str, outputs: dict[str, str]):
        self.world = world
        self.queue = queue
        self.outputs = outputs

    def send(self, body: dict | str, path: str = "/items", kind: str = "application/json") -> tuple[int, dict, dict]:
        text = body if isinstance(body, str) else json.dumps(body)
        event = event_of("POST", path, {"Host": HOST, "Content-Type": kind}, text.encode())
        run = self.world.client("lambda").invoke(FunctionName=self.outputs["SubmitItem"], Payload=json.dumps(event))
        answer = json.loads(run["Payload"].read())
        assert "FunctionError" not in run, answer
        return answer["statusCode"], answer["headers"], json.loads(answer["body"])

    def messages(self) -> list[dict]:
        """Takes all messages out of the queue."""
        sqs, taken = self.world.client("sqs"), []
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                taken.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return taken


@pytest.fixture(scope="module")
def door(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("submit-item")
    world.sam(
        "build", "--template-file", str(TEMPLATE), "--build-in-source", "--build-dir", str(folder), PROFILE="dev", SCOPE="--workspace",
        ARCHITECTURE=ARCHITECTURE,
    )
    queue = world.client("sqs").create_queue(QueueName="submit-item-e2e")["QueueUrl"]
    s3 = world.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="known/collection.json", Body=b"{}")
    parameters = {
        "ItemsQueueUrl": queue, "ItemsQueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:submit-item-e2e", "CatalogBucket": BUCKET,
        "PublicUrl": PUBLIC, "Layout": "{collection}/{year}", "AllowedBuckets": "images", "LongestItemKib": "64",
        "Architecture": ARCHITECTURE, "UnknownExtensions": "refused", "RestApi": "yes",
    }
    world.sam(
        "deploy", "--template-file", str(folder / "template.yaml"), "--stack-name", NAME, "--resolve-s3", "--capabilities",
        "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides",
        *(f'{name}="{value}"' for name, value in parameters.items()),
    )
    allow_batches(world)
    stack = world.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    yield Door(world, queue, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})
    world.client("cloudformation").delete_stack(StackName=NAME)


def allow_batches(world):
    """What AWS allows with sqs:SendMessage: the emulator knows a permission for batches of its own."""
    resources = world.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
    [role] = [each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "SubmitItemRole"]
    allow = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:submit-item-e2e"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    world.client("iam").put_role_policy(RoleName=role, PolicyName="batches", PolicyDocument=document)


def test_an_item_ends_as_a_message_and_it_is_said_where_it_will_be(door):
    for _ in range(2):
        status, headers, body = door.send(item("a/b"))
        assert (status, body["id"], body["collection"]) == (202, "a/b", "known"), body
        assert body["href"] == headers["location"] == PUBLIC + body["key"].replace("%", "%25")
        assert body["key"].startswith("known/2024/")
    assert door.messages() == [item("a/b"), item("a/b")]


def test_an_item_with_faults_is_told_all_of_them_and_nothing_is_sent(door):
    bad = item(
        "x" * 10_000, properties={"datetime": "yesterday", "gsd": 0}, assets={"a/b": {"href": "https://elsewhere.example/a"}},
        stac_extensions=["https://nobody.example/schema.json"],
    )
    for path in ("/items", "/validate"):
        status, headers, body = door.send(bad, path)
        assert (status, headers["content-type"]) == (422, "application/problem+json"), body
        pointers = {error["pointer"] for error in body["errors"]}
        assert pointers == {"/id", "/properties/datetime", "/properties/gsd", "/assets/a~1b/href", "/stac_extensions/0"}, body
        assert body["error_count"] == 5
    status, _, body = door.send(item("a", collection="unknown"))
    assert (status, [error["pointer"] for error in body["errors"]]) == (422, ["/collection"]), body
    assert door.messages() == []


def test_what_is_no_item_at_all_is_told_apart(door):
    assert door.send("hello")[0] == 400
    assert door.send(json.dumps({"a": "x" * 70_000}))[0] == 413
    assert door.send(item("a"), kind="text/plain")[0] == 415
    assert door.send(item("a"), "/validate")[0] == 200
    assert door.messages() == []


def test_a_rest_api_asks_for_its_key(door):
    gateway = door.world.client("apigateway")
    [api] = [each["id"] for each in gateway.get_rest_apis()["items"] if each["name"] == NAME]
    key = gateway.get_api_key(apiKey=door.outputs["Key"], includeValue=True)["value"]
    assert door.outputs["RestApiUrl"].startswith(f"https://{api}.execute-api.")

    def send(path: str, **headers: str) -> tuple[int, dict]:
        request = urllib.request.Request(
            f"{door.world.emulator.url}/_aws/execute-api/{api}/v1{path}", json.dumps(item("by-key")).encode(),
            {"Content-Type": "application/json"} | headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    for headers in ({}, {"x-api-key": "somebody-else"}):
        status, body = send("/items", **headers)
        assert status == 403, body
    assert door.messages() == []
    status, body = send("/validate", **{"x-api-key": key})
    assert status == 200 and body["valid"], body
    status, body = send("/items", **{"x-api-key": key})
    assert (status, body["href"]) == (202, f"{PUBLIC}known/2024/by-key.json"), body
    assert door.messages() == [item("by-key")]


def test_the_role_may_send_and_look_for_collections_and_nothing_else(door):
    resources = template.read(TEMPLATE)["Resources"]
    [policy] = resources["SubmitItemRole"]["Properties"]["Policies"]
    statements = [each["Fn::If"][1] if "Fn::If" in each else each for each in policy["PolicyDocument"]["Statement"]]
    allowed = {action for each in statements for action in as_list(each["Action"])}
    assert allowed == {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "s3:GetObject", "s3:ListBucket"}
    [looked_for] = [each["Resource"]["Fn::Sub"] for each in statements if each["Action"] == "s3:GetObject"]
    assert looked_for.endswith(":${CatalogBucket}/*/collection.json")
    assert resources["SubmitItemUrl"]["Properties"]["AuthType"] == "AWS_IAM"
    methods = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::ApiGateway::Method"]
    assert len(methods) == 2 and all(method["ApiKeyRequired"] is True for method in methods)
