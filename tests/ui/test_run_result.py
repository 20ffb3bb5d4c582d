"""The end of a run in a visitor's words: figures, the judgement, what was copied."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from tests.training.judging.test_judgement import GOOD
from training.judging.judgement import judge
from ui.run_result import describe_result, page_words

MEASURED = {
    "val_loss": 2 * math.log(2),
    "baselines": {"five_gram": 2.4 * math.log(2), "xz": None, "uniform": 6 * math.log(2)},
    "judgement": ["Fitted well: a & b."],
    "longest_copy": {"passage": "to be <b>\n  or not", "length": 17},
}


def test_all_that_the_command_line_tells_is_on_the_page() -> None:
    shown = describe_result(MEASURED)
    assert "<th>this model</th><td>2.00</td>" in shown
    assert "<th>a 5-gram, which only counts characters</th><td>2.40</td>" in shown
    assert "xz" not in shown  # which wasn't measured
    assert 'width: 33%"' in shown
    assert "<li>Fitted well: a &amp; b.</li>" in shown
    assert "<pre>to be &lt;b&gt;\n  or not</pre>" in shown


def test_what_was_not_measured_is_left_out() -> None:
    assert describe_result({}) == ""
    assert "<table" not in describe_result({"val_loss": 1.0, "baselines": None})
    assert describe_result({"judgement": "x", "longest_copy": [], "baselines": 7}) == ""
    assert "%" in describe_result({"val_loss": 0.0, "baselines": {"uniform": 0.0}})


def test_no_advice_on_the_page_is_a_flag_or_cannot_be_taken_there() -> None:
    told: set[str] = set()
    for loss, best, stopped, minutes, dropout, seconds, copied in itertools.product(
        (None, 1.2, 1.4, 2.5), (10, 700, 990), (False, True), (None, 10.0), (0.0, 0.45, 0.5),
        (1.0, 1e7), (10, 500),
    ):  # fmt: skip
        evidence = replace(
            GOOD, val_loss=loss, best_step=best, risen=0.1, was_stopped=stopped, minutes=minutes,
            dropout=dropout, seconds=seconds, copied=copied,
        )  # fmt: skip
        told.update(map(page_words, judge(evidence)))
    assert not [sentence for sentence in told if "--" in sentence or "dropout" in sentence]
    assert all(sentence.endswith(".") and "  " not in sentence for sentence in told)
    assert any(sentence.endswith("More text helps most.") for sentence in told)
    assert any("Go on takes it up again." in sentence for sentence in told)
    assert any("More text or a higher temperature" in sentence for sentence in told)
