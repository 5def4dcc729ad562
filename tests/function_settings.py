"""Environment variables of a function, changed for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cloud import Cloud


@contextlib.contextmanager
def changed(cloud: Cloud, function: str, **variables: str) -> Iterator[None]:
    """Has a function run with these variables beside its own, as long as the block lasts."""
    functions, name = cloud.client("lambda"), cloud.function_name(function)
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def put(variables: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    put(before | variables)
    try:
        yield
    finally:
        put(before)
