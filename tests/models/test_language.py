import pytest

from models.language import detect


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no network since morning, please fix it", "eng"),
        ("abeg wetin dey happen, network don go since morning", "pcm"),
        ("don Allah ku gyara mana layin waya", "hau"),
        ("ẹ jọwọ, owo mi ti lọ lati ana", "yor"),
        ("biko ego m efuola kemgbe ụtụtụ", "ibo"),
        ("je n'ai plus de réseau depuis ce matin", "fra"),
        ("لا توجد شبكة منذ الصباح", "ara"),
        ("", "und"),
        ("123 !!! 😀", "und"),
        ("<PHONE_a91c> <EMAIL_0b1c>", "und"),
    ],
)
def test_the_language_is_told(text, code):
    assert detect([text])[0].code == code


def test_order_and_confidence():
    found = detect(["the bill is wrong and nobody answers", "biko nyere m aka"])
    assert [f.code for f in found] == ["eng", "ibo"]
    assert all(0.0 <= f.confidence <= 1.0 for f in found)
    assert detect([]) == []
