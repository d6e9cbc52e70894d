"""Processes that write one artifact together, with nothing but the standard library.

    python examples/parallel_multiprocessing.py

Each process counts the words of some chapters and upserts what it found; the last run finishes the
version, which holds the parts of all. Processes of one job use one store, wherever they work.
"""

import json
import multiprocessing
import time

import casstore

GROUP = f"count-{time.time_ns()}"  # each batch of writers has a name of its own
CHAPTERS = {f"chapter-{number}": "the cat and the hat " * number for number in range(1, 7)}
WRITERS = 3


def count(group: str, names: list[str]) -> str:
    """Count the words of some chapters, as one run."""
    with casstore.init(project="words", group=group, job_type="count") as run:
        part = casstore.Artifact("counts", type="dataset", metadata={"counted by": "words"})
        for name in names:
            with part.new_file(f"counts/{name}.json") as stream:
                json.dump(len(CHAPTERS[name].split()), stream)
        run.upsert_artifact(part)
        return run.id


def main() -> None:
    chapters = sorted(CHAPTERS)
    shares = [(GROUP, chapters[writer::WRITERS]) for writer in range(WRITERS)]
    with multiprocessing.get_context("spawn").Pool(WRITERS) as pool:
        writers = pool.starmap(count, shares)

    with casstore.init(project="words", group=GROUP, job_type="finish") as run:
        whole = casstore.Artifact("counts", type="dataset", description="words of each chapter")
        with whole.new_file("chapters.json") as stream:
            json.dump(chapters, stream)
        run.finish_artifact(whole, aliases=["complete"])
        whole.wait()

    print(f"{whole.name}: {whole.file_count} files of {len(writers)} writers")
    with casstore.open("words/counts:complete", "counts/chapter-6.json") as stream:
        print("words in chapter 6:", json.load(stream))
    made = [info.id for info in casstore.Api().runs("words") if info.logged_artifacts()]
    print("made by every writer:", set(writers) < set(made))


if __name__ == "__main__":
    main()
