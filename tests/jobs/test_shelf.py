"""Runs are found by a secret, hold one text each, stay in their place, and go when they are old."""

from __future__ import annotations

import errno
import os
import secrets
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.limits import Limits
from jobs.shelf import ABOUT_FILE, Shelf, ShelfError
from training.run import write_json


@pytest.fixture
def shelf(limits: Limits) -> Shelf:
    return Shelf(limits, lambda _: False)


def test_a_visitor_finds_only_their_own_runs(shelf: Shelf) -> None:
    ann, bob = shelf.new_secret(), shelf.new_secret()
    first = shelf.add(ann, "a.txt", "a text")
    second = shelf.add(ann, "b.txt", "another")
    assert [entry.id for entry in shelf.entries(ann)] == [second.id, first.id]
    assert shelf.entries(bob) == []
    assert shelf.find(bob, first.id) is None
    assert shelf.find(ann, first.id) == first


def test_nothing_on_the_disk_tells_a_visitors_secret(shelf: Shelf, limits: Limits) -> None:
    secret = shelf.new_secret()
    entry = shelf.add(secret, "a.txt", "a text")
    assert secret not in str(entry.folder)
    files = [path for path in limits.folder.rglob("*") if path.is_file()]
    assert all(secret.encode() not in path.read_bytes() for path in files)


@pytest.mark.parametrize("secret", [None, "", "short", 7])
def test_without_a_secret_nothing_is_kept_on_a_shared_page(shelf: Shelf, secret: str) -> None:
    with pytest.raises(ShelfError):
        shelf.add(secret, "a.txt", "a text")
    assert shelf.entries(secret) == []


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
def test_a_name_is_only_a_name(shelf: Shelf, limits: Limits, name: str, title: str) -> None:
    entry = shelf.add(shelf.new_secret(), name, "a text")
    assert entry.title == title
    assert entry.text.read_text(encoding="utf-8") == "a text"
    assert limits.folder.resolve() in entry.text.resolve().parents
    assert len(list(entry.text.parent.iterdir())) == 1


def test_a_file_is_moved_and_not_copied(shelf: Shelf, tmp_path: Path) -> None:
    upload = tmp_path / "upload.txt"
    upload.write_text("a text", encoding="utf-8")
    entry = shelf.add(shelf.new_secret(), "upload.txt", upload)
    assert not upload.exists()
    assert entry.text.name == "upload.txt"


def test_too_large_too_many_and_no_room_are_refused(limits: Limits) -> None:
    shelf = Shelf(replace(limits, runs=2), lambda _: False)
    secret = shelf.new_secret()
    with pytest.raises(ShelfError, match=r"1\.1 MB; here it may have 1 MB"):
        shelf.add(secret, "a.txt", "a" * 1_100_000)
    shelf.add(secret, "a.txt", "a")
    shelf.add(secret, "a.txt", "a")
    with pytest.raises(ShelfError, match="2 runs"):
        shelf.add(secret, "a.txt", "a")
    full = Shelf(replace(limits, disk_gigabytes=0.1), lambda _: False)
    with pytest.raises(ShelfError, match="no room"):
        full.add(full.new_secret(), "a.txt", "a")


def test_old_runs_go_and_busy_ones_stay(limits: Limits) -> None:
    busy: set[Path] = set()
    shelf = Shelf(limits, busy.__contains__)
    secret = shelf.new_secret()
    old, working, fresh = (shelf.add(secret, name, "a") for name in ("old", "working", "fresh"))
    for entry in (old, working):
        about = {"title": entry.title, "created": time.time() - 25 * 3_600}
        write_json(entry.folder / ABOUT_FILE, about)
    busy.add(working.folder)
    shelf.sweep()
    assert {entry.title for entry in shelf.entries(secret)} == {"working", "fresh"}
    shelf.remove(fresh)
    assert not fresh.folder.exists()


def test_what_a_crash_left_half_done_is_swept(shelf: Shelf) -> None:
    entry = shelf.add(shelf.new_secret(), "a", "a")
    left = entry.folder.with_name(f".{secrets.token_hex(16)}")
    left.mkdir()
    shelf.sweep()
    assert left.exists()
    long_ago = time.time() - 7_200
    os.utime(left, (long_ago, long_ago))
    shelf.sweep()
    assert not left.exists()
    assert entry.folder.exists()


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_others_keep_in_that_folder_is_never_touched(limits: Limits, is_shared: bool) -> None:
    theirs = [limits.folder / ".config" / "key", limits.folder / "letters" / ".draft" / "a.txt"]
    long_ago = time.time() - 7_200
    for file in theirs:
        file.parent.mkdir(parents=True)
        file.write_text("mine", encoding="utf-8")
        os.utime(file.parent, (long_ago, long_ago))
    (limits.folder / "empty").mkdir()
    Shelf(replace(limits, is_shared=is_shared, keep_hours=1), lambda _: False).sweep()
    assert all(file.exists() for file in theirs)
    assert (limits.folder / "empty").exists()


def test_what_is_refused_on_the_way_leaves_nothing(shelf: Shelf, limits: Limits) -> None:
    def full(folder: Path, text: Path) -> None:
        assert text.parent.parent == folder
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        shelf.add(shelf.new_secret(), "a.txt", "a text", full)
    assert [path for path in limits.folder.rglob("*") if path.is_file()] == []
    assert shelf.folders() == []


def test_a_text_that_cannot_be_written_as_it_is_is_kept_as_far_as_it_can(shelf: Shelf) -> None:
    entry = shelf.add(shelf.new_secret(), "a.txt", "half of a pair: \ud83d")
    assert entry.text.read_text(encoding="utf-8") == "half of a pair: ?"
