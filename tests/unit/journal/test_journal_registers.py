"""Registers show one value, or say that there are several."""

from casstore.journal import registers
from casstore.journal.table import MemoryTable


def test_an_event_replaced_twice_does_not_come_back():
    """Both replacements arrive first, then what they replaced: it is no head."""
    table, register, heads = MemoryTable(), b"r", []
    for event in (b"2", b"3"):
        heads, _ = registers.drop(table, register, heads, (b"1",))
        heads = registers.join(table, register, heads, [event, 5, event])
    assert registers.join(table, register, heads, [b"1", 1, b"1"]) == heads
    assert [head[0] for head in heads] == [b"2", b"3"]


def test_registers_do_not_disturb_each_other():
    """What is replaced in one register stands in another."""
    table = MemoryTable()
    registers.drop(table, b"r", [], (b"1",))
    assert registers.join(table, b"s", [], [b"1", 1, "x"]) == [[b"1", 1, "x"]]


def test_the_latest_head_is_shown_and_equal_values_agree():
    """Clock first, then event id; equal values are no conflict."""
    heads = [[b"1", 7, "a"], [b"2", 7, "b"], [b"3", 6, "b"]]
    assert registers.shown(heads) == "b"
    assert [head[0] for head in registers.distinct(heads)] == [b"2", b"1"]
    assert len(registers.distinct([[b"1", 1, "a"], [b"2", 2, "a"]])) == 1
    assert registers.shown([]) is None


def test_concurrent_sets_are_joined():
    """Tags given on two machines are all kept."""
    assert registers.union([[b"1", 1, ["z", "a"]], [b"2", 1, ["b"]]]) == ["a", "b", "z"]
    assert registers.union([[b"1", 1, ["z", "a"]]]) == ["z", "a"]
    assert registers.union([]) == []
