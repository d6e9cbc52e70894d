"""What is told of bundles that were made, verified, applied.

Knows: lines and JSON keys.  Never: how bundles are made.
"""

from typing import Any

from casstore.bundles import Base
from casstore.cli.options import Options
from casstore.cli.output import (
    count_text,
    one_line,
    path_fields,
    path_text,
    print_json,
    print_line,
    size_text,
)
from casstore.cli.records import version_record
from casstore.flows.transfer import Applied, Bundled, Waiting
from casstore.flows.verify import BundledVersion, BundleReport
from casstore.journal.views import VersionView
from casstore.store import Known, Store, shown_as

__all__ = ["show_applied", "show_made", "show_nothing", "show_report"]


def show_nothing(options: Options) -> None:
    """Tell that the far side has everything, or that there is nothing."""
    if options.json:
        print_json(bundle_id=None, parts=[], versions=[], frames=0, stored_bytes=0)
    elif not options.quiet:
        print_line("nothing to carry: no bundle was made")


def show_made(
    options: Options, store: Known, made: Bundled, base: Base | None, views: list[VersionView]
) -> None:
    """Tell which files were made, and what is in them."""
    if options.json:
        print_json(
            bundle_id=made.bundle_id,
            parts=[{"path": str(path), "size_bytes": path.stat().st_size} for path in made.paths],
            thin_against=None if base is None else str(base),
            versions=[version_record(store, view) for view in views],
            frames=made.sent.frames,
            stored_bytes=made.sent.stored_bytes,
        )
        return
    for path in made.paths:
        print_line(str(path) if options.quiet else f"{path}  {size_text(path.stat().st_size)}")
    if not options.quiet:
        thin = f"  thin: without what {base} has" if base is not None else ""
        print_line(one_line(f"{count_text(len(views), 'version')}{thin}"))


def show_report(options: Options, report: BundleReport) -> None:
    """Tell what was verified, and what is wrong."""
    if options.json:
        print_json(**_report_record(report))
        return
    for problem in report.problems:
        path = "" if problem.path is None else path_text(problem.path)
        parts = (problem.kind, problem.reference, path, problem.message)
        print_line(one_line("  ".join(part for part in parts if part)))
    if options.quiet:
        return
    for file in report.files:
        about = file.about
        content = f"part {about.part} of {about.parts}  {count_text(len(file.members), 'member')}"
        print_line(one_line(f"{file.path}  {content}  {size_text(file.size_bytes)}"))
    for version in report.versions:
        print_line(one_line(_verified_line(version, report)))
    verdict = count_text(len(report.problems), "problem") if report.problems else "ok"
    print_line(f"{count_text(len(report.versions), 'version')}  {verdict}")


def _report_record(report: BundleReport) -> dict[str, Any]:
    return {
        "ok": not report.problems,
        "parts": [
            {
                "path": str(file.path),
                "size_bytes": file.size_bytes,
                "bundle_id": file.about.bundle_id,
                "part": file.about.part,
                "parts": file.about.parts,
            }
            for file in report.files
        ],
        "missing_parts": report.missing_parts,
        "thin_against": [str(base) for base in report.bases],
        "versions": [_verified_record(version) for version in report.versions],
        "problems": [
            {
                "kind": one.kind,
                "reference": one.reference,
                **({"path": None} if one.path is None else path_fields(one.path)),
                "message": one.message,
            }
            for one in report.problems
        ],
    }


def _verified_record(version: BundledVersion) -> dict[str, Any]:
    return {
        "reference": version.label,
        "commit_id": version.commit.hex(),
        "file_count": version.file_count,
        "size_bytes": version.size_bytes,
        "state": version.state,
        "lacking": version.lacking,
    }


def _verified_line(version: BundledVersion, report: BundleReport) -> str:
    line = (
        f"{version.label}  {count_text(version.file_count, 'file')}"
        f"  {size_text(version.size_bytes)}  {version.state}"
    )
    if not version.lacking:
        return line
    sources = [str(base) for base in report.bases]
    for bundle_id, parts in report.missing_parts.items():
        sources.append(f"part {', '.join(map(str, parts))} of bundle {bundle_id[:12]}")
    return (
        f"{line}: needs at least {count_text(version.lacking, 'chunk')} of {' or '.join(sources)}"
    )


def show_applied(options: Options, store: Store, done: Applied, views: list[VersionView]) -> None:
    """Tell which versions came (``views``, as they are here now), and which wait or are refused."""
    if options.json:
        print_json(
            versions=[version_record(store, view) for view in views],
            waiting=[_waiting_record(one) for one in done.waiting],
            frames=done.frames,
            stored_bytes=done.stored_bytes,
            events=done.pulled.received.events,
            problems=list(done.problems),
        )
        return
    for problem in done.problems:
        print_line(one_line(f"damaged  {problem}"))
    for view in views:
        reference = shown_as(store, view)
        size = size_text(view.manifest.size)
        count = count_text(view.manifest.entries, "file")
        print_line(reference if options.quiet else f"{reference}  {count}  {size}")
    for one in done.waiting:
        print_line(one_line(_waiting_line(one)))
    if not options.quiet:
        new = count_text(len(views), "version")
        print_line(f"{new} new  stored {size_text(done.stored_bytes)}")


def _waiting_record(one: Waiting) -> dict[str, Any]:
    return {
        "project": one.view.project,
        "name": one.view.label,
        "commit_id": one.view.commit.hex(),
        "missing": one.missing,
        "damaged": [digest.hex() for digest in one.damaged],
        "message": one.message,
    }


def _waiting_line(one: Waiting) -> str:
    label = f"{one.view.project}/{one.view.label}@{one.view.commit.hex()[:12]}"
    if one.damaged:
        chunks = ", ".join(digest.hex() for digest in one.damaged[:3])
        return f"refused  {label}: {count_text(len(one.damaged), 'chunk')} damaged: {chunks}"
    if one.message:
        return f"refused  {label}: {one.message}"
    count = count_text(one.missing, "chunk")
    told = "apply what has the rest; if another bundle has it, then this one again"
    return f"waiting  {label}: at least {count} missing: {told}"
