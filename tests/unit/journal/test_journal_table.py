"""The table in memory keeps the contract of the one in LMDB."""

from casstore.journal.table import MemoryTable


def test_scan_yields_a_prefix_in_order_after_changes():
    """Rows put and deleted between two scans are seen by the second."""
    table = MemoryTable()
    for key in (b"b2", b"a", b"b1", b"c"):
        table.put(key, key)
    assert [key for key, _ in table.scan(b"b")] == [b"b1", b"b2"]
    table.put(b"b0", b"new")
    table.delete(b"b1")
    table.delete(b"absent")
    assert list(table.scan(b"b")) == [(b"b0", b"new"), (b"b2", b"b2")]
    assert [key for key, _ in table.scan(b"")] == [b"a", b"b0", b"b2", b"c"]
