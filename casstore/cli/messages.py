"""What is said on standard error while a verb works: notices and the progress bar.

Knows: who wants to be told.  Never: results; those go to standard output.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping

from casstore.cli.options import Options
from casstore.cli.output import one_line
from casstore.cli.streams import tell
from casstore.cli.table import load

__all__ = ["Progress", "progress_bar", "say", "shows_progress", "tell_requests"]

Progress = Callable[[int, int], None]


def say(options: Options, text: str) -> None:
    """Tell something worth knowing, unless ``-q``."""
    if not options.quiet:
        tell(one_line(f"casstore: {text}"))


def shows_progress(options: Options) -> bool:
    """Tell whether a bar is wanted, and somebody is there to see it."""
    return options.progress and not options.quiet and sys.stderr.isatty()


@contextlib.contextmanager
def progress_bar(options: Options, verb: str, size_bytes: int) -> Iterator[Progress | None]:
    """Show how far a verb is, of ``size_bytes``; gives what to call with (files, bytes) done."""
    if not shows_progress(options):
        yield None
        return
    bar = load("progress").Bar(verb, size_bytes)
    try:
        yield bar.note
    finally:
        bar.close()


def tell_requests(options: Options, counts: Mapping[str, int], depot: str) -> None:
    """Say, with ``-v``, how many requests were sent to a depot, by verb."""
    if options.verbose:
        text = ", ".join(f"{count} {verb}" for verb, count in sorted(counts.items()))
        say(options, f"{sum(counts.values())} requests to {depot}: {text}")
