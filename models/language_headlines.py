"""Headlines and short titles of our own, from a small grammar: the same names and places in English and in Pidgin.

Nigerian Pidgin's headlines are largely English words; what tells them are verbs without endings, spelling and a few
words. Names stand in both languages, so that a model learns the grammar and not who is spoken of.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.language_verbs import NOUNS, VERBS, inflected

_WHO = (
    "Nigeria", "Ghana", "Kenya", "Cameroon", "South Africa", "Super Eagles", "President", "Governor", "Police", "Army",
    "Senate", "Court", "EFCC", "INEC", "NLC", "ASUU", "Minister", "Chelsea", "Liverpool", "Barcelona", "Real Madrid",
    "England", "France", "Brazil", "Argentina", "Ronaldo", "Messi", "Wizkid", "Davido", "Burna Boy", "Nollywood actor",
    "Actress", "Pastor", "Bishop", "Doctors", "Lecturers", "Students", "Market women", "Fuel marketers", "US president",
    "Russia", "Ukraine", "China", "UK", "India", "WHO", "UN", "CBN", "NNPC", "NAFDAC", "Kidnappers", "Bandits", "Man",
    "Woman", "Teacher", "Soldier", "Former governor", "Lawmakers", "APC", "PDP", "Labour Party", "Mother", "Father",
)  # fmt: skip
#: Subjects whose English verb has no ending; of clubs and countries it has one or not: "England beat", "England beats".
_MANY = (
    "Super Eagles", "Police", "Doctors", "Lecturers", "Students", "Market women", "Fuel marketers", "Kidnappers",
    "Bandits", "Lawmakers",
)  # fmt: skip
_SIDES = ("Nigeria", "Ghana", "Kenya", "Cameroon", "South Africa", "Chelsea", "Liverpool", "Barcelona", "Real Madrid",
          "England", "France", "Brazil", "Argentina")  # fmt: skip
#: English predicate and the Pidgin one.
_DID = (
    ("beats {who} to win the cup", "beat {who} to win cup"),
    ("beats {who} on penalties", "beat {who} for penalties"),
    ("signs new five-year contract", "sign new five year contract"),
    ("wants to sign {who} star this summer", "wan sign {who} star dis summer"),
    ("wins election by a wide margin", "win election with plenti votes"),
    ("says he will not resign", "say e no go resign"),
    ("says there is no plan to raise taxes", "say dem no get plan to raise tax"),
    ("explains why prices have gone up", "explain why price of tins don go up"),
    ("approves new vaccine for children", "approve new vaccine for pikin"),
    ("arrests four men over stolen cars", "arrest four men ontop stolen motor"),
    ("confirms three new cases of the virus", "confirm three new cases of di virus"),
    ("dies at the age of 80", "die at di age of 80"),
    ("died after a short illness", "don die afta short sickness"),
    ("orders release of activist", "order make dem release activist"),
    ("sends man to prison for fraud", "send man go prison for fraud"),
    ("denies killing civilians", "deny say dem kill civilians"),
    ("was killed in a road accident", "don die for motor accident"),
    ("announces date for new season", "announce date wey new season go start"),
    ("warns of floods in five states", "warn say flood fit happen for five states"),
    ("begins strike over unpaid salaries", "start strike ontop salary wey dem never pay"),
    ("calls off strike after meeting", "call off strike afta meeting with goment"),
    ("meets {who} over security crisis", "meet {who} ontop security mata"),
    ("reacts to viral video", "react to viral video"),
    ("speaks about his marriage", "tok about im marriage"),
    ("apologises to fans after defeat", "beg fans afta dem lose match"),
    ("releases new album", "drop new album"),
    ("gets married in Lagos", "marry for Lagos"),
    ("returns to the country after treatment", "don come back afta treatment"),
    ("rejects result of election", "reject election result"),
    ("is banned for two years", "chop ban for two years"),
    ("welcomes baby boy", "born baby boy"),
    ("retires from football", "retire from football"),
    ("breaks world record", "break world record"),
    ("accuses {who} of lying", "accuse {who} say dem dey lie"),
    ("qualifies for the World Cup", "qualify for World Cup"),
    ("is looking for her missing child", "dey find her pikin wey miss"),
    ("was granted bail", "don get bail"),
    ("lost their homes to fire", "lose house to fire"),
    ("asks supporters to stay calm", "tell supporters make dem calm down"),
    ("has been sacked", "don collect sack"),
    ("appoints {who} as new adviser", "appoint {who} as new adviser"),
    ("appeals court ruling", "appeal court ruling"),
    ("defeats {who} to reach the final", "defeat {who} to enter final"),
    ("files complaint against {who}", "file complaint against {who}"),
    ("blames {who} for his problems", "blame {who} for im wahala"),
    ("reveals new relationship", "reveal new relationship"),
    ("joins new party", "join new party"),
    ("dismisses rumours of defection", "clear rumour of defection"),
    ("continues despite protest", "continue even as pipo dey protest"),
    ("causes nationwide blackout", "cause nationwide blackout"),
    ("recovers stolen money", "collect back money wey dem thief"),
    ("gives {who} seven days to reply", "give {who} seven days to answer"),
    ("kills ten in market attack", "kill ten pipo for market attack"),
    ("scores winning goal against {who}", "score winning goal against {who}"),
    ("celebrates birthday with new photos", "celebrate birthday with new fotos"),
    ("says {who} owes money", "say {who} dey owe money"),
    ("will retire later this year", "go retire later dis year"),
    ("tells why she did it", "tok why she do am"),
    ("and other young people join the march", "and oda young pipo join di waka"),
    ("wins award for the third time", "win award for di third time"),
)
_ABOUT = (
    ("What we know about the attack", "Wetin we know about di attack"),
    ("What you need to know about the new law", "Wetin you need to know about di new law"),
    ("How the fight started", "How di fight take start"),
    ("Why people are angry", "Why pipo dey vex"),
    ("Who is the new coach", "Who be di new coach"),
    ("Who are the candidates", "Who be di candidates"),
    ("Five things that will happen next", "Five tins wey go happen next"),
    ("Highlights from the match", "Highlights from di match"),
    ("Where the money went", "Where di money enter"),
    ("Key facts about his life and career", "Key tins about im life and career"),
    ("Full list of winners", "Full list of pipo wey win"),
    ("Eyewitnesses describe what they saw", "Eyewitness tok wetin dem see"),
    ("All you need to know", "All you need know"),
    ("Can they win the trophy?", "Dem fit win di trophy?"),
    ("'I will never forget that day'", "'I no go ever forget dat day'"),
)
_TOPICS = ("bill", "billing", "internet", "data cap", "data plan", "account", "refund", "service", "network", "broadband",
           "cable", "modem", "equipment", "contract", "price", "late fee", "installation", "technician", "outage",
           "customer care", "card", "transfer", "loan", "delivery", "order", "flight", "baggage", "subscription")  # fmt: skip
_TITLES = (
    "{0}", "{0} issue", "{0} issues", "{0} problem", "{0} problems", "{0} complaint", "{0} dispute", "{0} not working",
    "poor {0}", "terrible {0}", "no {0}", "unfair {0} practices", "{0} fraud", "{0} increase", "overcharged for {0}",
    "slow {0} speed", "monthly {0} charges", "{0} was cancelled", "horrible {0} experience", "{0} and {1}",
    "{0} usage limit", "misleading {0} sales", "false {0} promises", "{0} down again", "refusal to fix {0}",
    "business {0} service", "unauthorized {0} charge", "{0} throttling", "{0} overage charges", "lack of {0}",
)  # fmt: skip


def headlines() -> Iterator[tuple[str, str]]:
    """(language, text) of every headline and title, always the same."""
    for index, who in enumerate(_WHO):
        other = _WHO[(index + 17) % len(_WHO)]
        for number, (english, pidgin) in enumerate(_DID):
            if (index + number) % 3:
                bare = who in _MANY or (who in _SIDES and (index + number) % 2)
                yield "eng", f"{who} {(_without_ending(english) if bare else english).format(who=other)}"
                yield "pcm", f"{who} {pidgin.format(who=other)}"
        for number, (english, pidgin) in enumerate(_ABOUT):
            if (index + number) % 3 == 0:
                yield "eng", f"{who} vs {other}: {english}"
                yield "pcm", f"{who} vs {other}: {pidgin}"
            elif (index + number) % 3 == 1:
                yield "eng", f"{who}: {english}"
                yield "pcm", f"{who}: {pidgin}"
    for index, topic in enumerate(_TOPICS):
        yield from (("eng", title.format(topic, _TOPICS[index - 5])) for title in _TITLES)


def _without_ending(predicate: str) -> str:
    verb, _, rest = predicate.partition(" ")
    return f"{_BARE.get(verb, verb)} {rest}"


_BARE = {s: bare for verbs in (VERBS, NOUNS) for bare, s, _ in inflected(verbs)}
_BARE |= {"beats": "beat", "is": "are", "was": "were", "has": "have"}
