from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.curate.overload import Signals, State, Step, behind_s, decide

LADDER = (Step("embedding_static", 15), Step("intake_slowed", 300))
CALM_S = 30


def signals(waiting, rates=(100, 1000, 1000), arriving=0.0, at_s=0.0):
    return Signals(at_s, waiting, arriving, rates)


def test_seconds_behind_are_what_waits_over_the_rate_of_the_rung():
    assert behind_s(signals(1500), 0) == 15
    assert behind_s(signals(1500), 1) == 1.5
    assert behind_s(signals(0, (None, None, None)), 0) == 0
    assert behind_s(signals(9, (None, None, None)), 0) is None


def test_a_step_begins_at_its_seconds_and_one_at_a_time():
    assert decide(State(), signals(1499), LADDER, CALM_S).rung == 0
    assert decide(State(), signals(1500), LADDER, CALM_S).rung == 1
    # 40,000 are 400 s behind by the full model, and 40 s by the static one.
    assert decide(State(), signals(40_000), LADDER, CALM_S).rung == 1
    assert decide(State(1), signals(40_000), LADDER, CALM_S).rung == 1
    assert decide(State(1), signals(300_000), LADDER, CALM_S).rung == 2
    assert decide(State(2), signals(10**9), LADDER, CALM_S).rung == 2


def test_the_next_step_waits_until_its_rate_is_known():
    assert decide(State(1), signals(10**6, (100, None, None)), LADDER, CALM_S).rung == 1


def test_what_one_micro_batch_takes_is_no_overload_however_slow_it_is():
    assert decide(State(), signals(255, (0.1, 1, 1)), LADDER, CALM_S).rung == 0
    assert decide(State(), signals(256, (0.1, 1, 1)), LADDER, CALM_S).rung == 1


def test_a_step_is_taken_back_after_being_calm_without_a_break():
    # Half of 15 s at the full model's 100 a second are 750.
    state = decide(State(1), signals(700, at_s=0), LADDER, CALM_S)
    state = decide(state, signals(800, at_s=20), LADDER, CALM_S)
    state = decide(state, signals(700, at_s=25), LADDER, CALM_S)
    assert decide(state, signals(700, at_s=54), LADDER, CALM_S).rung == 1
    assert decide(state, signals(700, at_s=55), LADDER, CALM_S).rung == 0


def test_where_the_rung_below_could_not_carry_what_comes_in_it_is_tried_later_and_then_later_still():
    busy = {"waiting": 0, "arriving": 90}  # more than .8 of 100
    state = decide(State(1), signals(**busy, at_s=0), LADDER, CALM_S)
    assert decide(state, signals(**busy, at_s=119), LADDER, CALM_S).rung == 1
    down = decide(state, signals(**busy, at_s=120), LADDER, CALM_S)
    assert (down.rung, down.lowered_at_s) == (0, 120)
    again = decide(down, signals(2000, arriving=90, at_s=150), LADDER, CALM_S)
    assert (again.rung, again.taken_back) == (1, 1)
    calm = decide(again, signals(**busy, at_s=200), LADDER, CALM_S)
    assert decide(calm, signals(**busy, at_s=439), LADDER, CALM_S).rung == 1
    assert decide(calm, signals(**busy, at_s=440), LADDER, CALM_S).rung == 0


def test_a_ladder_that_became_shorter_leaves_no_rung_that_is_not_there():
    assert decide(State(2), signals(10**6, (100, 100)), LADDER[1:], CALM_S).rung == 1
    assert decide(State(2), signals(10**6, (100,)), (), CALM_S).rung == 0


rate = st.one_of(st.none(), st.floats(0.01, 1e5))


@given(
    st.floats(0, 1e7), st.floats(0, 1e7), st.tuples(rate, rate, rate), st.floats(0, 1e5),
    st.integers(0, 2), st.one_of(st.none(), st.floats(0, 100)), st.floats(100, 1e5),
)  # fmt: skip
def test_more_that_waits_never_means_a_lower_rung(one, other, rates, arriving, rung, calm, at_s):
    less, more = sorted((one, other))
    state = State(rung, calm)
    low = decide(state, Signals(at_s, less, arriving, rates), LADDER, CALM_S)
    high = decide(state, Signals(at_s, more, arriving, rates), LADDER, CALM_S)
    assert low.rung <= high.rung
    assert abs(high.rung - rung) <= 1


def simulate(arriving, full, static, seconds, queue=0.0, state=None):
    """Rungs second by second under constant load; a slowed intake lets nothing in."""
    state, rungs = state or State(), []
    for second in range(seconds):
        speed = full if state.rung == 0 else static
        comes = 0 if state.rung == 2 else arriving
        queue = max(0.0, queue + comes - speed)
        state = decide(state, Signals(second, queue, comes, (full, static, static)), LADDER, CALM_S)
        rungs.append(state.rung)
    return rungs


@settings(deadline=None, max_examples=12)
@given(st.floats(5, 1000), st.floats(1.3, 20), st.floats(1.02, 1.2))
def test_constant_load_that_only_the_static_model_carries_does_not_swing(full, gain, excess):
    static = full * gain
    arriving = min(full * excess * 1.05, static * 0.95)
    rungs = simulate(arriving, full, static, 6 * 3600)
    changes = sum(a != b for a, b in pairwise(rungs))
    # It is tried after 2 minutes at the soonest; each try that fails soon doubles that, up to 2 hours.
    assert changes <= 2 * 6 * 3600 / 120
    assert max(rungs) <= 1


@settings(deadline=None, max_examples=12)
@given(st.floats(1.5, 5))
def test_a_heavy_constant_load_is_tried_ever_more_rarely(excess):
    rungs = simulate(100 * excess, 100, 1000, 6 * 3600)
    changes = sum(a != b for a, b in pairwise(rungs))
    # 120 s, 240 s, ... 7,680 s: 7 tries in the first 4 h, and one more in the 2 h after.
    assert changes <= 2 * 8 + 1


@settings(deadline=None, max_examples=12)
@given(st.floats(0, 0.75), st.floats(5, 1000), st.floats(1.1, 20), st.floats(0, 1e5), st.integers(0, 2))
def test_it_comes_back_to_the_full_model_and_stays_there(share, full, gain, queue, rung):
    static = full * gain
    drained = queue / (static - share * full) + queue / full
    rungs = simulate(share * full, full, static, int(drained) + 3000, queue, State(rung))
    assert set(rungs[-600:]) == {0}


@given(st.floats(1, 1e6), st.floats(0.001, 1e4), st.floats(0, 1e4))
def test_no_rung_is_kept_for_ever_when_the_queue_is_empty(arriving, full, static):
    state = State(2, taken_back=50)
    for second in range(0, 4 * 7680 + 100, 10):
        state = decide(state, Signals(second, 0, arriving, (full, static, static)), LADDER, CALM_S)
    assert state.rung == 0
