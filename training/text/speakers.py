"""Which words before a colon are somebody's name, and whose part in a dialogue is known.

Knows nothing about lines and turns, and only a few words of any language.
"""

from __future__ import annotations

ASKING = {
    "customer", "human", "instruction", "interviewer", "me", "patient", "prompt", "q", "question",
    "student", "user", "you",
}  # fmt: skip
"""The part of a dialogue that a visitor takes."""

ANSWERING = {
    "a", "agent", "ai", "answer", "assistant", "bot", "chatbot", "doctor", "interviewee", "model",
    "response", "teacher",
}  # fmt: skip
"""The part that the model takes."""

# What stands before a colon at the beginning of a line and says no one's name.
_FIELDS = {
    "abstract", "actual", "address", "after", "answers", "arguments", "args", "artist", "author",
    "authors", "background", "before", "bug", "bugs", "cc", "caution", "category", "changes",
    "chapter", "comment", "comments", "conclusion", "cons", "content", "contents", "copyright",
    "date", "debug", "default", "definition", "depends", "description", "details", "directions",
    "email", "error", "errors", "example", "examples", "expected", "fatal", "fax", "figure", "file",
    "files", "fix", "fixed", "from", "hint", "homepage", "important", "info", "ingredients",
    "ingrédients", "input", "installation", "instructions", "keywords", "language", "level",
    "license", "licence", "link", "list", "location", "log", "meaning", "message", "method", "name",
    "note", "notes", "notice", "options", "output", "overview", "package", "parameters", "params",
    "phone", "preparation", "priority", "problem", "procedure", "pros", "préparation", "purpose",
    "raises", "references", "remark", "requires", "result", "results", "return", "returns", "scene",
    "section", "see", "see also", "servings", "setting", "size", "solution", "source", "status",
    "step", "steps", "subject", "summary", "synopsis", "syntax", "table", "tags", "tel", "time",
    "tip", "tips", "title", "to", "todo", "topic", "total", "trace", "type", "update", "url",
    "usage", "value", "verbose", "version", "warn", "warning", "warnings", "word", "yields",
    "zubereitung", "zutaten", "作者", "出处", "出典", "日期", "来源", "标题", "注", "題名", "题目",
}  # fmt: skip
_HEADINGS = {"act", "appendix", "book", "chapter", "part", "scene", "section", "stanza", "volume"}
_TAGS = {
    "a", "b", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "font", "h1", "h2",
    "h3", "h4", "head", "hr", "html", "i", "li", "ol", "p", "pre", "span", "strong", "table", "td",
    "th", "title", "tr", "tt", "ul",
}  # fmt: skip
_PARTICLES = {
    "a", "al", "am", "an", "and", "at", "bin", "da", "das", "de", "del", "della", "den", "der",
    "des", "di", "die", "du", "e", "el", "et", "for", "from", "i", "in", "la", "le", "of", "on",
    "the", "to", "und", "van", "vom", "von", "y", "zu",
}  # fmt: skip


def is_script_name(name: str) -> bool:
    """JULIET, First Citizen, Ghost of Buckingham, Speaker 2, 小明; and q, a, user, assistant."""
    folded = name.casefold()
    if folded in ASKING or folded in ANSWERING:
        return True
    words = name.split()
    if folded in _FIELDS or words[0].casefold() in _HEADINGS or len(words) > 5:
        return False
    return not (
        name[0].islower() or any(word[0].islower() and word not in _PARTICLES for word in words)
    )


def is_name_in_capitals(name: str) -> bool:
    """HAMLET, FIRST GUARD; and the Q and A of a hearing."""
    if name in ("Q", "A"):
        return True
    letters = [character for character in name if character.isalpha()]
    return len(letters) > 1 and all(c.isupper() for c in letters) and is_script_name(name)


def is_messengers_name(name: str) -> bool:
    """Whatever people call themselves, and telephone numbers."""
    # Ann changed the subject to "tea: or coffee"
    is_cut = name.count('"') % 2 or name.count("\u201c") > name.count("\u201d")
    return not is_cut and name.casefold() not in _FIELDS


def is_nick(name: str) -> bool:
    """Whatever stands in <> and is no tag of HTML."""
    return name.casefold() not in _FIELDS | _TAGS
