"""A row that a rule keeps out, through the very stages and the writer, and back once the rule was changed."""

import json
from dataclasses import replace

import pytest

from connectors.lance import open_reader
from engine.intake.envelope import Envelope, to_table
from engine.intake.retry import again
from engine.quality.rules import Rules
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW

KEPT_OUT = Rules.model_validate(
    {
        "version": "1",
        "rows": {
            "no_customer": {"check": "present", "column": "customer_id"},
            "wrong_region": {
                "check": "values",
                "column": "region",
                "any_of": ["Lagos", "Kano"],
                "action": "quarantine",
            },
        },
    }
)


def complaint(key, region):
    body = json.dumps({"text": "no network since morning", "region": region}).encode()
    return Envelope("sms", "gw", key, body, "application/json", NOW)


def commit(writer, context, *made):
    return writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(made, 1)]), context))


@pytest.fixture
def writer(tmp_path):
    made = Writer(Settings(data_dir=tmp_path))
    yield made
    made.close()


def rows(writer, zone, name):
    return open_reader(f"{writer._settings.zones_uri}/{zone}", name).search().limit(99).to_list()


def test_a_quarantined_row_is_a_dead_letter_under_the_rules_name_and_the_rest_passes(writer, context):
    held = replace(context, quality=KEPT_OUT.rows)
    good, bad = complaint("1", "Lagos"), complaint("2", "Paris")
    done = commit(writer, held, good, bad)
    assert (done.stored, done.dead_lettered) == (1, 1)
    (letter,) = rows(writer, "raw", "dead_letters")
    assert (letter["event_id"], letter["stage"], letter["reason"]) == (bad.event_id, "quality", "wrong_region")
    assert "Paris" not in letter["message"]
    (row,) = rows(writer, "serving", "complaints")
    assert (row["event_id"], row["quality_flags"]) == (good.event_id, ["no_customer"])


def test_after_the_rule_was_changed_a_retry_stores_it(writer, context):
    bad = complaint("2", "Paris")
    commit(writer, replace(context, quality=KEPT_OUT.rows), bad)
    (raw,) = rows(writer, "raw", "envelopes")
    retried = again(raw, 2, context.data_key)
    assert (retried.event_id, retried.payload) == (bad.event_id, bad.payload)
    assert commit(writer, replace(context, quality=KEPT_OUT.rows), retried).dead_lettered == 1
    flags = KEPT_OUT.rows | {"wrong_region": KEPT_OUT.rows["wrong_region"].model_copy(update={"action": "flag"})}
    assert commit(writer, replace(context, quality=flags), again(raw, 3, context.data_key)).stored == 1
    (row,) = rows(writer, "serving", "complaints")
    assert row["quality_flags"] == ["no_customer", "wrong_region"]
    assert writer.lookup([bad.event_id]) == ["stored"]
