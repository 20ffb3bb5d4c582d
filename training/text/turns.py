"""Lines of text -> turns: how scripts, transcripts and messengers write who speaks.

A form is a regular expression for a turn's first line, and what ends the turn. Whether a text is a
dialogue is judged in `training.text.dialogue`; here it is only read as if it were one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from training.text.speakers import is_messengers_name, is_name_in_capitals, is_nick, is_script_name

_RECURS = 3  # turns: who has fewer is no speaker, but a line that looks like one's
_MOST_LINES = 60  # of a turn: what goes on longer than this is no longer somebody speaking

MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Messengers put these, which direct the writing and can't be seen, before a line or a name."""

_MARKS = f"[{MARKS}]*"
_DATE = (
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{2,4}\.?"  # 12.03.21, 2021-03-12
    r"|\d{1,2}\.?[ -][^\W\d_]{3,9}\.?[ -]\d{2,4}"  # 12-Mar-21, 12. März 2021
    r"|[^\W\d_]{3,9}\.? \d{1,2}, \d{4})"  # Mar 12, 2021
)
_TIME = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_ISO_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?"
_DAY_AND_TIME = rf"[^\W\d_]{{3,9}}\.? {{1,2}}\d{{1,2}} {_TIME}"  # Mar 12 14:05:33
_STAMP = rf"(?:{_ISO_TIME}|{_DAY_AND_TIME}|{_DATE}(?:,?\s(?:at\s|um\s)?{_TIME})?|{_TIME})"
_BRACKETED = rf"[\[(]{_STAMP}[\])]"
_SYSTEM_LINE = re.compile(rf"{_MARKS}(?:{_BRACKETED}|{_STAMP})(?:\s|$)")


@dataclass(frozen=True)
class Form:
    """A way to write turns.

    Args:
        header: matches all of a turn's first line that isn't speech; groups `before`, `name`,
            `after`.
        accepts: whether a name may be somebody's.
        is_heading: the header is a line of its own.
        is_chat: messages of people, not lines of a script.
    """

    header: re.Pattern[str]
    accepts: Callable[[str], bool]
    is_heading: bool
    is_chat: bool


_NAME = r"(?P<name>[^\W\d_][\w .'\u2019&/\u00b7-]{0,39}?)"
_ASIDE = r"(?: ?[(\[][^)\]\n]{1,60}[)\]])?"  # ROMEO (aside):
_CHAT_NAME = r"(?P<name>[^\s\[\]<>:,][^\n:<>\[\]]{0,59}?)"


def _chat(
    pattern: str, accepts: Callable[[str], bool] = is_messengers_name, *, heading: bool = False
) -> Form:
    return Form(re.compile(pattern), accepts, is_heading=heading, is_chat=True)


def _script(
    pattern: str, accepts: Callable[[str], bool] = is_script_name, *, heading: bool = False
) -> Form:
    return Form(re.compile(pattern), accepts, is_heading=heading, is_chat=False)


FORMS = (
    # [12.03.21, 14:05:33] Ann: text     12/03/21, 2:05 PM - Ann: text     14:05 - ann: text
    _chat(
        rf"(?P<before>{_MARKS}(?:{_BRACKETED}|{_STAMP} [-\u2013\u2014])\s)"
        rf"{_CHAT_NAME}(?P<after>:(?:\s|$))",
    ),
    # <ann> text     [14:05] <ann> text     14:05 <@ann> text
    _chat(
        rf"(?P<before>(?:(?:{_BRACKETED}|{_STAMP})\s)?<[ @+%&~]?)"
        r"(?P<name>[^\s<>/!?][^\s<>]{0,31})(?P<after>>\s)",
        is_nick,
    ),
    # 2021-03-12 14:05:33<tab>ann<tab>text
    _chat(
        rf"(?P<before>{_STAMP}\t[ @+%&~]?)(?P<name>\w[^\t\n]{{0,31}})(?P<after>\t)",
    ),
    # Ann, [12.03.21 14:05]
    _chat(
        rf"(?P<before>{_MARKS}){_CHAT_NAME}(?P<after>, \[{_STAMP}\]:?)$",
        heading=True,
    ),
    # [12-Mar-21 02:05 PM] ann
    _chat(
        rf"(?P<before>{_MARKS}{_BRACKETED} ){_CHAT_NAME}(?P<after>)$",
        heading=True,
    ),
    # Ann — 12/03/2021 14:05     Ann  2:05 PM
    _chat(
        rf"(?P<before>){_CHAT_NAME}"
        rf"(?P<after>(?: [\u2013\u2014] (?:[^\W\d_]{{3,12}} (?:at )?)?|  ){_STAMP})$",
        heading=True,
    ),
    # ROMEO:
    _script(
        rf"(?P<before>(?:#{{1,4}} |\*\*)?){_NAME}"
        rf"(?P<after>{_ASIDE}(?:[:\uff1a]\*\*|\*\*:|[:\uff1a]))$",
        heading=True,
    ),
    # Ann: text     **Ann:** text     小明：text
    _script(
        rf"(?P<before>(?:\*\*)?){_NAME}"
        rf"(?P<after>{_ASIDE}(?:(?::\*\*|\*\*:|:)[ \t]+|\uff1a(?:\*\*)?\s*)(?=\S))",
    ),
    # HAMLET.
    _script(
        rf"(?P<before>){_NAME}(?P<after>\.)$",
        is_name_in_capitals,
        heading=True,
    ),
    # HAMLET. Text.
    _script(
        rf"(?P<before>){_NAME}(?P<after>\. +(?=\S))",
        is_name_in_capitals,
    ),
)


@dataclass
class FoundTurn:
    """A turn as it stands in the text: `before` + `speaker` + `after` + the speech.

    Args:
        gap: number of line breaks between the line before and this turn's first.
        lines: of the speech.
    """

    speaker: str
    before: str
    after: str
    gap: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The speech without blank lines around it."""
        return "\n".join(self.lines).strip("\n")


@dataclass(frozen=True)
class Reading:
    """A text read in a form.

    Args:
        form: in which it was read.
        turns: of the speakers that recur, in order.
        headers: lines that looked like the beginning of a turn, recurring or not.
        covered: share of the text's characters (white space aside) that are in these turns.
    """

    form: Form
    turns: list[FoundTurn]
    headers: int
    covered: float


def readings(lines: Sequence[str], fewest: int) -> Iterator[Reading]:
    """Read the lines of a text in every form in which it has so many headers at least.

    Scripts are read with turns that end at a blank line, and after all else with turns that go on,
    to a line of signs at most.
    """
    sizes = [len("".join(line.split())) for line in lines]
    scripts: list[tuple[Form, dict[int, re.Match[str]]]] = []
    for form in FORMS:
        headers = {
            number: found
            for number, line in enumerate(lines)
            if (found := form.header.match(line))
            and form.accepts(found["name"])
            # A heading stands above something: not above a blank line, nor at the end.
            and (not form.is_heading or any(sizes[number + 1 : number + 2]))
        }
        if len(headers) >= fewest:
            yield _read(lines, sizes, form, headers, spans_blanks=form.is_chat)
            if not form.is_chat:
                scripts.append((form, headers))
    for form, headers in scripts:
        yield _read(lines, sizes, form, headers, spans_blanks=True)


def _read(
    lines: Sequence[str],
    sizes: Sequence[int],
    form: Form,
    headers: Mapping[int, re.Match[str]],
    spans_blanks: bool,
) -> Reading:
    counts = Counter(found["name"] for found in headers.values())
    turns: list[FoundTurn] = []
    covered = blank = 0
    is_open = False
    for number, (line, size) in enumerate(zip(lines, sizes, strict=True)):
        header = headers.get(number)
        if header and counts[header["name"]] >= _RECURS:
            after = header["after"] + ("\n" if form.is_heading else "")
            turns.append(FoundTurn(header["name"], header["before"], after, blank + 1))
            if not form.is_heading:
                turns[-1].lines.append(line[header.end() :])
            is_open = True
            covered += size
        elif form.is_chat and _SYSTEM_LINE.match(line):
            is_open = False
            covered += size
        elif size and spans_blanks and not form.is_chat and not any(map(str.isalnum, line)):
            is_open = False
        elif is_open and (size or spans_blanks):
            turns[-1].lines.append(line)
            is_open = len(turns[-1].lines) < _MOST_LINES
            covered += size
        else:
            is_open = False
        blank = 0 if size else blank + 1
    return Reading(form, turns, len(headers), covered / max(1, sum(sizes)))
