"""What the Hub on 127.0.0.1 remembers and answers where Spaces are concerned, beyond their files.

Stages that go on by themselves, a log, variables, secrets, hardware, and what an account may host.
Written from what huggingface_hub 2.4 sends and reads, and from answers that people have quoted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests import hub_api
from tests.hub_api import REPO, Account, Blob, HubState, Refusal, Reply, Request, Route, answer

SPACE = rf"/api/spaces/{REPO}"
CPU_NEEDS_PRO = (
    "Static Spaces are free for everyone, but hosting Gradio and Docker Spaces on free cpu-basic "
    "requires a PRO subscription."
)


@dataclass
class RunningSpace:
    """What a Space does, and what it was told."""

    hardware: str
    stages: list[str]  # the present one, and those to come: one more with each look
    sha: str = ""
    reason: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)


def add_space(hub: HubState, space_id: str, hardware: str, **settings: Any) -> RunningSpace:
    """Create a Space as the Hub does: with a README.md, and nothing that runs."""
    repo = hub.add_repo(space_id, "spaces", **settings)
    readme = b"---\ntitle: Some Name\nemoji: \xf0\x9f\x90\xa8\nsdk: gradio\n---\n"
    repo.commit("main", {**repo.head().files, "README.md": Blob(readme, False)})
    space = hub.spaces[space_id] = RunningSpace(hardware, ["NO_APP_FILE"])
    return space


def create_repo(request: Request) -> Reply:
    """As for a model, unless the account may not host such a Space."""
    wanted, account, hub = request.json(), request.writer(), request.hub
    if wanted.get("type") != "space":
        return hub_api.create_repo(request)
    space_id = f"{wanted.get('organization') or account.name}/{wanted['name']}"
    _check_plan(account, wanted.get("hardware", "cpu-basic"))
    reply = hub_api.create_repo(request)
    made = hub.repos.pop(("spaces", space_id))
    space = add_space(hub, space_id, wanted["hardware"], private=made.private, by_app=made.by_app)
    space.variables = {entry["key"]: entry["value"] for entry in wanted.get("variables", [])}
    return reply


def _check_plan(account: Account, hardware: str) -> None:
    if hardware != "zero-a10g" and not account.is_pro:
        raise Refusal(402, message=CPU_NEEDS_PRO)


def commit(request: Request, repo: str, revision: str) -> Reply:
    """A commit starts a build."""
    reply = hub_api.commit(request, "spaces", repo, revision)
    space = request.hub.spaces[repo]
    space.stages = [space.stages[0], *request.hub.space_stages]
    return reply


def runtime(request: Request, repo: str) -> Reply:
    """The stage; with each look it goes on by one."""
    found, space = request.find(repo, "spaces"), request.hub.spaces[repo]
    hardware = {"current": space.hardware, "requested": space.hardware}
    told = {"stage": space.stages[0], "hardware": hardware, "sha": space.sha}
    if len(space.stages) > 1:
        del space.stages[0]
        space.sha = found.head().oid
    return answer({**told, "errorMessage": space.reason})


def set_hardware(request: Request, repo: str) -> Reply:
    """Other hardware, where the account may have it."""
    request.find(repo, "spaces", to_write=True)
    space, wanted = request.hub.spaces[repo], request.json()["flavor"]
    _check_plan(request.writer(), wanted)
    space.hardware = wanted
    return runtime(request, repo)


def settings(request: Request, repo: str, what: str) -> Reply:
    """All variables, or the names of all secrets; one of them is set first where one is sent."""
    request.find(repo, "spaces", to_write=True)
    space, sent = request.hub.spaces[repo], request.json()
    if sent:
        (space.secrets if what == "secrets" else space.variables)[sent["key"]] = sent["value"]
    if what == "secrets":
        return answer({name: {} for name in space.secrets})
    return answer({name: {"value": value} for name, value in space.variables.items()})


def logs(request: Request, repo: str) -> Reply:
    """The log as server-sent events."""
    request.find(repo, "spaces", to_write=True)
    events = [json.dumps({"data": f"{line}\n"}) for line in request.hub.spaces[repo].log]
    text = "".join(f"data: {event}\n\n" for event in events)
    return 200, {"Content-Type": "text/event-stream"}, text.encode()


SPACE_ROUTES: list[Route] = [
    ("POST", r"/api/repos/create", create_repo),
    ("POST", rf"{SPACE}/commit/(?P<revision>.+)", commit),
    ("GET", rf"{SPACE}/runtime", runtime),
    ("POST", rf"{SPACE}/hardware", set_hardware),
    ("GET", rf"{SPACE}/(?P<what>variables|secrets)", settings),
    ("POST", rf"{SPACE}/(?P<what>variables|secrets)", settings),
    ("GET", rf"{SPACE}/logs/(?:build|run)", logs),
]
