"""Which of the numbers and addresses in a complaint are its sender's own.

Only a cue right before the value says so ("my number is", "call me on", "lambata ita ce"). A number without one
may be a hot line, an agent's or a thief's, and a wrong link costs more than a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.pii import Span

_KIND = {"PHONE": "phone", "EMAIL": "email", "ACCOUNT": "account", "HANDLE": "handle"}

#: How far before a value its cue is looked for, characters.
_REACH = 60

_SORT = r"(?:(?:new|old|other|current|registered|alternative|second|main|personal|mtn|glo|airtel|9mobile|whatsapp|mobile|phone|contact|gsm|sim|cell|bank) )"
_TAIL = r"(?: ?(?:number|no|nos|nr|num|nomba)\.?)?(?: (?:is|na|be|ni|ita ce|ce|bụ|bu|was))?[ :=#(-]{0,4}$"
_PHONE = (
    rf"\bmy {_SORT}{{0,3}}(?:number|no|line|phone|mobile|cell|gsm|sim|whatsapp|contact|msisdn|nomba){_TAIL}",
    r"\b(?:call|reach|text|contact|ring|phone|whatsapp|sms|dial|get) (?:me|us|back)(?: back)?(?: (?:on|at|via|through|with|for))?(?: (?:my|this) (?:number|line|no))?[ :=(-]{0,4}$",
    r"\breach (?:on|at)[ :=(-]{0,4}$",
    r"\b(?:cb on|alt no\.?|caller(?:'s|s)? (?:number|no\.?|line)|cust(?:omer)? (?:number|no\.?|line) is)[ :=(-]{0,4}$",
    r"\b(?:affected|registered) (?:number|line|no) (?:is|na)?[ :=(-]{0,4}$",
    r"\b(?:lambata|lambar waya ta|layina)(?: (?:ita )?ce)?[ :=(-]{0,4}$|\bkira ni a[ :=(-]{0,4}$",
    r"(?:nọmba mi|nomba mi|foonu mi)(?: ni)?[ :=(-]{0,4}$|pe mi (?:lori|si)[ :=(-]{0,4}$",
    r"(?:nọmba m|nomba m|akara m)(?: bụ| bu)?[ :=(-]{0,4}$|kp[ọo][ọo] m na[ :=(-]{0,4}$",
)
_EMAIL = (
    rf"\bmy {_SORT}{{0,2}}(?:e-?mail|mail|gmail)(?: (?:address|id))?{_TAIL}",
    r"\b(?:write|mail|e-?mail|reach|contact) (?:to )?(?:me|us)(?: back)?(?: (?:on|at|via|through))?[ :=(-]{0,4}$",
    r"\b(?:alt email|reply to(?: me at)?)[ :=(-]{0,4}$",
)
_ACCOUNT = (rf"\bmy {_SORT}{{0,2}}(?:account|acct|a/c|acc|nuban)\.?{_TAIL}",)
_HANDLE = (rf"\bmy (?:twitter |instagram |ig |x |facebook |fb |telegram )?(?:handle|username|account|page|id){_TAIL}",)

_CUES = {
    kind: re.compile("|".join(patterns), re.I)
    for kind, patterns in {"PHONE": _PHONE, "EMAIL": _EMAIL, "ACCOUNT": _ACCOUNT, "HANDLE": _HANDLE}.items()
}

#: Before the cue these turn it into somebody else's, or into words that were said by somebody else.
_OTHERS = re.compile(
    r"(?i)\b(?:his|her|their|your|agent|scam\w*|fraud\w*|thie\w+|said|says|told me|asked me|message|text|sms) [^.!?\n]{0,30}$"
)


def own_values(text: str, spans: Iterable[Span]) -> list[tuple[str, str]]:
    """(kind, value) of phones, e-mail addresses, accounts and handles that the writer calls their own.

    Args:
        text: as it was before masking.
        spans: personal data in it.
    """
    found = []
    for span in spans:
        cue = _CUES.get(span.type)
        if cue is None:
            continue
        before = text[max(0, span.start - _REACH) : span.start]
        match = cue.search(before)
        if match and not _OTHERS.search(before[: match.start()]):
            found.append((_KIND[span.type], text[span.start : span.end]))
    return found
