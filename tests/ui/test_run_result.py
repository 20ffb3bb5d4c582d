"""The end of a run in a visitor's words: figures, the judgement, what was copied."""

from __future__ import annotations

import math

from ui.run_result import describe_result

MEASURED = {
    "val_loss": 2 * math.log(2),
    "baselines": {"five_gram": 2.4 * math.log(2), "xz": None, "uniform": 6 * math.log(2)},
    "judgement": ["Fitted well: a & b."],
    "longest_copy": {"passage": "to be <b>\n  or not", "length": 17},
}


def test_all_that_was_measured_is_on_the_page() -> None:
    shown = describe_result(MEASURED)
    assert "<th>this model</th><td>2.00</td>" in shown
    assert "<th>a 5-gram, which only counts characters</th><td>2.40</td>" in shown
    assert "xz" not in shown  # which wasn't measured
    assert 'width: 33%"' in shown
    assert "<li>Fitted well: a &amp; b.</li>" in shown
    assert "<pre>to be &lt;b&gt;\n  or not</pre>" in shown


def test_where_nothing_was_held_out_the_page_says_that_nothing_was_measured() -> None:
    shown = describe_result({**MEASURED, "val_loss": None})
    assert "Nothing was measured" in shown
    assert "<table" not in shown
    assert "Fitted well" in shown
    assert describe_result({}) == ""  # before there is a model


def test_a_copied_passage_of_white_space_is_no_quotation() -> None:
    for passage in ("", " \n\t ", None, 7):
        assert "<pre>" not in describe_result({**MEASURED, "longest_copy": {"passage": passage}})


def test_what_a_strange_config_says_breaks_nothing() -> None:
    strange = {"val_loss": 0.0, "judgement": "x", "longest_copy": [], "baselines": 7}
    assert "0.00" in describe_result(strange)
    assert "%" in describe_result({"val_loss": 0.0, "baselines": {"uniform": 0.0}})
