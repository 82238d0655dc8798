#!/usr/bin/env python3
"""Judges a finished static catalog with the field's own validators, offline.

    tests/judges/judge.py CATALOG_DIRECTORY

Prints what each judge objects to and a summary line per judge; ends with 0 when nobody objects, 1 when somebody does,
2 when the judging itself could not take place. `LAZYCAT_SCHEMAS` names the folder of schemas (see schemas.py).
A judge that looked at fewer documents than there are has not judged: that is an objection too.
"""

import argparse
import importlib
import importlib.util
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
# The slowest first: they run side by side.
JUDGES = (
    "with_stac_valid",
    "with_pystac",
    "with_stac_node_validator",
    "with_stac_check",
    "with_rustac",
    "good_catalog",
)
LONGEST_ACCOUNT = 100


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("catalog", type=Path, help="the directory that holds catalog.json")
    folder = parser.parse_args(arguments).catalog
    _enter_environment()
    import schemas
    import tree

    if not folder.is_dir():
        return _cannot(f"{folder} is no directory")
    try:
        found = schemas.load()
    except schemas.SchemaFolderError as error:
        return _cannot(error)
    catalog = tree.read(folder)
    if not catalog.documents:
        return _cannot(f"there is no STAC document in {folder}")
    print(f"Judging {len(catalog.documents)} documents in {folder}")
    print(f"Schemas: {found.account()}")
    verdicts = run(catalog, found)
    return 1 if _account(catalog, verdicts) else 0


def run(catalog, found):
    """The verdict of every judge by its name, and the seconds it took. They work side by side, in processes."""
    with ProcessPoolExecutor(max_workers=os.cpu_count() or 1, initializer=_start_worker) as pool:
        pending = [pool.submit(judge_with, module, catalog, found) for module in JUDGES]
        return {name: (verdict, seconds) for name, verdict, seconds in (future.result() for future in pending)}


def _start_worker():
    sys.dont_write_bytecode = True
    import offline

    offline.refuse_network()


def judge_with(module, catalog, found):
    """The name of a judge, its verdict and the seconds it took. Whatever goes wrong with it is an objection."""
    from tree import Verdict

    started = time.monotonic()
    name = module
    try:
        judge = importlib.import_module(module)
        name = judge.NAME
        verdict = judge.judge(catalog, found)
    except Exception as error:  # a judge that breaks has not judged
        verdict = Verdict()
        place = traceback.extract_tb(error.__traceback__)[-1]
        verdict.object_to("", f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")
    if verdict.checked != len(catalog.documents):
        verdict.object_to("", f"checked {verdict.checked} of {len(catalog.documents)} documents")
    return name, verdict, time.monotonic() - started


def _account(catalog, verdicts):
    """Prints the objections, the advice and the summary; gives the number of objections."""
    for name, (verdict, _) in verdicts.items():
        if verdict.objections:
            print(f"\n{name} objects:")
            for objection in verdict.objections[:LONGEST_ACCOUNT]:
                print(f"  {objection}")
            if len(verdict.objections) > LONGEST_ACCOUNT:
                print(f"  ... and {len(verdict.objections) - LONGEST_ACCOUNT} more")
        if verdict.advice:
            print(f"\n{name} advises (no objection): {'; '.join(verdict.advice)}")
    print()
    for name, (verdict, seconds) in verdicts.items():
        count = f"{verdict.checked} of {len(catalog.documents)} documents"
        print(f"{name:<22} {count:>24}  {len(verdict.objections):>5} objections  {seconds:6.1f} s")
    return sum(len(verdict.objections) for verdict, _ in verdicts.values())


def _cannot(reason):
    print(f"judge.py: {reason}", file=sys.stderr)
    return 2


def _enter_environment():
    """Goes on in the repository's virtual environment when the judges' packages are not at hand."""
    if importlib.util.find_spec("pystac") and importlib.util.find_spec("stac_validator"):
        return
    python = REPOSITORY / ".venv" / "bin" / "python"
    if not python.exists() or Path(sys.prefix).resolve() == (REPOSITORY / ".venv").resolve():
        sys.exit(_cannot("the judges are not installed; run tests/judges/setup.sh"))
    os.execv(python, [str(python), "-B", __file__, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
