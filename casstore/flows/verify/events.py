"""The journal, file by file.

Knows: every event that is there, and every one that should be.  Never: what events mean.
"""

from casstore.errors import Corrupt, Unsupported
from casstore.flows.verify.problems import Problem, Problems
from casstore.journal.wire import is_event_name, read_event
from casstore.store import Store

__all__ = ["check_events"]


def check_events(store: Store, problems: Problems) -> None:
    """Read every event's file, and look for those that the index has applied."""
    for month, _ in list(store.journal.months()):
        for name in store.journal.names(month):
            if is_event_name(name):
                _check_event(store, month, name, problems)
    _find_missing(store, problems)


def _check_event(store: Store, month: str, name: str, problems: Problems) -> None:
    try:
        read_event(name, store.journal.read(month, name))
    except FileNotFoundError:
        return  # it went meanwhile: the index tells whether it should be there
    except OSError as error:
        _add(problems, month, name, f"it cannot be read: {error.strerror}")
    except (Corrupt, Unsupported) as error:
        _add(problems, month, name, error.message)


def _find_missing(store: Store, problems: Problems) -> None:
    with store.index.read() as reader:
        for name, month in reader.events():
            if not (store.root / "journal" / month / name).exists():
                _add(problems, month, name, "it is gone; only the index still knows what it said")


def _add(problems: Problems, month: str, name: str, message: str) -> None:
    message = f"journal/{month}/{name}: {message}"
    problems.add(Problem("event", None, None, None, None, message))
