"""Runs, their inputs and outputs."""

from casstore.journal import bodies, lineage, subjects


def test_a_run_shows_its_latest_values(pen):
    """Each field has the value of the last event that set it; None says nothing."""
    pen.run(bodies.RunStartBody(name="a-b-1", config='{"lr":1}', tags=("x",)))
    pen.run(bodies.RunUpdateBody(summary='{"loss":2}', notes="n"))
    pen.run(bodies.RunUpdateBody(config='{"lr":3}'))
    view = lineage.run(pen.table(), "vision", "run1")
    assert (view.name, view.config, view.summary) == ("a-b-1", '{"lr":3}', '{"loss":2}')
    assert (view.notes, view.tags, view.state) == ("n", ("x",), "running")
    assert (view.created_at, view.updated_at, view.complete) == (1_000, 1_002, True)
    assert lineage.run_clock(pen.table(), "vision", "run1") == 3
    assert lineage.run(pen.table(), "vision", "other") is None


def test_a_run_that_goes_on_is_running_again(pen):
    """The last of start and finish says the state, and the config of the first start stays."""
    pen.run(bodies.RunStartBody(config='{"lr":1}'))
    pen.run(bodies.RunFinishBody("failed", 3))
    view = lineage.run(pen.table(), "vision", "run1")
    assert (view.state, view.exit_code) == ("failed", 3)
    pen.run(bodies.RunStartBody())
    view = lineage.run(pen.table(), "vision", "run1")
    assert (view.state, view.exit_code, view.config) == ("running", None, '{"lr":1}')


def test_equal_clocks_are_ordered_by_writer_and_sequence(pen):
    """Wall time decides nothing."""
    pen.run(bodies.RunUpdateBody(notes="first"), clock=5, time=900)
    pen.run(bodies.RunUpdateBody(notes="second"), clock=5, time=100)
    pen.run(bodies.RunUpdateBody(notes="early"), clock=4, time=999)
    assert lineage.run(pen.table(), "vision", "run1").notes == "second"


def test_inputs_and_outputs_are_found_from_both_ends(pen):
    """What a run read and made, in order, and who read a version."""
    pen.version(2, run="run1")
    pen.on(1, bodies.ProducerBody("run1"))
    pen.on(2, bodies.ProducerBody("run1"))
    use = bodies.RunUseBody(pen.commit(9), "vision", "data", "train")
    pen.run(use)
    pen.run(use)
    pen.run(bodies.RunUseBody(pen.commit(8), "vision", "data"))
    table = pen.table()
    view = lineage.run(table, "vision", "run1")
    assert view.outputs == (pen.commit(2), pen.commit(1))
    assert [(used.commit, used.use_as) for used in view.inputs] == [
        (pen.commit(9), "train"),
        (pen.commit(8), None),
    ]
    assert [user.run for user in lineage.users_of(table, pen.commit(8))] == ["run1"]
    assert lineage.users_of(table, pen.commit(7)) == ()
    assert not view.complete


def test_runs_are_listed_by_project(pen):
    """A project's runs only, or everybody's."""
    pen.run(bodies.RunStartBody(), run_id="b")
    pen.run(bodies.RunStartBody(), run_id="a")
    pen.write(subjects.RunSubject("audio", "c"), bodies.RunStartBody())
    table = pen.table()
    assert [view.run for view in lineage.runs(table, "vision")] == ["a", "b"]
    assert [view.run for view in lineage.runs(table)] == ["c", "a", "b"]
