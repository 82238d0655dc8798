"""stac-api as deployed: behind its function URL, over a pgstac, with the password in a secret."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from conftest import ARCHITECTURE
from scenes import ROOT

sys.path.insert(0, str(ROOT / "tests" / "api"))
from function import event_of  # noqa: E402

TEMPLATE = ROOT / "functions" / "stac-api" / "template.yaml"
NAME = "stac-api-e2e"
HOST = "abc.lambda-url.us-east-1.on.aws"
PASSWORD = "open-sesame-api"


def test_linters_are_content():
    run = subprocess.run([Path(sys.executable).parent / "cfn-lint", TEMPLATE], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


def item(number: int) -> dict:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"i{number}", "collection": "one",
        "geometry": {"type": "Point", "coordinates": [-50 + number, -10]}, "bbox": [-50 + number, -10, -50 + number, -10],
        "properties": {"datetime": f"2020-05-{number + 1:02}T00:00:00Z"}, "links": [], "assets": {},
    }


@pytest.fixture(scope="module")
def database(postgres):
    postgres.make("api")
    with psycopg.connect(postgres.address("api"), autocommit=True) as connection:
        connection.execute("SET search_path TO pgstac, public")
        collection = {"type": "Collection", "stac_version": "1.1.0", "id": "one", "description": "x", "links": []}
        connection.execute("SELECT create_collection(%s::text::jsonb)", (json.dumps(collection),))
        connection.execute("SELECT upsert_items(%s::text::jsonb)", (json.dumps([item(number) for number in range(5)]),))
    return postgres


class Api:
    """The deployed function, asked as its function URL asks it."""

    def __init__(self, world, outputs: dict[str, str]):
        self.world = world
        self.outputs = outputs

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        text = json.dumps(body).encode() if body is not None else b""
        event = event_of(method, path, {"Host": HOST}, text)
        run = self.world.client("lambda").invoke(FunctionName=self.outputs["StacApi"], Payload=json.dumps(event))
        answer = json.loads(run["Payload"].read())
        assert "FunctionError" not in run, answer
        return answer["statusCode"], json.loads(answer["body"])

    def log_lines(self) -> list[str]:
        resources = self.world.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
        [group] = [each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "StacApiLogs"]
        pages = self.world.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [line for page in pages for event in page["events"] for line in event["message"].splitlines()]


@pytest.fixture(scope="module")
def api(world, database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stac-api")
    world.sam(
        "build", "--template-file", str(TEMPLATE), "--build-in-source", "--build-dir", str(folder), PROFILE="dev", SCOPE="--workspace",
        ARCHITECTURE=ARCHITECTURE,
    )
    secret = world.client("secretsmanager").create_secret(
        Name="api-database", SecretString=json.dumps({"username": "postgres", "password": PASSWORD, "engine": "postgres"})
    )["ARN"]
    parameters = {
        "DatabaseSecret": secret, "Database": f"postgresql://127.0.0.1:{database.port}/api?sslmode=disable",
        "Architecture": ARCHITECTURE, "ApiTitle": "Scenes", "GreatestLimit": "3",
    }
    world.sam(
        "deploy", "--template-file", str(folder / "template.yaml"), "--stack-name", NAME, "--resolve-s3", "--capabilities",
        "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides",
        *(f'{name}="{value}"' for name, value in parameters.items()),
    )
    stack = world.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    yield Api(world, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})
    world.client("cloudformation").delete_stack(StackName=NAME)


def test_the_landing_page_leads_to_where_it_was_asked(api):
    status, page = api.ask("GET", "/")
    assert (status, page["id"], page["title"]) == (200, NAME, "Scenes")
    hrefs = {link["rel"]: link["href"] for link in page["links"]}
    assert hrefs["search"] == f"https://{HOST}/search"
    assert hrefs["child"] == f"https://{HOST}/collections/one"


def test_a_search_goes_page_by_page_in_both_methods(api):
    ids = []
    path = "/search?limit=100&bbox=-60,-20,-40,0"
    while path:
        status, page = api.ask("GET", path)
        assert status == 200 and len(page["features"]) <= 3
        ids += [feature["id"] for feature in page["features"]]
        path = next((link["href"].removeprefix(f"https://{HOST}") for link in page["links"] if link["rel"] == "next"), None)
    assert ids == ["i4", "i3", "i2", "i1", "i0"]
    ids, body = [], {"datetime": "2020-05-02T00:00:00Z/..", "limit": 2, "sortby": [{"field": "id", "direction": "asc"}]}
    while body:
        status, page = api.ask("POST", "/search", body)
        assert status == 200
        ids += [feature["id"] for feature in page["features"]]
        body = next((link["body"] for link in page["links"] if link["rel"] == "next"), None)
    assert ids == ["i1", "i2", "i3", "i4"]


def test_errors_are_in_the_form_of_the_api(api):
    for path, status, code in [
        ("/collections/one/items/none", 404, "NotFound"), ("/nowhere", 404, "NotFound"), ("/search?limit=x", 400, "BadRequest"),
        ("/search?filter=a%20%3D", 400, "BadRequest"), ("/search?token=x", 400, "BadRequest"),
    ]:
        found, answer = api.ask("GET", path)
        assert (found, answer["code"]) == (status, code), path
    assert api.ask("DELETE", "/search")[0] == 405


def test_a_connection_that_broke_is_made_anew(api, database):
    assert api.ask("GET", "/collections/one/items/i1")[0] == 200
    with psycopg.connect(database.address("api"), autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lazycat'"
        ).fetchone()
    assert ended[0] > 0
    assert api.ask("GET", "/collections/one/items/i1")[0] == 200


def test_each_answer_is_logged_and_the_password_is_not(api):
    lines = api.log_lines()
    assert any('"answered"' in line and '"status":404' in line.replace(" ", "") for line in lines), lines[-5:]
    assert not any(PASSWORD in line for line in lines)
