"""A model folder becomes a repo: in one commit, or not at all and with the reason.

The real huggingface_hub client against the Hub of tests/hub_server.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from model.folder import ModelFolderError, load_model
from model.generator import Generator
from model.hub import (
    CommittedInBetween,
    HubError,
    HubUnreachable,
    InvalidName,
    TokenRefused,
    fetch_model,
)
from model.sampling import SamplingParams
from publish.access import NotConfirmed, NoToken, RepoIsPublic
from publish.card import model_card
from publish.repo import Destination, NotABranch, prepare, push
from publish.upload import CardRefused
from tests.hub_server import HubServer
from tests.publish.test_card import TRAINING, snippet_of
from tests.random_model import saved_model

PROMPT = "The while statement is used for "


def yes() -> bool:
    return True


def never_asked() -> bool:
    raise AssertionError("there was nothing to ask")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder as training leaves it."""
    return trained(tmp_path / "model")


def trained(folder: Path, **settings: Any) -> Path:
    saved_model(folder, **{"training": TRAINING, **settings})
    card = model_card(load_model(folder).config, repo_id=None, has_plot=True)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "loss.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def published_files(hub: HubServer, repo_id: str, branch: str = "main") -> dict[str, bytes]:
    files = hub.repo(repo_id).head(branch).files
    return {name: blob.data for name, blob in files.items() if name != ".gitattributes"}


def test_what_is_pushed_arrives_in_one_commit(hub: HubServer, repo_id: str, folder: Path) -> None:
    published = push(prepare(repo_id, confirm=yes), folder)
    repo = hub.repo(repo_id)
    assert list(repo.commits) == [*list(repo.commits)[:1], published.commit]
    assert not repo.private
    files = published_files(hub, repo_id)
    assert files.keys() == {"config.json", "model.safetensors", "README.md", "loss.png"}
    for name in ("config.json", "model.safetensors", "loss.png"):
        assert files[name] == (folder / name).read_bytes()
    assert published.url == f"{hub.url}/{repo_id}"
    ours, theirs = Generator(load_model(folder)), Generator.from_pretrained(repo_id)
    params = SamplingParams(length=100, temperature=0)
    assert theirs.generate(PROMPT, params) == ours.generate(PROMPT, params)


def test_what_is_told_besides_stands_in_the_config_and_on_the_card(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    before = (folder / "config.json").read_bytes()
    push(prepare(repo_id, confirm=yes), folder, {"credit": "Mary Shelley", "license": "cc0-1.0"})
    files = published_files(hub, repo_id)
    told = json.loads(files["config.json"])["training"]
    assert (told["credit"], told["license"]) == ("Mary Shelley", "cc0-1.0")
    assert told["corpus"] == json.loads(before)["training"]["corpus"]
    assert b"credit: Mary Shelley" in files["README.md"]
    assert b"license: cc0-1.0" in files["README.md"]
    assert (folder / "config.json").read_bytes() == before


def test_a_runs_folder_means_the_model_in_it(hub: HubServer, repo_id: str, tmp_path: Path) -> None:
    trained(tmp_path / "run" / "model")
    push(prepare(repo_id, confirm=yes), tmp_path / "run")
    assert "model.safetensors" in published_files(hub, repo_id)


def test_pushed_again_without_a_change_it_makes_no_commit(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    first = push(prepare(repo_id, confirm=yes), folder)
    second = push(prepare(repo_id, confirm=yes), folder)
    assert (second.commit, second.has_changed) == (first.commit, False)
    assert len(hub.repo(repo_id).commits) == 2


def test_only_what_has_changed_is_committed(hub: HubServer, repo_id: str, folder: Path) -> None:
    push(prepare(repo_id, confirm=yes), folder)
    (folder / "loss.png").write_bytes(b"\x89PNG, another")
    hub.requests.clear()
    assert push(prepare(repo_id, confirm=yes), folder).has_changed
    assert published_files(hub, repo_id)["loss.png"] == b"\x89PNG, another"
    assert len([request for request in hub.requests if request.startswith("PUT /lfs/")]) == 1


def test_a_private_repo_is_created_without_a_question(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    destination = prepare(repo_id, confirm=never_asked, private=True)
    assert destination.is_private
    push(destination, folder)
    assert hub.repo(repo_id).private
    assert "hf_ann" not in repr(destination)
    # It is private already now, so nothing becomes public by a second push either.
    assert prepare(repo_id, confirm=never_asked).is_private


def test_a_no_leaves_no_trace(hub: HubServer, repo_id: str) -> None:
    with pytest.raises(NotConfirmed, match="nothing was published"):
        prepare(repo_id, confirm=lambda: False)
    assert hub.repos == {}


def test_private_is_not_taken_for_granted_where_the_repo_is_public(
    hub: HubServer, repo_id: str
) -> None:
    hub.add_repo(repo_id)
    with pytest.raises(RepoIsPublic, match="is public"):
        prepare(repo_id, confirm=never_asked, private=True)


def test_a_branch_of_its_own_leaves_main_alone(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    first = push(prepare(repo_id, confirm=yes), folder)
    wider = trained(tmp_path / "wider", hidden_size=32)
    push(prepare(repo_id, confirm=yes, revision="try/wider"), wider)
    assert hub.repo(repo_id).head().oid == first.commit
    assert load_model(fetch_model(repo_id)).config.hidden_size == 24
    assert load_model(fetch_model(repo_id, revision="try/wider")).config.hidden_size == 32
    card = published_files(hub, repo_id, "try/wider")["README.md"].decode()
    assert f'snapshot_download("{repo_id}", revision="try/wider")' in snippet_of(card)


def test_a_tag_or_a_commit_is_no_place_to_publish_on(hub: HubServer, repo_id: str) -> None:
    repo = hub.add_repo(repo_id)
    repo.tags["v1"] = repo.head().oid
    for revision in ("v1", repo.head().oid):
        with pytest.raises(NotABranch, match="name a branch"):
            prepare(repo_id, confirm=yes, revision=revision)


def test_who_may_not_write_is_told_before_anything_is_asked(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_repo(repo_id)
    for token, said in [
        ("hf_wrong", "doesn't accept the token"),
        ("hf_read", "may only read"),
        ("hf_bob", f"no right to write to {repo_id}"),
    ]:
        with pytest.raises(TokenRefused, match=said):
            prepare(repo_id, confirm=never_asked, token=token)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(NoToken, match="hf auth login"):
        prepare(repo_id, confirm=never_asked)


def test_somebody_elses_name_is_refused_and_a_club_of_ones_own_is_not(hub: HubServer) -> None:
    with pytest.raises(TokenRefused, match="publish as ann/novel"):
        prepare("zoe/novel", confirm=yes)
    prepare("club/novel", confirm=yes)
    assert list(hub.repos) == [("models", "club/novel")]


@pytest.mark.parametrize("name", ["novel", "ann/my novel", "ann/a/b", "ann/x--y", "/novel"])
def test_an_impossible_name_is_refused_without_a_request(hub: HubServer, name: str) -> None:
    with pytest.raises(InvalidName, match="user/name"):
        prepare(name, confirm=never_asked)
    assert hub.requests == []


def test_a_commit_in_between_is_not_gone_over(hub: HubServer, repo_id: str, folder: Path) -> None:
    hub.add_repo(repo_id)
    destination = prepare(repo_id, confirm=yes)
    theirs = hub.put(repo_id, {"config.json": b"theirs"})
    with pytest.raises(CommittedInBetween, match="publish again"):
        push(destination, folder)
    assert hub.repo(repo_id).head() == theirs
    push(prepare(repo_id, confirm=yes), folder)
    assert published_files(hub, repo_id)["config.json"] == (folder / "config.json").read_bytes()


def test_a_card_edited_on_the_hub_stays_and_the_weights_move_on(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    push(prepare(repo_id, confirm=yes), folder)
    edited = published_files(hub, repo_id)["README.md"] + b"\nMy own words.\n"
    hub.put(repo_id, {"README.md": edited})
    longer = trained(tmp_path / "longer", seed=1)
    published = push(prepare(repo_id, confirm=yes), longer)
    assert (published.has_changed, published.kept_card) == (True, True)
    files = published_files(hub, repo_id)
    assert files["README.md"] == edited
    assert files["model.safetensors"] == (longer / "model.safetensors").read_bytes()


def test_our_own_card_is_renewed_with_the_model(
    hub: HubServer, repo_id: str, folder: Path, tmp_path: Path
) -> None:
    push(prepare(repo_id, confirm=yes), folder)
    assert b"24 units" in published_files(hub, repo_id)["README.md"]
    published = push(prepare(repo_id, confirm=yes), trained(tmp_path / "wider", hidden_size=32))
    assert not published.kept_card
    assert b"32 units" in published_files(hub, repo_id)["README.md"]


def test_a_card_edited_here_is_what_is_published_each_time(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    card = folder / "README.md"
    for words in ("I wrote this.", "I wrote that."):
        text = model_card(load_model(folder).config, repo_id=None, has_plot=True)
        card.write_text(text + f"\n{words}\n", encoding="utf-8")
        assert not push(prepare(repo_id, confirm=yes), folder).kept_card
        there = published_files(hub, repo_id)["README.md"].decode()
        assert words in there
        assert f'snapshot_download("{repo_id}")' in snippet_of(there)


def test_a_folder_without_a_card_is_published_with_one(
    hub: HubServer, repo_id: str, tmp_path: Path
) -> None:
    push(prepare(repo_id, confirm=yes), saved_model(tmp_path / "bare"))
    assert b"loss.png" not in published_files(hub, repo_id)["README.md"]


def test_metadata_that_the_hub_refuses_is_named(
    hub: HubServer, repo_id: str, tmp_path: Path
) -> None:
    saved_model(tmp_path / "model", training={"license": "My Own"})
    with pytest.raises(CardRefused, match="license"):
        push(prepare(repo_id, confirm=yes), tmp_path / "model")
    assert len(hub.repo(repo_id).commits) == 1


@pytest.mark.parametrize("kind", ["status", "lost"])
def test_a_hub_that_stumbles_gets_one_commit_all_the_same(
    hub: HubServer, repo_id: str, folder: Path, kind: Any
) -> None:
    destination = prepare(repo_id, confirm=yes)
    hub.fault("/commit/", kind, method="POST")
    published = push(destination, folder)
    assert published.has_changed
    assert published.commit == hub.repo(repo_id).head().oid
    assert len(hub.repo(repo_id).commits) == 2


def test_a_hub_that_goes_away_leaves_the_folder_as_it_was(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    destination = prepare(repo_id, confirm=yes)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.stop()
    with pytest.raises(HubUnreachable, match="check the network"):
        push(destination, folder)
    with pytest.raises(HubUnreachable):
        prepare(repo_id, confirm=never_asked)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_large_files_that_the_hub_refuses_end_the_push(
    hub: HubServer, repo_id: str, folder: Path
) -> None:
    destination = prepare(repo_id, confirm=yes)
    hub.fault("/lfs/", method="PUT", status=403, times=9)
    with pytest.raises(HubError, match="doesn't allow that"):
        push(destination, folder)
    assert len(hub.repo(repo_id).commits) == 1


def test_a_broken_model_is_not_published(hub: HubServer, repo_id: str, folder: Path) -> None:
    destination = prepare(repo_id, confirm=yes)
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelFolderError, match=r"model\.safetensors is damaged"):
        push(destination, folder)
    assert len(hub.repo(repo_id).commits) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_layers": 3, "hidden_size": 16},
        {"embedding_size": 8, "has_unknown": True},
        {"num_layers": 2, "has_unknown": True},
    ],
)
@pytest.mark.usefixtures("hub")
def test_the_program_in_the_card_writes_what_we_write(
    repo_id: str, tmp_path: Path, settings: dict[str, Any]
) -> None:
    destination = push_random_model(repo_id, tmp_path / "model", **settings)
    generator = Generator(load_model(tmp_path / "model"))
    program: dict[str, Any] = {}
    exec(program_of(destination), program)
    theirs = [program["generate"](prompt, 60, 0) for prompt in (PROMPT, "", "x")]
    params = SamplingParams(length=60, temperature=0)
    assert theirs == [generator.generate(prompt, params) for prompt in (PROMPT, "", "x")]
    assert len(set("".join(theirs))) > 8
    assert "\ufffd" not in program["generate"](PROMPT, 500, 5.0)


@pytest.mark.usefixtures("hub")
def test_the_program_in_the_card_needs_nothing_else(repo_id: str, tmp_path: Path) -> None:
    destination = push_random_model(repo_id, tmp_path / "model", num_layers=2)
    ours = Generator(load_model(tmp_path / "model")).generate(
        PROMPT, SamplingParams(length=60, temperature=0)
    )
    # The child runs apart from this project (-I) and finds no package but those named and theirs.
    child = f"""
import sys
class OnlyThese:
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in {importable("numpy", "safetensors", "huggingface_hub")!r} and (
            top not in sys.stdlib_module_names
        ):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, OnlyThese())
exec(sys.stdin.read())
import json
print(json.dumps(generate({PROMPT!r}, 60, 0)))
"""
    result = subprocess.run(
        [sys.executable, "-I", "-c", child],
        input=program_of(destination),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == ours


def push_random_model(repo_id: str, folder: Path, **settings: Any) -> Destination:
    saved_model(folder, **settings)
    destination = prepare(repo_id, confirm=yes)
    push(destination, folder)
    return destination


def program_of(destination: Destination) -> str:
    """The program in the card that lies on the Hub."""
    card = fetch_model(destination.repo_id) / "README.md"
    return snippet_of(card.read_text(encoding="utf-8"))


def importable(*distributions: str) -> set[str]:
    """What can be imported of these distributions and all that they need."""
    needed, waiting = set(), list(distributions)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in needed:
            needed.add(name)
            wanted = [Requirement(line) for line in requires(name) or []]
            waiting += [r.name for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
    return {
        module
        for module, owners in packages_distributions().items()
        if any(owner.lower().replace("_", "-") in needed for owner in owners)
    }
