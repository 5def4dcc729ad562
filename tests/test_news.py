"""What happens to subscriptions, told to others of the same tenant that asked for it: as events, in order, signed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from receiver import Arrival

import failing
import function_settings
from health_runs import mails, run
from kept_items import Table, earlier
from scene import MakeScene, Scene, Subscription
from second_tenant import SecondTenant

pytestmark = pytest.mark.usefixtures("health_by_hand")

DAY_SECONDS = 24 * 3_600
ENABLED, DISABLED = "subscription_enabled", "subscription_disabled"
FAILING, RECOVERED = "subscription_failing", "subscription_recovered"
ALL = (ENABLED, DISABLED, FAILING, RECOVERED)


def _told(arrivals: list[Arrival]) -> list[tuple[str, str]]:
    return [(one["event_type"], one["subscription"]["id"]) for one in (arrival.json() for arrival in arrivals)]


def _check(arrival: Arrival, of: Subscription, subject: Subscription, **expected: Any) -> None:
    """Whether an event is all that it must be, and nothing more."""
    body = arrival.json()
    assert arrival.is_signed_with(of.secret)
    assert body == {
        "event_type": body["event_type"],
        "timestamp": body["timestamp"],
        "subscription": {"id": subject.id, "name": subject.get()["name"], **expected},
    }
    assert body["timestamp"].endswith("Z")


def test_others_of_the_tenant_hear_of_a_disabling_and_an_enabling(
    make_scene: MakeScene, second_tenant: SecondTenant
) -> None:
    scene, table = make_scene(), Table(make_scene().cloud)
    theirs = make_scene(second_tenant.api, second_tenant.name).subscribe("theirs", *ALL)
    # Whoever is told of others is told in whatever building they are.
    watcher = scene.subscribe("watcher", *ALL)
    # It asks to hear of all subscriptions, and so of itself: it is told of others only.
    [subject] = failing.subscriptions(scene, 1, event_types=["space_report", *ALL])
    table.count(subject, failed=20, accepted=0)

    run(scene.cloud)
    [disabled] = watcher.wait(1)
    attempts = {"window_hours": 24, "total": 20, "failed": 20, "failed_percent": 100.0}
    _check(disabled, watcher, subject, enabled=False, disabled_reason="failure_rate", attempts=attempts)
    assert disabled.json()["event_type"] == DISABLED
    assert disabled.json()["timestamp"] == subject.get()["disabled"]["since"]

    failed = len(subject.arrivals())
    subject.inbox.answer = lambda _: (204, b"")
    subject.api.call("POST", f"{subject.path}/enable")
    enabled = watcher.wait(2)[1]
    _check(enabled, watcher, subject, enabled=True, disabled_reason=None, attempts=None)
    assert enabled.json()["event_type"] == ENABLED
    assert enabled.sequence > disabled.sequence and enabled.event_id != disabled.event_id

    # By request, and told without a run of health. The subject hears of the watcher, and of itself it missed nothing.
    watcher.api.call("POST", f"{watcher.path}/disable")
    about_watcher = subject.wait(failed + 2)[failed:]
    assert [arrival.json()["event_type"] for arrival in about_watcher] == ["space_report", DISABLED]
    _check(about_watcher[1], subject, watcher, enabled=False, disabled_reason="by_request", attempts=None)
    run(scene.cloud)
    assert _told(watcher.arrivals()) == [(DISABLED, subject.id), (ENABLED, subject.id)], "once each"

    # The other tenant hears of its own alone.
    other = make_scene(second_tenant.api, second_tenant.name).subscribe("other")
    other.api.call("POST", f"{other.path}/disable")
    assert _told(theirs.wait(1)) == [(DISABLED, other.id)]


def test_one_that_is_gone_is_told_of_like_any_other(scene: Scene) -> None:
    watcher = scene.subscribe("watcher", DISABLED)
    subject = scene.subscribe("subject", answer=lambda _: (410, b""))
    scene.publish(scene.reading(1, count=1))
    subject.recorded(1)
    run(scene.cloud)
    [told] = watcher.wait(1)
    _check(told, watcher, subject, enabled=False, disabled_reason="gone", attempts=None)


def test_failing_and_recovered_are_told_at_each_turn_and_mailed_at_most_daily(scene: Scene) -> None:
    cloud, table = scene.cloud, Table(scene.cloud)
    watcher = scene.subscribe("watcher", *ALL)
    [subject] = failing.subscriptions(scene, 1, contacts=["ops@example.com"])
    turns: list[tuple[str, str]] = []

    def judged(failed: int, accepted: int, *told: str) -> None:
        """A run judges these counts, and tells this."""
        table.count(subject, failed=failed, accepted=accepted)
        run(cloud)
        turns.extend((one, subject.id) for one in told)
        assert _told(watcher.wait(len(turns))) == turns

    with function_settings.changed(cloud, "health", WARNING_MAIL="true"):
        judged(5, 5)
        judged(6, 4, FAILING)
        [mail] = mails(cloud, subject)
        assert "is failing: 60.00 %" in mail["Subject"] and mail["To"] == ["ops@example.com"]
        attempts = {"window_hours": 24, "total": 10, "failed": 6, "failed_percent": 60.0}
        _check(watcher.arrivals()[0], watcher, subject, enabled=True, disabled_reason=None, attempts=attempts)
        judged(60, 40)
        judged(45, 55)
        judged(40, 60, RECOVERED)
        judged(51, 49, FAILING)
        assert len(mails(cloud, subject)) == 1, "one a day"

        marker = table.marker(subject)
        assert marker is not None
        table.change(marker, "warning", _a_day_older)
        judged(40, 60, RECOVERED)
        judged(100, 60, FAILING)
        assert len(mails(cloud, subject)) == 2, "and another the day after"
        judged(1_000, 0, DISABLED)
        assert len(mails(cloud, subject)) == 3
    assert [arrival.sequence for arrival in watcher.arrivals()] == sorted(one.sequence for one in watcher.arrivals())


def _a_day_older(warning: Any) -> Any:
    return warning | {"mailed_at": earlier(warning["mailed_at"], DAY_SECONDS)}


def test_a_warning_is_not_mailed_unless_that_is_asked_for(scene: Scene) -> None:
    watcher = scene.subscribe("watcher", FAILING)
    [subject] = failing.subscriptions(scene, 1, contacts=["ops@example.com"])
    Table(scene.cloud).count(subject, failed=6, accepted=4)
    run(scene.cloud)
    assert _told(watcher.wait(1)) == [(FAILING, subject.id)]
    assert mails(scene.cloud, subject) == []
    assert json.loads(Table(scene.cloud).marker(subject)["warning"]["S"])["mailed_at"] is None
