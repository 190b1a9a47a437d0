"""A state machine over runs: after any sequence of actions of visitors and workers, and of failures, every run has exactly one state."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tests.training.conftest import _make_recipe
from vpc2.text import Refusal
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.file_names import CHECKPOINT_NAME
from vpc2.training.runs.liveness import claim, release
from vpc2.training.runs.status import STATES
from vpc2.training.runs.store import RunStore

WHO = st.sampled_from(("ana", "beto"))


class Runs(RuleBasedStateMachine):
    """`known` is what must be true of each run: its owner and state, and what was asked of a worker that has not answered yet."""

    runs = Bundle("runs")

    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.store, self.known = RunStore(self.home), {}

    def teardown(self):
        shutil.rmtree(self.home)

    def _may(self, run, who) -> bool:
        return run in self.known and self.known[run]["owner"] == who

    def _refused(self, ask, *args, **named) -> None:
        with pytest.raises(Refusal):
            ask(*args, **named)

    @rule(target=runs, who=WHO)
    def create(self, who):
        run = self.store.create(_make_recipe(), owner=who)
        self.known[run.id] = {"owner": who, "state": "queued", "asked": "", "resumable": False}
        return run.id

    @rule(run=runs)
    def a_worker_begins(self, run):
        if run in self.known and self.known[run]["state"] == "queued":
            folder = self.store.path(run)
            assert claim(folder)
            assert not claim(folder), "a second worker"
            writer = EventWriter(folder)
            writer.write({"type": "resume" if self.known[run]["resumable"] else "start", "epoch": 1, "step": 0})
            (folder / "queued").unlink(missing_ok=True)
            writer.write({"type": "epoch", "epoch": 1, "step": 3})
            (folder / CHECKPOINT_NAME).touch()
            self.known[run] |= {"state": "running", "asked": "", "resumable": True}

    @rule(run=runs, word=st.sampled_from(("finished", "failed")))
    def a_worker_answers_or_ends(self, run, word):
        facts = self.known.get(run)
        if facts is None or facts["state"] != "running":
            return
        folder, writer = self.store.path(run), EventWriter(self.store.path(run))
        state = {"stop": "stopped", "pause": "paused"}.get(facts["asked"], word)
        if state == "paused":
            writer.write({"type": "pause", "step": 3, "epoch": 1, "elapsed_s": 1.0})
        else:
            writer.write({"type": "end", "state": state, "reason": None})
        if state == "finished":
            (folder / CHECKPOINT_NAME).unlink()
        release(folder)
        facts |= {"state": state, "asked": "", "resumable": state != "finished"}

    @rule(run=runs)
    def a_worker_is_killed(self, run):
        facts = self.known.get(run)
        if facts is not None and facts["state"] == "running":
            (self.store.path(run) / "worker.json").write_text(json.dumps({"pid": os.getpid(), "started": 1}))
            # A request that nobody answered any more is fulfilled all the same: the run goes no further.
            facts |= {"state": {"stop": "stopped", "pause": "paused"}.get(facts["asked"], "interrupted"), "asked": ""}

    @rule(run=runs, who=WHO)
    def stop(self, run, who):
        if not self._may(run, who):
            self._refused(self.store.request_stop, run, by=who)
            return
        self.store.request_stop(run, by=who)
        facts = self.known[run]
        if facts["state"] == "running":
            facts["asked"] = "stop"
        elif facts["state"] in ("queued", "paused"):
            facts["state"] = "stopped"

    @rule(run=runs, who=WHO)
    def pause(self, run, who):
        if not self._may(run, who):
            self._refused(self.store.request_pause, run, by=who)
            return
        self.store.request_pause(run, by=who)
        facts = self.known[run]
        if facts["state"] == "running":
            facts["asked"] = facts["asked"] or "pause"
        elif facts["state"] == "queued":
            facts |= {"state": "paused", "resumable": True}

    @rule(run=runs, who=WHO)
    def resume(self, run, who):
        if not self._may(run, who):
            self._refused(self.store.request_resume, run, by=who)
            return
        facts = self.known[run]
        if facts["state"] in ("queued", "running"):
            assert not self.store.request_resume(run, by=who)
        elif self.store.status(run).is_resumable:
            assert facts["state"] != "finished" and self.store.request_resume(run, by=who)
            facts |= {"state": "queued", "asked": ""}
        else:
            assert facts["state"] == "finished" or not facts["resumable"] or facts["state"] == "stopped"
            self._refused(self.store.request_resume, run, by=who)

    @rule(run=consumes(runs), who=WHO)
    def delete(self, run, who):
        if not self._may(run, who) or self.known[run]["state"] == "running":
            self._refused(self.store.delete, run, by=who)
            return
        self.store.delete(run, by=who)
        del self.known[run]

    @rule()
    def the_server_starts_anew(self):
        self.store = RunStore(self.home)
        self.store.sweep()

    @invariant()
    def every_run_is_there_once_and_in_the_state_it_must_be_in(self):
        listed = [run.id for run in self.store.list()]
        assert sorted(listed) == sorted(self.known), "one was lost, or told twice"
        for run, facts in self.known.items():
            state = self.store.state(run)
            assert state in STATES and state == facts["state"], (run, state, facts)

    @invariant()
    def each_sees_their_own_alone(self):
        for who in ("ana", "beto"):
            assert {run.id for run in self.store.visible_to(who)} == {run for run, facts in self.known.items() if facts["owner"] == who}


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
