"""The OpenAPI document (PROTOCOL.md): well-formed, true to itself, and the one that is served."""

from __future__ import annotations

import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

from course import Course

FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"
_METHODS = {"get", "post", "put"}


def _examples(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each operation's name, a schema, and what is said to be an example of it."""
    for path in document["paths"].values():
        for method in path.keys() & _METHODS:
            operation = path[method]
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [one.get("content", {}) for one in operation["responses"].values()]
            for media in (one for content in contents for one in content.values()):
                if "example" in media:
                    yield operation["operationId"], media["schema"], media["example"]


class Kept(unittest.TestCase):
    """docs/openapi.json; that it is what the code makes, the code's own tests say."""

    def test_it_is_openapi_3_1(self) -> None:
        OpenAPIV31SpecValidator(json.loads(FILE.read_bytes())).validate()

    def test_its_examples_are_of_their_schemas(self) -> None:
        document, found = json.loads(FILE.read_bytes()), 0
        for name, schema, example in _examples(document):
            whole = {"$ref": "#/schema", "schema": schema, "components": document["components"]}
            with self.subTest(name):
                jsonschema.Draft202012Validator(whole).validate(example)
            found += 1
        self.assertGreater(found, 15)


class Served(Course):
    """What a Blackboard answers."""

    def test_anybody_gets_the_same_with_the_servers_own_origin(self) -> None:
        with self.blackboard() as blackboard:
            answer = blackboard.connection.request("GET", "/openapi.json")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.one("content-type"), "application/json")
        self.assertRegex(answer.one("cache-control") or "", r"public, max-age=[1-9][0-9]*")
        here = f"{self.server.origin}/problems/"
        kept = FILE.read_text("utf-8").replace("https://localhost:3141/problems/", here)
        expected = json.loads(kept)
        expected["servers"] = [{"url": self.server.origin}]
        self.assertEqual(json.loads(answer.content), expected)


if __name__ == "__main__":
    unittest.main()
