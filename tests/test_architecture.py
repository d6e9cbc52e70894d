"""The shape of the package: who may import whom, one door a dependency, short files.

``casstore/DESIGN.md`` draws the rooms; ``ROOMS`` here is the same order, as the code has it.
"""

import ast
import re
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import casstore
from casstore.backends.making import load
from casstore.cli.table import PARTS, VERBS
from casstore.references.schemes import HANDLERS, OTHERS
from casstore.remotes.schemes import OTHERS as OTHER_SCHEMES
from casstore.remotes.schemes import SCHEMES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "casstore"

ROOMS = (  # a line sees strictly lower lines only, so rooms on one line are strangers
    "cli",
    "artifacts",
    "flows",  # and every verb in it is a stranger to the others
    "bundles exchange",
    "remotes store",
    "catalog depot",
    "chunks folders journal manifests packs references",
    "backends",
    "durable encoding tables worktree",
    "settings",
    "digest media names parallel patterns processes",
    "errors",
)

DOORS = {  # a dependency: the room, or the one module, that may import it
    "adlfs": "backends.azure",
    "aiohttp": "backends.gcs",
    "asyncssh": "backends.ssh",
    "azure": "backends.azure",
    "blake3": "digest",
    "botocore": "backends.s3client",
    "click": "cli",
    "concurrent": "parallel",
    "fcntl": "durable",
    "fsspec": "backends.systems",
    "gcsfs": "backends.gcs",
    "httpx": "backends.webdav",
    "lmdb": "catalog",
    "mmap": "durable",
    "msgpack": "encoding",
    "msvcrt": "durable",
    "multiprocessing": "processes",
    "numpy": "media.arrays",
    "pandas": "tables.pandas_frames",
    "pathspec": "patterns",
    "PIL": "media.pictures",
    "platformdirs": "settings",
    "polars": "tables.polars_frames",
    "pyarrow": "tables.arrow",
    "pyfastcdc": "chunks",
    "s3fs": "backends.s3",
    "sshfs": "backends.ssh",
    "threading": "parallel",
    "tomlkit": "remotes.configuration",
    "tqdm": "cli.progress",
    "webdav4": "backends.webdav",
    "yaml": "artifacts.yaml_text",
    "zstandard": "chunks",
}
BY_NAME = {  # load modules by name: from one table, or optional ones when they are first needed
    *(
        "__init__",
        "artifacts.elsewhere",
        "artifacts.yaml_text",
        "backends.making",
        "backends.told",
        "chunks.cutter",
        "cli.process",
        "cli.table",
        "media.arrays",
    ),
    *("media.pictures", "patterns", "remotes.configuration", "settings"),
    *("references.record", "store.opening", "store.table"),
    *("tables.arrow", "tables.pandas_frames", "tables.polars_frames"),
}

OS_DOORS = {
    **dict.fromkeys(("environ", "environb", "getenv", "putenv", "unsetenv"), "settings"),
    **dict.fromkeys(("fdatasync", "fsync", "link", "rename", "renames", "replace"), "durable"),
}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
LONGER_FILES: dict[str, int] = {}  # these may shrink, and no other may join them
LONGER_FUNCTIONS = {"artifacts.running.init": 75}  # W&B's 25 parameters

VAGUE_NAMES = {"common", "core", "helper", "helpers", "misc", "util", "utils"}


def name_of(path):
    """Return a module's name inside the package: ``store.commit``; a package's is its folder's."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {name_of(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
LEVELS = {room: level for level, line in enumerate(reversed(ROOMS)) for room in line.split()}


def imports_of(tree):
    """Yield the full name of all that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_imports_of(module):
    """Yield the modules of casstore that a module imports, itself never."""
    for full in imports_of(MODULES[module]):
        top, _, rest = full.partition(".")
        if top == "casstore":
            parts = rest.split(".")
            names = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
            yield next((name for name in names if name in MODULES), rest)


def room_of(module):
    """Return the room that a module lies in."""
    return module.partition(".")[0]


def unit_of(module):
    """Return what a module may import freely in: its room, in ``flows`` its verb."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "flows" else 1])


def within(module, place):
    return module == place or module.startswith(place + ".")


def functions_of(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_every_room_stands_in_the_table():
    """A new module is given its place before anything imports it."""
    rooms = {room_of(module) for module in MODULES} - {"__init__", "__main__"}
    assert rooms == set(LEVELS)


def test_imports_point_to_strictly_lower_rooms():
    """A verb does not know another verb, and nothing knows who calls it."""
    wrong = [
        f"{module} imports {other}"
        for module in MODULES
        for other in inner_imports_of(module)
        if room_of(module) in LEVELS
        and unit_of(module) != unit_of(other)
        and LEVELS.get(room_of(other), len(ROOMS)) >= LEVELS[room_of(module)]
    ]
    assert wrong == []


def test_nothing_imports_the_package_root_but_the_entry_point():
    """What users see is loaded by name, so the root cannot be part of a cycle."""
    assert list(inner_imports_of("__init__")) == []
    assert set(inner_imports_of("__main__")) == {"cli.process"}
    assert [m for m in MODULES if set(inner_imports_of(m)) & {"__init__", "__main__"}] == []


def test_no_module_imports_itself_over_others():
    """Inside a room, too, there is an order: ``static_order`` raises for a cycle."""
    TopologicalSorter({m: set(inner_imports_of(m)) - {m} for m in MODULES}).prepare()


@pytest.mark.parametrize("dependency", sorted(DOORS))
def test_a_dependency_has_one_door(dependency):
    """Whoever wants to replace it reads one room."""
    users = {
        module
        for module, tree in MODULES.items()
        if dependency in {full.split(".")[0] for full in imports_of(tree)}
    }
    assert {user for user in users if not within(user, DOORS[dependency])} == set()


def test_durable_steps_and_the_environment_have_one_door():
    """Power-loss tests see every step, and settings are resolved in one place."""
    wrong = [
        f"{module} uses os.{node.attr}"
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and not within(module, OS_DOORS.get(node.attr, module))
    ]
    wrong += [
        f"{module} imports {full}"
        for module, tree in MODULES.items()
        for full in imports_of(tree)
        if full.startswith("os.") and full.removeprefix("os.") in OS_DOORS
    ]
    assert wrong == []


def test_paths_are_not_renamed_or_linked_past_the_door():
    """``pathlib`` and ``shutil`` can do it too."""
    wrong = [
        f"{module} calls .{node.func.attr}"
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"hardlink_to", "move", "rename"}
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "durable")
        and not within(module, "durable")
        and module != "remotes.ssh"  # SFTP's own, on a server
    ]
    assert wrong == []


def test_imports_stand_at_the_top():
    """A cycle cannot hide in a function."""
    wrong = [
        f"{module}.{function.name} imports"
        for module, tree in MODULES.items()
        for function in functions_of(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


def test_modules_are_loaded_by_name_from_the_known_tables_only():
    """Each table says what it loads."""
    users = {
        module
        for module, tree in MODULES.items()
        if {"importlib", "importlib.import_module"} & set(imports_of(tree))
    }
    assert users == BY_NAME


def test_every_name_in_the_tables_can_be_loaded():
    """Neither table names what is not there."""
    for place in VERBS.values():
        assert hasattr(import_module(place.module), place.attribute)
    for module in PARTS.values():
        import_module(module)
    for module in [*HANDLERS.values(), OTHERS]:
        assert hasattr(load(module), "make_handler")
    for scheme in [*SCHEMES.values(), OTHER_SCHEMES]:
        assert hasattr(load(scheme.module), "make_driver")
    for name in set(casstore.__all__) - {"config", "run", "summary"}:
        assert getattr(casstore, name) is not None


def test_no_module_is_named_for_nothing():
    """A module is a noun that says what is in it."""
    parts = {part for module in MODULES for part in module.split(".")}
    assert parts & VAGUE_NAMES == set()


def test_files_stay_short():
    """A long file is a noun that gathers verbs; the known long ones may only shrink."""
    lines = {module: len(path.read_text().splitlines()) for module, path in FILES.items()}
    longer = {module: count for module, count in lines.items() if count > MAX_FILE_LINES}
    assert longer.keys() == LONGER_FILES.keys()
    assert all(count <= LONGER_FILES[module] for module, count in longer.items())


def test_functions_stay_short():
    """As for files; a signature and docstring taken over from W&B count as well."""
    longer = {
        f"{module}.{function.name}": count
        for module, tree in MODULES.items()
        for function in functions_of(tree)
        if (count := function.end_lineno - function.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert longer.keys() == LONGER_FUNCTIONS.keys()
    assert all(count <= LONGER_FUNCTIONS[function] for function, count in longer.items())


def test_all_is_there_and_sorted():
    """Every module with code says what it offers, in the order that ruff keeps."""
    wrong = []
    for module, tree in MODULES.items():
        values = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and [target.id for target in node.targets if isinstance(target, ast.Name)]
            == ["__all__"]
        ]
        if module in {"__init__", "__main__"}:
            continue
        if not values and functions_of(tree):
            wrong.append(f"{module} has no __all__")
        for value in values:
            names = ast.literal_eval(value)
            if names != sorted(names, key=_ruff_order):
                wrong.append(f"{module}: __all__ is not sorted")
    assert wrong == []
    assert casstore.__all__[1:] == sorted(casstore.__all__[1:])


def _ruff_order(name):
    """Return the key of an "isort-style" sort (ruff RUF022): constants, classes, functions."""
    kind = 0 if re.fullmatch(r"[A-Z][A-Z0-9_]+", name) else 1 if name[0].isupper() else 2
    return kind, name
