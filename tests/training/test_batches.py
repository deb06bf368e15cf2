import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from didact.training.batches import groups_of, order

LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=200)


@given(LENGTHS, st.integers(1, 40), st.sampled_from([0.5, 1, 2, 2.5]), st.integers())
def test_every_row_is_seen_once_per_epoch(lengths, batch, epochs, seed):
    plan = order(lengths, batch=batch, epochs=epochs, rng=random.Random(seed))
    seen = Counter(plan)
    assert len(plan) == max(1, round(epochs * len(lengths)))
    assert set(seen.values()) <= {int(epochs), int(epochs) + 1} - {0}
    if epochs >= 1:
        assert set(seen) == set(range(len(lengths)))


@given(LENGTHS, st.integers(1, 40), st.integers())
def test_the_order_depends_on_the_seed_alone(lengths, batch, seed):
    plans = [order(lengths, batch=batch, epochs=2, rng=random.Random(seed)) for _ in range(2)]
    assert plans[0] == plans[1]


@given(LENGTHS, st.integers(1, 40), st.integers(1, 4), st.integers())
def test_no_batch_holds_a_row_twice(lengths, batch, epochs, seed):
    batch = min(batch, len(lengths))
    plan = order(lengths, batch=batch, epochs=epochs, rng=random.Random(seed))
    for start in range(0, len(plan), batch):
        rows = plan[start : start + batch]
        assert len(set(rows)) == len(rows)


def test_rows_of_like_length_share_a_batch():
    lengths = random.Random(0).choices(range(20, 200), k=512)
    plan = order(lengths, batch=16, epochs=1, rng=random.Random(0))
    batches = [[lengths[row] for row in plan[i : i + 16]] for i in range(0, 512, 16)]
    padded = sum(16 * max(batch) for batch in batches)
    assert padded < 1.05 * sum(lengths)


def test_long_and_short_batches_are_mixed():
    lengths = list(range(512))
    plan = order(lengths, batch=16, epochs=1, rng=random.Random(0))
    halves = sum(plan[:256]) / 256, sum(plan[256:]) / 256
    assert abs(halves[0] - halves[1]) < 100


@given(LENGTHS, st.integers(1, 40), st.integers(1, 3), st.integers())
def test_a_group_has_all_its_epochs_before_the_next_begins(lengths, batch, epochs, seed):
    places = list(range(len(lengths)))
    groups = [places[::2], places[1::2]] if len(places) > 1 else [places]
    plan = order(lengths, batch=batch, epochs=epochs, rng=random.Random(seed), groups=groups)
    assert Counter(plan) == dict.fromkeys(places, epochs)
    first = set(plan[: epochs * len(groups[0])])
    # The batch at the border holds rows of both.
    assert len(first - set(groups[0])) < batch
    last = set(groups[-1])
    late = [place for place in plan[epochs * len(groups[0]) + batch :] if place not in last]
    assert not late


def test_stages_are_ordered_as_numbers_and_as_words():
    assert groups_of([2, 1, 10, 1]) == [[1, 3], [0], [2]]
    assert groups_of(["b", "a", "b"]) == [[1], [0, 2]]


def test_without_bucketing_a_batch_holds_any_lengths():
    lengths = list(range(512))
    plan = order(lengths, batch=16, epochs=1, rng=random.Random(0), bucketing=False)
    spread = [max(plan[i : i + 16]) - min(plan[i : i + 16]) for i in range(0, 512, 16)]
    assert min(spread) > 100
