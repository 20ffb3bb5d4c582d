"""A Space is waited for until it runs, and what failed is shown with its log."""

from __future__ import annotations

import pytest

from model.hub import HubUnreachable
from publish.space_runtime import (
    AppFailed,
    BuildFailed,
    SpaceAtRest,
    SpaceState,
    StillStarting,
    space_state,
    wait_until_running,
)
from tests.hub_server import HubServer
from tests.hub_spaces import RunningSpace, add_space


@pytest.fixture
def space(hub: HubServer, space_id: str) -> RunningSpace:
    return add_space(hub, space_id, "zero-a10g")


def test_the_stages_are_told_until_it_runs(space: RunningSpace, space_id: str) -> None:
    # RUNNING first: right after a commit that is the version before.
    space.stages = ["RUNNING", "BUILDING", "SOMETHING_NEW", "APP_STARTING", "RUNNING"]
    told: list[str] = []
    wait_until_running(space_id, report=lambda state, _: told.append(state.words))
    assert told == ["running", "building", "something new", "the app starts", "running"]


def test_the_version_that_was_committed_is_known_at_once(
    hub: HubServer, space: RunningSpace, space_id: str
) -> None:
    space.stages, space.sha = ["RUNNING"], hub.repo(space_id, "spaces").head().oid
    told: list[SpaceState] = []
    wait_until_running(space_id, commit=space.sha, report=lambda state, _: told.append(state))
    assert [state.stage for state in told] == ["RUNNING"]


def test_a_hub_that_does_not_tell_the_commit_is_waited_for_too(
    space: RunningSpace, space_id: str
) -> None:
    space.stages, space.tells_sha = ["RUNNING", "RUNNING_BUILDING", "RUNNING"], False
    wait_until_running(space_id, commit="0" * 40)
    assert space_state(space_id).commit == ""


def test_a_failed_build_is_shown_with_the_end_of_its_log(
    space: RunningSpace, space_id: str
) -> None:
    space.stages, space.reason = ["BUILDING", "BUILD_ERROR"], "exit code 1"
    space.logs["build"] = [*map(str, range(99)), "\x1b[31mERROR: no such \x07 package\x1b[0m"]
    with pytest.raises(BuildFailed, match=r"the build failed \(exit code 1\)") as failed:
        wait_until_running(space_id)
    said = str(failed.value).splitlines()
    assert said[-1] == "  ERROR: no such \\x07 package"
    assert said[-2] == "  98"
    assert len(said) == 26


def test_an_app_that_ends_is_shown_with_its_own_log(space: RunningSpace, space_id: str) -> None:
    space.stages = ["BUILDING", "APP_STARTING", "RUNTIME_ERROR"]
    space.logs = {"build": ["built"], "run": ["Traceback", "ValueError: x"]}
    with pytest.raises(AppFailed, match=r"ValueError: x\Z") as failed:
        wait_until_running(space_id)
    assert "built" not in str(failed.value)


def test_without_a_log_the_failure_is_told_all_the_same(
    hub: HubServer, space: RunningSpace, space_id: str
) -> None:
    space.stages = ["BUILDING", "CONFIG_ERROR"]
    hub.fault("/logs/", status=404)
    with pytest.raises(BuildFailed, match=r"its README\.md is refused; its log is on its page"):
        wait_until_running(space_id)


def test_a_space_that_is_paused_is_started_where_that_is_free(
    hub: HubServer, space: RunningSpace, space_id: str
) -> None:
    space.stages = ["PAUSED"]
    wait_until_running(space_id, has_changed=False)
    assert f"POST /api/spaces/{space_id}/restart" in hub.requests
    space.stages, space.hardware = ["PAUSED"], "a100-large"
    with pytest.raises(SpaceAtRest, match="a100-large, is billed by the hour"):
        wait_until_running(space_id)


def test_a_hub_that_is_away_for_a_moment_is_waited_for(
    hub: HubServer, space: RunningSpace, space_id: str
) -> None:
    space.stages = ["BUILDING", "RUNNING"]
    hub.fault("/runtime", times=2)
    wait_until_running(space_id)
    hub.stop()
    with pytest.raises(HubUnreachable):
        wait_until_running(space_id)


def test_one_that_takes_too_long_is_left_to_itself(space: RunningSpace, space_id: str) -> None:
    space.stages = ["BUILDING"]
    with pytest.raises(StillStarting, match="look at its page"):
        wait_until_running(space_id, limit_s=0.1)
