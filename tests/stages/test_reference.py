import json
from dataclasses import replace

import pytest

from engine.curate.context import load_places, load_products
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import clean
from tests.conftest import NOW


@pytest.fixture(scope="module")
def referring(context):
    return replace(context, places=load_places(Settings()), products=load_products(Settings()))


def refer(context, **fields):
    envelope = Envelope("sms", "s", "1", json.dumps(fields).encode(), "application/json", NOW)
    (row,) = clean(to_table([(envelope.event_id, envelope, 1)]), context).to_pylist()
    assert row["error_code"] is None
    return tuple(row[name] for name in ("region", "locality", "product", "amount", "currency"))


def test_fields_decide_and_are_brought_into_one_form(referring):
    row = refer(referring, text="no network in Kano", region="Ikeja, Lagos State", product="MoMo")
    assert row == ("Lagos", "Ikeja", "mobile money", None, None)


def test_without_fields_the_text_is_asked(referring):
    row = refer(referring, text="In Port Harcourt my data plan of N2,000 vanished")
    assert row == ("Rivers", "Port Harcourt", "data bundle", 2000.0, "NGN")


def test_a_place_that_reads_like_a_name_is_found_and_a_name_is_not_kept(referring):
    assert refer(referring, text="no network", region="Kano Municipal")[:2] == ("Kano", "Kano Municipal")
    region = refer(referring, text="no network", region="ask 08031234567")[0]
    assert "0803" not in region


def test_what_the_reference_does_not_know_stays(referring):
    assert refer(referring, text="slow", region="Ohio", product="Xfinity X1")[:3] == ("Ohio", None, "Xfinity X1")


def test_without_reference_data_fields_stay_as_they_come(context):
    assert refer(context, text="in Lagos", region="lagos state")[:3] == ("lagos state", None, None)
