"""Schemas of a tenant's own say of events what somebody else's validator says of them, keyword by keyword and combined.

The validator is Python's `jsonschema`. Schemas and values are written here, and combined by a fixed seed; which event of a
batch is refused, its answer says by the place of each mistake.
"""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from api import Api

from exchange import ask
from scene import Scene
from test_event_types import own_type

SEED = 20260202
# At most 200 mistakes of a request are listed.
BATCH = 25
# A type's schema has at most 16 KiB.
SCHEMAS_OF_A_TYPE = 25

SCHEMAS: list[Any] = [
    True,
    False,
    *({"type": name} for name in ("null", "boolean", "integer", "number", "string", "array", "object")),
    {"type": ["integer", "null"]},
    {"enum": [1, "a", None, [1], {"a": 1.0}]},
    {"const": 1},
    {"const": {"a": [1, {"b": None}]}},
    {"multipleOf": 3},
    {"multipleOf": 0.5},
    {"minimum": 2},
    {"maximum": 2.5},
    {"exclusiveMinimum": 1, "exclusiveMaximum": 3},
    {"minLength": 2, "maxLength": 3},
    {"pattern": "^a.*z$"},
    {"pattern": "[0-9]{2}"},
    {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
    {"items": False},
    {"items": {"minimum": 1}},
    {"contains": {"type": "integer"}},
    {"contains": {"type": "integer"}, "minContains": 2, "maxContains": 3},
    {"contains": {"const": 1}, "minContains": 0},
    {"uniqueItems": True},
    {"minItems": 1, "maxItems": 2},
    {"required": ["a"]},
    {"properties": {"a": {"type": "integer"}, "b": False}},
    {"properties": {"a": True}, "additionalProperties": False},
    {"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {"propertyNames": {"maxLength": 1}},
    {"minProperties": 1, "maxProperties": 2},
    {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"a": {"minProperties": 2}}},
    {"not": {"type": "integer"}},
    {"allOf": [{"minimum": 1}, {"maximum": 3}]},
    {"anyOf": [{"type": "string"}, {"minimum": 3}]},
    {"oneOf": [{"minimum": 2}, {"maximum": 2}, {"type": "string"}]},
    {"if": {"type": "integer"}, "then": {"minimum": 2}, "else": {"type": "string"}},
    {"if": {"required": ["a"]}, "else": {"maxProperties": 1}},
    {"$ref": "#/$defs/tree"},
    {"$ref": "#/$defs/tree", "maxProperties": 1},
    {"$ref": "#/$defs/a~1b%25"},
]
DEFS = {
    "tree": {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}}, "additionalProperties": {"type": "integer"}},
    "a/b%": {"type": "string"},
}
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 1.0, -1, 2, 2.5, 3, 3.0, 4, 1e300, 9007199254740993, -0.0, 0.1),
    *("", "a", "az", "abcz", "a12", "12", "1", "ab", "\N{GRINNING FACE}\N{GRINNING FACE}", "a\nz", "\N{ARABIC-INDIC DIGIT ONE}2"),
    *([], [1], [1.0, 1], [1, True], [0, False], [1, "a"], [1, "a", "b"], [1, "a", 2], ["a", 1], [[1], [1.0]], [1, 2, 3, 4]),
    *({}, {"a": 1}, {"a": 1.0}, {"b": 1}, {"a": 1, "b": 2}, {"a": "x", "b": 2, "c": 3}, {"ab": 1}, {"ab": "x", "c": "y"}),
    *({"a": {}}, {"a": {"a": {"b": 1}}}, {"a": {"a": {"b": "x"}}}, {"a": [1, {"b": None}]}, {"a": None, "aa": 2}),
]


def _combined() -> list[Any]:
    """Schemas made of two or three others."""
    chance = random.Random(SEED)
    made = []
    for _ in range(100):
        one, two, three = (chance.choice(SCHEMAS) for _ in range(3))
        made.append(
            chance.choice(
                [
                    {"allOf": [one, two]},
                    {"anyOf": [one, {"not": two}]},
                    {"oneOf": [one, two, three]},
                    {"if": one, "then": two, "else": three},
                    {"items": {"anyOf": [one, two]}, "contains": three},
                    {"properties": {"a": one, "b": two}, "additionalProperties": three},
                    {"not": {"allOf": [one, {"anyOf": [two, three]}]}},
                ]
            )
        )
    return made


def _refused(api: Api, event_type: str, datas: list[dict[str, Any]]) -> set[int]:
    """Which of these are refused when they are published together."""
    events = [{"event_type": event_type, "data": data} for data in datas]
    answer = ask(api, "POST", "/v1/events/batch", {"events": events})
    if answer.status == 202:
        return set()
    document = answer.json()
    assert (answer.status, document["type"]) == (422, "/problems/invalid-fields"), document
    pointers = [error["pointer"].split("/") for error in document["errors"]]
    assert all(pointer[:2] == ["", "events"] and pointer[3:4] == ["data"] for pointer in pointers), document
    return {int(pointer[2]) for pointer in pointers}


@pytest.mark.parametrize("schemas", [SCHEMAS, _combined()], ids=["each keyword", "combined"])
def test_our_verdict_is_the_one_of_another_validator(scene: Scene, schemas: list[Any]) -> None:
    wrong, verdicts = [], [0, 0]
    for first in range(0, len(schemas), SCHEMAS_OF_A_TYPE):
        some = schemas[first : first + SCHEMAS_OF_A_TYPE]
        properties = {f"p{place}": schema for place, schema in enumerate(some)}
        schema = {"properties": properties, "$defs": DEFS}
        name = own_type(scene.api, schema=schema)
        validator = jsonschema.Draft202012Validator(schema)
        cases = [{name: value} for name in properties for value in VALUES]
        for start in range(0, len(cases), BATCH):
            batch = cases[start : start + BATCH]
            refused = _refused(scene.api, name, batch)
            for place, data in enumerate(batch):
                is_valid = validator.is_valid(data)
                verdicts[is_valid] += 1
                if is_valid == (place in refused):
                    [(field, value)] = data.items()
                    said = "refused" if place in refused else "allowed"
                    wrong.append(f"{json.dumps(properties[field])} {said} {json.dumps(value)}")
    assert not wrong, "\n".join(wrong)
    assert min(verdicts) > 500, "both verdicts are tried"
