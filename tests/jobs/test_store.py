"""Runs are found by a secret, hold one text each, stay in their place, and go when they are old."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import replace
from threading import Thread

import pytest

from jobs import JobError
from jobs.limits import Limits
from jobs.store import ABOUT_FILE, RunStore
from tests.reference import TEXT
from training.run import write_json


@pytest.fixture
def store(limits: Limits) -> RunStore:
    return RunStore(limits)


def test_a_visitor_finds_only_their_own_runs(store: RunStore) -> None:
    ann, bob = store.new_secret(), store.new_secret()
    first = store.add(ann, "a.txt", "a text")
    second = store.add(ann, "b.txt", "another")
    assert [run.id for run in store.runs(ann)] == [second.id, first.id]
    assert store.runs(bob) == []
    assert store.find(bob, first.id) is None
    assert store.find(ann, first.id) == first
    others = f"../{first.folder.parent.name}/{first.id}"
    for path in (others, str(first.folder), f"./{first.id}", "..", "", None, 7):
        assert store.find(bob, path) is None
        assert store.find(ann, path) is None


def test_nothing_on_the_disk_tells_a_visitors_secret(store: RunStore, limits: Limits) -> None:
    secret = store.new_secret()
    run = store.add(secret, "a.txt", "a text")
    assert secret not in str(run.folder)
    files = [path for path in limits.folder.rglob("*") if path.is_file()]
    assert all(secret.encode() not in path.read_bytes() for path in files)


@pytest.mark.parametrize("secret", [None, "", "short", 7])
def test_without_a_secret_nothing_is_kept_on_a_shared_page(store: RunStore, secret: str) -> None:
    with pytest.raises(JobError):
        store.add(secret, "a.txt", "a text")
    assert store.runs(secret) == []


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../x", "x"),
        ("..\\..\\x.txt", "x"),
        ("/etc/passwd", "passwd"),
        ("..", "text"),
        ("\N{SNOWMAN} a:b?.txt", "\N{SNOWMAN} a:b?"),
        ("x" * 300 + ".txt", "x" * 80),
        ("", "text"),
    ],
)
def test_a_name_is_only_a_name(store: RunStore, limits: Limits, name: str, title: str) -> None:
    run = store.add(store.new_secret(), name, "a text")
    assert run.title == title
    assert run.text.read_text(encoding="utf-8") == "a text"
    assert limits.folder.resolve() in run.text.resolve().parents
    assert len(list(run.text.parent.iterdir())) == 1


def test_too_large_too_many_and_no_room_are_refused(limits: Limits) -> None:
    store = RunStore(replace(limits, runs=2))
    secret = store.new_secret()
    with pytest.raises(JobError, match=r"1\.1 MB; here it may have 1 MB"):
        store.add(secret, "a.txt", "ab" * 550_000)
    store.add(secret, "a.txt", "a text")
    store.add(secret, "a.txt", "a text")
    with pytest.raises(JobError, match="2 runs"):
        store.add(secret, "a.txt", "a text")
    full = RunStore(replace(limits, disk_gigabytes=0.1))
    with pytest.raises(JobError, match="no room"):
        full.add(full.new_secret(), "a.txt", "a text")


def test_old_runs_go_and_busy_ones_stay(limits: Limits) -> None:
    store = RunStore(limits)
    secret = store.new_secret()
    old, working, fresh = (
        store.add(secret, name, "a text") for name in ("old", "working", "fresh")
    )
    for run in (old, working):  # as an older version stored them, without what their text is
        about = {"title": run.title, "created": time.time() - 25 * 3_600}
        write_json(run.folder / ABOUT_FILE, about)
    store.sweep(lambda folder: folder == working.folder)
    assert {run.title for run in store.runs(secret)} == {"working", "fresh"}
    store.remove(fresh)
    assert not fresh.folder.exists()


def test_what_a_crash_left_half_done_is_swept(store: RunStore) -> None:
    run = store.add(store.new_secret(), "a", "a text")
    left = run.folder.with_name(f".{secrets.token_hex(16)}")
    left.mkdir()
    store.sweep(lambda _: False)
    assert left.exists()
    long_ago = time.time() - 7_200
    os.utime(left, (long_ago, long_ago))
    store.sweep(lambda _: False)
    assert not left.exists()
    assert run.folder.exists()


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_others_keep_in_that_folder_is_never_touched(limits: Limits, is_shared: bool) -> None:
    theirs = [limits.folder / ".config" / "key", limits.folder / "letters" / ".draft" / "a.txt"]
    long_ago = time.time() - 7_200
    for file in theirs:
        file.parent.mkdir(parents=True)
        file.write_text("mine", encoding="utf-8")
        os.utime(file.parent, (long_ago, long_ago))
    (limits.folder / "empty").mkdir()
    RunStore(replace(limits, is_shared=is_shared, keep_hours=1)).sweep(lambda _: False)
    assert all(file.exists() for file in theirs)
    assert (limits.folder / "empty").exists()


def test_a_text_that_cannot_be_written_as_it_is_is_kept_as_far_as_it_can(store: RunStore) -> None:
    run = store.add(store.new_secret(), "a.txt", "half of a pair: \ud83d")
    assert run.text.read_text(encoding="utf-8") == "half of a pair: ?"


def test_a_text_that_takes_long_to_read_keeps_no_other_visitor_waiting(limits: Limits) -> None:
    store = RunStore(replace(limits, megabytes=30))
    slow = Thread(target=store.add, args=(store.new_secret(), "a", "A: b?\nB: c?\n" * 1_500_000))
    slow.start()
    while not list(limits.folder.rglob("a.txt")):
        time.sleep(0.01)
    store.add(store.new_secret(), "b", TEXT[:5_000])
    assert slow.is_alive()
    slow.join()
    assert len(store.folders()) == 2
