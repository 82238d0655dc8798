"""Keeps the validators on this machine: they reach our server, schemas come from files, everything else is refused.

Schemas are found as by the judges of static catalogs (`LAZYCAT_SCHEMAS`, else those that pystac brings along); of an
extension without a schema nothing is judged. Links to other hosts are not followed, so they are neither judged nor held
against the API.
"""

import io
import json
import socket
import urllib.request

import pystac
import pystac.stac_io
import requests
import stac_validator.utilities

import schemas

HERE = "127.0.0.1"
FOUND = schemas.load()


def only():
    """From now on."""
    _refuse_other_hosts()
    pystac.StacIO.set_default(_LocalSchemas)
    stac_validator.utilities.requests = _LocalRequests
    stac_validator.utilities.urlopen = _open


def _refuse_other_hosts():
    connect = socket.socket.connect

    def connect_nearby(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] != HERE:
            raise OSError(f"the validators stay on this machine: no connection to {address}")
        return connect(self, address)

    socket.socket.connect = connect_nearby


def _is_here(url):
    return url.startswith(f"http://{HERE}:")


def _schema(url):
    """The text of a schema; one that allows everything for an extension that is not judged."""
    path = FOUND.files.get(schemas.plain(url))
    if path is None and FOUND.with_extensions:
        raise requests.exceptions.ConnectionError(f"there is no schema {url}")
    return path.read_text(encoding="utf-8") if path else json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "$id": url})


class _LocalSchemas(pystac.stac_io.DefaultStacIO):
    def read_text_from_href(self, href):
        return super().read_text_from_href(href) if _is_here(href) else _schema(href)


class _LocalRequests:
    exceptions = requests.exceptions

    class _Schema:
        def __init__(self, text):
            self.text = text

        def raise_for_status(self):
            pass

        def json(self):
            return json.loads(self.text)

    @classmethod
    def get(cls, url, **keywords):
        return requests.get(url, **keywords) if _is_here(url) else cls._Schema(_schema(url))


def _open(request, **keywords):
    if _is_here(request.full_url):
        return urllib.request.urlopen(request, **keywords)
    answer = io.BytesIO()
    answer.getcode = lambda: 200
    return answer
