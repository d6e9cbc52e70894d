"""Questions about runs: who read what, who made what.

Knows: how rows become views.  Never: how rows came about, LMDB, graphs.
Iterators read the table while they are used: keep its transaction open until then.
"""

from collections.abc import Iterator
from typing import Any

from casstore.digest import COMMIT_ID_SIZE, CommitId
from casstore.encoding import decode
from casstore.journal import keys
from casstore.journal.table import StateReader
from casstore.journal.views import InputView, RunView, UseView

__all__ = ["run", "run_clock", "runs", "users_of"]


def run(table: StateReader, project: str, run_id: str) -> RunView | None:
    """Return a run, or None if no event about it has arrived."""
    raw = table.get(keys.run(project, run_id))
    return None if raw is None else _run(table, decode(raw))


def runs(table: StateReader, project: str | None = None) -> Iterator[RunView]:
    """Yield the runs of a project, or of all, by id."""
    for _, raw in table.scan(keys.runs(project)):
        yield _run(table, decode(raw))


def run_clock(table: StateReader, project: str, run_id: str) -> int:
    """Return the highest clock seen of a run, 0 if none."""
    raw = table.get(keys.run(project, run_id))
    return 0 if raw is None else int(decode(raw)["clock"])


def users_of(table: StateReader, commit: bytes) -> tuple[UseView, ...]:
    """Return the runs that read a commit, in order; each use counts once."""
    found = []
    for key, raw in table.scan(keys.uses(commit)):
        clock, time, project, run_id, use_as = decode(raw)
        found.append((clock, key, UseView(project, run_id, use_as, time)))
    return tuple(view for _, _, view in sorted(found, key=lambda item: item[:2]))


def _run(table: StateReader, row: dict[str, Any]) -> RunView:
    project, run_id = row["project"], row["run"]
    fields = {field: value for field, (_, value) in row["fields"].items()}
    state, exit_code = fields.get("state", ("running", None))
    return RunView(
        project=project,
        run=run_id,
        name=fields.get("name"),
        group=fields.get("group"),
        job_type=fields.get("job_type"),
        entity=fields.get("entity"),
        notes=fields.get("notes"),
        tags=tuple(fields.get("tags", ())),
        config=fields.get("config", "{}"),
        summary=fields.get("summary", "{}"),
        environment=fields.get("environment", "{}"),
        state=state,
        exit_code=exit_code,
        inputs=_inputs(table, project, run_id),
        outputs=_outputs(table, project, run_id),
        created_at=row["created"],
        updated_at=row["updated"],
        complete=row["started"],
    )


def _inputs(table: StateReader, project: str, run_id: str) -> tuple[InputView, ...]:
    """Return what a run read, in the order of its clocks, each once."""
    found = [InputView(*decode(raw)) for _, raw in table.scan(keys.inputs(project, run_id))]
    return tuple(dict.fromkeys(found))


def _outputs(table: StateReader, project: str, run_id: str) -> tuple[CommitId, ...]:
    rows = table.scan(keys.outputs(project, run_id))
    found = [(decode(raw), key[-COMMIT_ID_SIZE:]) for key, raw in rows]
    return tuple(CommitId(commit) for _, commit in sorted(found))
