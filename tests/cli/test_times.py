"""Moments and spans of time, as people type and read them."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.adapters.cli.times import iso, local, moment, span
from stardag.domain.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        (" 2w ", timedelta(weeks=2)),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert span("--expires-in", text) == expected
    assert moment("--since", text) == expected


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5d", "90", "90 d", "90y", "٣d", "1000000000d", "1d2h"])
def test_anything_else_is_no_span(text: str) -> None:
    with pytest.raises(InvalidValue, match="span of time") as caught:
        span("--expires-in", text)
    assert "Give --expires-in a number and a unit, such as 90d" in caught.value.fix


def test_a_moment_has_its_own_zone_or_this_machines() -> None:
    assert moment("--since", "2026-11-01T12:00:00Z") == datetime(2026, 11, 1, 12, tzinfo=UTC)
    east = timezone(timedelta(hours=2))
    assert moment("--since", "2026-11-01T12:00+02:00") == datetime(2026, 11, 1, 12, tzinfo=east)
    assert moment("--since", "2026-11-01") == datetime(2026, 11, 1).astimezone()  # that is the point


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_moment_with_a_zone_a_span_or_an_error(text: str) -> None:
    try:
        found = moment("--since", text)
    except InvalidValue:
        return
    assert isinstance(found, timedelta) or found.tzinfo is not None


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # the zone comes with it
def test_every_moment_can_be_shown(at: datetime) -> None:
    assert local(at)[:4].isdigit()
    assert datetime.fromisoformat(str(iso(at))) == at


def test_people_read_the_zone_of_their_machine_and_programs_the_registrys() -> None:
    program = (
        "from datetime import datetime, UTC; from stardag.adapters.cli.times import iso, local, moment; "
        "at = datetime(2026, 11, 1, 23, 30, tzinfo=UTC); "
        "print(local(at), iso(at), iso(moment('--since', '2026-11-01')), sep='|')"
    )
    environment = {**os.environ, "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2026-11-02 08:30 JST|2026-11-01T23:30:00+00:00|2026-11-01T00:00:00+09:00"


def test_what_never_was_is_said_so() -> None:
    assert (local(None), local(None, "never"), iso(None)) == ("-", "never", None)
