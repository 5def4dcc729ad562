"""A recorded room: what its sensor said minute by minute, and what its receivers must therefore hear.

What must be heard is worked out here from the recording alone, in another language than the product's and by none of
its code, so that the two can be held against each other.
"""

from __future__ import annotations

import csv
import datetime
import json
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOM = Path(__file__).resolve().parent / "rooms" / "uci-occupancy" / "datatest.txt"
_ZONE = zoneinfo.ZoneInfo("Europe/Brussels")
_COLUMNS = ("date", "Temperature", "Humidity", "Light", "CO2", "HumidityRatio", "Occupancy")


@dataclass(frozen=True)
class Minute:
    """One row of the recording."""

    at: datetime.datetime
    temperature: float
    humidity: float
    light: float
    co2: float
    occupied: bool

    def telemetry(self) -> str:
        """What the sensor publishes. The recording knows only whether somebody is there: that is one person here."""
        return json.dumps(
            {
                "timestamp": self.at.isoformat(),
                "person_count": int(self.occupied),
                "temperature": self.temperature,
                "humidity": self.humidity,
                "illuminance": self.light,
                "co2": self.co2,
            }
        )

    def timestamp(self) -> str:
        """The instant as the documents write it."""
        return self.at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Place:
    """The space that the room is, and its one sensor."""

    building: str
    floor: str
    space: str
    sensor: str

    def report(self, minute: Minute, space_id: int, pairs: dict[str, str]) -> dict[str, Any]:
        """The documented `space_report` of a minute, with a subscription's key-value pairs."""
        return {
            "building_ref_id": self.building,
            "floor_ref_id": self.floor,
            "space_ref_id": self.space,
            "space_id": space_id,
            "event_type": "space_report",
            "timestamp": minute.timestamp(),
            "person_count": int(minute.occupied),
            "signs_of_life": None,
            "motion_detected": None,
            "people": {"count": int(minute.occupied), "coordinates": []},
            "sensor_ids": [self.sensor],
            "environment": {
                "humidity": {"units": "RH", "value": minute.humidity},
                "sensor": self.sensor,
                "temperature": {"units": "C", "value": minute.temperature},
                "timestamp": minute.timestamp(),
            },
            **pairs,
        }

    def availability(self, minute: Minute, space_id: int) -> list[dict[str, Any]]:
        """The documented `space_availability` of a minute at which the state changed."""
        return [
            {
                "building_ref_id": self.building,
                "floor_ref_id": self.floor,
                "space_ref_id": self.space,
                "space_id": space_id,
                "sensor_ids": [self.sensor],
                "event_type": "space_availability",
                "timestamp": minute.timestamp(),
                "state": "occupied" if minute.occupied else "available",
                "passively_occupied": None,
            }
        ]


def read(path: Path = ROOM) -> list[Minute]:
    """Reads a recording, in its own order. Raises ValueError naming the line that cannot be read."""
    minutes = []
    with path.open(newline="") as file:
        for line, row in enumerate(csv.reader(file), start=1):
            if line == 1:
                if tuple(row[-len(_COLUMNS) :]) != _COLUMNS:
                    raise ValueError(f"{path}: the columns must be {', '.join(_COLUMNS)}")
                continue
            try:
                minutes.append(_minute(row[-len(_COLUMNS) :]))
            except ValueError as error:
                raise ValueError(f"{path}, line {line}: {error}") from None
    return minutes


def _minute(row: list[str]) -> Minute:
    date, temperature, humidity, light, co2, _, occupancy = row
    return Minute(
        at=datetime.datetime.fromisoformat(date).replace(tzinfo=_ZONE),
        temperature=float(temperature),
        humidity=float(humidity),
        light=float(light),
        co2=float(co2),
        occupied=int(occupancy) > 0,
    )


def changes(minutes: list[Minute]) -> list[Minute]:
    """The minutes at which the occupancy column differs from the row before; the first row is the first change."""
    return [now for before, now in zip([None, *minutes], minutes) if before is None or before.occupied != now.occupied]
