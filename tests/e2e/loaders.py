"""Stacks of load-stac-items and index-stac-items, each with a queue, a filter and a function of its own, over one index."""

import json
from pathlib import Path

from scenes import ROOT
from stack import Stack

def template_of(function: str) -> Path:
    return ROOT / "functions" / function / "template.yaml"


def build(world: Stack, function: str, folder: Path, architecture: str) -> Path:
    """Builds the function once, for all stacks; gives the template to deploy."""
    world.sam(
        "build", "--template-file", str(template_of(function)), "--build-in-source", "--build-dir", str(folder), PROFILE="dev", SCOPE="--workspace",
        ARCHITECTURE=architecture,
    )
    return folder / "template.yaml"


class LoaderStack:
    """One stack. `function` is the logical name of its function."""

    def __init__(self, world: Stack, name: str, function: str):
        self.world = world
        self.name = name
        self.function = function
        self.outputs: dict[str, str] = {}

    def deploy(self, template: Path, **parameters: str):
        values = (f'{name}="{value}"' for name, value in ((name, quoted(value)) for name, value in parameters.items()))
        self.world.sam(
            "deploy", "--template-file", str(template), "--stack-name", self.name, "--resolve-s3", "--capabilities",
            "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides", *values,
        )
        stack = self.world.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        # The emulator takes the numbers of parameters for texts, and then compares them with numbers.
        client = self.world.client("lambda")
        for mapping in client.list_event_source_mappings(FunctionName=self.outputs[self.function])["EventSourceMappings"]:
            client.update_event_source_mapping(
                UUID=mapping["UUID"], BatchSize=500, MaximumBatchingWindowInSeconds=1, ScalingConfig={"MaximumConcurrency": 2}
            )

    def delete(self):
        client = self.world.client("cloudformation")
        client.delete_stack(StackName=self.name)
        client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def role(self, logical: str) -> str:
        """The name of one of its roles."""
        return self.world.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical
        )["StackResourceDetail"]["PhysicalResourceId"]

    def send(self, body: str):
        self.world.client("sqs").send_message(QueueUrl=self.outputs["ItemsQueue"], MessageBody=body)

    def waiting(self) -> int:
        """Messages of its queue, those that are being worked on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.world.client("sqs").get_queue_attributes(QueueUrl=self.outputs["ItemsQueue"], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def letters(self) -> list[dict]:
        """Takes all dead letters out: bodies and attributes."""
        sqs, url, letters = self.world.client("sqs"), self.outputs["ItemsDeadLetters"], []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
            for message in found:
                attributes = message.get("MessageAttributes", {})
                letters.append({"body": message["Body"]} | {name: value["StringValue"] for name, value in attributes.items()})
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return letters

    def log_lines(self) -> list[str]:
        resources = self.world.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        [group] = [each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == f"{self.function}Logs"]
        pages = self.world.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [line for page in pages for event in page["events"] for line in event["message"].splitlines()]

    def loaded(self) -> int:
        """How many items its function says it has loaded."""
        lines = [json.loads(line) for line in self.log_lines() if '"ItemsLoaded"' in line]
        return sum(int(sum(line["ItemsLoaded"])) for line in lines)


def quoted(value: str) -> str:
    return value.replace('"', '\\"')


def item(collection: str, identifier: str, **properties) -> dict:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": identifier, "collection": collection,
        "geometry": {"type": "Point", "coordinates": [-50, -10]}, "bbox": [-50, -10, -50, -10],
        "properties": {"datetime": "2020-05-17T13:04:05Z"} | properties, "links": [], "assets": {},
    }


def withdrawn(collection: str, identifier: str) -> str:
    return json.dumps({"type": "Withdrawn", "collection": collection, "id": identifier, "time": "2100-01-01T00:00:00Z"})


def publish(world: Stack, topic: str, message: dict, collection: str):
    world.client("sns").publish(
        TopicArn=topic, Message=json.dumps(message),
        MessageAttributes={"collection": {"DataType": "String", "StringValue": collection}},
    )


def created(bucket: str, key: str) -> str:
    record = {
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
    return json.dumps({"Records": [record]})
