"""The field's validator of STAC APIs finds nothing to object to."""

import json

from stac_api_validator.validations import QueryConfig, validate_api

COLLECTION = "CBERS4-MUX"
BRAZIL = {"type": "Polygon", "coordinates": [[[-75, -34], [-34, -34], [-34, 6], [-75, 6], [-75, -34]]]}
CLASSES = [
    "core",
    "collections",
    "features",
    "features#filter",
    "item-search",
    "item-search#fields",
    "item-search#filter",
    "item-search#query",
    "item-search#sort",
]
# Numbers are given as numbers: as texts, which is all that the validator's command can pass on, they equal nothing.
QUERIES = QueryConfig(
    query_comparison_field="view:sun_elevation",
    query_eq_value=64.353,
    query_neq_value=64.353,
    query_lt_value=60,
    query_lte_value=60,
    query_gt_value=60,
    query_gte_value=60,
    query_substring_field="platform",
    query_starts_with_value="cb",
    query_ends_with_value="4",
    query_contains_value="ers",
    query_in_field="instruments",
    query_in_values="MUX,AWFI",
)
# What the validator warns of without a fault of ours: it takes members that an item must have for extra ones.
KNOWN_WARNINGS = ("response contained extra fields", "stac-check recommendations")


def test_the_validator_passes(served):
    warnings, errors = validate_api(
        root_url=served.url,
        ccs_to_validate=CLASSES,
        collection=COLLECTION,
        geometry=json.dumps(BRAZIL),
        auth_bearer_token=None,
        auth_query_parameter=None,
        fields_nested_property="properties.platform",
        validate_pagination=True,
        query_config=QUERIES,
        transaction_collection=None,
        headers={},
        open_assets_urls=False,
    )
    assert not list(errors), "\n".join(errors)
    unknown = [warning for warning in warnings if not any(known in warning for known in KNOWN_WARNINGS)]
    assert not unknown, "\n".join(unknown)
