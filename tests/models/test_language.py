from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import models.language_model as language_model
from models.language import UNKNOWN, Language, detect
from models.language_features import grams, split
from models.language_model import LanguageModelError, load

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


@pytest.mark.parametrize(
    "text", ["a", "9", "é", "\n", "MTN", "Airtel 4G", "iPhone 12", "Port Harcourt", "*737#", "N5,000"]
)
def test_a_name_a_number_or_a_letter_has_no_language(text: str) -> None:
    assert detect([text]) == [Language(UNKNOWN, 0.0)]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("rus", "у меня со вчерашнего дня нет сети и никто не отвечает"),
        ("tur", "dünden beri şebeke yok ve müşteri hizmetleri cevap vermiyor"),
        ("pol", "od wczoraj nie mam zasięgu i nikt nie odbiera telefonu"),
        ("jpn", "昨日から電波がありません。誰も電話に出てくれません。"),
    ],
)
def test_the_long_tail_is_told_by_py3langid(code: str, text: str) -> None:
    assert detect([text])[0].code == code


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (
            {"eng", "pcm"},
            "I have been a customer of this bank for more than ten years and I am very disappointed. "
            "Abeg make una return my money, I no know wetin una dey do with am since morning, e don tire me well well",
        ),
        (
            {"eng", "yor"},
            "I was charged twice for the same transaction and nobody has answered any of my messages. "
            "Ẹ jọ̀ọ́ ẹ bá mi dá owó mi padà, mo ti pè yín títí, kò sí ẹni tó dá mi lóhùn láti àná",
        ),
    ],
)
def test_a_text_that_switches_has_a_second_language(codes: set[str], text: str) -> None:
    found = detect([text])[0]

    assert {found.code, found.second} == codes


def test_a_text_in_one_language_has_no_second() -> None:
    text = (
        "I was charged twice for the same transaction last week and nobody has answered any of my messages since then, "
        "so I would like to speak to a manager about a refund before the end of this month."
    )

    assert detect([text]) == [Language("eng", detect([text])[0].confidence, None)]


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


@pytest.mark.parametrize(
    ("pidgin", "english"),
    [
        ("NAFDAC declare war against fake palm oil", "NAFDAC declares war on fake palm oil"),
        ("Court reject bail for banker wey dem say thief", "Court rejects bail for banker accused of theft"),
        ("Singer announce date for wedding", "Singer announces date of wedding"),
        ("Rivers governor explain why e sack commissioner", "Rivers governor explains why he sacked commissioner"),
    ],
)
def test_a_headline_is_told_by_its_verbs_ending(pidgin: str, english: str) -> None:
    assert [language.code for language in detect([pidgin, english])] == ["pcm", "eng"]


def test_english_headlines_are_seldom_taken_for_pidgin() -> None:
    file = Path(__file__).parents[2] / "benchmarks" / "processing" / "english_headlines.txt"
    codes = [language.code for language in detect(file.read_text("utf-8").splitlines())]

    assert len(codes) == 100
    assert codes.count("pcm") <= 3


def test_confidence_is_a_probability_and_grows_with_evidence() -> None:
    short, long = detect(["una abeg", "abeg una network no dey, wetin dey happen, una don chop my money"])

    assert 0.0 <= short.confidence < long.confidence <= 1.0


def test_answers_keep_the_order_and_number_of_the_texts() -> None:
    texts = ["", "no network since morning", "babu network tun safe", ""]

    assert [language.code for language in detect(texts)] == ["und", "eng", "hau", "und"]
    assert detect([]) == []


def test_an_answer_does_not_depend_on_the_batch() -> None:
    texts = [text for texts in SENTENCES.values() for text in texts] * 20

    whole = detect(texts)

    assert whole == [detect([text])[0] for text in texts]
    assert whole[::-1] == detect(texts[::-1])


def test_capitals_and_digits_do_not_tell_the_language() -> None:
    assert detect(["WETIN DEY HAPPEN FOR UNA NETWORK 24"]) == detect(["wetin dey happen for una network"])


def test_words_and_ngrams_by_hand() -> None:
    words = split(["Ab, ab c!", "", "Don't 12"])

    assert words.distinct == ["ab", "c", "don't"]
    assert (words.ids.tolist(), words.counts.tolist()) == ([0, 0, 1, 2], [3, 0, 1])
    # " ab ": the word four times, a, b; " a", "ab", "b "; " ab", "ab "; " ab ". " c ": the word, c; " c", "c "; " c ".
    assert grams(words.distinct).starts.tolist() == [0, 12, 20]


def test_equal_ngrams_of_different_words_share_a_bucket() -> None:
    found = grams(["ab", "abc"])
    first, second = np.split(found.buckets, found.starts[1:])

    assert len(set(first.tolist()) & set(second.tolist())) == 5  # "a", "b", " a", "ab" and " ab"


def test_the_shipped_model_is_small() -> None:
    assert language_model.SHIPPED.stat().st_size < 3_000_000


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    for file in (language_model.SHIPPED, language_model.SHIPPED.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    copy = tmp_path / language_model.SHIPPED.name
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)

    with pytest.raises(LanguageModelError, match=r"has sha256 .*, expected .*; install the package again"):
        load(copy)
    copy.unlink()
    with pytest.raises(LanguageModelError, match="cannot be read"):
        load(copy)


def test_another_process_gives_the_same_answers() -> None:
    texts = [texts[0] for texts in SENTENCES.values()]
    code = f"from models.language import detect; print(detect({texts!r}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == repr(detect(texts))


def test_threads_get_the_same_answers() -> None:
    texts = [text for texts in SENTENCES.values() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(detect, [texts] * 8))

    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "😂" * 100_000,
        "ab" * 50_000,
        "a.b@" * 25_000,
        "@" * 100_000,
        "na " * 50_000,
        "\u0323" * 100_000,
        "<PHONE_" * 20_000,
    ],
)
def test_hostile_texts_end(text: str) -> None:
    assert len(detect([text])) == 1


def test_accuracy_on_held_out_short_texts() -> None:
    path = DATA / "lid" / "lid_dev.csv"
    if not path.exists():
        pytest.skip("needs the labelled texts of BEEJAN_DATA: lid/lid_dev.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["lang"] in ("eng", "pcm", "hau", "yor", "ibo", "fra", "ara", "hin", "spa", "por", "swa", "deu")
        ]
    held_out = [row for row in rows if int(hashlib.md5(row["text"].encode()).hexdigest(), 16) % 2]
    right: dict[str, list[bool]] = {}
    for row, language in zip(held_out, detect([row["text"] for row in held_out]), strict=True):
        right.setdefault(row["lang"], []).append(language.code == row["lang"])

    assert sum(sum(hits) / len(hits) for hits in right.values()) / len(right) >= 0.95
