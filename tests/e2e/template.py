"""Reads template.yaml, or another one, its short functions as their long forms."""

from pathlib import Path

import yaml

from scenes import ROOT

FILE = ROOT / "template.yaml"


class _Loader(yaml.SafeLoader):
    pass


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def read(file: Path = FILE) -> dict:
    return yaml.load(file.read_text(), _Loader)


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]
