"""A stack of generate-from-request, its function a zip in place of an image."""

import json
from pathlib import Path

from loaders import quoted
from scenes import ROOT
from stack import Stack

FOLDER = ROOT / "functions" / "generate-from-request"
# What makes the function an image, and what makes it a zip.
IMAGE = """    Metadata:
      Dockerfile: functions/generate-from-request/Dockerfile
      DockerContext: ../..
      DockerTag: generate-from-request
"""
PACKAGE = "      PackageType: Image\n"
ZIP = "    Metadata: { BuildMethod: makefile }\n"
CODE = f"      CodeUri: {ROOT / 'functions'}\n      Handler: bootstrap\n      Runtime: provided.al2023\n"


def build(world: Stack, folder: Path, architecture: str) -> Path:
    """Builds the function; gives the template to deploy."""
    text = (FOLDER / "template.yaml").read_text()
    assert text.count(IMAGE) == text.count(PACKAGE) == 1
    template = folder / "zip.yaml"
    template.write_text(text.replace(IMAGE, ZIP).replace(PACKAGE, CODE))
    world.sam(
        "build", "--template-file", str(template), "--build-in-source", "--build-dir", str(folder / "build"), PROFILE="dev", SCOPE="--workspace",
        ARCHITECTURE=architecture,
    )
    return folder / "build" / "template.yaml"


class GeneratorStack:
    def __init__(self, world: Stack, name: str):
        self.world = world
        self.name = name
        self.outputs: dict[str, str] = {}
        self._subscriber = ""

    def deploy(self, template: Path, **parameters: str):
        values = (f'{name}="{quoted(value)}"' for name, value in parameters.items())
        self.world.sam(
            "deploy", "--template-file", str(template), "--stack-name", self.name, "--resolve-s3", "--capabilities",
            "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides", *values,
        )
        stack = self.world.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        # The emulator takes the numbers of parameters for texts, and then compares them with numbers.
        client = self.world.client("lambda")
        for mapping in client.list_event_source_mappings(FunctionName=self.outputs["GenerateFromRequest"])["EventSourceMappings"]:
            client.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=4, ScalingConfig={"MaximumConcurrency": 10})
        # What AWS allows with sns:Publish: the emulator knows a permission for batches of their own.
        allow = {"Effect": "Allow", "Action": "sns:PublishBatch", "Resource": self.outputs["ItemsTopic"]}
        self.world.client("iam").put_role_policy(
            RoleName=self._resource("GenerateFromRequestRole"), PolicyName="batches",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )
        sqs = self.world.client("sqs")
        self._subscriber = sqs.create_queue(QueueName=f"{self.name}-subscriber")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._subscriber, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.outputs["ItemsTopic"]}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=self._subscriber, Attributes={"Policy": policy})
        self.world.client("sns").subscribe(TopicArn=self.outputs["ItemsTopic"], Protocol="sqs", Endpoint=arn)

    def delete(self):
        role = self._resource("GenerateFromRequestRole")
        self.world.client("iam").delete_role_policy(RoleName=role, PolicyName="batches")
        self.world.client("sqs").delete_queue(QueueUrl=self._subscriber)
        client = self.world.client("cloudformation")
        client.delete_stack(StackName=self.name)
        client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def _resource(self, name: str) -> str:
        resources = self.world.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        [found] = [each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == name]
        return found

    def publish(self, request: dict):
        self.world.client("sns").publish(TopicArn=self.outputs["RequestsTopic"], Message=json.dumps(request))

    def send(self, body: str):
        self.world.client("sqs").send_message(QueueUrl=self.outputs["RequestsQueue"], MessageBody=body)

    def items(self) -> list[dict]:
        """Takes what came from the topic of items: the notifications of SNS."""
        return [json.loads(message["Body"]) for message in self._take(self._subscriber)]

    def letters(self) -> list[dict]:
        """Takes all dead letters out: bodies and attributes."""
        return [
            {"body": message["Body"]}
            | {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
            for message in self._take(self.outputs["RequestsDeadLetters"])
        ]

    def _take(self, url: str) -> list[dict]:
        sqs, taken = self.world.client("sqs"), []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
            for message in found:
                taken.append(message)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def waiting(self) -> int:
        """Requests of its queue, those that are being worked on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.world.client("sqs").get_queue_attributes(QueueUrl=self.outputs["RequestsQueue"], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def told(self) -> str:
        """What the function has logged."""
        pages = self.world.client("logs").get_paginator("filter_log_events")
        pages = pages.paginate(logGroupName=self._resource("GenerateFromRequestLogs"))
        return "\n".join(event["message"] for page in pages for event in page["events"])
