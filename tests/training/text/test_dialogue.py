"""Dialogues are recognised in the forms that people have them in, and nothing else is."""

from __future__ import annotations

import json
import random
import re
import string
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from model.chat.dialogue import Turn, conversation_text
from training.settings import Settings
from training.text.corpus import read_corpus
from training.text.dialogue import Dialogue, detect

SPEECHES = """Are you there?|I am here, my dear.|What did she say?|Nothing that I could hear.
Then we shall wait.|How long?|Until the bells ring twice.|They never ring.|You always say that.
And I am always right.|The road is long tonight.|Have you brought the lamp?|I left it by the door.
Then go and fetch it.|It is raining.|It was raining yesterday, too.|Who told you so?|My brother did.
Your brother sleeps all day.|Not all of it.|Give me your hand.|Why should I?|The bridge is narrow.
I see two bridges.|There is only one.|Listen to the water.|It sounds like somebody who laughs.
Do you know him?|I knew him once.|Tell me about it.|He kept bees, and he never locked his house.
Where is he now?|Nobody knows that: he went out one night, with his hat on.|Was it raining?
It was. And there was a letter on the table.|Addressed to whom?|To you, I think."""
LINES = [line for row in SPEECHES.split("\n") for line in row.split("|")]


def conversation(form: str, *speakers: str, turns: int = 60) -> str:
    """Turns in a form: {who}, {says}, and {time} for a clock that goes on every other turn."""
    rng = random.Random(form + "".join(speakers))
    text = ""
    who = speakers[0]
    for number in range(turns):
        time = f"{14 + number // 60:02}:{number // 2 + 5:02}"
        says = rng.choice(LINES) + rng.choice(["", " " + rng.choice(LINES)])
        text += form.format(who=who, says=says, time=time)
        who = rng.choice([name for name in speakers if name != who])
    return text


def detected(text: str) -> Dialogue:
    dialogue = detect(text)
    assert dialogue is not None
    return dialogue


def test_a_play_becomes_a_template_of_the_two_who_answer_each_other_most() -> None:
    play = "".join(
        conversation("{who}:\n{says}\n\n", *cast, turns=40)
        for cast in (("KING", "QUEEN"), ("KING", "FOOL", "FIRST GUARD"), ("QUEEN", "KING"))
    )
    found = detected(play)
    assert found.turns == 120
    assert not found.is_chat
    template = found.template
    assert {template.user_speaker, template.reply_speaker} == {"KING", "QUEEN"}
    assert template.user_prefix == f"{template.user_speaker}:\n"
    assert template.stop == ("\n\n",)
    assert set(template.speakers) == {"KING", "QUEEN", "FOOL", "FIRST GUARD"}
    asked = conversation_text([Turn("user", "Who goes there?")], template)
    assert asked == f"{template.user_speaker}:\nWho goes there?\n\n{template.reply_speaker}:\n"


@pytest.mark.parametrize(
    ("form", "speakers", "prefix", "suffix"),
    [
        ("{who}: {says}\n", ("Ann Lee", "Dr. Carr"), "Ann Lee: ", "\n"),
        ("{who}: {says}\n\n", ("SPEAKER_00", "SPEAKER_01"), "SPEAKER_00: ", "\n\n"),
        ("**{who}:** {says}\n\n", ("Ann", "Bob"), "**Ann:** ", "\n\n"),
        ("### {who}:\n{says}\n\n", ("User", "Assistant"), "### User:\n", "\n\n"),
        ("{who}：{says}\n", ("小明", "老师"), "小明：", "\n"),
        ("{who} (softly): {says}\n", ("Ann", "Bob"), "Ann (softly): ", "\n"),
    ],
)  # fmt: skip
def test_every_usual_way_to_write_a_script_is_read(
    form: str, speakers: tuple[str, ...], prefix: str, suffix: str
) -> None:
    template = detected(conversation(form, *speakers)).template
    assert prefix in (template.user_prefix, template.reply_prefix)
    assert (template.user_suffix, template.reply_suffix) == (suffix, suffix)
    assert template.stop == (suffix,)
    assert set(template.speakers) == set(speakers)


@pytest.mark.parametrize(
    "header",
    [
        "[12.03.21, {time}:33] {who}: ",
        "\u200e[3.12.21, {time}\u202fAM] {who}: ",
        "12/03/21, {time} PM - {who}: ",
        "[2021-03-12 {time}] {who}: ",
        "({time}:09) {who}: ",
        "{time} - {who}: ",
        "<{who}> ",
        "[{time}] <{who}> ",
        "{time} <@{who}> ",
        "Mar 12 {time}:09 <{who}>\t",
    ],
)
def test_every_usual_export_of_a_messenger_is_read(header: str) -> None:
    found = detected(conversation(header + "{says}\n", "ann", "bob"))
    assert found.is_chat
    template = found.template
    # One real time stands before both names.
    pairs = [
        tuple(header.lstrip("\u200e").format(time=f"14:{m:02}", who=who) for who in ("ann", "bob"))
        for m in range(60)
    ]
    assert tuple(sorted((template.user_prefix, template.reply_prefix))) in pairs
    assert (template.user_suffix, template.reply_suffix) == ("\n", "\n")


def test_an_export_with_all_its_oddities_is_read() -> None:
    lines = ["12/03/21, 2:01 PM - Messages and calls are end-to-end encrypted. Learn more."]
    people = ["Ann 🐝", "~ Bob", "\u202a+49 170 1234567\u202c"]
    rng = random.Random(1)
    for number, says in enumerate(LINES + LINES):
        stamp = f"{1 + number % 28:02}/03/21, 2:{number % 60:02} PM"
        who = rng.choice(people)
        lines.append(f"{stamp} - {who}: {says}")
        if number % 3 == 0:
            lines += ["and on a second line", "", "and behind an empty one: yes"]
        if number % 5 == 0:
            lines.append(f"{stamp} - {who}: <Media omitted>")
        if number % 9 == 0:
            lines.append(f'{stamp} - Ann 🐝 changed the subject to "tea {number}: or coffee"')
            lines.append(f"\u200e{stamp} - {who}: \u200eimage omitted")
    template = detected("\n".join(lines)).template
    assert sorted(template.speakers) == sorted(people)
    assert template.stop == ("\n0", "\n1", "\n2", "\n\u200e")  # how dates begin
    assert template.reply_suffix == "\n"


def test_the_one_who_is_asked_replies() -> None:
    for order in (("Q", "A"), ("A", "Q")):
        template = detected(conversation("{who}: {says}\n", *order)).template
        assert (template.user_speaker, template.reply_speaker) == ("Q", "A")
    interview = "".join(
        f"MS. HALE: And what about {line.lower()[:-1]}?\n\nMR. ODD: {line}\n\n" for line in LINES
    )
    assert detected(interview).template.user_speaker == "MS. HALE"


def test_a_reply_of_several_paragraphs_ends_where_somebody_else_speaks() -> None:
    talk = conversation("{who}: {says}\n\nOn another line, {says}\n\n", "User", "Assistant")
    assert detected(talk).template.stop == ("\n\nUser:", "\n\nAssistant:")


def test_answers_and_questions_may_stand_at_different_distances() -> None:
    faq = "".join(
        f"Q:  {asked}\n\nA:  It is so.\n    {line}\n\n    That was it.\n\n\n"
        for asked, line in zip(LINES, reversed(LINES), strict=True)
    )
    template = detected(faq).template
    assert (template.user_suffix, template.reply_suffix) == ("\n\n", "\n\n\n")
    assert template.stop == ("\n\n\n",)


RECIPE = (
    "Pancakes no. {0}\n\nIngredients:\n{0} eggs\n{1}\n\nMethod:\nMix well. Is it thick? {1}\n\n"
)
NO_DIALOGUES = {
    "recipes": "".join(RECIPE.format(number, line) for number, line in enumerate(LINES)),
    "a package with its manual": "".join(
        f"Requires-Dist: {a}\nRequires-Dist: {b}\nProvides-Extra: {c}\n"
        for a, b, c in zip(*[iter(list(topics)[:36])] * 3, strict=True)
    ) + "Requires-Dist: this, and why?\n",
    "html": "".join(f"<p> {line}\n<li> {line}\n" for line in LINES),
    "a talk before a long text": conversation("{who}: {says}\n", "Ann", "Bob")
    + "\n".join(LINES * 9),
    "many who say something once": conversation("{who}: {says}\n", "Ann", "Bob")
    + "".join(f"{line.split()[0]} {n}: {line}\n" for n, line in enumerate(LINES)),
    "three fields": "".join(
        f"City: {a}\nRiver: {b}\nHill: {c}\n\n"
        for a, b, c in zip(LINES, LINES[5:], LINES[9:], strict=False)
    ),
    "sayings and poems": "".join(
        f"The Master: {a}\n%\n{b}\n\n{c}\n{d}\n{a}\n%\nVerses: {d}\n{a}\n%\n"
        for a, b, c, d in zip(LINES, LINES[5:], LINES[9:], LINES[14:], strict=False)
    ),
    "poems and their authors": "".join(
        f"子曰：{a}\n\n作者：{b}\n{b}\n" for a, b in zip(LINES, LINES[5:], strict=False)
    ),
    "moves of a game": "".join(
        f"White: {n}. Q{x}{n % 8}+{n}{'?' * (n % 5 == 0)}\nBlack: N{x}{n % 7}-{n}{x}\n"
        for n, x in enumerate(string.ascii_letters)
    ),
    "readings": "".join(
        f"Pump: Is it on? At {n} bar, yes.\nTank: Is it full? To line {n}.\n" for n in range(50)
    ),
    "a short talk": conversation("{who}: {says}\n", "Ann", "Bob", turns=12),
}  # fmt: skip
"""Each is refused by one rule alone."""


@pytest.mark.parametrize("kind", NO_DIALOGUES)
def test_what_only_looks_like_a_dialogue_is_none(kind: str) -> None:
    assert detect(NO_DIALOGUES[kind]) is None


def test_pythons_own_reference_and_source_are_no_dialogues() -> None:
    assert detect("".join(topics.values())) is None
    modules = list(Path(json.__file__).parents[1].glob("[a-d]*.py"))
    assert len(modules) > 10
    assert [path for path in modules if detect(path.read_text("utf-8"))] == []


def test_a_long_line_takes_no_long_time() -> None:
    assert detect("Ann and " * 100_000 + ": (" * 100_000) is None


def test_what_was_understood_is_said_with_a_word_about_privacy_where_it_is_due() -> None:
    play = detected(conversation("{who}:\n{says}\n\n", "KING", "QUEEN")).describe()
    assert re.match(r"the text reads like a dialogue: 60 turns, most by (KING|QUEEN) and ", play)
    assert "private" not in play
    chat = detected(conversation("[{time}] {who}: {says}\n", "ann", "bob")).describe()
    assert "reads like a chat" in chat
    assert "keep the model private" in chat


def test_a_corpus_has_the_template_of_what_is_learnt_unless_nobody_is_to_look(
    tmp_path: Path,
) -> None:
    play = tmp_path / "play.txt"
    text = conversation("{who}:\n{says}\n\n", "KING", "QUEEN")
    play.write_text(text, encoding="utf-8")
    learnt = detected(text[: round(len(text) * 0.9)])
    for dialogue, expected in (("auto", learnt), ("off", None)):
        run = tmp_path / dialogue
        run.mkdir()
        corpus = read_corpus(Settings((str(play),), dialogue=dialogue), run)
        assert corpus.notes == ((expected.describe(),) if expected else ())
        assert corpus.chat_template == (expected.template if expected else None)
