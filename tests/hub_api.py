"""What the Hub on 127.0.0.1 remembers and answers: accounts, repos, commits, large files, Spaces.

Knows nothing about sockets; `tests/hub_server.py` serves it. Written from what huggingface_hub 2.4
sends and reads, and from answers that people have quoted; the real Hub's may differ.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub

LFS_SUFFIXES = (".safetensors", ".png")

Reply = tuple[int, dict[str, str], bytes]


class Refusal(Exception):
    """An answer that isn't success, with the Hub's word for why."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message or code)
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        content = json.dumps({"error": message or code}).encode()
        self.reply: Reply = (status, {k: v for k, v in headers.items() if v}, content)


@dataclass(frozen=True)
class Account:
    """Who a token belongs to, and what the token and the account may do.

    Signed in to an app with the scope contribute-repos, a token is `by_app`: it may create repos,
    and write to those that were created so.
    """

    name: str
    role: Literal["read", "write"] = "write"
    orgs: tuple[str, ...] = ()
    is_pro: bool = False
    by_app: bool = False

    def owns(self, repo_id: str) -> bool:
        return repo_id.split("/")[0] in (self.name, *self.orgs)

    def check_plan(self, hardware: str) -> None:
        if hardware != "zero-a10g" and not self.is_pro:
            raise Refusal(402, message="hosting on cpu-basic requires a PRO subscription.")


@dataclass(frozen=True)
class Commit:
    oid: str
    files: Mapping[str, bytes]


@dataclass
class Repo:
    """One repo: every branch and tag points to a commit, which holds all files."""

    private: bool = False
    is_gated: bool = False
    by_app: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def commit(self, branch: str, files: Mapping[str, bytes]) -> Commit:
        """Put a commit with exactly these files on a branch."""
        commit = Commit(hashlib.sha1(uuid.uuid4().bytes).hexdigest(), dict(files))
        self.commits[commit.oid] = commit
        self.refs[branch] = commit.oid
        return commit

    def head(self, revision: str = "main") -> Commit:
        oid = self.refs.get(revision, revision)
        if oid not in self.commits:
            raise Refusal(404, "RevisionNotFound")
        return self.commits[oid]


@dataclass
class RunningSpace:
    """What a Space does, and what it was told."""

    hardware: str
    stages: list[str]  # the present one, and those to come: one more with each look
    sha: str = ""
    reason: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass
class HubState:
    """All that the Hub remembers."""

    url: str
    accounts: dict[str, Account] = field(default_factory=dict)  # by token
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)  # by kind and id
    large_files: dict[str, bytes] = field(default_factory=dict)  # by sha256
    spaces: dict[str, RunningSpace] = field(default_factory=dict)  # by id
    space_stages: tuple[str, ...] = ("BUILDING", "RUNNING")  # after a commit

    def add_repo(self, repo_id: str, kind: str = "models") -> Repo:
        """Create a repo as the Hub does, with a first commit."""
        repo = self.repos[kind, repo_id] = Repo()
        repo.commit("main", {".gitattributes": b"*.bin lfs\n"})
        return repo

    def add_space(self, space_id: str, hardware: str) -> Repo:
        """Create a Space as the Hub does: with a README.md, and nothing that runs."""
        repo = self.add_repo(space_id, "spaces")
        readme = "---\ntitle: Some Name\nemoji: 🐨\nsdk: gradio\n---\n".encode()
        self.put(space_id, {"README.md": readme}, kind="spaces")
        self.spaces[space_id] = RunningSpace(hardware, ["NO_APP_FILE"])
        return repo

    def repo(self, repo_id: str, kind: str = "models") -> Repo:
        return self.repos[kind, repo_id]

    def put(
        self, repo_id: str, files: Mapping[str, bytes], branch: str = "main", kind: str = "models"
    ) -> Commit:
        """Commit files over what a branch holds, as somebody else's push does."""
        repo = self.repo(repo_id, kind)
        old = repo.head(branch if branch in repo.refs else "main")
        return repo.commit(branch, {**old.files, **files})


@dataclass(frozen=True)
class Request:
    """What an answer needs to know of a request."""

    hub: HubState
    account: Account | None
    body: bytes
    kind: str = "models"
    repo_id: str = ""

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def writer(self) -> Account:
        if self.account is None:
            raise Refusal(401, message="Log in first")
        return self.account

    @property
    def repo(self) -> Repo:
        """The repo that it is about, if this account may see it."""
        found = self.hub.repos.get((self.kind, self.repo_id))
        if found is None or (found.private and not self.is_owner):
            raise Refusal(401 if self.account is None else 404, "RepoNotFound")
        return found

    @property
    def space(self) -> RunningSpace:
        return self.hub.spaces[self.repo_id]

    @property
    def is_owner(self) -> bool:
        return self.account is not None and self.account.owns(self.repo_id)

    def check_may_write(self) -> None:
        repo, who = self.repo, self.writer()
        if not self.is_owner or who.role != "write" or (who.by_app and not repo.by_app):
            raise Refusal(403, message="You don't have the right to write to this repo")


def answer(data: Any, status: int = 200) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()


def whoami(request: Request) -> Reply:
    account = request.writer()
    token = {"displayName": "test", "role": account.role}
    orgs = [{"name": org, "roleInOrg": "write"} for org in account.orgs]
    auth = {"type": "oauth"} if account.by_app else {"type": "access_token", "accessToken": token}
    return answer({"type": "user", "name": account.name, "orgs": orgs, "auth": auth})


def create_repo(request: Request) -> Reply:
    wanted, account, hub = request.json(), request.writer(), request.hub
    repo_id = f"{wanted.get('organization') or account.name}/{wanted['name']}"
    is_space = wanted.get("type") == "space"
    if account.role != "write" or not account.owns(repo_id):
        raise Refusal(403, message=f"You don't have the rights to create {repo_id}")
    if ("spaces" if is_space else "models", repo_id) in hub.repos:
        raise Refusal(409, message="You already created this repo")
    if is_space:
        account.check_plan(wanted.get("hardware", "cpu-basic"))
    repo = hub.add_space(repo_id, wanted["hardware"]) if is_space else hub.add_repo(repo_id)
    repo.private, repo.by_app = wanted.get("visibility") == "private", account.by_app
    return answer({"url": f"{hub.url}/{'spaces/' if is_space else ''}{repo_id}"})


def front_matter(readme: str) -> dict[str, Any]:
    parts = re.split(r"^---$", readme, maxsplit=2, flags=re.MULTILINE)
    return dict(yaml.safe_load(parts[1])) if len(parts) == 3 else {}


def validate_yaml(request: Request) -> Reply:
    data, errors = front_matter(request.json()["content"]), []
    if not re.fullmatch("[a-z0-9.-]+", data.get("license", "other")):
        errors.append({"message": f'"license" must be one of [...], not {data["license"]}'})
    return answer({"errors": errors, "warnings": []}, 400 if errors else 200)


def repo_info(request: Request, revision: str | None) -> Reply:
    commit = request.repo.head(revision or "main")
    info = {
        "id": request.repo_id,
        "sha": commit.oid,
        "private": request.repo.private,
        "gated": "manual" if request.repo.is_gated else False,
        "tags": [],
        "siblings": [{"rfilename": name} for name in commit.files],
        "cardData": front_matter(commit.files.get("README.md", b"").decode()),
    }
    return answer(info)


def oid(path: str, data: bytes) -> str:
    """What a file is known by: git's sha1 of it, or the sha256 of a large one."""
    if path.endswith(LFS_SUFFIXES):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def tree(request: Request, revision: str) -> Reply:
    files: list[dict[str, Any]] = []
    for path, data in request.repo.head(revision).files.items():
        file = {"size": len(data), "oid": oid(path, data)}
        files.append({"type": "file", "path": path, **file})
        if path.endswith(LFS_SUFFIXES):
            files[-1]["lfs"] = {**file, "pointerSize": 134}
    return answer(files)


def auth_check(request: Request) -> Reply:
    request.check_may_write()
    return answer({})


def create_branch(request: Request, revision: str) -> Reply:
    if revision in request.repo.refs:
        raise Refusal(409, message="Reference already exists")
    request.repo.refs[revision] = request.repo.refs["main"]
    return answer({})


def preupload(request: Request, revision: str) -> Reply:
    there, files = request.repo.head(revision).files, []
    for path in (file["path"] for file in request.json()["files"]):
        mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False})
        if path in there:
            files[-1]["oid"] = oid(path, there[path])
    return answer({"files": files})


def lfs_batch(request: Request) -> Reply:
    objects = []
    for wanted in request.json()["objects"]:
        objects.append({"oid": wanted["oid"], "size": wanted["size"]})
        if wanted["oid"] not in request.hub.large_files:
            objects[-1]["actions"] = {"upload": {"href": f"{request.hub.url}/lfs/{wanted['oid']}"}}
    return answer({"transfer": "basic", "objects": objects})


def lfs_put(request: Request, oid: str) -> Reply:
    request.hub.large_files[oid] = request.body
    return answer({})


def commit(request: Request, revision: str) -> Reply:
    header, *lines = [json.loads(line) for line in request.body.splitlines() if line]
    head = request.repo.head(revision)
    if header["value"].get("parentCommit") not in (None, head.oid):
        raise Refusal(412, message="A commit has happened since. Please refresh and try again.")
    files = dict(head.files)
    for key, value in ((line["key"], line["value"]) for line in lines):
        if key == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            files[value["path"]] = request.hub.large_files[value["oid"]]
        else:
            del files[value["path"]]
    oid = request.repo.commit(revision, files).oid
    if request.kind == "spaces":  # it is built
        request.space.stages = [request.space.stages[0], *request.hub.space_stages]
    url = f"{request.hub.url}/{request.repo_id}/commit/{oid}"
    return answer({"commitOid": oid, "commitUrl": url})


def resolve(request: Request, revision: str, path: str) -> Reply:
    if request.repo.is_gated and not request.is_owner:
        raise Refusal(403, "GatedRepo", "Access to this model is restricted")
    commit = request.repo.head(revision)
    if path not in commit.files:
        raise Refusal(404, "EntryNotFound")
    data = commit.files[path]
    return 200, {"X-Repo-Commit": commit.oid, "ETag": f'"{oid(path, data)}"'}, data


def runtime(request: Request) -> Reply:
    """The stage; with each look it goes on by one."""
    space = request.space
    told = {"stage": space.stages[0], "sha": space.sha, "errorMessage": space.reason}
    if len(space.stages) > 1:
        del space.stages[0]
        space.sha = request.repo.head().oid
    return answer({**told, "hardware": {"current": space.hardware, "requested": None}})


def set_hardware(request: Request) -> Reply:
    request.writer().check_plan(request.json()["flavor"])
    request.space.hardware = request.json()["flavor"]
    return runtime(request)


def settings(request: Request, what: str) -> Reply:
    """All variables, or secrets; one of them is set first where one is sent."""
    known: dict[str, str] = getattr(request.space, what)
    if sent := request.json():
        known[sent["key"]] = sent["value"]
    values = known if what == "variables" else dict.fromkeys(known, "")
    return answer({name: {"value": value} for name, value in values.items()})


KIND = "/api/(?P<kind>models|spaces)"
API = rf"{KIND}/(?P<repo>[^/]+/[^/]+)"
FILES = r"/(?:(?P<kind>spaces)/)?(?P<repo>[^/]+/[^/]+)"

ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", r"/api/whoami-v2", whoami),
    ("POST", r"/api/repos/create", create_repo),
    ("POST", r"/api/validate-yaml", validate_yaml),
    ("GET", rf"{KIND}/(?P<repo>[^/]+(?:/[^/]+)?)(?:/revision/(?P<revision>.+))?", repo_info),
    ("GET", rf"{API}/tree/(?P<revision>[^/]+)", tree),
    ("GET", rf"{API}/auth-check/write", auth_check),
    ("POST", rf"{API}/branch/(?P<revision>.+)", create_branch),
    ("POST", rf"{API}/preupload/(?P<revision>.+)", preupload),
    ("POST", rf"{API}/commit/(?P<revision>.+)", commit),
    ("GET", rf"{API}/runtime", runtime),
    ("POST", rf"{API}/hardware", set_hardware),
    ("GET|POST", rf"{API}/(?P<what>variables|secrets)", settings),
    ("POST", rf"{FILES}\.git/info/lfs/objects/batch", lfs_batch),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", lfs_put),
    ("GET", rf"{FILES}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
]
