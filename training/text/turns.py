"""Lines of text -> turns: how scripts, interviews, messengers and IRC write who speaks.

A form is a regular expression for a turn's first line. Whether a text is a dialogue is judged in
`training.text.dialogue`; here it is only read as if it were one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_RECURS = 3  # turns: who has fewer is no speaker, but a line that looks like one's
_MOST_LINES = 60  # of a turn: what goes on longer than this is no longer somebody speaking

MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Messengers put these, which direct the writing and can't be seen, before a line or a name."""

ASKING = {
    "customer", "human", "instruction", "interviewer", "me", "patient", "prompt", "q", "question",
    "student", "user", "you",
}  # fmt: skip
"""Speakers whose part in a dialogue a visitor takes."""

ANSWERING = {
    "a", "agent", "ai", "answer", "assistant", "bot", "chatbot", "doctor", "interviewee", "model",
    "response", "teacher",
}  # fmt: skip
"""Speakers whose part the model takes."""

# What stands where a name would, and is none: fields of records, of logs and recipes, and HTML.
_FIELDS = {
    "author", "directions", "example", "ingredients", "ingrédients", "input", "instructions",
    "method", "note", "notes", "output", "préparation", "tip", "title", "warning", "zubereitung",
    "zutaten", "作者", "出处", "标题", "題名",
    "b", "br", "code", "dd", "div", "dt", "i", "li", "p", "td",
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A way to write turns."""

    # matches all of a turn's first line that isn't speech; groups `before`, `name`, `after`
    header: re.Pattern[str]
    is_heading: bool = False  # the header is a line of its own
    is_chat: bool = False  # messages of people, who call themselves anything; not lines of a script

    def may_be_name(self, name: str) -> bool:
        """JULIET, First Citizen, Ghost of Buckingham, Speaker 2, 小明; q, user, assistant."""
        if name.casefold() in _FIELDS:
            return False
        if self.is_chat or name.casefold() in ASKING | ANSWERING:
            return True
        words = name.split()
        small = any(word[0].islower() and len(word) > 3 for word in words)
        return not (small or name[0].islower() or len(words) > 5)


_TIME = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_DATE = r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}\.?"  # 12.03.21, 2021-03-12
_DAY = r"[^\W\d_]{3,9}\.? {1,2}\d{1,2}"  # Mar 12
_STAMP = rf"(?:{_DATE},?\s{_TIME}|{_DAY}\s{_TIME}|{_TIME})"
_BRACKETED = rf"[\[(]{_STAMP}[\])]"
_SYSTEM_LINE = re.compile(rf"[{MARKS}]*(?:{_BRACKETED}|{_STAMP})(?:\s|$)")

_NAME = r"(?P<name>[^\W\d_][\w .'\u2019&/\u00b7-]{0,39}?)"
_ASIDE = r"(?: ?[(\[][^)\]\n]{1,60}[)\]])?"  # ROMEO (aside):

# [12.03.21, 14:05:33] Ann: text     12/03/21, 2:05 PM - Ann: text     14:05 - ann: text
_MESSENGER = Form(
    re.compile(
        rf"(?P<before>[{MARKS}]*(?:{_BRACKETED}|{_STAMP} [-\u2013\u2014])\s)"
        r"(?P<name>[^\s\[\]<>:,][^\n:<>\[\]]{0,59}?)(?P<after>:(?:\s|$))"
    ),
    is_chat=True,
)
# <ann> text     [14:05] <ann> text     14:05 <@ann> text     Mar 12 14:05:33 <ann> text
_IRC = Form(
    re.compile(
        rf"(?P<before>(?:(?:{_BRACKETED}|{_STAMP})\s)?<[ @+%&~]?)"
        r"(?P<name>[^\s<>/!?][^\s<>]{0,31})(?P<after>>\s)"
    ),
    is_chat=True,
)
# ROMEO:
_HEADING = Form(
    re.compile(
        rf"(?P<before>(?:#{{1,4}} |\*\*)?){_NAME}"
        rf"(?P<after>{_ASIDE}(?:[:\uff1a]\*\*|\*\*:|[:\uff1a]))$"
    ),
    is_heading=True,
)
# Ann: text     **Ann:** text     小明：text
_INLINE = Form(
    re.compile(
        rf"(?P<before>(?:\*\*)?){_NAME}"
        rf"(?P<after>{_ASIDE}(?:(?::\*\*|\*\*:|:)[ \t]+|\uff1a(?:\*\*)?\s*)(?=\S))"
    ),
)

# Whether a turn goes on behind a blank line: a message does; a line of a script seldom, so that is
# tried last.
_WAYS = (
    (_MESSENGER, True), (_IRC, True), (_HEADING, False), (_INLINE, False), (_HEADING, True),
    (_INLINE, True),
)  # fmt: skip


@dataclass
class FoundTurn:
    """A turn as it stands in the text: `before` + `speaker` + `after` + the speech."""

    speaker: str
    before: str
    after: str
    gap: int  # number of line breaks between the line before and this turn's first
    lines: list[str]  # of the speech

    @property
    def text(self) -> str:
        """The speech without blank lines around it."""
        return "\n".join(self.lines).strip("\n")


@dataclass(frozen=True)
class Reading:
    """A text read in a form."""

    form: Form  # in which it was read
    turns: list[FoundTurn]  # of the speakers that recur, in order
    headers: int  # lines that looked like the beginning of a turn, recurring or not
    covered: float  # share of the text's characters (white space aside) that are in these turns


def readings(lines: Sequence[str]) -> Iterator[Reading]:
    """Read the lines of a text in every form."""
    sizes = [len("".join(line.split())) for line in lines]
    for form, spans_blanks in _WAYS:
        yield _read(lines, sizes, form, spans_blanks)


def _read(lines: Sequence[str], sizes: Sequence[int], form: Form, spans_blanks: bool) -> Reading:
    headers = {
        number: found
        for number, line in enumerate(lines)
        if (found := form.header.match(line))
        and form.may_be_name(found["name"])
        # A heading stands above something: not above a blank line, nor at the end.
        and (not form.is_heading or any(sizes[number + 1 : number + 2]))
    }
    counts = Counter(found["name"] for found in headers.values())
    turns: list[FoundTurn] = []
    covered = blank = 0
    is_open = False
    for number, (line, size) in enumerate(zip(lines, sizes, strict=True)):
        header = headers.get(number)
        if header and counts[header["name"]] >= _RECURS:
            after, speech = header["after"], [line[header.end() :]]
            if form.is_heading:
                after, speech = after + "\n", []
            turns.append(FoundTurn(header["name"], header["before"], after, blank + 1, speech))
            is_open = True
            covered += size
        elif form.is_chat and _SYSTEM_LINE.match(line):
            is_open = False
            covered += size
        elif size and not form.is_chat and not any(map(str.isalnum, line)):
            is_open = False  # a line of signs
        elif is_open and (size or spans_blanks):
            turns[-1].lines.append(line)
            is_open = len(turns[-1].lines) < _MOST_LINES
            covered += size
        else:
            is_open = False
        blank = 0 if size else blank + 1
    return Reading(form, turns, len(headers), covered / max(1, sum(sizes)))
