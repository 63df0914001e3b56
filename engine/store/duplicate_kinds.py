"""What kind of duplicate a complaint is, by who sent it, when, and how it reads (docs/duplicates.md)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.settings import DuplicateSettings

RESEND, REPOST, TEMPLATE, REPEAT, EXACT, NEAR = "resend", "repost", "template", "repeat", "exact", "near"

#: From so many shingles on, an equal text of many senders is a letter and no coincidence: some eight words.
_LETTER_SHINGLES = 40


@dataclass(frozen=True, slots=True)
class Match:
    """A complaint beside the earlier one whose text it has.

    Args:
        exact: the texts are equal but for case, punctuation and masked values.
        same_sender: whether the sender wrote in this cluster before; None: not known.
        gap_s: then the time since; None without.
        senders: known senders of this text, with this one.
        repost: the text says that it is passed on.
        shingles: of the shorter text.
    """

    exact: bool
    same_sender: bool | None
    gap_s: float | None
    senders: int
    repost: bool
    shingles: int


def kind_of(match: Match, settings: DuplicateSettings) -> str:
    """The first rule that holds: resend or repeat, repost, template, else exact or near."""
    if match.same_sender:
        return RESEND if (match.gap_s or 0) <= settings.resend_s else REPEAT
    if match.repost:
        return REPOST
    if match.senders >= settings.template_senders and match.shingles >= _LETTER_SHINGLES:
        return TEMPLATE
    return EXACT if match.exact else NEAR


_WHY = {
    RESEND: "the same sender sent the same text again within a short time",
    REPOST: "the text is passed on: it carries the mark of a repost",
    TEMPLATE: "many senders sent this text: a template letter",
    REPEAT: "the same sender complains again about the same thing; it counts as a complaint of its own",
    EXACT: "the text is the same, the sender another one or unknown",
    NEAR: "the text is nearly the same, the sender another one or unknown",
}


def explain(kind: str, score: float | None) -> str:
    """Why a complaint has its `duplicate_kind`, in a sentence."""
    share = "" if score is None else f" ({score:.0%} of the texts in common)"
    return f"{_WHY[kind]}{share}"
