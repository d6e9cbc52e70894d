"""Where did this number come from? Three runs, and the way from the raw data to a report.

    python examples/lineage.py

Nothing is told twice: what a run uses and logs is recorded, and the graph follows from it. The same
is on the command line: `casstore lineage report`, with `--json`, `--mermaid`, `--dot` or `--svg`.
"""

import json
import tempfile
from pathlib import Path

import casstore

PROJECT = "lineage"


def log(run: casstore.Run, name: str, kind: str, content: object) -> casstore.Artifact:
    """Log one JSON file as an artifact."""
    artifact = casstore.Artifact(name, type=kind)
    with artifact.new_file("content.json") as stream:
        json.dump(content, stream)
    return run.log_artifact(artifact).wait()


def read(artifact: casstore.Artifact, work: Path) -> list[float]:
    return json.loads(Path(artifact.download(work / artifact.name), "content.json").read_text())


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="casstore-lineage-"))
    with casstore.init(project=PROJECT, job_type="collect") as run:
        raw = log(run, "raw", "dataset", [3.0, 1.0, 2.0, -99.0])
    with casstore.init(project=PROJECT, job_type="clean", config={"data": raw}) as run:
        kept = [value for value in read(run.config.data, work) if value >= 0]  # an input, too
        log(run, "clean", "dataset", kept)
    with casstore.init(project=PROJECT, job_type="summarize") as run:
        values = read(run.use_artifact("clean:latest"), work)
        report = log(run, "report", "report", [sum(values) / len(values)])

    print("made by a run of job type", report.logged_by().job_type)
    print("raw was read by", [user.job_type for user in raw.used_by()])
    for source, target, kind in raw.lineage().edges:
        print(" -> ".join(getattr(node, "job_type", node.name) for node in (source, target)), kind)
    picture = work / "report.svg"
    picture.write_text(report.lineage().svg(), encoding="utf-8")  # a browser shows it
    print("the picture has", len(report.lineage().nodes), "versions and runs")


if __name__ == "__main__":
    main()
