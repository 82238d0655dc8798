"""stac-valid (the module formerly stac-validator): every document against the core schema and its extensions.

In process, one call a document. Its schema cache holds 16 entries unless told otherwise. It looks at the extensions of
items and collections only, and reads every schema as draft 2020-12: a draft-07 `items` array is not understood.
"""

import copy

from stac_validator.utilities import set_schema_cache_size
from stac_validator.validate import StacValidate

from schemas import plain
from tree import Verdict

NAME = "stac-valid"


def judge(tree, schemas):
    set_schema_cache_size(4 * len(schemas.files))
    schema_map = {url: str(path) for url, path in schemas.files.items()}
    verdict = Verdict()
    for key, document in tree.documents.items():
        for url in schemas.unknown(document.body):
            verdict.object_to(key, f"unknown extension schema {url}")
        validator = StacValidate(schema_map=dict(schema_map), core=not schemas.with_extensions)
        valid = validator.validate_dict(copy.deepcopy(document.body))
        message = validator.message[-1] if validator.message else {}
        verdict.checked += 1
        if not valid:
            verdict.object_to(key, f"{message.get('error_type')}: {message.get('error_message')}")
            continue
        # A success must name every schema it was reached with, or something was skipped.
        expected = set() if document.kind == "Catalog" else set(schemas.extensions_to_judge(document.body))
        named = {plain(str(schema)) for schema in message.get("schema", [])}
        for url in expected:
            if not {plain(url), schema_map.get(plain(url))} & named:
                verdict.object_to(key, f"was found valid without looking at {url}")
        if len(named) <= len(expected):
            verdict.object_to(key, "was found valid without looking at its core schema")
    return verdict
