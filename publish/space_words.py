"""What would happen to a Space, in lines of plain words, for whoever is asked to agree.

Knows nothing about the Hub, nor about who asks.
"""

from __future__ import annotations

from publish import hub_facts
from publish.space_files import MARKER_FILE, README_FILE
from publish.space_plan import SpacePlan
from publish.space_site import (
    MODEL_ID,
    MODEL_REVISION,
    TRAINING,
    SpaceSite,
    readme_is_edited,
)

_MOST_NAMED = 4


def what_changes(plan: SpacePlan) -> str:
    """What a plan would do, in lines of plain words."""
    site, model = plan.site, plan.model
    if site.is_new:
        return what_is_created(site, commit=model.commit)
    lines = [f"This changes the Space {site.settings.space_id}:", ""]
    if site.marker is None:
        lines.append("- it holds nothing of this command's yet; what else is in it stays")
    elif site.marker.space_id != site.settings.space_id:
        lines.append(f"- it is a duplicate of {site.marker.space_id}, and becomes your own version")
    if {MODEL_ID, MODEL_REVISION} & set(plan.variables):
        lines.append(f"- its model: {_old_model(site)} -> {model.model_id} at {model.commit[:8]}")
    if plan.moves:
        lines.append(f"- its hardware: {site.hardware_there} -> {site.hardware}")
    if TRAINING in plan.variables:
        lines.append(f"- training without ZeroGPU: {plan.variables[TRAINING]}")
    app = {"added": plan.added, "changed": plan.changed, "removed": plan.removed}
    lines += [f"- files {what}: {_listed(paths)}" for what, paths in app.items() if paths]
    if README_FILE in plan.changed and readme_is_edited(site):
        lines.append(f"  (of {README_FILE}, which you have edited, only what it needs to run)")
    return "\n".join(lines)


def what_is_created(site: SpaceSite, *, commit: str | None = None) -> str:
    """What a new Space would be, in lines of plain words; `commit` is its model's, if known."""
    seen = "only you will see it" if site.is_private else "for anybody to see and to use"
    at = f" at {commit[:8]}" if commit else ""
    lines = [
        f"This creates the Space {site.settings.space_id}, {seen}:",
        "",
        f"- on {site.hardware}, with this app and its bundled model",
        f"- for the model {site.settings.model_id}{at}",
    ]
    if site.hardware == hub_facts.ZERO_GPU:
        lines.append("- chatting is free; who trains there spends GPU time of their own quota")
    elif site.trains:
        lines.append("- whoever visits it may train a model there, on its processors")
    return "\n".join(lines)


def what_follows(site: SpaceSite) -> str:
    """What becomes of a Space whose model is still to be published, in lines of plain words."""
    if site.is_new:
        return what_is_created(site)
    return f"The Space {site.settings.space_id}, which is there, then serves it."


def _old_model(site: SpaceSite) -> str:
    name, commit = site.variables.get(MODEL_ID), site.variables.get(MODEL_REVISION)
    if name is None:
        return "none"
    return f"{name} at {commit[:8]}" if commit else name


def _listed(paths: tuple[str, ...]) -> str:
    named = [path for path in paths if path != MARKER_FILE]
    more = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
