"""Log two releases of a real package and the interpreter's own library, and read them back.

    python examples/real_trees.py

Downloads two scipy wheels of 35 MB with pip into a temporary folder. Shows how little the second
release stores, then checks everything out again and compares every byte and executable bit.
"""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from zipfile import ZipFile

import casstore

RELEASES = ("1.17.0", "1.17.1")
PLATFORM = ("--python-version", "3.11", "--platform", "manylinux_2_27_x86_64")


def fetch(release: str, folder: Path) -> Path:
    """Download a wheel of scipy, always the same one, and return its path."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    what = ["--no-deps", "--only-binary", ":all:", *PLATFORM, "--dest", str(folder)]
    subprocess.run([*pip, *what, f"scipy=={release}"], check=True)
    (wheel,) = folder.glob(f"scipy-{release}-*.whl")
    return wheel


def unpack(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel with its executable bits."""
    with ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, folder))
            if member.external_attr >> 16 & 0o100:
                path.chmod(0o755)
    return folder


def log(name: str, folder: Path) -> casstore.Artifact:
    """Log a folder, and say what it took."""
    before = packed_bytes()
    artifact = casstore.Artifact(name, type="code")
    artifact.add_dir(folder, ignore=["site-packages/", "dist-packages/"])
    artifact.save()  # outside of a run it is a version when this returns
    stored = packed_bytes() - before
    share = 100 * stored / artifact.size
    files = f"{artifact.file_count} files, {artifact.size / 1e6:.1f} MB"
    print(f"{artifact.name}: {files}, {stored / 1e6:.1f} MB new on disk ({share:.0f} %)")
    return artifact


def packed_bytes() -> int:
    """Return the size of all packs of the store: what the bytes of all versions take on disk."""
    try:
        packs = casstore.open_store().root / "packs"
    except casstore.NotFound:  # nothing was ever logged
        return 0
    return sum(path.stat().st_size for path in packs.rglob("*") if path.is_file())


def check(artifact: casstore.Artifact, original: Path, root: Path) -> None:
    """Check a version out and compare it, file by file, with what was logged."""
    copy = Path(artifact.checkout(root))
    files = [path for path in copy.rglob("*") if path.is_file()]
    for path in files:
        before = original / path.relative_to(copy)  # a link counts as what it points to
        if path.read_bytes() != before.read_bytes():
            raise SystemExit(f"{path} differs from {before}")
        if (path.stat().st_mode ^ before.stat().st_mode) & 0o100:
            raise SystemExit(f"only one of {path} and {before} is executable")
    if len(files) != artifact.file_count:
        raise SystemExit(f"{copy} holds {len(files)} files, not {artifact.file_count}")
    print(f"{artifact.name}: {len(files)} files checked out again, all the same")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="casstore-trees-") as temporary:
        work = Path(temporary)
        trees = {}
        for release in RELEASES:
            folder = unpack(fetch(release, work / "wheels"), work / release)
            trees[log("scipy", folder)] = folder
        library = Path(sysconfig.get_path("stdlib"))
        trees[log("python-lib", library)] = library
        for number, (artifact, folder) in enumerate(trees.items()):
            check(artifact, folder, work / f"out-{number}")


if __name__ == "__main__":
    main()
