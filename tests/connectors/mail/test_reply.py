import pytest

from connectors.mail.reply import own_words


@pytest.mark.parametrize(
    "quote",
    [
        "On Mon, 4 May 2026 at 10:00, Ada\n<ada@example.com> wrote:\n> old",
        "Am 04.05.2026 um 10:00 schrieb Ada:\n> alt",
        "Le lun. 4 mai 2026 à 10:00, Ada <ada@example.com> a écrit :\nvieux",
        "-----Original Message-----\nold",
        "________________________________\nFrom: Ada\nSent: Monday, May 4, 2026\nTo: Help\nSubject: Outage\n\nold",
        "Von: Ada\nGesendet: Montag, 4. Mai 2026\nAn: Hilfe\n\nalt",
        "-- \nAda\n+234 800 000",
        "Sent from my iPhone",
        "Kind regards,\nAda\nHead of Nothing",
    ],
)
def test_quotes_and_signatures_are_cut(quote):
    assert own_words(f"No light here.\n\n{quote}\n") == "No light here."


def test_answers_between_and_below_quotes_stay():
    text = "On 4 May 2026, Ada wrote:\n> first\n> more\n\nto the first\n\n> second\n> more\n\nto the second"
    assert own_words(text).split() == ["to", "the", "first", "to", "the", "second"]


@pytest.mark.parametrize(
    "text",
    [
        "> all of it\n> is quoted",
        "-----Original Message-----\nFrom: a@example.com\nwords",
        "On 4 May 2026, Ada wrote:\n> x",
    ],
)
def test_never_cut_to_nothing(text):
    assert own_words(text) == text


def test_a_forwarded_complaint_stays_whole():
    text = (
        "Please handle.\n\n---------- Forwarded message ---------\nFrom: a@example.com\nDate: 4 May 2026\n\nNo light."
    )
    assert own_words(text) == text
    assert own_words("fyi\n\nFrom: a\nSent: 4 May\nTo: b\n\nNo light.", "FW: outage").endswith("No light.")


@pytest.mark.parametrize(
    "line", ["> 5 GB were used up in a day", "On your website it says:", "Sent from my desk, because my phone is dead."]
)
def test_words_that_only_look_like_quotes_stay(line):
    assert own_words(f"Hello\n{line}\nbye") == f"Hello\n{line}\nbye"
