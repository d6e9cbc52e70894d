"""Tables: typed rows, in W&B's files or in Parquet.

A table gives its files to a ``Sink`` and is read from a ``Source`` (``casstore.media``); columns
have types (``types``), cells become JSON and come back (``cells``), files are written by
``jsonfile`` and ``parquet``.
"""

from casstore.tables.joined import JoinedTable
from casstore.tables.jsonfile import parse_json
from casstore.tables.partitioned import TABLE_SUFFIXES, PartitionedTable
from casstore.tables.table import Table

__all__ = [
    "TABLE_KINDS",
    "TABLE_SUFFIXES",
    "JoinedTable",
    "PartitionedTable",
    "Table",
    "parse_json",
]

TABLE_KINDS = {kind.log_type: kind for kind in (JoinedTable, PartitionedTable, Table)}
"""What ``_type`` may say, and the class that reads it."""
