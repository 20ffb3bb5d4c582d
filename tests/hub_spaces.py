"""What the Hub on 127.0.0.1 remembers and answers where Spaces are concerned, beyond their files.

Stages that go on by themselves, logs, variables, secrets, hardware, and what an account may host.
Written from what huggingface_hub 2.4 sends and reads, and from answers that people have quoted; the
real Hub's may differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests import hub_api
from tests.hub_api import REPO, Account, Blob, HubState, Refusal, Reply, Request, Route, answer

SPACE = rf"/api/spaces/{REPO}"
CPU_ASKS_FOR_PRO = (
    "Static Spaces are free for everyone, but hosting Gradio and Docker Spaces on free cpu-basic "
    "requires a PRO subscription."
)
TOO_YOUNG = "Your account must have a verified email and be older than 30 days to use ZeroGPU."
NO_MORE = "You have reached the limit of {} ZeroGPU Spaces for your account."


@dataclass
class RunningSpace:
    """What a Space does, and what it was told."""

    hardware: str
    stages: list[str]  # the present one, and those to come: one more with each look
    sha: str = ""
    reason: str = ""
    tells_sha: bool = True
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)  # by "build" and "run"

    def runtime(self) -> dict[str, Any]:
        """The present stage, as the Hub tells it."""
        told: dict[str, Any] = {
            "stage": self.stages[0],
            "hardware": {"current": self.hardware, "requested": self.hardware},
            "gcTimeout": 172800,
        }
        if self.tells_sha:
            told["sha"] = self.sha
        if self.stages[0].endswith("ERROR"):
            told["errorMessage"] = self.reason
        return told


def add_space(hub: HubState, space_id: str, hardware: str, **settings: Any) -> RunningSpace:
    """Create a Space as the Hub does: with a README.md, and nothing that runs."""
    repo = hub.add_repo(space_id, "spaces", **settings)
    readme = b"---\ntitle: Some Name\nemoji: \xf0\x9f\x90\xa8\nsdk: gradio\n---\n"
    repo.commit("main", "initial commit", {**repo.head().files, "README.md": Blob(readme, False)})
    space = hub.spaces[space_id] = RunningSpace(hardware, ["NO_APP_FILE"])
    return space


def create_repo(request: Request) -> Reply:
    """As for a model, unless the account may not host such a Space."""
    wanted, account, hub = request.json(), request.account, request.hub
    if wanted.get("type") != "space":
        return hub_api.create_repo(request)
    hardware = wanted.get("hardware", "cpu-basic")
    space_id = f"{wanted.get('organization') or (account and account.name)}/{wanted['name']}"
    if account and account.owns(space_id) and space_id not in hub.spaces:
        _check_plan(hub, account, space_id, hardware)
    reply = hub_api.create_repo(request)
    if reply[0] == 200:
        made = hub.repos.pop(("spaces", space_id))
        kept = {"private": made.private, "settings": made.settings, "by_app": made.by_app}
        space = add_space(hub, space_id, hardware, **kept)
        space.variables = {entry["key"]: entry["value"] for entry in wanted.get("variables", [])}
    return reply


def _check_plan(hub: HubState, account: Account, space_id: str, hardware: str) -> None:
    if hardware != "zero-a10g":
        if not account.is_pro:
            raise Refusal(402, message=CPU_ASKS_FOR_PRO)
        return
    if account.is_young:
        raise Refusal(403, message=TOO_YOUNG)
    owner = space_id.partition("/")[0]
    hosted = [s for i, s in hub.spaces.items() if i.startswith(f"{owner}/")]
    most = 10 if account.is_pro else 2
    if len([space for space in hosted if space.hardware == "zero-a10g"]) >= most:
        raise Refusal(403, message=NO_MORE.format(most))


def commit(request: Request, repo: str, revision: str) -> Reply:
    """A commit starts a build."""
    reply = hub_api.commit(request, "spaces", repo, revision)
    space = request.hub.spaces[repo]
    if space.stages[0] != "PAUSED":
        space.stages = [space.stages[0], *request.hub.space_stages]
    return reply


def runtime(request: Request, repo: str) -> Reply:
    """The stage; with each look it goes on by one."""
    request.find_repo(repo, "spaces")
    space = request.hub.spaces[repo]
    told = space.runtime()
    if len(space.stages) > 1:
        del space.stages[0]
        space.sha = request.hub.repo(repo, "spaces").head().oid
    return answer(told)


def restart(request: Request, repo: str) -> Reply:
    """It starts from wherever it was."""
    request.find_repo(repo, "spaces", to_write=True)
    space = request.hub.spaces[repo]
    space.stages = ["APP_STARTING", "RUNNING"]
    return answer(space.runtime())


def set_hardware(request: Request, repo: str) -> Reply:
    """Other hardware, where the account may have it."""
    request.find_repo(repo, "spaces", to_write=True)
    space, wanted = request.hub.spaces[repo], request.json()["flavor"]
    if request.account and wanted != space.hardware:
        _check_plan(request.hub, request.account, repo, wanted)
    space.hardware = wanted
    return answer(space.runtime())


def settings(request: Request, repo: str, what: str) -> Reply:
    """All variables, or the names of all secrets."""
    request.find_repo(repo, "spaces", to_write=True)
    space = request.hub.spaces[repo]
    if what == "secrets":
        return answer({name: {} for name in space.secrets})
    return answer({name: {"value": value} for name, value in space.variables.items()})


def set_one(request: Request, repo: str, what: str) -> Reply:
    """A variable or a secret."""
    request.find_repo(repo, "spaces", to_write=True)
    space, sent = request.hub.spaces[repo], request.json()
    (space.secrets if what == "secrets" else space.variables)[sent["key"]] = sent["value"]
    return settings(request, repo, what)


def logs(request: Request, repo: str, what: str) -> Reply:
    """A log as server-sent events, with a word to keep the connection alive."""
    request.find_repo(repo, "spaces", to_write=True)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = request.hub.spaces[repo].logs.get(what, [])
    events = [json.dumps({"data": line + "\n", "timestamp": now}) for line in lines]
    text = "".join(f"data: {event}\n\n" for event in [*events, ""])
    return 200, {"Content-Type": "text/event-stream"}, text.encode()


SPACE_ROUTES: list[Route] = [
    ("POST", r"/api/repos/create", create_repo),
    ("POST", rf"{SPACE}/commit/(?P<revision>.+)", commit),
    ("GET", rf"{SPACE}/runtime", runtime),
    ("POST", rf"{SPACE}/restart", restart),
    ("POST", rf"{SPACE}/hardware", set_hardware),
    ("GET", rf"{SPACE}/(?P<what>variables|secrets)", settings),
    ("POST", rf"{SPACE}/(?P<what>variables|secrets)", set_one),
    ("GET", rf"{SPACE}/logs/(?P<what>build|run)", logs),
]
