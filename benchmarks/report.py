"""The figures of a run: targets, verdicts, the printed table and its JSON.

Knows: what must be reached.  Never: how it is measured.
"""

import os
import platform
from dataclasses import dataclass
from typing import Any

__all__ = ["VERBS", "Figures", "as_json", "as_table"]

VERBS = ("put", "unchanged", "edited", "get")
TITLES = {
    "cp": "cp -r + sync -f",
    "put": "put, first time",
    "unchanged": "put, nothing changed",
    "edited": "put, 1 % edited",
    "get": "get into a new folder",
}
MEMORY_TARGET_BYTES = 300_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """A limit: ``most`` seconds, or ``most`` times what cp took."""

    most: float
    times_cp: bool = True

    def __str__(self) -> str:
        return f"<= {self.most:g} {'x cp' if self.times_cp else 's'}"

    def holds(self, seconds: float, cp_seconds: float) -> bool:
        """Say whether a minimum in seconds is within the limit."""
        return seconds <= self.most * (cp_seconds if self.times_cp else 1.0)


TARGETS = {
    ("put", "ckpt"): Target(1.3),
    ("put", "small"): Target(1.3),
    ("put", "text"): Target(2.0),
    ("unchanged", "ckpt"): Target(0.3, times_cp=False),
    ("unchanged", "small"): Target(0.35),
    ("unchanged", "text"): Target(0.3, times_cp=False),
    ("edited", "ckpt"): Target(0.8),
    ("edited", "small"): Target(0.4),
    ("edited", "text"): Target(0.8),
    ("get", "ckpt"): Target(1.3),
    ("get", "small"): Target(1.5),
    ("get", "text"): Target(1.5),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one set: seconds per round by verb (and cp), peaks and sizes in bytes.

    ``stored_bytes`` is what a put added to the store; ``get`` has none.
    """

    name: str
    file_count: int
    size_bytes: int
    seconds: dict[str, list[float]]
    peak_anonymous_bytes: dict[str, int]
    peak_resident_bytes: dict[str, int]
    stored_bytes: dict[str, int]

    def cell(self, verb: str) -> dict[str, Any]:
        """Return one verb's figures, judged by its target."""
        best, cp = min(self.seconds[verb]), min(self.seconds["cp"])
        target, peak = TARGETS[verb, self.name], self.peak_anonymous_bytes[verb]
        return {
            "verb": verb,
            "rounds_seconds": self.seconds[verb],
            "seconds": best,
            "times_cp": best / cp,
            "target": str(target),
            "ok": target.holds(best, cp),
            "peak_anonymous_bytes": peak,
            "peak_resident_bytes": self.peak_resident_bytes[verb],
            "memory_ok": peak <= MEMORY_TARGET_BYTES,
            "stored_bytes": self.stored_bytes.get(verb),
        }


def as_table(figures: Figures) -> str:
    """Lay one set's figures out as text; sizes in MB of 10^6 bytes."""
    cp = figures.seconds["cp"]
    size = f"{figures.file_count:,} files, {figures.size_bytes / 1e6:,.1f} MB"
    judged = f"{'target':<13}{'':<6}{'anon MB':>8}  {'<= 300':<7}{'stored MB':>10}"
    lines = [
        f"{figures.name}: {size}, minimum of {len(cp)} round(s), targets for scale 1",
        f"  {'verb':<22}{'seconds':>9}{'/ cp':>7}  {judged}",
        f"  {TITLES['cp']:<22}{min(cp):>9.3f}   (rounds {' '.join(f'{s:.2f}' for s in cp)})",
    ]
    return "\n".join(lines + [_row(figures.cell(verb)) for verb in VERBS])


def _row(cell: dict[str, Any]) -> str:
    stored = "" if cell["stored_bytes"] is None else f"{cell['stored_bytes'] / 1e6:,.1f}"
    return (
        f"  {TITLES[cell['verb']]:<22}{cell['seconds']:>9.3f}{cell['times_cp']:>7.2f}  "
        f"{cell['target']:<13}{_verdict(cell['ok']):<6}"
        f"{cell['peak_anonymous_bytes'] / 1e6:>8.1f}  {_verdict(cell['memory_ok']):<7}{stored:>10}"
    ).rstrip()


def _verdict(holds: bool) -> str:  # noqa: FBT001 - one yes or no, said in words
    return "ok" if holds else "MISS"


def as_json(sets: list[Figures], *, scale: float, edit: str) -> dict[str, Any]:
    """Return everything that was measured, with the machine it was measured on."""
    return {
        "schema": 1,
        "machine": {
            "system": platform.platform(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
        "scale": scale,
        "edit": edit,
        "sets": [
            {
                "name": figures.name,
                "file_count": figures.file_count,
                "size_bytes": figures.size_bytes,
                "cp_rounds_seconds": figures.seconds["cp"],
                "verbs": [figures.cell(verb) for verb in VERBS],
            }
            for figures in sets
        ],
    }
