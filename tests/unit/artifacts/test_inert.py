"""What exists so that W&B scripts run, and the lines that they print."""

import gc
import weakref

import pytest

from casstore.artifacts import data_types, inert
from casstore.artifacts.jsonable import to_json
from casstore.artifacts.terminal import termerror, termlog, termwarn
from casstore.errors import Unsupported


@pytest.fixture(autouse=True)
def audible(monkeypatch):
    monkeypatch.delenv("CASSTORE_SILENT", raising=False)
    monkeypatch.delenv("WANDB_SILENT", raising=False)


def test_a_graph_can_be_made_of_anything_and_keeps_nothing():
    """The values given are freed; the object says what it is and is no JSON."""

    class Model:
        pass

    model = Model()
    gone = weakref.ref(model)
    made = inert.Graph(model, any_keyword=1)
    del model
    gc.collect()
    assert gone() is None
    assert "Graph" in repr(made)
    assert type(inert.Graph.from_keras(object())) is data_types.Graph
    with pytest.raises(TypeError):
        to_json(made, where="metadata")


def test_every_plot_can_be_called():
    """Any chart W&B has or will have returns something inert."""
    assert isinstance(inert.plot.confusion_matrix(probs=None, y_true=[1]), inert.Media)
    assert isinstance(inert.plot.a_chart_of_next_year(1, 2, x=3), inert.Media)
    assert not hasattr(inert.plot, "__wrapped__")


def test_settings_keep_what_they_are_given():
    """Settings(anything) has it as attributes."""
    settings = inert.Settings(mode="offline", anything=3)
    assert settings.mode == "offline"
    assert settings.anything == 3


def test_calls_that_do_nothing_take_the_arguments_of_wandb(capsys):
    """A login is True, a metric is inert, the rest is None, and nothing is printed."""
    assert inert.login(key="x", relogin=True, host="h") is True
    assert isinstance(inert.define_metric("val/*", step_metric="epoch", summary="max"), inert.Media)
    assert inert.setup(settings={}) is None
    assert inert.teardown(exit_code=0) is None
    assert inert.watch(object(), criterion=None, log="all", log_freq=10, idx=0) is None
    assert inert.unwatch(object()) is None
    assert inert.alert("title", "text", level=inert.AlertLevel.WARN, wait_duration=5) is None
    assert inert.mark_preempting() is None
    assert inert.log_code(".", name="src", include_fn=lambda _: True) is None
    assert inert.require("core", experiment=None) is None
    assert capsys.readouterr() == ("", "")


def test_save_and_restore_say_each_time_that_they_do_nothing(capsys):
    """The file is named in every warning, so that nobody believes it was kept."""
    for _ in range(2):
        assert inert.save("model.pt", policy="now") == []
        assert inert.restore("best.h5", run_path="a/b/c") is None
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("casstore: WARNING ") for line in lines)
    assert "model.pt" in lines[0]
    assert "model.pt" in lines[2]
    assert "best.h5" in lines[1]
    assert "best.h5" in lines[3]


@pytest.mark.parametrize("call", [inert.sweep, inert.agent, inert.controller])
def test_sweeps_are_unsupported(call):
    """A script that needs a sweep stops with one line that says what to do."""
    with pytest.raises(Unsupported, match=call.__name__) as caught:
        call({"method": "random"}, project="p", function=print)
    assert "\n" not in str(caught.value)


def test_util_makes_ids():
    """wandb.util.generate_id is what scripts call to name a run."""
    assert len(inert.util.generate_id()) == 8


def test_terminal_lines_go_to_stderr_with_their_prefix(capsys):
    """Every line of a text has the prefix, and the options are W&B's."""
    termlog("one\ntwo")
    termlog("bare", newline=False, prefix=False)
    termwarn("careful", prefix=False)
    termerror("broken")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "casstore: one\ncasstore: two\nbareWARNING careful\ncasstore: ERROR broken\n"


def test_a_line_that_is_not_to_be_repeated_is_said_once(capsys):
    """repeat=False remembers what this process has said."""
    for _ in range(3):
        termwarn("said once, in this test only", repeat=False)
    assert capsys.readouterr().err.count("said once") == 1


@pytest.mark.parametrize("variable", ["CASSTORE_SILENT", "WANDB_SILENT"])
def test_a_silent_environment_prints_nothing(capsys, monkeypatch, variable):
    """Either variable is enough, and is read when the line is written."""
    monkeypatch.setenv(variable, "true")
    termerror("hidden")
    inert.save("model.pt")
    assert capsys.readouterr().err == ""
