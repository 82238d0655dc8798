"""The deployed stack, as an outsider sees it: its outputs, and what AWS's own interfaces tell."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

from emulator import ACCOUNT, REGION, Emulator
from recorder import Recorder
from scenes import ROOT, Scene

NAME = "lazycat-e2e"
BUCKET = "lazycat-e2e-catalog"
TOPIC_PARAMETERS = (
    "Cbers4MuxTopic", "Cbers4AwfiTopic", "Cbers4Pan5mTopic", "Cbers4Pan10mTopic", "Cbers4aTopic", "Amazonia1Topic",
)
FUNCTIONS = ("GenerateStacItem", "MoveCatalogLevelKeys", "UpdateSingleCatalog", "GenerateSceneMessages", "AuditCatalog")
QUEUES = ("ScenesQueue", "LevelsQueue")
# A policy that only the emulator needs, for the roles that send batches.
BATCHES, SENDERS = "batches", ("GenerateStacItemRole", "MoveCatalogLevelKeysRole", "GenerateSceneMessagesRole")
DEAD_LETTERS = ("ScenesDeadLetters", "LevelsDeadLetters")


def wait_until(holds: Callable[[], object], seconds: float, what: Callable[[], str] | str):
    """Asks again and again until `holds` gives something true, and gives that; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"after {seconds} s not: {what() if callable(what) else what}"
        time.sleep(0.05)
    return value


class Stack:
    def __init__(self, emulator: Emulator, recorder: Recorder, folder: Path, name: str = NAME, bucket: str = BUCKET):
        self.emulator = emulator
        self.name = name
        self.bucket = bucket
        self.recorder = recorder
        self.outputs: dict[str, str] = {}
        self._folder = folder
        self._clients = {}

    def client(self, service: str):
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, endpoint_url=self.emulator.url, region_name=REGION, aws_access_key_id="test",
                aws_secret_access_key="test", config=Config(s3={"addressing_style": "path"}, max_pool_connections=32),
            )
        return self._clients[service]

    def beside(self, name: str, bucket: str) -> "Stack":
        """Another stack in the same account, of the same functions."""
        return Stack(self.emulator, self.recorder, self._folder, name, bucket)

    # ---- Deploying ----

    def sam(self, *arguments: str, **environment: str) -> str:
        """Runs sam as the README says; gives what it printed."""
        quiet = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_CHECK_UPDATE": "0"}
        run = subprocess.run(
            [Path(sys.executable).parent / "sam", *arguments], cwd=ROOT, env=self.emulator.environment() | quiet | environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800,
        )
        assert run.returncode == 0, f"sam {' '.join(arguments)}:\n{run.stdout}"
        return run.stdout

    def build(self, architecture: str):
        """Builds the functions, as they are built for the tests in Rust."""
        self.sam(
            "build", "--build-in-source", "--build-dir", str(self._folder / "build"), PROFILE="dev", SCOPE="--workspace",
            ARCHITECTURE=architecture,
        )

    def deploy(self, architecture: str, topic: str, **parameters: str) -> str:
        topics = {"Cbers4MuxTopic": topic} | {name: '""' for name in TOPIC_PARAMETERS[1:]}
        # Read by all, at the address where the emulator serves the bucket.
        public = {"PublicRead": "yes", "PublicUrl": self.url}
        values = {"CatalogBucketName": self.bucket, "Architecture": architecture} | public | topics | parameters
        printed = self.sam(
            "deploy", "--template-file", str(self._folder / "build" / "template.yaml"), "--stack-name", self.name,
            "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset",
            "--no-fail-on-empty-changeset", "--parameter-overrides", *(f"{name}={value}" for name, value in values.items()),
        )
        stack = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self._make_up_for_the_emulator()
        return printed

    def delete(self):
        for role in SENDERS:
            self.forbid_batches(role)
        self.sam("delete", "--stack-name", self.name, "--no-prompts", "--region", REGION)

    def _make_up_for_the_emulator(self):
        for role in SENDERS:
            self.allow_batches(role)
        # It takes the number of a parameter for text, and then compares it with a number.
        client = self.client("lambda")
        for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
            concurrency = int(mapping["ScalingConfig"]["MaximumConcurrency"])
            client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": concurrency})

    def allow_batches(self, role: str):
        self.allow_batches_of(self.resources()[role])

    def forbid_batches(self, role: str):
        self.forbid_batches_of(self.resources()[role])

    def allow_batches_of(self, name: str):
        """What AWS allows with sns:Publish and sqs:SendMessage: the emulator knows permissions for batches of their own."""
        allow = {
            "Effect": "Allow", "Action": ["sns:PublishBatch", "sqs:SendMessageBatch"],
            "Resource": [f"arn:aws:{service}:{REGION}:{ACCOUNT}:{self.name}-*" for service in ("sns", "sqs")],
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.client("iam").put_role_policy(RoleName=name, PolicyName=BATCHES, PolicyDocument=document)

    def forbid_batches_of(self, name: str):
        self.client("iam").delete_role_policy(RoleName=name, PolicyName=BATCHES)

    def resources(self) -> dict[str, str]:
        """Physical names by logical ones."""
        found = self.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    def allow_plain_http(self):
        """Takes "TLS only" out of the bucket's policy: the emulator speaks plain HTTP."""
        s3 = self.client("s3")
        policy = json.loads(s3.get_bucket_policy(Bucket=self.bucket)["Policy"])
        policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != "OnlyOverTls"]
        s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))

    def set_schedule(self, state: str):
        """Turns the mover's schedule on or off."""
        scheduler = self.client("scheduler")
        group, _, name = self.resources()["MoveCatalogLevelKeysTick"].rpartition("/")
        schedule = scheduler.get_schedule(Name=name or group)
        kept = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(**{key: schedule[key] for key in kept if key in schedule}, State=state)

    @contextmanager
    def visibility(self, seconds: int) -> Iterator[None]:
        """What fails comes back after so many seconds, in place of some minutes."""
        sqs = self.client("sqs")
        before = {
            queue: sqs.get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=["VisibilityTimeout"])
            for queue in QUEUES
        }
        for queue in QUEUES:
            sqs.set_queue_attributes(QueueUrl=self.outputs[queue], Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            for queue, attributes in before.items():
                sqs.set_queue_attributes(QueueUrl=self.outputs[queue], Attributes=attributes["Attributes"])

    # ---- Sending ----

    def supply(self, *scenes: Scene):
        """Puts the scenes' metadata into the source."""
        for scene in scenes:
            self.client("s3").put_object(Bucket=scene.bucket, Key=scene.key, Body=scene.xml)

    def publish(self, message: str):
        self.client("sns").publish(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:quicklooks", Message=message)

    def send(self, *bodies: str, queue: str = "ScenesQueue"):
        """Sends bodies to a queue, ten at a time."""
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies[start : start + 10])]
            sent = self.client("sqs").send_message_batch(QueueUrl=self.outputs[queue], Entries=entries)
            assert not sent.get("Failed"), sent

    # ---- Looking ----

    def tick(self):
        """What the schedule does, now."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs["MoveCatalogLevelKeys"], Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    def marks(self) -> set[str]:
        items = self.client("dynamodb").scan(TableName=self.outputs["DirtyLevels"], ConsistentRead=True)["Items"]
        return {item["level"]["S"] for item in items}

    def waiting(self, queue: str) -> int:
        """Messages of a queue, those that are being worked on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def taken(self, seconds: float = 60):
        """Waits until no message about a scene is left."""
        wait_until(
            lambda: self.waiting("ScenesQueue") == 0, seconds,
            lambda: f"{self.waiting('ScenesQueue')} messages about scenes are left",
        )

    def settle(self, seconds: float = 60):
        """Ticks until nothing is left to do: no message, no mark."""
        deadline = time.monotonic() + seconds
        while True:
            self.taken(max(deadline - time.monotonic(), 0))
            if self.marks():
                self.tick()
            wait_until(
                lambda: self.waiting("LevelsQueue") == 0, max(deadline - time.monotonic(), 0),
                lambda: f"{self.waiting('LevelsQueue')} levels are left",
            )
            if not self.marks() and all(self.waiting(queue) == 0 for queue in QUEUES):
                return

    def letters(self, queue: str = "ScenesDeadLetters") -> list[dict]:
        """Takes all dead letters out of their queue: bodies and attributes."""
        sqs, url, letters = self.client("sqs"), self.outputs[queue], []
        while True:
            found = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
            ).get("Messages", [])
            if not found:
                return letters
            for message in found:
                attributes = message.get("MessageAttributes", {})
                letters.append({"body": message["Body"]} | {name: value["StringValue"] for name, value in attributes.items()})
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def keys(self, prefix: str = "") -> list[str]:
        """The keys of all objects of the catalog."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [content["Key"] for page in pages for content in page.get("Contents", [])]

    def document(self, key: str) -> dict:
        return json.loads(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def has(self, key: str) -> bool:
        return self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)["KeyCount"] > 0

    def log_lines(self, function: str) -> list[str]:
        """What a function has printed, from CloudWatch Logs."""
        logs, group = self.client("logs"), self.resources()[f"{function}Logs"]
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [line for page in pages for event in page["events"] for line in event["message"].splitlines()]

    @property
    def url(self) -> str:
        """Where the catalog is read over HTTP, without credentials."""
        return f"{self.emulator.url}/{self.bucket}/"
