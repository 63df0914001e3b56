from __future__ import annotations

import csv
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.language import UNKNOWN, Language, detect

DATA = Path(os.environ.get("BEEJAN_DATA", Path(__file__).parents[3] / "shared" / "data"))

SENTENCES = {
    "eng": [
        "no network since morning", "My phone has no signal", "refund please", "I was charged twice for data",
        "Airtel stole my money", "Your customer care is rude", "wrong deduction of N500 from my account",
        "Can I get an account for my son?", "data finished fast",
    ],
    "pcm": [
        "abeg network no dey since morning", "una don chop my money", "wetin dey happen for una network",
        "I no fit browse since yesterday", "make una fix dis network o", "e don tey wey I buy data",
        "my data don finish and I never use am", "how una go comot 500 naira from my account",
    ],
    "hau": [
        "babu network tun safe", "an cire min kudi ba tare da izini ba", "ina son a dawo min da kudina",
        "layina baya aiki", "don Allah ku gyara network", "ƙwarai, ɗan uwa",
    ],
    "yor": [
        "ko si network lati aaro", "e jowo e da owo mi pada", "won yo owo mi lai gba ase",
        "ẹ jọ̀wọ́ ẹ tún nẹ́tíwọ́ọ̀kì ṣe", "nẹtiwọọki yin ko dara",
    ],
    "ibo": [
        "enweghi netwok kemgbe ututu", "biko weghachi ego m", "ha wepuru ego m na-enweghi ikike",
        "ekwentị m anaghị arụ ọrụ", "gini mere na netwok a",
    ],
    "swa": ["hakuna mtandao tangu asubuhi", "nirudishie pesa yangu", "mmekata pesa zangu bila sababu"],
    "fra": ["pas de réseau depuis ce matin", "vous avez débité mon compte deux fois"],
    "spa": ["no hay señal desde ayer"],
    "por": ["não tenho rede desde ontem"],
    "deu": ["Seit heute Morgen habe ich kein Netz"],
    "ara": ["لا توجد شبكة منذ الصباح"],
    "hin": ["सुबह से नेटवर्क नहीं है"],
}  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SENTENCES.items() for text in texts])
def test_a_short_complaint_gets_its_language(code: str, text: str) -> None:
    assert detect([text])[0].code == code


@pytest.mark.parametrize(
    "text", ["", "   ", "ok", "12345", "😂😂", "<PHONE_a91c> <EMAIL_0b0b>", "https://t.co/abc", "@mtnng"]
)
def test_a_text_without_words_is_undetermined(text: str) -> None:
    assert detect([text]) == [Language(UNKNOWN, 0.0)]


def test_masked_values_addresses_and_handles_do_not_count() -> None:
    plain, noisy = detect(
        ["babu network tun safe", "@help babu network tun safe <PHONE_a91c> https://example.com/the/and"]
    )

    assert plain == noisy


def test_decomposed_and_composed_letters_count_the_same() -> None:
    composed, decomposed = detect(["ṣé ẹ wà", "s\u0323e\u0301 e\u0323 wa\u0300"])

    assert composed.code == decomposed.code == "yor"


def test_one_borrowed_word_does_not_turn_a_long_english_text() -> None:
    text = (
        "Abeg, the network has been down since the storm and none of your agents have told us when it will be restored."
    )

    assert detect([text])[0].code == "eng"


def test_little_words_that_pidgin_shares_with_romance_languages_do_not_make_pidgin() -> None:
    texts = ["e come di notte il segnale manca", "o sinal na minha casa e no trabalho"]

    assert "pcm" not in [language.code for language in detect(texts)]


def test_confidence_is_a_probability_and_grows_with_evidence() -> None:
    short, long = detect(["una abeg", "abeg una network no dey, wetin dey happen, una don chop my money"])

    assert 0.0 <= short.confidence < long.confidence <= 1.0


def test_answers_keep_the_order_and_number_of_the_texts() -> None:
    texts = ["", "no network since morning", "babu network tun safe", ""]

    assert [language.code for language in detect(texts)] == ["und", "eng", "hau", "und"]
    assert detect([]) == []


def test_threads_get_the_same_answers() -> None:
    texts = [text for texts in SENTENCES.values() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(detect, [texts] * 8))

    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("text", ["a" * 100_000, "@" * 100_000, "na " * 50_000, "\u0323" * 100_000, "<PHONE_" * 20_000])
def test_hostile_texts_end(text: str) -> None:
    assert len(detect([text])) == 1


def test_accuracy_on_held_out_short_texts() -> None:
    path = DATA / "lid" / "lid_dev.csv"
    if not path.exists():
        pytest.skip("needs the labelled texts of BEEJAN_DATA: lid/lid_dev.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["lang"] in ("eng", "pcm", "hau", "yor", "ibo", "fra", "swa")]
    held_out = [row for row in rows if int(hashlib.md5(row["text"].encode()).hexdigest(), 16) % 2]
    right: dict[str, list[bool]] = {}
    for row, language in zip(held_out, detect([row["text"] for row in held_out]), strict=True):
        right.setdefault(row["lang"], []).append(language.code == row["lang"])

    assert sum(sum(hits) / len(hits) for hits in right.values()) / len(right) >= 0.90
