"""Log a folder as a version, use it in a second run, read it back.

    python examples/first_artifact.py

Needs nothing but casstore: no server, no account, no `init`. `casstore status` tells where the
versions are; CASSTORE_HOME=FOLDER keeps them elsewhere.
"""

import tempfile
from pathlib import Path

import casstore


def make_images(folder: Path) -> Path:
    """Stand in for somebody's data."""
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:04}.img").write_bytes(bytes([number]) * 50_000)
    return folder


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="casstore-first-"))
    images = make_images(work / "images")

    with casstore.init(project="first-steps", job_type="load-data") as run:
        artifact = casstore.Artifact(
            "pictures", type="dataset", description="twenty grey squares", metadata={"count": 20}
        )
        artifact.add_dir(images, name="images")
        with artifact.new_file("notes.txt") as notes:
            notes.write("made by first_artifact.py\n")
        run.log_artifact(artifact, aliases=["checked"])  # returns at once
        artifact.wait()
        print(f"logged {artifact.name}: {artifact.file_count} files, {artifact.size} bytes")

    with casstore.init(project="first-steps", job_type="train") as run:
        data = run.use_artifact("pictures:checked", type="dataset")  # recorded as this run's input
        folder = Path(data.download(work / "laid-out"))
        same = (folder / "images/0007.img").read_bytes() == (images / "0007.img").read_bytes()
        print(f"laid out in {folder}: {'the same bytes' if same else 'DIFFERENT BYTES'}")
        print(f"made by run {data.logged_by().id}, used by run {run.id}")


if __name__ == "__main__":
    main()
