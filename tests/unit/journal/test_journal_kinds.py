"""The table of kinds fits its records."""

from casstore.journal import bodies
from casstore.journal.kinds import EDIT_FIELDS, KINDS, LABEL_FIELDS


def test_every_record_has_a_kind_and_as_many_fields():
    """Wire fields stand in the order of the record's, under the same names but for ``as``."""
    for codec in KINDS.values():
        assert [key.replace("-", "_") for key in codec.readers] == [
            "as" if slot == "use_as" else slot for slot in codec.record._fields
        ]
    records = {name for name in bodies.__all__ if name.endswith("Body")} - {"UnknownBody"}
    assert {codec.record.__name__ for codec in KINDS.values()} == records - {"KnownBody", "Body"}


def test_registers_are_those_of_the_specification():
    """What may be edited later is frozen with the format."""
    assert sorted(EDIT_FIELDS) == ["description", "metadata", "tags", "ttl"]
    assert sorted(LABEL_FIELDS) == ["description", "name", "tags", "ttl", "type"]
