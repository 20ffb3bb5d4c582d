"""Environments that a test installs into. Asks the package index that pip is set up for."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path


def make_environment(folder: Path, *, sees_this_one: bool = False) -> Path:
    """An environment without anything in it; its interpreter.

    Args:
        folder: where.
        sees_this_one: it can import what is installed beside these tests.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    if sees_this_one:
        [packages] = folder.glob("lib/python*/site-packages")
        seen = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        (packages / "seen.pth").write_text("\n".join(sorted(seen)), encoding="utf-8")
    return folder / "bin" / "python"


def install(python: Path, *wanted: str) -> None:
    """Install into the environment of this interpreter, with a pip from outside of it."""
    # Made by the Makefile, the environment of the tests has none of its own.
    outside = (sys.executable, str(Path(sys.base_prefix) / "bin" / "python3"))
    pips = [[program, "-m", "pip"] for program in outside]
    pip = next(
        p for p in pips if not subprocess.run([*p, "--version"], capture_output=True).returncode
    )
    command = [*pip, "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *wanted], check=True, timeout=600)
