"""Verbs of news without an ending, and what stands before them: the grammar that tells Pidgin from English.

English has an ending after a name ("INEC declares", "INEC declared") where Nigerian Pidgin has none ("INEC declare").
A single word says little of it, since English has the bare form too: after "to", "will", "I" or a plural. So each verb
that is known is a feature together with the kind of the word before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

#: How many features a verb and what stands before it count as; about as many as its n-grams.
COUNTS = 20
_OTHER, _BARE, _BARE_OR_NOUN, _S, _S_OR_NOUNS, _PAST, _LEADS, _LINKS, _PLURAL = range(9)

#: Verbs whose bare form is rarely a noun; irregular ones with their past.
VERBS = (
    "abolish accept accuse acknowledge acquire admit adopt allege announce apologise appoint approve arraign ask "
    "assure attend avoid beg/begged begin/began blame/blamed bring/brought build/built buy/bought celebrate collapse "
    "confess confirm congratulate consider continue convict create criticise declare defeat defend deliver demolish "
    "deny deport deploy describe destroy die/died disagree dismiss disappear discover disqualify dissolve donate "
    "eliminate emerge enter evacuate evict expel explain expose extend fall/fell flee/fled forget/forgot "
    "forgive/forgave give/gave grow/grew happen hear/heard identify impeach impose inaugurate include increase "
    "inherit insist introduce invade invite issue join kidnap lament leave/left lose/lost marry meet/met mourn "
    "nominate organise overthrow/overthrew participate pay/paid postpone prosecute provide publish qualify react "
    "receive recover reduce refuse regret/regretted reject remain remember reopen replace rescue resign resume retain "
    "retire reveal say/said scrap see/saw seize select sell/sold send/sent spend/spent suffer suggest summon suspend "
    "swear/swore take/took tell/told threaten unveil urge vow warn win/won withdraw/withdrew write/wrote know/knew "
    "think/thought come/came go/went get/got make/made show/showed find/found become/became lead/led speak/spoke "
    "steal/stole teach/taught"
)
#: Verbs whose bare form is a noun too; in compounds it is ("price increase", "police report").
NOUNS = (
    "advise address aim answer appeal arrest attack award back ban battle block break/broke call cancel/cancelled "
    "cause change charge claim clash clear close contest crash cry/cried dance debate demand divorce draw/drew drop "
    "end face fail fight/fought file film fine fire flood force free honour hold/held hunt jail kill launch list lift "
    "loot lock march miss move name need offer open order pass pick plan plead pledge plot praise promise protest "
    "push question raid raise reach record release rename reply report return reverse rise/rose rule score sack "
    "search settle share shock shoot/shot sign slam slap smash start stop strike/struck sue support surrender survive "
    "target tackle test thank tour trade travel/travelled turn use visit vote wait walk want welcome work"
)
_LEADING = (
    "to i you we they will would can could should may might must shall do does did don't doesn't didn't won't can't "
    "couldn't not please let's let help and or who that which never always still just really even also only already "
    "now ever cannot i'll you'll we'll they'll i'd you'd we'd they'd dont cant wont didnt doesnt u ya"
)
_LINKING = (
    "the a an my your his her their our its this of in on at for from with by as is are was were be been being has "
    "have had having am it's i'm no any some all each every another new more i've"
)
_PLURALS = "police people men women children two three four five six seven eight nine ten us them these those few many"


def inflected(verbs: str) -> Iterator[tuple[str, str, str]]:
    """(bare, with s, past) of each verb of a list."""
    for entry in verbs.split():
        bare, _, past = entry.partition("/")
        stem = bare[:-1] if bare.endswith("y") and bare[-2] not in "aeou" else bare
        s = f"{stem}ies" if stem != bare else f"{bare}es" if bare.endswith(("s", "x", "ch", "sh", "go")) else f"{bare}s"
        yield bare, s, past or (f"{stem}ied" if stem != bare else f"{_doubled(bare).removesuffix('e')}ed")


def _doubled(bare: str) -> str:
    return bare + bare[-1] if bare in _DOUBLED else bare


_DOUBLED = ("admit", "ban", "drop", "expel", "kidnap", "plan", "plot", "scrap", "slam", "slap", "stop")


def kinds(words: Sequence[str]) -> NDArray[np.int64]:
    """The kind of each word: a verb's form, what leads to a bare verb, what links to a noun, a plural, or other."""
    known = _KINDS.get
    return np.array(
        [known(word) or (_PLURAL if word[-1] == "s" and word[-2:] not in ("ss", "'s") else _OTHER) for word in words],
        np.int64,
    )


def turns(before: NDArray[np.int64], kind: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a known verb follows a word, and which of the combinations it is, by the kinds of neighbouring words."""
    where = np.flatnonzero((kind >= _BARE) & (kind <= _PAST))
    return where, before[where] * (_PLURAL + 1) + kind[where]


def _kinds() -> dict[str, int]:
    found = dict.fromkeys(_PLURALS.split(), _PLURAL)
    for verbs, bare, s in ((NOUNS, _BARE_OR_NOUN, _S_OR_NOUNS), (VERBS, _BARE, _S)):
        for forms in inflected(verbs):
            found |= dict(zip(forms, (bare, s, _PAST), strict=True))
    return found | dict.fromkeys(_LINKING.split(), _LINKS) | dict.fromkeys(_LEADING.split(), _LEADS)


_KINDS = _kinds()
