"""The names that W&B scripts use around artifacts: all of them are there, and none pretends."""

import inspect

import pytest

import casstore
from casstore.errors import Invalid


def words(text):
    return text.split()


CALLS = words(
    """
    agent alert controller define_metric finish finish_artifact init link_artifact
    link_model log log_artifact log_code log_model login mark_preempting require restore save
    setup sweep teardown termerror termlog termwarn unwatch upsert_artifact use_artifact
    use_model watch
    """
)
VALUES = words("config data_types errors plot run summary util")
TYPES = words(
    """
    AlertLevel Api Artifact ArtifactTTL Audio Classes Config Graph Histogram Html Image
    JoinedTable Molecule Object3D PartitionedTable Plotly Run Settings Table Video
    """
)
ERRORS = words(
    """
    ArtifactFinalizedError ArtifactNotLoggedError Busy CommError Conflict Corrupt Error
    Invalid NotFound RemoteError Unsupported UsageError
    """
)
OURS = words("open open_store")
ON_RUN = words(
    """
    alert config define_metric dir disabled display_name entity finish finish_artifact get_url
    group id job_type link_artifact link_model log log_artifact log_code log_model logged_artifacts
    mark_preempting name notes offline path project project_name project_url restore resumed save
    settings start_time status step summary sweep_id sweep_url tags unwatch upsert_artifact url
    use_artifact use_model used_artifacts watch
    """
)
ON_ARTIFACT = words(
    """
    add add_dir add_file add_reference aliases checkout collection commit_hash created_at delete
    description digest digest_algorithm distributed_id download entity file file_count files
    finalize get get_added_local_path_name get_entry get_path history_step id incremental
    is_draft is_link json_encode lineage link linked_artifacts linked_at logged_by manifest
    metadata name new_draft new_file project pull push qualified_name remove save size
    source_artifact source_collection source_entity source_name source_project
    source_qualified_name source_version state tags ttl type unlink updated_at url use_as
    used_by verify version wait
    """
)
ON_API = words(
    """
    artifact artifact_collection artifact_collection_exists artifact_collections
    artifact_exists artifact_type artifact_types artifact_versions artifacts default_entity
    run runs
    """
)
INIT = words(
    """
    entity project dir id name notes tags config config_exclude_keys config_include_keys
    allow_val_change group job_type mode force reinit resume resume_from fork_from save_code
    tensorboard sync_tensorboard monitor_gym settings anonymous store
    """
)
POSITIONAL = {
    (casstore.Artifact, "__init__"): (
        "name type description metadata incremental use_as storage_region digest_algorithm"
    ),
    (casstore.Artifact, "add_file"): "local_path name is_tmp skip_cache policy overwrite",
    (casstore.Artifact, "add_dir"): "local_path name skip_cache policy merge",
    (casstore.Artifact, "add_reference"): "uri name checksum max_objects",
    (casstore.Artifact, "add"): "obj name overwrite",
    (casstore.Artifact, "get"): "name",
    (casstore.Table, "__init__"): (
        "columns data rows dataframe dtype optional allow_mixed_types log_mode"
    ),
    (casstore.Table, "add_column"): "name data optional",
    (casstore.Table, "get_column"): "name convert_to",
    (casstore.Table, "cast"): "col_name dtype optional",
    (casstore.Table, "set_fk"): "col_name table table_col",
    (casstore.JoinedTable, "__init__"): "table1 table2 join_key",
    (casstore.PartitionedTable, "__init__"): "parts_path",
    (casstore.Image, "__init__"): (
        "data_or_path mode caption grouping classes boxes masks file_type"
    ),
    (casstore.Audio, "__init__"): "data_or_path sample_rate caption",
    (casstore.Video, "__init__"): "data_or_path caption fps format",
    (casstore.Html, "__init__"): "data inject data_is_not_path",
    (casstore.Object3D, "__init__"): "data_or_path caption file_type",
    (casstore.Molecule, "__init__"): "data_or_path caption file_type",
    (casstore.Histogram, "__init__"): "sequence np_histogram num_bins",
    (casstore.Artifact, "new_file"): "name mode encoding policy",
    (casstore.Artifact, "files"): "names per_page start",
    (casstore.Artifact, "download"): (
        "root allow_missing_references skip_cache path_prefix multipart"
    ),
    (casstore.Artifact, "checkout"): "root",
    (casstore.Artifact, "save"): "project settings",
    (casstore.Artifact, "wait"): "timeout",
    (casstore.Artifact, "delete"): "delete_aliases",
    (casstore.Run, "log_artifact"): "artifact_or_path name type aliases tags",
    (casstore.Run, "use_artifact"): "artifact_or_name type aliases use_as",
    (casstore.Run, "upsert_artifact"): "artifact_or_path name type aliases distributed_id",
    (casstore.Run, "finish_artifact"): "artifact_or_path name type aliases distributed_id",
    (casstore.Run, "log"): "data step commit sync",
    (casstore.Run, "finish"): "exit_code push quiet",
    (casstore.Api, "__init__"): "overrides timeout api_key",
    (casstore.Api, "artifact"): "name type",
    (casstore.Api, "artifacts"): "type_name name order per_page tags start",
    (casstore.Api, "artifact_versions"): "type_name name per_page",
    (casstore.Api, "artifact_type"): "type_name project",
    (casstore.Api, "artifact_types"): "project start",
    (casstore.Api, "artifact_collection"): "type_name name",
    (casstore.Api, "artifact_collections"): "project_name type_name order per_page start",
    (casstore.Api, "artifact_exists"): "name type",
    (casstore.Api, "artifact_collection_exists"): "name type",
    (casstore.Api, "runs"): "path filters order per_page include_sweeps lazy",
    (casstore.Api, "run"): "path",
}


def public(thing):
    return sorted(name for name in dir(thing) if not name.startswith("_"))


def positional(call):
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(call).parameters.values()
    return [each.name for each in parameters if each.kind in kinds and each.name != "self"]


def test_the_module_has_these_names_and_no_others(desk):
    """Whoever adds or takes a name changes this list."""
    assert sorted(set(casstore.__all__) - {"__version__"}) == sorted(
        CALLS + VALUES + TYPES + ERRORS + OURS
    )
    for name in casstore.__all__:
        getattr(casstore, name)


def test_a_run_has_these_names(desk):
    """Methods, properties and plain attributes."""
    with casstore.init() as run:
        assert public(run) == sorted(ON_RUN)


def test_an_artifact_and_the_api_have_these_names(desk):
    """Those of later issues are absent, not stubs."""
    assert public(casstore.Artifact) == sorted(ON_ARTIFACT)
    assert public(casstore.Api) == sorted(ON_API)


@pytest.mark.parametrize("call", POSITIONAL, ids=lambda call: f"{call[0].__name__}.{call[1]}")
def test_arguments_stand_in_the_order_of_wandb(call):
    """Scripts pass them by position."""
    assert positional(getattr(*call)) == POSITIONAL[call].split()


def test_init_accepts_every_keyword_of_wandb(desk):
    """In W&B's order, all at once; our own two are by name."""
    parameters = inspect.signature(casstore.init).parameters
    assert list(parameters) == [*INIT, "remote"]
    assert all(
        parameters[own].kind is inspect.Parameter.KEYWORD_ONLY for own in ("store", "remote")
    )
    casstore.init(
        entity="e", project="p", dir=".", id="i", name="n", notes="o", tags=["t"], config={},
        config_exclude_keys=None, config_include_keys=None, allow_val_change=True, group="g",
        job_type="j", mode="offline", force=False, reinit=True, resume="allow", resume_from=None,
        fork_from=None, save_code=False, tensorboard=False, sync_tensorboard=False,
        monitor_gym=False, settings=casstore.Settings(start_method="thread"), anonymous=None,
    )  # fmt: skip


def test_calls_around_artifacts_run_and_keep_nothing(desk, capsys):
    """With and without a run; ``save`` and ``restore`` say each time that they do nothing."""
    assert casstore.login(key="x", relogin=True) is True
    casstore.setup()
    casstore.require("core")
    with casstore.init() as run:
        for target in (casstore, run):
            target.define_metric("loss", summary="min")
            target.watch(object(), log="all")
            target.unwatch()
            target.alert(title="t", text="x", level=casstore.AlertLevel.WARN)
            target.mark_preempting()
            target.log_code(".")
            capsys.readouterr()
            for _ in range(2):
                target.save("model.h5")
                target.restore("model.h5")
            assert capsys.readouterr().err.count("'model.h5'") == 4
        run.log({"chart": casstore.plot.line(None, "x", "y"), "page": casstore.Html("<p>")})
        run.status()
    casstore.teardown()
    assert len(casstore.util.generate_id()) == 8
    casstore.termlog("said")
    assert casstore.errors.Error is casstore.Error
    assert casstore.data_types.Image is casstore.Image


@pytest.mark.parametrize("name", ["sweep", "agent", "controller"])
def test_sweeps_are_unsupported(name):
    """It is said instead of a run that does nothing."""
    with pytest.raises(casstore.Unsupported, match="sweep"):
        getattr(casstore, name)({"method": "grid"})


def test_the_errors_are_caught_as_wandb_scripts_catch_them():
    """``except wandb.Error``, ``except wandb.CommError``, ``except ValueError``."""
    for kind in (casstore.NotFound, casstore.Busy, casstore.RemoteError):
        assert issubclass(kind, casstore.CommError)
    assert issubclass(Invalid, casstore.UsageError)
    for name in ERRORS:
        assert issubclass(getattr(casstore, name), casstore.Error)
    for kind in (casstore.NotFound, casstore.Corrupt, Invalid):
        assert issubclass(kind, ValueError)
    for kind in (casstore.ArtifactNotLoggedError, casstore.ArtifactFinalizedError):
        assert issubclass(kind, Invalid)
        assert not issubclass(kind, AttributeError)


def test_a_star_import_takes_everything_without_a_run(desk):
    """``config`` and ``summary`` complain when they are used, not when they are imported."""
    desk.run("from casstore import *\nassert run is None\nartifact = Artifact('x', 'y')\n")


def test_importing_loads_nothing_heavy(desk):
    """Names are loaded when they are first used."""
    out = desk.run("""
        import sys
        import casstore
        print(sorted(name for name in sys.modules if name.partition(".")[0] in
                     {"lmdb", "blake3", "fsspec", "pyfastcdc", "numpy", "msgpack", "tqdm",
                      "pandas", "polars", "pyarrow", "PIL"}))
    """)
    assert out == "[]\n"
