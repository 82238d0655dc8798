"""What the template promises, read from the template: encryption, retention, permissions, alarms."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import template
from scenes import ROOT, fixtures
from template import as_list

TEMPLATE = template.read()
RESOURCES = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, dict]:
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


QUEUES = of_type("AWS::SQS::Queue")
FUNCTIONS = of_type("AWS::Serverless::Function")
WORK_QUEUES = {name: queue for name, queue in QUEUES.items() if "RedrivePolicy" in queue["Properties"]}
DEAD_LETTERS = {
    name: queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] for name, queue in WORK_QUEUES.items()
}


def consumer(queue: str) -> tuple[dict, dict]:
    """The function that works on a queue, and the event that binds them."""
    for function in FUNCTIONS.values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS" and event["Properties"]["Queue"] == {"Fn::GetAtt": [queue, "Arn"]}:
                return function["Properties"], event["Properties"]
    raise AssertionError(f"nothing works on {queue}")


def role(function: str) -> str:
    return FUNCTIONS[function]["Properties"]["Role"]["Fn::GetAtt"][0]


def statements(role: str) -> list[dict]:
    policies = RESOURCES[role]["Properties"]["Policies"]
    return [conditional(statement)[1] for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def conditional(statement: dict) -> tuple[str | None, dict]:
    """A statement of a policy, and the condition of the template that it is made under."""
    if "Fn::If" in statement:
        condition, statement, otherwise = statement["Fn::If"]
        assert otherwise == {"Ref": "AWS::NoValue"}
        return condition, statement
    return None, statement


@pytest.mark.parametrize("file", ["template.yaml", *sorted(str(one.relative_to(ROOT)) for one in ROOT.glob("functions/*/template.yaml"))])
@pytest.mark.parametrize("command", (["cfn-lint"], ["sam", "validate", "--lint", "--region", "us-east-1", "--template"]))
def test_linters_are_content(command, file):
    program = Path(sys.executable).parent / command[0]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "SAM_CLI_TELEMETRY": "0", "SAM_CLI_CHECK_UPDATE": "0"}
    run = subprocess.run(
        [program, *command[1:], file], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_by_sqs(queue):
    properties = QUEUES[queue]["Properties"]
    assert properties["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in properties, "topics of other accounts could not send"


def test_every_queue_is_worked_on_or_holds_the_dead_letters_of_one_that_is():
    assert sorted(WORK_QUEUES) == ["LevelsQueue", "ScenesQueue"]
    assert len(set(DEAD_LETTERS.values())) == len(WORK_QUEUES)
    assert set(QUEUES) == set(WORK_QUEUES) | set(DEAD_LETTERS.values())


@pytest.mark.parametrize("queue", WORK_QUEUES)
def test_dead_letters_are_kept_longer_than_the_queue_keeps_messages(queue):
    kept = QUEUES[DEAD_LETTERS[queue]]["Properties"]["MessageRetentionPeriod"]
    assert kept > QUEUES[queue]["Properties"]["MessageRetentionPeriod"]
    assert kept == 14 * 24 * 3600, "the longest that SQS offers"


@pytest.mark.parametrize("queue", WORK_QUEUES)
def test_a_message_stays_invisible_for_six_time_outs_of_its_function(queue):
    function, _ = consumer(queue)
    assert QUEUES[queue]["Properties"]["VisibilityTimeout"] >= 6 * function["Timeout"]


@pytest.mark.parametrize("queue", WORK_QUEUES)
def test_a_bad_record_comes_back_alone_and_is_buried_with_its_reason_before_sqs_buries_it_without(queue):
    function, event = consumer(queue)
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    attempts = int(function["Environment"]["Variables"]["LAZYCAT_ATTEMPTS"])
    assert attempts < QUEUES[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert function["Environment"]["Variables"]["LAZYCAT_DEAD_LETTERS_URL"] == {"Ref": DEAD_LETTERS[queue]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_knows_its_own_time_out(name):
    properties = FUNCTIONS[name]["Properties"]
    assert properties["Environment"]["Variables"]["LAZYCAT_TIMEOUT"] == str(properties["Timeout"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_built_by_make_and_logs_to_a_group_of_its_own_that_forgets(name):
    function = FUNCTIONS[name]
    assert function["Metadata"] == {"BuildMethod": "makefile"}
    group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert group == f"{name}Logs"
    assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_functions_are_for_arm64_unless_the_parameter_says_otherwise():
    assert TEMPLATE["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64"
    assert TEMPLATE["Parameters"]["Architecture"]["AllowedValues"] == ["arm64", "x86_64"]
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == "provided.al2023"


def test_only_the_named_topics_may_send_and_nobody_is_denied():
    [policy] = of_type("AWS::SQS::QueuePolicy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    topics = [source["Fn::If"][1]["Ref"] for source in sources]
    assert topics == [name for name in TEMPLATE["Parameters"] if name.endswith("Topic")]
    subscribed = [
        subscription["Properties"]["TopicArn"]["Ref"]
        for subscription in of_type("AWS::SNS::Subscription").values()
        if subscription["Properties"]["Protocol"] == "sqs"
    ]
    assert subscribed == topics


def test_tables_are_on_demand_and_can_be_set_back():
    tables = of_type("AWS::DynamoDB::Table")
    assert {name: table["Properties"]["KeySchema"] for name, table in tables.items()} == {
        "DirtyLevels": [{"AttributeName": "level", "KeyType": "HASH"}],
        "FiledItems": [{"AttributeName": "name", "KeyType": "HASH"}],
    }
    for table in tables.values():
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_bucket_outlives_the_stack_and_pages_of_any_origin_may_read_it():
    [bucket] = of_type("AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    [rule] = bucket["Properties"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == (["*"], ["GET", "HEAD"])
    assert bucket["Properties"]["BucketEncryption"]
    closed = {"Fn::If": ["ReadByAll", False, True]}
    assert bucket["Properties"]["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": closed, "RestrictPublicBuckets": closed,
    }


def test_the_bucket_is_reached_over_tls_only():
    [policy] = of_type("AWS::S3::BucketPolicy").values()
    denials = [
        statement for statement in policy["Properties"]["PolicyDocument"]["Statement"] if statement.get("Effect") == "Deny"
    ]
    [denial] = denials
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (denial["Principal"], denial["Action"], len(denial["Resource"])) == ("*", "s3:*", 2)


def test_nothing_is_public_but_what_a_parameter_makes_so():
    public = []
    for name, resource in RESOURCES.items():
        document = resource.get("Properties", {}).get("PolicyDocument")
        for statement in document["Statement"] if document else []:
            condition, statement = conditional(statement)
            if statement["Effect"] == "Allow" and statement["Principal"] in ("*", {"AWS": "*"}):
                public.append((resource.get("Condition") if condition is None else condition, statement["Action"], name))
    assert public == [
        ("ReadByAll", "s3:GetObject", "CatalogBucketPolicy"), ("SubscribedByAll", "sns:Subscribe", "ItemsTopicPolicy"),
    ]
    assert RESOURCES["ItemsTopicPolicy"]["Properties"]["Topics"] == [{"Ref": "ItemsTopic"}]
    for condition, parameter in (("ReadByAll", "PublicRead"), ("SubscribedByAll", "PublicSubscriptions")):
        assert TEMPLATE["Conditions"][condition] == {"Fn::Equals": [{"Ref": parameter}, "yes"]}
        assert TEMPLATE["Parameters"][parameter]["Default"] == "no"


def test_each_function_has_a_role_of_its_own_and_nothing_managed():
    roles = [role(name) for name in FUNCTIONS]
    assert sorted(roles) == sorted(of_type("AWS::IAM::Role"))
    for name in roles:
        managed = RESOURCES[name]["Properties"].get("ManagedPolicyArns")
        # What a function in a VPC needs is given to it by AWS's own policy.
        in_a_vpc = {"Fn::If": ["IndexIsInVpc", managed["Fn::If"][1], {"Ref": "AWS::NoValue"}]} if managed else None
        assert managed == in_a_vpc and (managed is None or name == role("AuditCatalog")), name
        [assume] = RESOURCES[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert assume["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert not any("Policies" in function["Properties"] for function in FUNCTIONS.values())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_policy_allows_named_actions_on_named_resources_only(name):
    for statement in statements(role(name)):
        # A condition narrows what is allowed.
        assert set(statement) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"} and statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action), action
        for resource in as_list(statement["Resource"]):
            text = json.dumps(resource)
            assert any(naming in text for naming in ('"Ref"', '"Fn::GetAtt"', '"Fn::Sub"')), text
            # A star stands for keys below a named bucket, never for a bucket, a queue, a topic or a table.
            assert not re.search(r"(?<!/)\*", text.replace("/*", "/")), text


PERMISSIONS = {
    "GenerateStacItem": {
        "logs": {"CreateLogStream", "PutLogEvents"},
        "sqs": {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage"},
        "s3": {"GetObject", "PutObject", "DeleteObject", "ListBucket"},
        "dynamodb": {"UpdateItem"},
        "sns": {"Publish"},
    },
    "MoveCatalogLevelKeys": {
        "logs": {"CreateLogStream", "PutLogEvents"},
        "sqs": {"SendMessage"},
        "dynamodb": {"Scan", "DeleteItem"},
    },
    "UpdateSingleCatalog": {
        "logs": {"CreateLogStream", "PutLogEvents"},
        "sqs": {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage"},
        "s3": {"GetObject", "PutObject", "ListBucket"},
        "dynamodb": {"UpdateItem"},
    },
    "GenerateSceneMessages": {
        "logs": {"CreateLogStream", "PutLogEvents"},
        "sqs": {"SendMessage"},
        "s3": {"ListBucket"},
        "dynamodb": {"GetItem", "PutItem", "DeleteItem"},
    },
    "AuditCatalog": {
        "logs": {"CreateLogStream", "PutLogEvents"},
        "sqs": {"GetQueueAttributes", "SendMessage"},
        "sns": {"Publish"},
        "s3": {"GetObject", "ListBucket"},
        "dynamodb": {"Scan", "UpdateItem"},
        "secretsmanager": {"GetSecretValue"},
        "kms": {"Decrypt"},
        "es": {"ESHttpGet", "ESHttpHead", "ESHttpPost"},
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_exactly_this(name):
    allowed: dict[str, set[str]] = {}
    for statement in statements(role(name)):
        for action in as_list(statement["Action"]):
            service, _, operation = action.partition(":")
            allowed.setdefault(service, set()).add(operation)
    assert allowed == PERMISSIONS[name]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_who_reads_a_key_that_may_be_absent_may_list_its_bucket(name):
    """Or S3 answers 403 where 404 is meant."""

    def buckets(action: str) -> set[str]:
        found = set()
        for statement in statements(role(name)):
            if action in as_list(statement["Action"]):
                text = json.dumps(statement["Resource"])
                found |= {parameter for parameter in ("CatalogBucketName", "SourceBuckets") if parameter in text}
        return found

    assert buckets("s3:ListBucket") >= buckets("s3:GetObject")


def test_whoever_keeps_checkpoints_may_not_touch_marks():
    [statement] = [each for each in statements(role("GenerateSceneMessages")) if each["Sid"] == "KeepCheckpoints"]
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [".checkpoint/*"]}}
    assert '".checkpoint/"' in (ROOT / "shared/src/aws/checkpoints.rs").read_text()


def test_a_job_goes_on_after_an_invocation_has_ended():
    function = FUNCTIONS["GenerateSceneMessages"]["Properties"]
    schedule = function["Events"]["Resume"]["Properties"]
    assert json.loads(schedule["Input"]) == {"resume": True}
    minutes = int(re.fullmatch(r"rate\((\d+) minutes\)", schedule["ScheduleExpression"])[1])
    assert function["Timeout"] < 60 * minutes


def test_an_audit_may_change_something_only_when_a_parameter_says_so():
    [policy] = RESOURCES[role("AuditCatalog")]["Properties"]["Policies"]
    changing = {"sqs:SendMessage", "sns:Publish", "dynamodb:UpdateItem"}
    for condition, statement in map(conditional, policy["PolicyDocument"]["Statement"]):
        changes = bool(set(as_list(statement["Action"])) & changing)
        assert (condition == "AuditRepairs") == changes, statement["Sid"]
        assert condition is None or changes or "Index" in condition, statement["Sid"]
    assert TEMPLATE["Conditions"]["AuditRepairs"] == {"Fn::Equals": [{"Ref": "AuditRepair"}, "yes"]}
    assert TEMPLATE["Parameters"]["AuditRepair"]["Default"] == "no"


def test_every_camera_is_audited_and_so_are_the_documents_above_them():
    inputs = [json.loads(event["Properties"]["Input"]) for event in FUNCTIONS["AuditCatalog"]["Properties"]["Events"].values()]
    assert {"scenes": False, "mayBeEmpty": True} in inputs
    cameras = {"/".join(Path(key).parts[:2]) for key in (scene.key for scene in fixtures("**/*.xml"))}
    assert {request["prefix"] for request in inputs if "prefix" in request} == cameras
    assert len(inputs) == len(cameras) + 1


def test_the_mover_goes_on_unless_it_is_paused():
    tick = FUNCTIONS["MoveCatalogLevelKeys"]["Properties"]["Events"]["Tick"]["Properties"]
    assert tick["State"] == {"Fn::If": ["MoverIsPaused", "DISABLED", "ENABLED"]}
    assert TEMPLATE["Parameters"]["PauseMover"]["Default"] == "no"


def test_there_are_alarms_for_dead_letters_age_errors_and_silence():
    watched = set()
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        assert properties["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        [dimension] = properties["Dimensions"]
        of = dimension["Value"].get("Ref") or dimension["Value"]["Fn::GetAtt"][0]
        watched.add((properties["MetricName"], of))
    assert watched == (
        {("ApproximateNumberOfMessagesVisible", queue) for queue in DEAD_LETTERS.values()}
        | {("ApproximateAgeOfOldestMessage", queue) for queue in WORK_QUEUES}
        | {("Errors", function) for function in FUNCTIONS}
        | {(metric, "AWS::StackName") for metric in ("OldestMarkAge", "ScenesMade", "AuditDrift")}
    )


def test_silence_is_told_after_the_hours_of_the_parameter():
    properties = RESOURCES["NoNewScenesAlarm"]["Properties"]
    assert (properties["Period"], properties["EvaluationPeriods"]) == (3600, {"Ref": "HoursWithoutScenes"})
    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("LessThanThreshold", 1)
    assert properties["TreatMissingData"] == "breaching", "no scene is no data"


def test_the_dashboard_is_json_and_shows_metrics_that_the_functions_write():
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    dashboard = json.loads(re.sub(r"\$\{[^}]*\}", "x", body))
    shown = {
        metric[1]
        for widget in dashboard["widgets"]
        for metric in widget["properties"]["metrics"]
        if metric[0] in ("lazycat", ".")
    }
    sources = "".join(file.read_text() for file in ROOT.glob("functions/*/src/main.rs"))
    written = set(re.findall(r'\.(?:count|seconds_since)\(\s*"(\w+)"', sources))
    assert shown <= written, shown - written


def test_there_are_two_configurations_and_both_build_in_place():
    import tomllib

    configurations = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name in ("dev", "prod"):
        assert configurations[name]["build"]["parameters"]["build_in_source"] is True
        deploy = configurations[name]["deploy"]["parameters"]
        assert deploy["stack_name"] == f"lazycat-{name}" and deploy["capabilities"] == "CAPABILITY_IAM"
        overridden = {override.split("=")[0] for override in deploy["parameter_overrides"]}
        assert {"Architecture", "CatalogBucketName"} <= overridden <= set(TEMPLATE["Parameters"])
