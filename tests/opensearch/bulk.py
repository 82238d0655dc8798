"""Loads documents as opensearch-py does, for a benchmark. Arguments: a port, an alias, a file with a document a line, how many
go into one request, and whether what they wrote is to be found at once. Prints how many seconds that took.
"""

import json
import sys
import time
from pathlib import Path

from opensearchpy import OpenSearch, helpers

port, alias, file, chunk, refresh = sys.argv[1:]
client = OpenSearch(f"http://127.0.0.1:{port}", timeout=60)
documents = [json.loads(line) for line in Path(file).read_text().splitlines()]
client.info()
started = time.perf_counter()
actions = ({"_index": alias, "_id": document["id"], "_source": document} for document in documents)
written, errors = helpers.bulk(client, actions, chunk_size=int(chunk), refresh=refresh)
assert (written, errors) == (len(documents), []), (written, errors)
print(time.perf_counter() - started)
