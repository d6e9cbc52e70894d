"""What an edited table costs: some pages around the edit, not the table."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

import casstore


def stored_bytes(desk):
    return sum(path.stat().st_size for path in (desk.root / "packs").rglob("*") if path.is_file())


def frame(count):
    """Return rows of an id, a sentence and four numbers."""
    random = np.random.default_rng(7)
    words = random.integers(0, 1 << 60, size=(count, 2))
    numbers = {f"n{index}": random.normal(size=count) for index in range(4)}
    text = [f"row {row}: {one:x} {two:x}" for row, (one, two) in enumerate(words)]
    return pd.DataFrame({"id": np.arange(count), "text": text, **numbers})


def log(table):
    artifact = casstore.Artifact("rows", type="dataset")
    artifact.add(table, "t")
    artifact.save()
    return artifact.wait()


def costs(desk, make, count):
    """Log a table, one with an edited row and one with a row less; return what each stored."""
    rows = frame(count)
    edited = rows.copy()
    edited.loc[count // 2, ["text", "n0"]] = ["edited", 7.0]
    shorter = edited.drop(index=count // 3)
    sizes = [0]
    for number, each in enumerate((rows, edited, shorter)):
        version = log(make(each))
        assert version.version == f"v{number}"
        sizes.append(stored_bytes(desk))
    assert version["t"].nrows == count - 1
    return [after - before for before, after in pairwise(sizes)]


def test_an_edited_row_of_a_parquet_table_stores_a_few_pages(desk):
    """The first version stores 5.3 MB, the edit of two cells 3.4 % of it, a row less 11.5 %."""

    def make(rows):
        return casstore.Table(data=pa.Table.from_pandas(rows, preserve_index=False))

    first, edit, less = costs(desk, make, 100_000)
    assert first > 4_000_000
    assert edit < 0.07 * first
    assert less < 0.2 * first


def test_an_edited_row_of_a_json_table_stores_a_few_chunks(desk):
    """Rows are lines: of 100,000 (6.1 MB stored) the edit stores 0.8 %, a row less 1.3 %."""
    first, edit, less = costs(desk, lambda rows: casstore.Table(dataframe=rows), 20_000)
    assert first > 800_000
    assert edit < 0.15 * first
    assert less < 0.15 * first
