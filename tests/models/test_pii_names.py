from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pii import find
from models.pii.names import find_names, tagger
from models.pii.names_features import language, style
from models.pii.names_lists import world_names  # noqa: F401 (the command's module imports without Faker)
from models.pii.names_train import tweets
from models.pii.names_words import DATA, fold, look, tokens
from models.pii.span import FILLER


def names(text: str) -> list[str]:
    return [text[start:end] for start, end in find_names(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I was attended to by Ngozi Okonkwo at the Ikeja office", ["Ngozi Okonkwo"]),
        ("please call Tunde back", ["Tunde"]),
        ("Chukwuemeka's phone was stolen in Lagos", ["Chukwuemeka"]),
        ("abeg make una call Ebuka, him no gree answer", ["Ebuka"]),
        ("Malam Sani Abubakar ya ce babu sadarwa a Kano", ["Sani Abubakar"]),
        ("Mazị Obinna Eze gara MTN mana ha anaghị aza", ["Obinna Eze"]),
        ("Ọ̀gbẹ́ni Adébáyọ̀ Ọlátúnjí lọ sí MTN ṣùgbọ́n wọn kò dáhùn", ["Adébáyọ̀ Ọlátúnjí"]),
        ("I want to pay Maria van der Berg today", ["Maria van der Berg"]),
        ("The transfer was made to John F. Kennedy yesterday", ["John F. Kennedy"]),
        ("this is chinedu okafor again, my money never come", ["chinedu okafor"]),
    ],
)
def test_a_name_is_found_whole_and_alone(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_name_of_no_list_is_found_by_what_stands_beside_it() -> None:
    assert not {"n", "w", "m"} & set(look("Zubrowix").flags)

    assert names("I met Dr. Zubrowix in the branch") == ["Zubrowix"]


@pytest.mark.parametrize(
    "text",
    [
        "MTN in Lagos has no network since Monday",
        "it is a joy to use Airtel but peace of mind is gone",
        "Grace period ended and you still charge me",
        "My hope is that you refund me by Sunday",
        "Dear GTBank, my card is blocked in Port Harcourt",
        "Glo abeg fix your network for Abuja",
        "In June I moved from Kano to Kaduna",
        "Still No Network In Surulere",
        "COMCAST DATA CAP IS UNFAIR",
        "ẹ jọ̀ọ́, Airtel kò ṣiṣẹ́ ní Ìbàdàn",
        "netwọk MTN adịghị na Enugu",
        "babu sabis na Glo a Sokoto tun jiya",
        "will you bill me in may or june? mark my words",
        "look at http://www.Anthony.com and mail@Sandra #Chidi @Ngozi",
        "",
    ],
)
def test_places_companies_days_and_common_words_stay(text: str) -> None:
    assert names(text) == []


def test_a_name_is_found_again_where_nothing_beside_it_tells() -> None:
    assert names("Mrs Quelmar refused. No refund, Quelmar") == ["Quelmar", "Quelmar"]


def test_what_is_masked_already_parts_names() -> None:
    text = f"Ada {FILLER * 5} Obi called"

    assert all(FILLER not in name for name in names(text))


def test_forms_and_lists_of_a_word() -> None:
    assert fold("Ọláolúwa") == "olaoluwa"
    assert fold("Ɗanladi") == "danladi"
    assert (look("Adébáyọ̀").plain, look("Adébáyọ̀").shape) == ("adebayo", "Xx")
    assert "n" in look("Chinedu").flags
    assert "m" in look("Oluwafunmibi").flags + look("Chukwuzitelum").flags
    assert "o" in look("Lagos").flags
    assert "c" in look("refund").flags


def test_a_text_has_a_manner_and_a_language() -> None:
    assert style(tokens("my line is dead")) == "l"
    assert style(tokens("MY LINE IS DEAD")) == "U"
    assert style(tokens("My Line Is Dead Again")) == "T"
    assert style(tokens("My line is dead")) == "n"
    assert language(tokens("the network is bad and I have no data")) == "e"
    assert language(tokens("una network dey fall my hand, wetin dey happen")) == "p"
    assert language(tokens("ina da matsala kuma ba a ce komai ba")) == "h"
    assert language(tokens("wọn ti gba owó mi, mo sì ń bẹ̀bẹ̀ fún un")) == "y"


@pytest.mark.parametrize(
    "text",
    [
        "A" * 200_000, "Ada " * 50_000, "A." * 100_000, "O'" * 100_000, "a-" * 100_000, "a\u0300" * 100_000,
        "\u202eAda\u200b " * 20_000, "محمد " * 40_000, FILLER * 200_000, "\ud800Ada", "Ada\x00Obi", "😂Ada😂",
    ],
)  # fmt: skip
def test_odd_texts_do_no_harm(text: str) -> None:
    in_order(text)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet=st.sampled_from("AdaObi é'’-.,:\n\u0301\ue000@1ọ")))
def test_names_lie_inside_the_text_in_order(text: str) -> None:
    in_order(text)


def in_order(text: str) -> None:
    position = 0
    for start, end in find_names(text):
        assert position <= start < end <= len(text)
        assert text[start].isalpha()
        assert FILLER not in text[start:end]
        position = end


def test_the_shipped_files_are_small_and_plain() -> None:
    assert sum(path.stat().st_size for path in DATA.glob("*") if path.name.startswith(("names", "words"))) < 1_500_000
    assert gzip.decompress((DATA / "names_model.json.gz").read_bytes())[:1] == b"{"
    assert {manner + tongue for manner in "lnT" for tongue in "ephiy"} <= tagger().thresholds.keys()


def test_labelled_sentences_are_read_with_their_people(tmp_path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("Call\tO\nAda\tB-person\nObi\tI-person\n\t\n\nLagos\tB-location\n", "utf-8")

    found = [[(t.seen.plain, tag) for t, tag in zip(e.words, e.tags, strict=True)] for e in tweets(path)]

    assert found == [[("call", False), ("ada", True), ("obi", True)], [("lagos", False)]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orúkọ mi ni Zubrowix, ẹ ràn mí lọ́wọ́", ["Zubrowix"]),
        ("aha m bụ Zubrowix", ["Zubrowix"]),
        ("me llamo Zubrowix y vivo lejos", ["Zubrowix"]),
        ("meu nome é Zubrowix e moro longe", ["Zubrowix"]),
        ("je m’appelle Zubrowix", ["Zubrowix"]),
        ("меня зовут Зубровикс", ["Зубровикс"]),
        ("اسمي زبروكس", ["زبروكس"]),
        ("मेरा नाम ज़ुब्रो है", ["ज़ुब्रो"]),
    ],
)
def test_who_introduces_themselves_is_masked_in_many_languages(text: str, expected: list[str]) -> None:
    people = [text[span.start : span.end] for span in find(text) if span.type == "PERSON"]

    assert people == expected


@pytest.mark.parametrize(
    "text",
    [
        "J'ai perdu 5000 FCFA sur mon compte",
        "L'internet ne marche pas",
        "Aujourd'hui la connexion est trop lente",
        "Perdí mi saldo sin usarlo",
        "Nimekatwa pesa bila sababu",
    ],
)
def test_a_sentence_of_another_language_does_not_begin_with_a_name(text):
    assert find_names(text) == []


def test_a_listed_name_at_the_beginning_and_one_with_an_apostrophe_stay():
    assert find_names("Okonkwo said my line is blocked")[0] == (0, 7)
    text = "ask D'Angelo Smith about it"
    assert any(text[start:end].endswith("Smith") for start, end in find_names(text))
