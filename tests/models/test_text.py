import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.offsets import to_original
from models.text import Repaired, normal_form, repair, text_hash


@pytest.mark.parametrize(
    ("broken", "right"),
    [
        ("donâ€™t", "don't"),
        ("cafÃ©", "café"),
        ("Ã¢â‚¬Å“twiceÃ¢â‚¬Â\x9d", '"twice"'),
        ("Ù…Ø±Ø\xadØ¨Ø§ Ø¨Ùƒ", "مرحبا بك"),
        ("good 😀 and donâ€™t", "good 😀 and don't"),
        ("A &amp; B", "A & B"),
        ("5 &amp;amp;amp;lt; 6", "5 < 6"),
        ("&nbsp;P&EACUTE;REZ&#39;s&#x20;", "PÉREZ's"),
        ("&#55357;&#56842;", "😊"),
        ("q=1&copy=2 AT&T; R&D &ampfoo", "q=1&copy=2 AT&T; R&D &ampfoo"),
        ("a\u0000b\u0007c", "abc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("  two   spaces \n\n\n\n end ", "two spaces\n\nend"),
        ("a\u00a0b\u3000c\u2009d\te", "a b c d e"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("smile 😀", "smile 😀"),
        ("e\u0301", "é"),
        ("s\u0323e\u0323 o\u0323\u0300", "ṣẹ ọ̀"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
        ("ＬＯＵＤ １２３", "LOUD 123"),
        ("𝗻𝗼 𝕟𝕖𝕥𝕨𝕠𝕣𝕜", "no network"),
        ("ﬁnal oﬃce", "final office"),
        ("\ufeb3\ufefc\ufee1", "سلام"),
        ("10\u00b3 and ½", "10\u00b3 and ½"),
        ("“curly” ‘quotes’", "\"curly\" 'quotes'"),
        ("\ufeffno\u200b net\u00adwork\u202e", "no network"),
        ("lone \ud800 surrogate", "lone � surrogate"),
        ("pair \ud83d\ude00", "pair 😀"),
        ("<p>Hello <b>there</b></p><p>bye<br/>now</p>", "Hello there\n\nbye\nnow"),
        ("<td>a</td><td>b</td>", "a b"),
        ('<a href="https://x.ng/?q=1">link</a> <IMG SRC=x>', "link"),
        ("&lt;div class='x'&gt;text&lt;/div&gt;", "text"),
        ("a<!-- not shown -->b<script>alert(1)</script>c<style>p {}</style>d", "abcd"),
        ("a <!-- never ends", "a never ends"),
        ("I <3 it, 5 < 6 > 4, <name> <PHONE_a91c> <a and b>", "I <3 it, 5 < 6 > 4, <name> <PHONE_a91c> <a and b>"),
        ("noooooooo sooo", "nooo sooo"),
        ("ههههههههه", "ههه"),
        ("what" + "?" * 40, "what" + "?" * 10),
        ("z" + "\u0301" * 300, "ź" + "\u0301" * 4),
    ],
)
def test_repair(broken, right):
    assert repair(broken).text == right


@pytest.mark.parametrize(
    "text",
    [
        "XXXX charged me {$1000.00} on XX/XX/2019, card XXXXXXXXXXXX1234",
        "****1234 0800000000 1000000",
        "mail aaaa@x.com or @sooooo about #noooooo, ref TXAAAAA1, http://www.yyyyyy.com",
        "👨\u200d👩\u200d👧 ❤\ufe0f ✌🏽 1\ufe0f\u20e3 🇳🇬",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "\U0001fae8",  # an emoji that is newer than the interpreter's tables
        "می\u200cخواهم क्\u200dष",
        "Wọ́n ti gé owó mi, ƙarfi ɗaya, ịntanetị",
        "plain, with (all) [its] signs!",
    ],
)
def test_what_is_right_stays(text):
    assert repair(text) == Repaired(text)


def test_a_joiner_stays_between_emoji_or_shaped_letters_alone():
    assert repair("a\u200db 😀\u200d x\u200c").text == "ab 😀 x"
    assert repair("x\U000e0041\U000e0042\ufe0f").text == "x"


def test_the_edits_lead_back_to_the_text_as_given():
    given = "  Paid&nbsp;&#8358;500 &amp; donâ€™t   call"
    done = repair(given)
    assert done.text == "Paid ₦500 & don't call"

    def back(word):
        at = done.text.index(word)
        start, end = to_original(done.edits, at, at + len(word))
        return given[start:end]

    assert back("Paid") == "Paid"
    assert back("₦500") == "&#8358;500"
    assert back("&") == "&amp;"
    assert back("don't") == "donâ€™t"
    assert back("call") == "call"


ODD = st.text(
    st.sampled_from(
        "ab1 \n\r\t&;<>/#amplt\u200d\u200b\u0301\u0323é😀\ufe0f\U0001f3f4\U000e0067Ã¢â‚¬™Ａﬁ\u202e\ud83d\ude00ا\x1b[m\x85"
    ),
    max_size=40,
)
FRAGMENTS = st.lists(
    st.sampled_from(["&amp;", "&lt;", "br", "&gt;", "<b>", "</b>", "â€™", "Ã©", "  ", "\n", "x", "sooooo", "!" * 12]),
    max_size=12,
).map("".join)


@given(st.text(max_size=60) | ODD | FRAGMENTS)
def test_repairing_twice_changes_nothing_more(text):
    once = repair(text).text
    assert repair(once).text == once
    assert repair(once).edits == ()


@given(st.text(max_size=60) | ODD | FRAGMENTS)
def test_every_unchanged_character_leads_to_itself_and_the_way_back_never_turns(text):
    done = repair(text)
    edits = list(zip(done.edits[::3], done.edits[1::3], done.edits[2::3], strict=True))
    assert len(text) == len(done.text) + sum(old - length for _, length, old in edits)
    changed = {at for start, length, _ in edits for at in range(start, start + length)}
    spans = [to_original(done.edits, at, at + 1) for at in range(len(done.text))]
    for at, (start, end) in enumerate(spans):
        assert 0 <= start <= end <= len(text)
        if at not in changed:
            assert text[start:end] == done.text[at]
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "part",
    [
        "a", " ", "&", "&amp;", "&lt", "<", "<b ", "<!--", "<script>", " \n", "\u202eا", "\u200d", "\u0301\u0327",
        "\U0001d165\U0001d16d", "â€™", "Ã¢â‚¬â„¢ ", "ÃÂ", "\x1b[1", "e\u0301 ", "\u1100\u1161", "\ud83d", "&#55357;",
        "<b a=", "aaaa.", "\U000e0041", "(((", "\"'", "a\u0300",
    ],
)  # fmt: skip
def test_a_long_text_made_to_hurt_ends(part):
    # In quadratic time this would take an hour, and the suite's limit would end the test.
    repair(part * (300_000 // len(part)))


def test_copies_share_a_hash_and_others_do_not():
    assert text_hash("My data FINISHED!!") == text_hash("my data, finished")
    assert text_hash("call <PHONE_a91c>") == text_hash("call <PHONE_ffff>")
    assert text_hash("my data finished") != text_hash("my call finished")
    assert text_hash("😀") != text_hash("😡")


def test_normal_form_of_punctuation_is_empty():
    assert normal_form("?!...") == ""
