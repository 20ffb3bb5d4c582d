"""What the Hub allows and answers where Spaces are concerned: names, limits, codes, phrases.

From the Hub's documentation, snapshot of 2026-08-22, the client's source (huggingface_hub 2.4) and
what people quoted of its answers. Tried against doubles on 127.0.0.1 only: where the real Hub
differs, this is the file to change. Knows nothing about what we publish.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ZERO_GPU = "zero-a10g"
"""ZeroGPU's name, kept from earlier hardware."""
CPU_BASIC = "cpu-basic"
HARDWARE: Sequence[str] = (ZERO_GPU, CPU_BASIC)
"""What we ask for; neither is billed by the hour."""

FREE_ACCOUNT = (
    "a free account whose address is verified and that is older than 30 days may host two Gradio "
    "Spaces on ZeroGPU (zero-a10g), an account with PRO ten"
)
CPU_NEEDS_PRO = "Gradio on cpu-basic asks for PRO (an organisation: Team or Enterprise) since 2026"

SDK = "gradio"
PYTHON_VERSION = "3.12.12"
"""ZeroGPU offers this one and 3.10.13, which is older than our code."""
COLOURS: Sequence[str] = (
    "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray",
)  # fmt: skip
LONGEST_SHORT_DESCRIPTION = 60
"""Characters; the Hub rejects a README with a longer one."""
OAUTH_SCOPES: Sequence[str] = ("contribute-repos",)
"""Create repos, and touch only those that this app created."""
BROUGHT_BY_PLATFORM: Sequence[str] = ("gradio", "huggingface_hub", "spaces", "torch")
"""Not to be named in requirements.txt: another release breaks the build or the GPU hook."""

PAYMENT_REQUIRED = 402
FORBIDDEN = 403
CONFLICT = 409
QUOTA_REACHED = re.compile(r"quota", re.IGNORECASE)
"""In a refusal: as many Spaces run as the account may have running."""
LIMIT_REACHED = re.compile(
    r"(?:reached|exceed\w*|hit)\b.*\b(?:limit|maximum|number)|"
    r"(?:limit|maximum)\b.*\b(?:reached|exceeded)|too many|already (?:have|host)|can'?t have more",
    re.IGNORECASE | re.DOTALL,
)
"""In a refusal: the account has as many Spaces of this kind as it may have."""
ACCOUNT_TOO_YOUNG = re.compile(
    r"verif|confirm (?:your|the) (?:e-?mail|account|address)|good standing|days old|older than|"
    r"too (?:young|new|recent)|recently created",
    re.IGNORECASE,
)
"""In a refusal: the account has to be older, or its address verified."""

STAGES = {
    "NO_APP_FILE": "there is no app in it",
    "CONFIG_ERROR": "its README.md is refused",
    "BUILDING": "building",
    "BUILD_ERROR": "the build failed",
    "APP_STARTING": "the app starts",
    "RUNNING": "running",
    "RUNNING_BUILDING": "the version before runs while the new one is built",
    "RUNNING_APP_STARTING": "the version before runs while the new one starts",
    "RUNTIME_ERROR": "the app ended with an error",
    "PAUSED": "paused",
    "SLEEPING": "asleep",
    "STOPPED": "stopped",
    "DELETING": "being deleted",
}
"""A Space's stages in words. Others may come: those are waited for like BUILDING."""
RUNNING = "RUNNING"
FAILED: Sequence[str] = ("BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "DELETING")
AT_REST: Sequence[str] = ("PAUSED", "STOPPED", "SLEEPING")
BUILD_FAILED = "BUILD_ERROR"
APP_FAILED = "RUNTIME_ERROR"

START_LIMIT_S = 30 * 60
"""A Space that takes longer to start counts as failed; a build before that takes minutes more."""
