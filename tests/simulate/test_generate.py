from collections import Counter
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from itertools import islice

import pytest

from engine.intake.envelope import CHANNELS
from engine.simulate.generate import Outage, demo, generate, stream
from engine.simulate.people import card
from engine.simulate.phrases_agent import NOTES
from engine.simulate.phrases_eng import TROUBLES
from engine.simulate.write import write
from models.pii.checks import luhn

END = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = END - timedelta(days=7)


@pytest.fixture(scope="module")
def complaints():
    outage = Outage("o1", "network.outage", "Lagos", END - timedelta(hours=1), END, 80)
    return generate(2000, seed=3, start=START, end=END, outages=[outage])


def test_the_same_arguments_give_the_same_complaints():
    assert generate(50, seed=1, start=START, end=END) == generate(50, seed=1, start=START, end=END)
    assert generate(50, seed=1, start=START, end=END) != generate(50, seed=2, start=START, end=END)


def test_all_channels_and_languages_are_there_in_time(complaints):
    assert len(complaints) == 2080
    assert {c.channel for c in complaints} == set(CHANNELS)
    assert {c.truth.language for c in complaints} == {"eng", "pcm", "hau", "yor", "ibo"}
    times = [c.occurred_at for c in complaints]
    assert times == sorted(times)
    assert times[0] >= START and times[-1] < END


def test_spans_stand_where_the_truth_says(complaints):
    seen = Counter()
    for c in complaints:
        for span in c.truth.pii:
            value = c.fields["text"][span["start"] : span["end"]]
            seen[span["type"]] += 1
            match span["type"]:
                case "HANDLE":
                    assert value.startswith("@"), value
                case "EMAIL":
                    assert "@" in value and "example" in value
                case "PERSON":
                    assert value.replace(" ", "").isalpha()
                case _:
                    assert sum(ch.isdigit() for ch in value) >= 10, value
    assert min(seen[t] for t in ("PHONE", "EMAIL", "ACCOUNT", "PERSON", "HANDLE")) > 10


def test_it_does_not_read_like_one_template(complaints):
    own = [c.fields["text"] for c in complaints if not (c.truth.duplicate_of or c.truth.near_duplicate_of)]
    assert len(set(own)) / len(own) > 0.97
    words = Counter(" ".join(text.lower().split()[:4]) for text in own)
    assert words.most_common(1)[0][1] / len(own) < 0.03


def test_duplicates_point_at_what_was_said(complaints):
    by_key = {c.source_key: c for c in complaints}
    copies = [c for c in complaints if c.truth.duplicate_of]
    near = [c for c in complaints if c.truth.near_duplicate_of]
    assert len(copies) > 15
    assert len(near) > 50
    for c in copies:
        assert by_key[c.truth.duplicate_of].fields["text"] == c.fields["text"]
    for c in near:
        before = by_key[c.truth.near_duplicate_of].fields["text"]
        assert before != c.fields["text"]
        assert SequenceMatcher(None, before, c.fields["text"]).ratio() > 0.6


def test_the_outage_is_where_and_when_it_was_planted(complaints):
    planted = [c for c in complaints if c.truth.outage == "o1"]
    assert len(planted) == 80
    assert all(c.fields["region"] == "Lagos" and c.truth.subcategory == "network.outage" for c in planted)
    assert all(END - timedelta(hours=1) <= c.occurred_at + timedelta(seconds=1) for c in planted)


def test_an_outage_of_any_kind_can_be_told_in_any_region():
    for place, trouble in (("Kano", "account.details"), ("Oyo", "device.delivery"), ("Enugu", "device.handset")):
        outage = Outage("o2", trouble, place, END - timedelta(hours=1), END, 60)
        made = generate(0, seed=1, start=START, end=END, outages=[outage])
        assert {(c.truth.subcategory, c.fields["region"]) for c in made} == {(trouble, place)}


def test_no_blank_of_a_phrase_is_left_open(complaints):
    assert not [c.fields["text"] for c in complaints if "{" in c.fields["text"] or "\ue000" in c.fields["text"]]


def test_every_subcategory_is_told_and_praise_is_not_angry(complaints):
    named = set(TROUBLES)
    assert len(named) == 26
    assert {c.truth.subcategory for c in complaints} == named == set(NOTES)
    angry = ("#BadNetwork", "#BeeTelFail", "😡", "COMPLAINT", "Formal complaint", "threatens to port")
    praise = [c.fields["text"] for c in complaints if c.truth.subcategory == "other.praise"]
    assert [text for text in praise if any(word in text for word in angry)] == []


def test_languages_come_in_their_shares(complaints):
    seen = Counter(c.truth.language for c in complaints)
    for language, low, high in (
        ("eng", 0.60, 0.70),
        ("pcm", 0.13, 0.21),
        ("hau", 0.04, 0.10),
        ("yor", 0.03, 0.09),
        ("ibo", 0.025, 0.08),
    ):
        assert low < seen[language] / len(complaints) < high, (language, seen)


def test_two_worlds_share_no_key():
    later = END + timedelta(hours=3)
    keys = [
        {c.source_key for c in made} for made in (demo(END), demo(later), generate(300, seed=8, start=START, end=END))
    ]
    streams = [{c.source_key for c in islice(stream(seed=1, clock=lambda at=at: at), 300)} for at in (END, later)]
    assert len(set().union(*keys, *streams)) == sum(map(len, keys + streams))


def test_nights_are_quieter_than_evenings(complaints):
    hours = Counter((c.occurred_at + timedelta(hours=1)).hour for c in complaints if not c.truth.outage)
    assert sum(hours[h] for h in (1, 2, 3, 4)) < 0.3 * sum(hours[h] for h in (17, 18, 19, 20))


def test_source_keys_are_unique(complaints):
    assert len({c.source_key for c in complaints}) == len(complaints)


def test_a_stream_goes_on():
    made = list(islice(stream(seed=1, clock=lambda: END), 300))
    assert len({c.source_key for c in made}) == 300


def test_demo_has_a_week_and_an_outage():
    made = demo(END)
    assert 2400 <= len(made) <= 2600
    assert sum(c.truth.outage is not None for c in made) == 120


def test_files_hold_every_row(complaints, tmp_path):
    from connectors.files.records import records

    rows = write(complaints, tmp_path)
    assert sum(n for name, n in rows.items() if name != "truth.jsonl") == rows["truth.jsonl"] == 2080
    for name, count in rows.items():
        found = list(records(tmp_path / name))
        assert (name, len(found), [r for r in found if r.defect_code]) == (name, count, [])


def test_cards_pass_the_check():
    from random import Random

    assert all(luhn(card(Random(n))) for n in range(50))
