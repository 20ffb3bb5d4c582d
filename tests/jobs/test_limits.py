"""What may be trained follows from where the page is, unless its owner says otherwise."""

from __future__ import annotations

import sys

import pytest

from jobs.limits import Limits, LimitsError, visitor_address


def test_ones_own_computer_trains_and_keeps_everything() -> None:
    limits = Limits.from_environment({}, None)
    assert (limits.where, limits.is_shared, limits.keep_hours) == ("here", False, 0)


@pytest.mark.parametrize(
    ("environment", "host"),
    [({"SPACE_ID": "ann/novel"}, None), ({}, "0.0.0.0"), ({"GRADIO_SERVER_NAME": "::"}, None)],
)
def test_a_shared_page_trains_only_if_its_owner_allows_it(
    environment: dict[str, str], host: str | None
) -> None:
    off = Limits.from_environment(environment, host)
    assert off.where == "off"
    assert "TRAINING=on" in off.reason
    on = Limits.from_environment({**environment, "TRAINING": "on"}, host)
    assert (on.where, on.is_shared, on.keep_hours) == ("here", True, 24)


def test_an_owner_sets_every_limit() -> None:
    names = ("MINUTES", "MEGABYTES", "RUNS", "DISK_GIGABYTES", "KEEP_HOURS", "CALL_SECONDS")
    values = {f"TRAINING_{name}": "27" for name in names}
    limits = Limits.from_environment(
        values | {"TRAINING": "off", "TRAINING_FOLDER": "elsewhere"}, None
    )
    assert (limits.where, limits.folder.name) == ("off", "elsewhere")
    assert {limits.minutes, limits.megabytes, limits.runs, limits.disk_gigabytes} == {27}
    assert limits.keep_hours == limits.call_seconds == 27


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_value_that_means_nothing_is_refused(value: str) -> None:
    with pytest.raises(LimitsError, match="TRAINING_MINUTES"):
        Limits.from_environment({"TRAINING_MINUTES": value}, None)
    with pytest.raises(LimitsError, match="CALL_SECONDS must be a number, 20 or more"):
        Limits.from_environment({"TRAINING_CALL_SECONDS": "10"}, None)
    with pytest.raises(LimitsError, match="on, off or auto"):
        Limits.from_environment({"TRAINING": "perhaps"}, None)


def test_zero_gpu_is_where_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert Limits.from_environment({"SPACE_ID": "ann/novel"}, None).where == "gpu"


def test_without_torch_it_says_which_command_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it weren't installed
    limits = Limits.from_environment({}, None)
    assert limits.where == "off"
    assert "`make train` installs it" in limits.reason
    assert "python -m pip install -r requirements.txt" in limits.reason


SPACE = {"SPACE_ID": "ann/novel"}


@pytest.mark.parametrize(
    ("environment", "client", "forwarded", "address"),
    [
        ({}, "9.9.9.9", "8.8.8.8", "9.9.9.9"),  # whoever is connected may write what they like
        (SPACE, "10.0.0.7", "8.8.8.8", "8.8.8.8"),
        (SPACE, "10.0.0.7", "1.1.1.1, 8.8.8.8, 10.0.0.3,127.0.0.1", "8.8.8.8"),
        (SPACE, "10.0.0.7", "<script>, 8.8.8.8", "8.8.8.8"),
        (SPACE, "10.0.0.7", "", "10.0.0.7"),
        (SPACE, "10.0.0.7", "192.168.0.1, ::1, nonsense", "10.0.0.7"),
        ({}, "2600:1:2:3:4:5:6:7", "", "2600:1:2:3::/64"),
        (SPACE, "10.0.0.7", "2600:1:2:3:ffff::1", "2600:1:2:3::/64"),
        ({}, "::ffff:9.9.9.9", "", "9.9.9.9"),  # IPv4, as a socket for both tells it
        ({}, "fe80::1%eth0", "", "fe80::/64"),
        ({}, "testclient", "", "unknown"),
    ],
)
def test_a_visitor_is_counted_by_an_address_that_they_cannot_choose(
    environment: dict[str, str], client: str, forwarded: str, address: str
) -> None:
    assert visitor_address(environment, client, forwarded) == address
