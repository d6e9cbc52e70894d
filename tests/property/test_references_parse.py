"""Whatever is typed, a reference is read as it prints or refused."""

from hypothesis import given
from hypothesis import strategies as st

from casstore.errors import Invalid
from casstore.names import check_name, parse_reference, version_number

names = st.from_regex(r"\A[a-zA-Z0-9_\-.]{1,20}\Z").filter(lambda name: name not in {".", ".."})
where = st.text("abcXYZ 0_-.\u00e9", min_size=1, max_size=8).filter(
    lambda text: text not in {".", ".."}
)
aliases = st.text("abc v019-_.\u00e9", min_size=1, max_size=8)
ids = st.text("0123456789abcdef", min_size=8, max_size=64)
tails = st.one_of(st.just(""), aliases.map(":{}".format), ids.map("@{}".format))


@given(st.lists(where, max_size=2), names, tails)
def test_every_reference_of_the_grammar_is_read_and_printed_back(folders, name, tail):
    """Each part comes back where it belongs."""
    text = "/".join([*folders, name]) + tail
    reference = parse_reference(text)
    assert reference.name == name
    assert reference.project == (folders[-1] if folders else "")
    assert reference.explicit == bool(tail)
    assert str(reference) == (text if tail else f"{text}:latest")
    assert parse_reference(str(reference)) == (
        reference if tail else parse_reference(f"{text}:latest")
    )


@given(st.one_of(st.text(max_size=30), st.text("ab/:@v01.", max_size=12)))
def test_any_text_is_a_reference_or_invalid(text):
    """Nothing else is raised, and what is read prints as something that means the same."""
    try:
        reference = parse_reference(text)
    except Invalid:
        return
    check_name(reference.name)
    again = parse_reference(str(reference))
    assert (again.name, again.label, again.id_prefix) == (
        reference.name,
        reference.label,
        reference.id_prefix,
    )


@given(st.integers(0, 10**15))
def test_every_number_is_a_label_and_back(number):
    """From v0 on."""
    assert version_number(f"v{number}") == number


@given(st.text(max_size=6))
def test_a_label_is_a_number_only_as_it_would_be_printed(label):
    """So that two labels never mean one version."""
    number = version_number(label)
    assert number is None or label == f"v{number}"
