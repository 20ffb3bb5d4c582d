"""What the Hub on 127.0.0.1 remembers and answers: accounts, repos, commits, large files, errors.

Knows nothing about sockets; `tests/hub_server.py` serves it. Written from what huggingface_hub 2.4
sends and reads; the real Hub's exact answers may differ.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub

if TYPE_CHECKING:
    from tests.hub_spaces import RunningSpace

LFS_SUFFIXES = (".safetensors", ".png")
KINDS = {"model": "models", "space": "spaces"}


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
    is_young: bool = False
    by_app: bool = False

    def owns(self, repo_id: str) -> bool:
        return repo_id.split("/")[0] in (self.name, *self.orgs)

    def may_write(self, repo: Repo) -> bool:
        return self.role == "write" and (repo.by_app or not self.by_app)


@dataclass(frozen=True)
class Blob:
    data: bytes
    is_lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """Git's sha1: of the content, or of the pointer to a large file."""
        text = self.data
        if self.is_lfs:
            text = (
                "version https://git-lfs.github.com/spec/v1\n"
                f"oid sha256:{self.sha256}\nsize {len(self.data)}\n"
            ).encode()
        return hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Commit:
    oid: str
    message: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    """One repo: every branch and tag points to a commit, which holds all files."""

    id: str
    kind: str
    private: bool = False
    is_gated: bool = False
    by_app: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def commit(self, branch: str, message: str, files: Mapping[str, Blob]) -> Commit:
        """Put a commit with exactly these files on a branch."""
        commit = Commit(hashlib.sha1(uuid.uuid4().bytes).hexdigest(), message, dict(files))
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def find(self, revision: str) -> Commit | None:
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        return self.commits.get(oid)

    def head(self, branch: str = "main") -> Commit:
        return self.commits[self.branches[branch]]


@dataclass
class HubState:
    """All that the Hub remembers."""

    url: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)  # by token
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)  # by kind and id
    large_files: dict[str, bytes] = field(default_factory=dict)  # by sha256
    spaces: dict[str, RunningSpace] = field(default_factory=dict)  # by id
    space_stages: tuple[str, ...] = ("BUILDING", "APP_STARTING", "RUNNING")  # after a commit

    def add_repo(self, repo_id: str, kind: str = "models", **settings: Any) -> Repo:
        """Create a repo as the Hub does, with a first commit."""
        repo = Repo(repo_id, kind, **settings)
        repo.commit("main", "initial commit", {".gitattributes": Blob(b"*.bin lfs\n", False)})
        self.repos[kind, repo_id] = repo
        return repo

    def repo(self, repo_id: str, kind: str = "models") -> Repo:
        return self.repos[kind, repo_id]

    def put(
        self,
        repo_id: str,
        files: Mapping[str, bytes],
        branch: str = "main",
        *,
        kind: str = "models",
    ) -> Commit:
        """Commit files over what a branch holds, as somebody else's push does."""
        repo = self.repo(repo_id, kind)
        blobs = {name: Blob(data, name.endswith(LFS_SUFFIXES)) for name, data in files.items()}
        old = repo.head(branch if branch in repo.branches else "main")
        return repo.commit(branch, "a commit", {**old.files, **blobs})


Reply = tuple[int, dict[str, str], bytes]


class Refusal(Exception):
    """An answer that isn't success, with the Hub's word for why."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code, self.message = status, code, message

    def reply(self) -> Reply:
        headers = {"X-Error-Code": self.code, "X-Error-Message": self.message}
        content = json.dumps({"error": str(self)}).encode()
        return self.status, {k: v for k, v in headers.items() if v}, content


Answer = Callable[..., Reply]
Route = tuple[str, str, Answer]

REPO = r"(?P<repo>[^/]+/[^/]+)"
API = rf"/api/(?P<kind>models|spaces)/{REPO}"
FILES = rf"/(?:(?P<kind>spaces)/)?{REPO}"


@dataclass(frozen=True)
class Request:
    """What an answer needs to know of a request."""

    hub: HubState
    account: Account | None
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body or b"{}")
        return data

    def find_repo(self, repo: str, kind: str | None, *, to_write: bool = False) -> Repo:
        found = self.hub.repos.get((kind or "models", repo))
        is_owner = self.account is not None and self.account.owns(repo)
        if found is None or (found.private and not is_owner):
            raise Refusal(401 if self.account is None else 404, "RepoNotFound")
        if to_write and self.account is None:
            raise Refusal(401, message="Log in first")
        if to_write and not (is_owner and self.account and self.account.may_write(found)):
            raise Refusal(403, message="You don't have the right to write to this repo")
        return found

    def find_commit(self, repo: Repo, revision: str) -> Commit:
        commit = repo.find(revision)
        if commit is None:
            raise Refusal(404, "RevisionNotFound")
        return commit


def answer(data: Any, status: int = HTTPStatus.OK) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()


def whoami(request: Request) -> Reply:
    account = request.account
    if account is None:
        raise Refusal(401, message="Log in first")
    token = {"displayName": "test", "role": account.role}
    orgs = [{"name": org, "roleInOrg": "write"} for org in account.orgs]
    auth = {"type": "oauth"} if account.by_app else {"type": "access_token", "accessToken": token}
    return answer({"type": "user", "name": account.name, "orgs": orgs, "auth": auth})


def create_repo(request: Request) -> Reply:
    wanted, account, hub = request.json(), request.account, request.hub
    if account is None:
        raise Refusal(401, message="Log in first")
    repo_id = f"{wanted.get('organization') or account.name}/{wanted['name']}"
    kind = KINDS[wanted.get("type", "model")]
    if account.role != "write" or not account.owns(repo_id):
        raise Refusal(403, message=f"You don't have the rights to create {repo_id}")
    url = f"{hub.url}/{'spaces/' if kind == 'spaces' else ''}{repo_id}"
    if (kind, repo_id) in hub.repos:
        return answer({"url": url, "error": "You already created this repo"}, 409)
    settings = {k: v for k, v in wanted.items() if k not in ("name", "organization", "type")}
    is_private = wanted.get("visibility") == "private" or wanted.get("private") is True
    hub.add_repo(repo_id, kind, private=is_private, settings=settings, by_app=account.by_app)
    return answer({"url": url})


def validate_yaml(request: Request) -> Reply:
    parts = re.split(r"^---$", request.json()["content"], maxsplit=2, flags=re.MULTILINE)
    errors = []
    try:
        data = yaml.safe_load(parts[1]) if len(parts) == 3 else {}
        if not re.fullmatch("[a-z0-9.-]+", data.get("license", "other")):
            errors.append({"message": f'"license" must be one of [...], not {data["license"]}'})
        if len(data.get("short_description", "")) > 60:
            errors.append({"message": '"short_description" must be at most 60 characters long'})
    except yaml.YAMLError as error:
        errors.append({"message": str(error)})
    return answer({"errors": errors, "warnings": []}, 400 if errors else 200)


def repo_info(request: Request, kind: str, repo: str, revision: str = "main") -> Reply:
    found = request.find_repo(repo, kind)
    commit = request.find_commit(found, revision)
    siblings = [_file(name, blob, "rfilename") for name, blob in commit.files.items()]
    if "blobs" not in request.query:
        siblings = [{"rfilename": file["rfilename"]} for file in siblings]
    info = {"id": repo, "sha": commit.oid, "private": found.private, "siblings": siblings}
    return answer({**info, "gated": "manual" if found.is_gated else False, "tags": []})


def _file(name: str, blob: Blob, name_key: str) -> dict[str, Any]:
    file: dict[str, Any] = {name_key: name, "size": len(blob.data)}
    file["oid" if name_key == "path" else "blobId"] = blob.oid
    if blob.is_lfs:
        digest = "oid" if name_key == "path" else "sha256"
        file["lfs"] = {digest: blob.sha256, "size": len(blob.data), "pointerSize": 134}
    return file


def tree(request: Request, kind: str, repo: str, revision: str) -> Reply:
    commit = request.find_commit(request.find_repo(repo, kind), revision)
    files = [_file(name, blob, "path") for name, blob in sorted(commit.files.items())]
    return answer([{"type": "file", **file} for file in files])


def refs(request: Request, kind: str, repo: str) -> Reply:
    found = request.find_repo(repo, kind)

    def listed(names: Mapping[str, str], place: str) -> list[dict[str, str]]:
        return [{"name": n, "ref": f"{place}/{n}", "targetCommit": o} for n, o in names.items()]

    branches, tags = listed(found.branches, "refs/heads"), listed(found.tags, "refs/tags")
    return answer({"branches": branches, "tags": tags, "converts": []})


def auth_check(request: Request, kind: str, repo: str, write: str | None) -> Reply:
    request.find_repo(repo, kind, to_write=write is not None)
    return answer({})


def create_ref(request: Request, kind: str, repo: str, what: str, revision: str) -> Reply:
    found = request.find_repo(repo, kind, to_write=True)
    if what == "tag":
        found.tags[request.json()["tag"]] = request.find_commit(found, revision).oid
    elif revision in found.branches:
        raise Refusal(409, message="Reference already exists")
    else:
        start = request.json().get("startingPoint") or "main"
        found.branches[revision] = request.find_commit(found, start).oid
    return answer({})


def preupload(request: Request, kind: str, repo: str, revision: str) -> Reply:
    commit = request.find_commit(request.find_repo(repo, kind, to_write=True), revision)
    files = []
    for file in request.json()["files"]:
        mode = "lfs" if file["path"].endswith(LFS_SUFFIXES) else "regular"
        entry = {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}
        blob = commit.files.get(file["path"])
        if blob is not None:
            entry["oid"] = blob.sha256 if blob.is_lfs else blob.oid
        files.append(entry)
    return answer({"files": files})


def lfs_batch(request: Request, kind: str | None, repo: str) -> Reply:
    request.find_repo(repo, kind, to_write=True)
    hub, objects = request.hub, []
    for wanted in request.json()["objects"]:
        entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in hub.large_files:
            href = f"{hub.url}/lfs/{wanted['oid']}"
            entry["actions"] = {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}
        objects.append(entry)
    return answer({"transfer": "basic", "objects": objects})


def lfs_put(request: Request, oid: str) -> Reply:
    if hashlib.sha256(request.body).hexdigest() != oid:
        raise Refusal(400, message="the content doesn't have this sha256")
    request.hub.large_files[oid] = request.body
    return answer({})


def lfs_verify(request: Request, oid: str) -> Reply:
    if oid not in request.hub.large_files:
        raise Refusal(404, message="not uploaded")
    return answer({})


def commit(request: Request, kind: str, repo: str, revision: str) -> Reply:
    found = request.find_repo(repo, kind, to_write=True)
    if revision not in found.branches:
        raise Refusal(404, "RevisionNotFound")
    lines = [json.loads(line) for line in request.body.splitlines() if line]
    header = lines[0]["value"]
    head, large = found.head(revision), request.hub.large_files
    if header.get("parentCommit") not in (None, head.oid):
        raise Refusal(412, message="A commit has happened since. Please refresh and try again.")
    files = dict(head.files)
    for line in lines[1:]:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = Blob(base64.b64decode(value["content"]), False)
        elif line["key"] == "lfsFile":
            if value["oid"] not in large:
                raise Refusal(400, message=f"{value['path']} was not uploaded")
            files[value["path"]] = Blob(large[value["oid"]], True)
        else:
            files.pop(value["path"], None)
    new = found.commit(revision, header["summary"], files)
    url = f"{request.hub.url}/{repo}/commit/{new.oid}"
    return answer({"success": True, "commitOid": new.oid, "commitUrl": url})


def resolve(request: Request, kind: str | None, repo: str, revision: str, path: str) -> Reply:
    found = request.find_repo(repo, kind)
    if found.is_gated and not (request.account and request.account.owns(repo)):
        raise Refusal(403, "GatedRepo", "Access to this model is restricted")
    commit = request.find_commit(found, revision)
    headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    blob = commit.files.get(path)
    if blob is None:
        raise Refusal(404, "EntryNotFound")
    headers["ETag"] = f'"{blob.oid}"'
    if blob.is_lfs:
        headers["X-Linked-Etag"] = f'"{blob.sha256}"'
        headers["X-Linked-Size"] = str(len(blob.data))
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "")
    if wanted is None:
        return 200, headers, blob.data
    start, size = int(wanted[1]), len(blob.data)
    headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
    return 206, headers, blob.data[start:]


ROUTES: list[Route] = [
    ("GET", r"/api/whoami-v2", whoami),
    ("POST", r"/api/repos/create", create_repo),
    ("POST", r"/api/validate-yaml", validate_yaml),
    ("GET", API, repo_info),
    ("GET", rf"{API}/revision/(?P<revision>.+)", repo_info),
    ("GET", r"/api/(?P<kind>models|spaces)/(?P<repo>[^/]+)(?:/revision/.+)?", repo_info),
    ("GET", rf"{API}/tree/(?P<revision>[^/]+)", tree),
    ("GET", rf"{API}/refs", refs),
    ("GET", rf"{API}/auth-check(?P<write>/write)?", auth_check),
    ("POST", rf"{API}/(?P<what>branch|tag)/(?P<revision>.+)", create_ref),
    ("POST", rf"{API}/preupload/(?P<revision>.+)", preupload),
    ("POST", rf"{API}/commit/(?P<revision>.+)", commit),
    ("POST", rf"{FILES}\.git/info/lfs/objects/batch", lfs_batch),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", lfs_put),
    ("POST", r"/lfs/(?P<oid>[0-9a-f]{64})/verify", lfs_verify),
    ("GET", rf"{FILES}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
]
