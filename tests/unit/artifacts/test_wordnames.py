"""Random ids and names of runs."""

import re

import pytest

from casstore.artifacts import wordnames
from casstore.artifacts.wordnames import MAX_ID_CHARS, generate_id, run_id, run_name
from casstore.errors import Invalid
from casstore.names import check_name


def test_a_run_id_is_eight_lower_case_letters_and_digits():
    """The form is fixed, and ids do not repeat."""
    ids = {run_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(re.fullmatch(r"[a-z0-9]{8}", one) for one in ids)
    assert set("".join(ids)) == set("abcdefghijklmnopqrstuvwxyz0123456789")


def test_a_run_name_is_two_words_and_the_number():
    """Names are short, fit artifact names and differ."""
    names = [run_name(n) for n in range(200)]
    for n, name in enumerate(names):
        assert re.fullmatch(rf"[a-z]{{2,8}}-[a-z]{{2,8}}-{n}", name)
        check_name(name)
    assert len({name.rpartition("-")[0] for name in names}) > 150


def test_the_word_lists_are_sorted_and_hold_about_a_hundred_words_each():
    """A word stands once, in order, so that the lists stay easy to change."""
    for words in (wordnames._FIRST, wordnames._SECOND):
        assert list(words) == sorted(set(words))
        assert 100 <= len(words) <= 130


def test_an_id_may_have_another_length():
    """generate_id takes what W&B's takes, within limits."""
    assert len(generate_id()) == 8
    assert len(generate_id(length=16)) == 16
    for length in (0, -1, MAX_ID_CHARS + 1):
        with pytest.raises(Invalid):
            generate_id(length)
