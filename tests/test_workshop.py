"""The workshop: docstrings, explained lint rules, a README that names everything."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import casstore
from casstore.cli.table import VERBS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MODULES = sorted((ROOT / "casstore").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def blocks(language):
    """Return the fenced blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def first_command():
    """Install, and do the main job."""
    return blocks("bash")[0].strip()


def second_command():
    """Install, and pass the tests."""
    return blocks("bash")[1].strip()


def test_every_test_says_in_a_sentence_what_it_shows():
    """Name and docstring together are the specification."""
    wrong = []
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            sentence = (ast.get_docstring(node) or "").partition("\n\n")[0]
            if not sentence.endswith((".", "?", "!")):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert wrong == []


def test_every_module_says_what_it_knows():
    """A package that only re-exports, and the package root, say what they are."""
    wrong = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        text = ast.get_docstring(tree) or ""
        has_code = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)
        is_root = path.parent.name == "casstore" and path.name in {"__init__.py", "__main__.py"}
        if not text or (has_code and not is_root and "Knows:" not in text):
            wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []


def test_every_public_name_is_documented():
    """Whatever ``import *`` gives has a docstring of its own, or is a value with a known type."""
    values = {"__version__", "config", "run", "summary"}
    bare = [name for name in set(casstore.__all__) - values if not getattr(casstore, name).__doc__]
    assert bare == []
    assert casstore.run is None


def test_the_package_and_its_metadata_name_one_release():
    """``casstore --version`` asks the package, installers read the other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert casstore.__version__ == project["version"]


def test_every_public_method_is_documented():
    """Classes and functions of the package say what they do, those of the faces above all."""
    wrong = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                wrong += [
                    f"{path.relative_to(ROOT)}:{inner.lineno} {inner.name}"
                    for inner in [node, *(node.body if isinstance(node, ast.ClassDef) else ())]
                    if isinstance(inner, ast.ClassDef | ast.FunctionDef)
                    and not inner.name.startswith("_")
                    and not ast.get_docstring(inner)
                    and not _is_setter(inner)
                ]
    assert wrong == []


def _is_setter(node):
    """Tell whether the property that it sets is documented in its place."""
    return any(getattr(decorator, "attr", "") == "setter" for decorator in node.decorator_list)


def test_every_verb_says_what_it_does():
    """``--help`` of each verb has a first sentence."""
    for place in VERBS.values():
        assert place.summary.endswith(".")


def test_every_lint_exception_has_its_reason():
    """A rule that is off for good says why, beside it."""
    text = (ROOT / "pyproject.toml").read_text()
    bare = [line for line in text.splitlines() if re.match(r' {4}"[A-Z]+\d*",(?! +# \w)', line)]
    bare += [
        block for block in text.split("\n\n") if "tool.mypy.over" in block and "#" not in block
    ]
    assert bare == []
    assert tomllib.loads(text)["tool"]["ruff"]["lint"]["select"] == ["ALL"]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_readme_names_every_verb(verb):
    """The table of the command line is complete."""
    assert re.search(rf"^\| `{verb}[ `]", README, re.MULTILINE)


def test_the_readme_links_to_files_that_exist():
    """No link leads nowhere."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_readmes_python_runs(tmp_path):
    """Twenty lines, as they stand there, in an empty folder; and once more in the same one."""
    (program,) = blocks("python")
    environment = {**os.environ, "CASSTORE_HOME": str(tmp_path / "store"), "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=tmp_path,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["v0", "0.93"]
    assert len(program.splitlines()) <= 25


def test_the_readmes_first_command_logs_a_folder_of_this_repository():
    """What it puts is there in a clone, and so is what it installs."""
    *_, last = first_command().split(" && ")
    program, verb, folder = shlex.split(last)
    assert (program, verb) == (".venv/bin/casstore", "put")
    assert any((ROOT / folder).iterdir())


def test_ci_runs_the_tests_as_the_readme_says():
    """The script takes the second command out of the README, and runs in a clone of its own."""
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "README.md" in script
    for call in ("CASSTORE_TEST_ALL=1", "ruff check", "ruff format --check", "mypy"):
        assert call in script
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "run", "--print-test-command"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == second_command()


@pytest.mark.parametrize(
    ("setting", "code", "processes"), [("1", 1, "-n0"), ("1", 1, "-n2"), ("", 0, "-n0")]
)
def test_a_skip_is_a_failure_where_everything_must_run(tmp_path, setting, code, processes):
    """The summary names what was skipped, and why."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_one(): pass\ndef test_two(): pytest.skip('no server here')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", processes, tmp_path],
        env={**os.environ, "CASSTORE_TEST_ALL": setting},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert ("test_two: Skipped: no server here" in done.stdout) is bool(setting)
