"""Buildings, floors, spaces and sensors in one request, as JSON and as CSV: all of it, or a list of all mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from api import Api

from exchange import ask, problem

HEADER = "building_ref_id,building_name,floor_ref_id,floor_name,space_ref_id,space_name,sensor_id,sensor_name"


def _csv(api: Api, *rows: str, header: str = HEADER, end: str = "\r\n") -> Any:
    return ask(api, "POST", "/v1/import", end.join([header, *rows, ""]).encode(), content_type="text/csv")


def _counts(answer: Any) -> dict[str, tuple[int, int, int]]:
    return {what: tuple(counts.values()) for what, counts in answer.json().items()}


def test_csv(api: Api) -> None:
    rows = [
        'csv-1,"Head office, west",g,Ground floor,room-1,"Room ""Turing""",csv-d1,Ceiling',
        "csv-1,,g,,room-1,,csv-d2,",
        "csv-1,,,,room-2,Without a floor,,",
        "csv-2,Empty,,,,,,",
    ]
    first = _csv(api, *rows)
    assert first.status == 200, first.body
    new = {"buildings": (2, 0, 0), "floors": (1, 0, 0), "spaces": (2, 0, 0), "sensors": (2, 0, 0)}
    assert _counts(first) == new
    # A byte order mark, as spreadsheets write it, and the same again.
    again = _csv(api, *rows, header="\ufeff" + HEADER)
    assert _counts(again) == {what: (0, 0, created) for what, (created, _, _) in new.items()}

    assert api.call("GET", "/v1/buildings/csv-1")["name"] == "Head office, west"
    room = api.call("GET", "/v1/buildings/csv-1/spaces/room-1")
    assert (room["name"], room["floor_ref_id"], room["sensor_ids"]) == ('Room "Turing"', "g", ["csv-d1", "csv-d2"])
    assert api.call("GET", "/v1/sensors/csv-d1")["name"] == "Ceiling"


def test_json(api: Api) -> None:
    building = {
        "building_ref_id": "json-1",
        "name": "Mons",
        "floors": [{"floor_ref_id": "g", "name": "Ground"}],
        "spaces": [{"space_ref_id": "Salle é 1", "floor_ref_id": "g", "sensors": [{"sensor_id": "json-d1"}]}],
    }
    answer = ask(api, "POST", "/v1/import", {"buildings": [building]})
    assert _counts(answer) == dict.fromkeys(["buildings", "floors", "spaces", "sensors"], (1, 0, 0))
    [space] = api.every("/v1/buildings/json-1/spaces")
    assert (space["space_ref_id"], space["sensor_ids"]) == ("Salle é 1", ["json-d1"])


@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["as in RFC 4180", "as on Unix"])
def test_every_mistake_of_a_csv_is_listed_and_nothing_is_written(api: Api, end: str) -> None:
    answer = _csv(
        api,
        "bad-1,,g,,room-1,,bad-d1,",
        ",,,,room-2,,,",
        "bad-1,,,,,,bad-d2,",
        "bad-1,too,few",
        "bad-1,,g,,room-3,,bad-d1,",
        "bad/1,,,,,,,",
        end=end,
    )
    document = problem(answer, 422, "invalid-fields")
    found = {(error["line"], error.get("column")) for error in document["errors"]}
    assert found == {
        (3, "building_ref_id"),
        (4, "space_ref_id"),
        (5, None),
        (6, "sensor_id"),
        (7, "building_ref_id"),
    }, document["errors"]
    problem(ask(api, "GET", "/v1/buildings/bad-1"), 404, "not-found")


def test_every_mistake_of_a_json_import_is_listed_and_nothing_is_written(api: Api) -> None:
    building = {
        "building_ref_id": "bad-2",
        "spaces": [
            {"space_ref_id": "a", "floor_ref_id": "nowhere", "sensors": [{"sensor_id": ""}]},
            {"name": "without an id", "sensors": "none"},
        ],
        "rooms": [],
    }
    document = problem(ask(api, "POST", "/v1/import", {"buildings": [building]}), 422, "invalid-fields")
    assert {error["pointer"] for error in document["errors"]} >= {
        "/buildings/0/spaces/0/sensors/0/sensor_id",
        "/buildings/0/spaces/1/space_ref_id",
        "/buildings/0/spaces/1/sensors",
        "/buildings/0/rooms",
    }
    problem(ask(api, "GET", "/v1/buildings/bad-2"), 404, "not-found")


def test_a_header_that_is_wrong_and_a_type_that_is_not_known(api: Api) -> None:
    document = problem(_csv(api, "a,b", header="building_ref,sensor_id"), 422, "invalid-fields")
    assert {(error["line"], error["column"]) for error in document["errors"]} == {
        (1, "building_ref"),
        (1, "building_ref_id"),
    }
    problem(ask(api, "POST", "/v1/import", b"x", content_type="application/xml"), 415, "unsupported-media-type")
