"""How a trouble is told: a voice for each channel and language, personal data, typing errors."""

from __future__ import annotations

import re
import unicodedata
from random import Random

from engine.simulate import people
from engine.simulate import phrases_agent as agent
from engine.simulate import phrases_eng as eng
from engine.simulate import phrases_frames as frames
from engine.simulate import phrases_local as local
from engine.simulate.people import Customer
from engine.simulate.typos import mistype, shorten

#: Shares of texts with personal data and with typing errors.
_PERSONAL, _TYPOS = 0.2, 0.12

#: Share of a language's texts typed without its marks and hooks.
_UNMARKED = {"hau": 0.7, "yor": 0.4, "ibo": 0.4}
_HOOKS = str.maketrans("ɗƙɓƊƘƁ", "dkbDKB")

#: Stands for the personal value until the text is done, so that typing errors cannot reach it.
_SLOT = "\ue000"
_VALUE = re.compile(_SLOT + r"|@\w+")

#: How many sentences a voice has room for.
_ROOM = {"social": 3, "sms": 2}

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
    sentences = _told(random, channel, language, trouble, customer)[: _ROOM.get(channel)]
    kind = _kind(random) if random.random() < _PERSONAL else None
    if kind:
        cues = (
            agent.CUES[kind] if channel == "call_center" else local.CUES.get(language, {}).get(kind, frames.CUES[kind])
        )
        place = random.choice((len(sentences), len(sentences), random.randint(1, len(sentences))))
        sentences.insert(place, f"{random.choice(cues)} {_SLOT}")
    body = _voiced(random, channel, sentences)
    if random.random() < _TYPOS:
        body = mistype(random, body)
    if channel == "sms":
        body = shorten(random, body)
    value = _value(random, kind, customer) if kind else ""
    return _fill(_framed(random, channel, language, trouble, body), kind or "", value)


def known(language: str) -> list[str]:
    """The sub-categories that can be told in a language."""
    return list(eng.TROUBLES if language == "eng" else local.TROUBLES[language])


def _told(random: Random, channel: str, language: str, trouble: str, customer: Customer) -> list[str]:
    if channel == "call_center":
        told = _noted(random, trouble)
    elif language == "eng":
        told = _english(random, channel, trouble)
    else:
        told = _local(random, language, trouble)
    return [_filled(random, sentence, customer) for sentence in told if sentence]


def _english(random: Random, channel: str, trouble: str) -> list[str]:
    troubles, details = eng.TROUBLES[trouble]
    category = trouble.partition(".")[0]
    first = random.choice(troubles)
    more = random.sample(details, random.choice((0, 1, 1, 2)))
    if category == "other":
        return [first, *more]
    if trouble in _LASTING and not _TIMED.intersection(first.split()):
        since = random.choice(frames.SINCE)
        # "Since Monday the internet is crawling" as well as "the internet is crawling since Monday".
        first = f"{since} {first}" if since and random.random() < 0.2 else f"{first} {since}".strip()
    told = [first, *more]
    if random.random() < 0.55:
        told.append(random.choice(frames.EFFECTS[category]))
    if channel == "social" and random.random() < 0.2:
        told.insert(random.randint(0, 1), random.choice(frames.SARCASM[category]))
    if random.random() < 0.7:
        told.append(random.choice(frames.ASKS[category] + frames.ASKS["any"]))
    return told


def _noted(random: Random, trouble: str) -> list[str]:
    category = trouble.partition(".")[0]
    told = [random.choice(agent.NOTES[trouble])]
    told += random.sample(agent.REMARKS[category], random.choice((0, 1, 1, 2)))
    return told if category == "other" else [*told, random.choice(agent.MOODS)]


def _local(random: Random, language: str, trouble: str) -> list[str]:
    category = trouble.partition(".")[0]
    openers, ends = local.FRAMES[language]
    told = [f"{random.choice(openers)} {random.choice(local.TROUBLES[language][trouble])}".strip()]
    if category != "other":
        details = local.DETAILS[language].get(category, ())
        told += random.sample(details, min(len(details), random.choice((0, 1, 1))))
        told += random.sample([end for end in ends if end], random.choice((0, 1, 1, 2)))
    if random.random() < _UNMARKED.get(language, 0.0):
        told = [_unmarked(sentence) for sentence in told]
    return told


def _unmarked(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_HOOKS)


def _filled(random: Random, phrase: str, customer: Customer) -> str:
    return phrase.format(
        area=random.choice(people.AREAS[customer.region]), amount=_amount(random), gb=random.choice((1, 2, 5, 10, 20))
    )


def _amount(random: Random) -> str:
    value = random.choice((100, 200, 500, 750, 1000, 1500, 2000, 3500, 5000, 12000, 48000))
    return random.choice((f"₦{value:,}", f"N{value}", f"{value} naira", f"#{value}", f"N{value:,}"))


def _voiced(random: Random, channel: str, sentences: list[str]) -> str:
    if channel == "social":
        return random.choice((". ", ", ", "!! ", "... ", " - ", "\n")).join(sentences)
    if channel == "sms":
        return random.choice((" ", ", ", ". ", "  ")).join(sentences)
    if channel == "call_center":
        return random.choice(("; ", ". ", ", ", " - ", " / ")).join(sentences) + "."
    if random.random() < 0.08:
        return "! ".join(sentences).upper() + "!!!"
    stop = random.choice((".", ".", ".", "!"))
    return ". ".join(s[0].upper() + s[1:] for s in sentences) + stop


def _framed(random: Random, channel: str, language: str, trouble: str, body: str) -> str:
    """The body between what opens and what closes in this voice."""
    calm = trouble.startswith("other")
    if channel == "sms":
        return body
    if channel == "call_center":
        opener = random.choice(agent.CALM_OPENERS if calm else agent.OPENERS)
        return f"{opener} {body} {random.choice(agent.CALM_ENDS if calm else agent.ENDS)}".strip()
    if channel == "social":
        openers, ends = _around(language, trouble)
        return f"{random.choice(openers)} {body} {random.choice(ends)}".strip()
    ends = (frames.CALM_ENDS if calm else frames.FORM_ENDS) if language == "eng" else ("",)
    closed = f"{body} {random.choice(ends)}".strip()
    if channel == "file":
        return random.choice(frames.CALM_LETTER_OPENERS if calm else frames.LETTER_OPENERS) + closed
    if language != "eng":
        return closed
    if not calm and random.random() < 0.15:
        closed = f"{closed} {random.choice(frames.REFERENCES).format(number=random.randint(10000, 99999))}"
    opener = random.choice(frames.CALM_FORM_OPENERS if calm else frames.FORM_OPENERS)
    return f"{opener} {closed}".strip()


def _around(language: str, trouble: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The openers and ends of a post."""
    if trouble.startswith("other"):
        openers = frames.CALM_SOCIAL_OPENERS if language == "eng" else frames.LOCAL_SOCIAL_OPENERS
        return openers, frames.PRAISE_ENDS if trouble == "other.praise" else frames.QUESTION_ENDS
    if language in ("eng", "pcm"):
        return frames.SOCIAL_OPENERS, frames.SOCIAL_ENDS
    return frames.LOCAL_SOCIAL_OPENERS, frames.LOCAL_SOCIAL_ENDS


def _kind(random: Random) -> str:
    return random.choices(("PHONE", "EMAIL", "ACCOUNT", "PERSON", "CARD", "NIN"), (40, 15, 20, 15, 5, 5))[0]


def _value(random: Random, kind: str, customer: Customer) -> str:
    match kind:
        case "PHONE":
            return random.choice(people.phone_forms(customer.phone))
        case "EMAIL":
            return customer.email
        case "ACCOUNT":
            return customer.account
        case "PERSON":
            return customer.name
        case "CARD":
            return people.card(random)
        case _:
            return people.digits(random, 11)


def _fill(template: str, kind: str, value: str) -> tuple[str, Spans]:
    """Put the value in its place; the spans of it and of the @handles."""
    text, at = "", 0
    spans: Spans = []
    for found in _VALUE.finditer(template):
        shown = value if found.group() == _SLOT else found.group()
        text += template[at : found.start()]
        spans.append(
            {"type": kind if found.group() == _SLOT else "HANDLE", "start": len(text), "end": len(text) + len(shown)}
        )
        text += shown
        at = found.end()
    return text + template[at:], spans


#: States that go on, of which people say since when.
_LASTING = frozenset(
    (
        "network.no_signal", "network.slow_data", "network.dropped_calls", "network.outage", "account.login", "account.blocked",
        "device.router_fault", "device.sim_card", "service.no_response",
    )
)  # fmt: skip

#: A trouble that says when needs no second time.
_TIMED = frozenset(
    (
        "since",
        "yesterday",
        "today",
        "overnight",
        "evening",
        "evening,",
        "last",
        "weeks",
        "was",
        "broke",
        "has",
        "after",
        "days",
    )
)
