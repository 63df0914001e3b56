"""How a trouble is told: a voice for each channel and language, personal data, typing errors."""

from __future__ import annotations

from random import Random

from engine.simulate import people
from engine.simulate import phrases_eng as eng
from engine.simulate import phrases_local as local
from engine.simulate.people import Customer
from engine.simulate.typos import mistype, shorten

#: Shares of texts with personal data and with typing errors.
_PERSONAL, _TYPOS = 0.2, 0.12

Spans = list[dict[str, int | str]]


def compose(random: Random, channel: str, language: str, trouble: str, customer: Customer) -> tuple[str, Spans]:
    """A text and the personal data in it.

    Args:
        random: where all choices come from.
        channel: whose voice.
        language: ISO 639-3.
        trouble: a sub-category that the language's phrases know.
        customer: who speaks.
    """
    sentences = (
        _english(random, trouble, customer) if language == "eng" else _local(random, language, trouble, customer)
    )
    body = _voiced(random, channel, language, sentences)
    if random.random() < _TYPOS:
        body = mistype(random, body)
    if channel == "sms":
        body = shorten(random, body)
    opener, end = _frame(random, channel, language)
    text = " ".join(part for part in (opener, body) if part) if not opener.endswith("\n") else opener + body
    spans: Spans = []
    if channel == "social" and opener.count("@"):
        at = text.index("@")
        spans.append({"type": "HANDLE", "start": at, "end": at + len(text[at:].split()[0].rstrip(",.?"))})
    if random.random() < _PERSONAL:
        text, found = _personal(random, text, customer)
        spans += found
    if end:
        joined = f"{text} {end}"
        if end.startswith("cc @"):
            spans.append({"type": "HANDLE", "start": joined.rindex("@"), "end": len(joined)})
        text = joined
    return text, spans


def _english(random: Random, trouble: str, customer: Customer) -> list[str]:
    troubles, details = eng.TROUBLES[trouble]
    first = _filled(random, random.choice(troubles), customer)
    timed = trouble.startswith("other") or any(word in first.split() for word in _TIMED)
    since = "" if timed else random.choice(eng.SINCE)
    sentences = [f"{first} {since}".strip()]
    sentences += random.sample(details, random.choice((0, 1, 1, 2)))
    if trouble.startswith("other"):
        return sentences
    return [s for s in (*sentences, random.choice(eng.EFFECTS), random.choice(eng.ASKS)) if s]


def _local(random: Random, language: str, trouble: str, customer: Customer) -> list[str]:
    openers, ends = local.FRAMES[language]
    first = _filled(random, random.choice(local.TROUBLES[language][trouble]), customer)
    end = random.choice(ends) if not trouble.startswith("other") else ""
    second = random.choice(ends) if random.random() < 0.3 and end else ""
    start = random.choice(openers)
    return [s for s in (f"{start} {first}".strip(), end, second if second != end else "") if s]


def _filled(random: Random, phrase: str, customer: Customer) -> str:
    return phrase.format(
        area=random.choice(people.AREAS[customer.region]), amount=_amount(random), gb=random.choice((1, 2, 5, 10, 20))
    )


def _amount(random: Random) -> str:
    value = random.choice((100, 200, 500, 750, 1000, 1500, 2000, 3500, 5000, 12000, 48000))
    return random.choice((f"₦{value:,}", f"N{value}", f"{value} naira", f"#{value}", f"N{value:,}"))


def _voiced(random: Random, channel: str, language: str, sentences: list[str]) -> str:
    if channel == "social":
        return random.choice((". ", ", ", "!! ", "... ", " - ")).join(sentences[:3])
    if channel == "sms":
        return random.choice((" ", ", ", ". ")).join(sentences[:2])
    if channel == "call_center":
        return "; ".join(sentences) + "."
    joiner = random.choice((". ", ". ", ", and "))
    text = joiner.join(sentences)
    text = text[0].upper() + text[1:] + random.choice((".", "!", "."))
    return text.replace(". i ", ". I ")


def _frame(random: Random, channel: str, language: str) -> tuple[str, str]:
    match channel:
        case "social":
            return random.choice(eng.SOCIAL_OPENERS), random.choice(eng.SOCIAL_ENDS)
        case "call_center":
            return random.choice(eng.AGENT_OPENERS), random.choice(eng.AGENT_ENDS)
        case "web_form" if language == "eng":
            return random.choice(eng.FORM_OPENERS), random.choice(eng.FORM_ENDS)
        case "file":
            return random.choice(eng.LETTER_OPENERS), random.choice(eng.FORM_ENDS)
        case _:
            return "", ""


def _personal(random: Random, text: str, customer: Customer) -> tuple[str, Spans]:
    """Append a sentence with something personal."""
    kind = random.choices(("PHONE", "EMAIL", "ACCOUNT", "PERSON", "CARD", "NIN"), (40, 15, 20, 15, 5, 5))[0]
    value = {
        "PHONE": random.choice(people.phone_forms(customer.phone)),
        "EMAIL": customer.email,
        "ACCOUNT": customer.account,
        "PERSON": customer.name,
        "CARD": people.card(random),
        "NIN": people.digits(random, 11),
    }[kind]
    before = random.choice(_CUES[kind])
    start = len(text) + 1 + len(before) + 1
    return f"{text} {before} {value}.", [{"type": kind, "start": start, "end": start + len(value)}]


#: A trouble that says when needs no second time.
_TIMED = ("since", "yesterday", "today", "overnight", "evening", "morning", "night", "week", "weeks", "month", "for")

_CUES = {
    "PHONE": ("Call me on", "my number is", "reach me at", "the line is", "abeg call"),
    "EMAIL": ("Reply to", "my mail is", "write me at"),
    "ACCOUNT": ("My account number is", "acct", "Account no."),
    "PERSON": ("My name is", "My name is"),
    "CARD": ("I paid with card", "card number"),
    "NIN": ("My NIN is", "NIN:"),
}
