"""stac-node-validator: every document against the core schema and its extensions, by ajv in Node.js.

It brings no schemas. Its command needs Node.js 22 and fetches what its map does not name; `stac_node_validator.cjs`
calls the same code as a library, with a loader that knows the schema files and nothing else.
"""

import json
import shutil
import subprocess
from pathlib import Path

from tree import Verdict

NAME = "stac-node-validator"
DRIVER = Path(__file__).with_name("stac_node_validator.cjs")
TIME_LIMIT_SECONDS = 300


def judge(tree, schemas):
    verdict = Verdict()
    node = shutil.which("node")
    if not node:
        raise RuntimeError("Node.js is not installed; see tests/judges/setup.sh")
    request = {
        "schemas": {url: str(path) for url, path in schemas.files.items()},
        "withExtensions": schemas.with_extensions,
        "files": {key: str(document.path) for key, document in tree.documents.items()},
    }
    run = subprocess.run(
        [node, str(DRIVER)], input=json.dumps(request), capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS
    )
    if run.returncode != 0:
        raise RuntimeError(f"node ended with {run.returncode}: {run.stderr.strip()}")
    for report in json.loads(run.stdout):
        verdict.checked += report["judged"]
        for text in report["errors"]:
            verdict.object_to(report["key"], text)
    return verdict
