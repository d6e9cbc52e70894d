"""A run's config and summary, as scripts written for W&B use them."""

import copy
import dataclasses
import json
import pickle
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from casstore.artifacts import yaml_text
from casstore.artifacts.config import Config, Summary, config_of
from casstore.artifacts.inert import Graph
from casstore.artifacts.scalars import fold_scalars
from casstore.errors import FileMissing, Invalid, Unsupported, UsageError


@dataclasses.dataclass(slots=True)
class Hyper:
    lr: float


class Plain:
    def __init__(self):
        self.lr = 0.1


class Flags:
    def flag_values_dict(self):
        return {"lr": 0.1}


@pytest.fixture
def calls():
    return []


def listening(cls, calls, initial=None, **keywords):
    return cls(initial, on_change=lambda: calls.append(1), **keywords)


@pytest.mark.parametrize(
    "value",
    [
        {"lr": 0.1},
        {"--lr": 0.1},
        Namespace(lr=0.1),
        Hyper(0.1),
        Plain(),
        Flags(),
        Config({"lr": 0.1}),
    ],
)
def test_a_config_comes_from_whatever_scripts_give(value):
    """Mappings, Namespaces, dataclasses, flags and plain objects all give their values."""
    assert config_of(value) == {"lr": 0.1}


def test_no_config_is_an_empty_one():
    """init(config=None) gives a config to set keys in."""
    assert config_of(None) == {}


@pytest.mark.parametrize("value", [3, ["lr"], object()])
def test_a_config_without_keys_is_a_type_error(value):
    """What has no keys is refused in one line."""
    with pytest.raises(TypeError):
        config_of(value)


@pytest.mark.parametrize("suffix", [".json", ".yaml", ""])
def test_a_config_comes_from_a_json_file_of_any_name(tmp_path, suffix):
    """JSON needs no library, whatever the file is called; a path may be text."""
    path = tmp_path / f"config{suffix}"
    path.write_text(json.dumps({"lr": 0.1, "net": {"depth": 3}}))
    assert config_of(path) == config_of(str(path)) == {"lr": 0.1, "net": {"depth": 3}}


def test_a_file_in_the_form_that_wandb_writes_is_unwrapped(tmp_path):
    """The desc and value around each key are W&B's, and so is the version."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"wandb_version": 1, "lr": {"desc": None, "value": 0.1}}))
    assert config_of(path) == {"lr": 0.1}


def test_a_yaml_file_is_read_where_pyyaml_is_installed(tmp_path):
    """YAML is optional, and the same mapping as JSON."""
    pytest.importorskip("yaml")
    path = tmp_path / "config.yaml"
    path.write_text("lr: 0.1\nnet:\n  value: 3\n")
    assert config_of(path) == {"lr": 0.1, "net": 3}
    path.write_text("lr: [")
    with pytest.raises(Invalid, match="neither JSON nor YAML"):
        config_of(path)


def test_a_yaml_file_without_pyyaml_is_unsupported(tmp_path, monkeypatch):
    """One line says what to install."""
    monkeypatch.setattr(yaml_text, "_yaml", None)
    path = tmp_path / "config.yaml"
    path.write_text("lr: 0.1\n")
    with pytest.raises(Unsupported, match="pip install pyyaml"):
        config_of(path)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"wandb_version": 2}'])
def test_a_json_file_that_is_no_config_is_refused(tmp_path, text):
    """A file named .json is never taken for YAML."""
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(Invalid, match=r"config\.json"):
        config_of(path)


def test_a_config_file_that_is_not_there_is_named():
    """The message holds the path that was looked at."""
    with pytest.raises(FileMissing, match=r"nowhere\.yaml"):
        config_of(Path("nowhere.yaml"))


def test_keys_are_included_or_excluded():
    """The two lists of init choose keys, and exclude each other."""
    value = {"lr": 0.1, "depth": 3, "token": object()}
    assert config_of(value, include=["lr"]) == {"lr": 0.1}
    assert config_of(value, exclude=["token"]) == {"lr": 0.1, "depth": 3}
    with pytest.raises(UsageError):
        config_of(value, include=["lr"], exclude=["token"])


def test_a_config_is_read_by_item_attribute_and_as_a_mapping():
    """All the ways in which scripts read a config give the same values."""
    config = Config({"lr": 0.1, "net": {"depth": 3}})
    assert config["lr"] == config.lr == config.get("lr") == 0.1
    assert config.get("missing", 5) == 5
    assert "lr" in config
    assert "missing" not in config
    assert list(config.keys()) == ["lr", "net"]
    assert dict(config) == {**config} == config.as_dict() == {"lr": 0.1, "net": {"depth": 3}}
    assert not hasattr(config, "missing")
    with pytest.raises(KeyError):
        config["missing"]


def test_a_config_is_set_by_item_and_attribute(calls):
    """Each assignment is converted to JSON and told to the listener."""
    config = listening(Config, calls)
    config["lr"] = np.float32(0.5)
    config.shape = (2, 3)
    assert config.as_dict() == {"lr": 0.5, "shape": [2, 3]}
    assert len(calls) == 2


def test_changing_a_key_needs_permission(calls):
    """A hyperparameter is set once, unless the call or the run says otherwise."""
    config = listening(Config, calls, {"lr": 0.1})
    with pytest.raises(Invalid, match="allow_val_change"):
        config.lr = 0.2
    with pytest.raises(Invalid, match="allow_val_change"):
        config.update({"depth": 3, "lr": 0.2})
    assert config.as_dict() == {"lr": 0.1}
    assert calls == []
    config.update({"lr": 0.2}, allow_val_change=True)
    config.update({"lr": 0.2})
    assert config.lr == 0.2


def test_a_run_may_allow_every_change():
    """init(allow_val_change=True) holds for assignments too."""
    config = Config({"lr": 0.1}, allow_val_change=True)
    config.lr = 0.2
    assert config.lr == 0.2
    with pytest.raises(Invalid):
        config.update({"lr": 0.3}, allow_val_change=False)


def test_a_refused_value_changes_nothing(calls):
    """One bad value keeps the whole update out."""
    config = listening(Config, calls)
    with pytest.raises(TypeError, match=r"config\['bad'\]"):
        config.update({"good": 1, "bad": object()})
    assert len(config) == 0
    assert calls == []


def test_setdefault_sets_only_what_is_not_there(calls):
    """The value that is there wins and is returned."""
    config = listening(Config, calls, {"lr": 0.1})
    assert config.setdefault("lr", 5) == 0.1
    assert config.setdefault("depth", (1,)) == [1]
    config.setdefaults({"lr": 7, "width": 2})
    assert config.as_dict() == {"lr": 0.1, "depth": [1], "width": 2}
    assert len(calls) == 2


def test_what_is_changed_inside_a_value_is_in_the_dict():
    """config['train']['epochs'] = 4 is W&B's own example."""
    config = Config({"train": {}})
    config["train"]["epochs"] = 4
    assert config.as_dict() == {"train": {"epochs": 4}}


@pytest.mark.parametrize("cls", [Config, Summary])
def test_copies_are_free_of_their_run(cls, calls):
    """A pickle or deep copy has the values and does not tell the run of changes."""
    original = listening(cls, calls, {"a": {"b": 1}})
    for twin in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        assert type(twin) is cls
        assert twin.as_dict() == {"a": {"b": 1}}
        twin["new"] = 1
    assert calls == []
    assert "new" not in original


def test_a_summary_is_written_through_its_parts(calls):
    """Items and attributes of a mapping inside reach the run's summary."""
    summary = listening(Summary, calls, {"test": {"loss": 1.0}})
    summary["test"]["best"] = 0.9
    summary.test.loss = 0.5
    summary.epoch = 3
    assert summary.as_dict() == {"test": {"loss": 0.5, "best": 0.9}, "epoch": 3}
    assert summary["test"] == {"loss": 0.5, "best": 0.9}
    assert len(calls) == 3


def test_a_summary_update_merges_and_an_assignment_replaces():
    """An update keeps what it does not name; an assignment is the whole new value."""
    summary = Summary({"test": {"loss": 1.0}})
    summary.update({"test": {"acc": 0.5}, "epoch": 1})
    assert summary.as_dict() == {"test": {"loss": 1.0, "acc": 0.5}, "epoch": 1}
    summary["test"] = {"acc": 0.6}
    assert summary.as_dict() == {"test": {"acc": 0.6}, "epoch": 1}


def test_keys_of_a_summary_can_be_deleted(calls):
    """By item and by attribute; what is not there raises as Python's own would."""
    summary = listening(Summary, calls, {"a": 1, "b": 2})
    del summary["a"]
    del summary.b
    assert len(summary) == 0
    assert len(calls) == 2
    with pytest.raises(KeyError):
        del summary["a"]
    with pytest.raises(AttributeError):
        del summary.a


def test_logging_keeps_the_last_scalars_and_names_the_rest(calls):
    """Numbers, text and arrays of no dimension are kept; media, arrays and infinities are not."""
    summary = listening(Summary, calls, {"loss": 9})
    dropped = fold_scalars(
        summary,
        {
            "loss": np.float32(0.5),
            "epoch": 3,
            "phase": "train",
            "bad": float("nan"),
            "boom": float("inf"),
            "zero_dim": np.array(7),
            "image": Graph("x.png"),
            "weights": np.zeros(5),
            "list": [1, 2],
        },
    )
    assert dropped == ["boom", "image", "weights", "list"]
    assert summary.as_dict() == {
        "loss": 0.5,
        "epoch": 3,
        "phase": "train",
        "bad": None,
        "zero_dim": 7,
    }
    assert len(calls) == 1


def test_logging_looks_into_mappings():
    """Scalars of a mapping are merged, and what is dropped is named by its path."""
    summary = Summary({"val": {"loss": 1}})
    assert fold_scalars(summary, {"val": {"acc": 0.5, "img": Graph()}, "x": {"y": {"z": []}}}) == [
        "val.img",
        "x.y.z",
    ]
    assert summary.as_dict() == {"val": {"loss": 1, "acc": 0.5}}


def test_logging_a_mapping_that_holds_itself_drops_the_cycle():
    """A training loop does not die of what it logs."""
    loop = {"n": 1}
    loop["self"] = loop
    summary = Summary()
    assert len(fold_scalars(summary, {"loop": loop})) == 1
    assert summary["loop"]["n"] == 1


@pytest.mark.parametrize("data", [[1], "loss", {1: 2}, {"a": {2: 3}}])
def test_logging_anything_but_a_dict_with_text_keys_is_refused(data):
    """W&B refuses it too, and nothing is kept."""
    summary = Summary()
    with pytest.raises(TypeError, match=r"log\(\)"):
        fold_scalars(summary, data)
    assert len(summary) == 0
