"""Street addresses: a house number with a street, a box, a unit, and the places and codes that follow.

A street alone is no address: "no network on Allen Avenue" tells where, not who. It counts after a cue such as
"I live at". States and countries at the end of an address stay (cf. HIPAA Safe Harbor, 45 CFR 164.514(b)(2):
anything smaller than a state goes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.pii.rule import cued, words

#: Street words that mean nothing else beside a number and a name, and those that need a capital.
_STRONG = "street|str|road|rd|avenue|ave|crescent|cres|crescents|lane|boulevard|blvd|estate|layout|expressway|highway|terrace|parkway|pkwy|drive|close|gardens"
_WEAK = "st|dr|ln|way|court|ct|place|pl|square|sq|row|walk|mews|gate|hill|circle|circuit|bypass|link|loop|trail|quarters|junction|av|plaza|village|market|barracks|grove|park|path|rise|view"
_SUFFIX = (
    r"[^\W\d_]{2,20}(?:stra(?:ss|ß)e|str\.|gasse|weg|laan|straat|gata|gatan|gade|vägen|vagen|väg|veien|vegen|vej|gränd|katu|kuja|tie|polku|allee|platz|plein|utca|útja|"
    r"gatu|stræti|vegur|braut|tun|hove|veg)"
)
_PREFIX = (
    r"(?:(?:rue|via|viale|piazza|calle|avenida|rua|travessa|praça|plaza|ulica|boulevard|chemin|allée|strada|carrera|impasse|quai|ulitsa|r)\s"
    r"|(?:ul\.|al\.|av\.|c/|pl\.|str\.|cra\.|r\.)\s?)"
)
_WORD = r"[^\W\d_][\w.'’/-]{0,24}"
_NUMBER = r"\d{1,6}(?:[A-Za-z](?!\w)|[-/]\d{1,4}[A-Za-z]?(?!\w))?"
_LEAD = r"(?:\d{1,2}(?:st|nd|rd|th)\sfloor[\s,]{1,3}|(?:house|hse|flat|block|blk|plot|suite|unit|shop|room|apt|no|num|number|nos?|lot|km|phase|floor)\.?[\s:#-]{0,2}(?:[A-Za-z]{0,2}\d{1,5}[A-Za-z]?|[A-Z])(?!\w)[\s,]{0,3})"
_UNIT = r"(?:apt|apartment|suite|ste|flat|unit|room|rm|floor|fl|block|blk|p\.?\s?o\.?\s?box|box|postbox|phase|zone|building|bldg|house)\.?\s?(?:#|no\.?)?\s?(?:[A-Za-z]{0,2}\d{1,6}[A-Za-z]?|[A-Z])(?!\w)"
_ZIP = r"(?:\d{5}(?:-\d{4})?|\d{6}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w)"

_STREET = re.compile(rf"(?i)(?<![\w-])(?:{_STRONG}|{_WEAK})(?!\w)\.?")
#: What stands before a street's last word: leads and numbers, then the name.
_BEFORE = re.compile(
    rf"(?i)(?<![\w₦$€£.,-])(?P<lead>(?:{_LEAD}){{1,3}}(?:#?{_NUMBER}[,\s]{{1,3}}){{0,2}}|(?:#?{_NUMBER}[,\s]{{1,3}}){{1,2}})(?:off\s)?(?P<name>(?:(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th)?)\s){{1,4}})$"
)
_BOX = re.compile(
    r"(?i)(?<!\w)(?:p\.?\s?o\.?\s?box|postbox|private mail bag|p\.?m\.?b\.?)\s?(?:no\.?\s?)?:?\s?\d{1,6}(?!\w)"
    r"|(?<!\w)(?:psc|unit|cmr)\s\d{4},?\sbox\s\d{3,4}\s{1,2}(?:apo|fpo|dpo)\s(?:aa|ae|ap)\s\d{5}(?!\w)"
    r"|(?<!\w)(?:uss|usns|usnv|usnr|uscgc|usav)\s" + _WORD + r"\s{1,2}(?:apo|fpo|dpo)\s(?:aa|ae|ap)\s\d{5}(?!\w)"
)
_CORNER = re.compile(
    rf"(?i)(?<!\w)(?:the )?corner of (?:[\w.'’/-]{{1,25}}\s){{1,6}}and (?:(?:{_PREFIX}|{_NUMBER}\s)?{_WORD}(?: (?:{_STRONG}|{_WEAK})(?!\w)|(?: {_WORD})?(?: {_NUMBER}))?)(?!\w)"
)
_CORNER_CAPITALS = re.compile(r"(?: [A-ZÀ-Þ][\w.'’-]{0,24}){1,3}")
#: Words between a house number and a unit.
_TO_UNIT = re.compile(
    rf"(?i)(?<![\w₦$€£.,:/-]){_NUMBER}\s(?:{_NUMBER}\s)?(?:{_WORD}\s){{1,5}}(?:{_NUMBER}\.?\s)?(?:apt|apartment|suite|flat)\.?\s(?:no\.?\s)?#?[a-z]?\d{{1,4}}[a-z]?(?!\w)"
)
_UNIT_ALONE = re.compile(
    r"(?i)(?<!\w)(?:apt|apartment|suite|flat)\.?\s(?:no\.?\s)?#?[a-z]?\d{1,4}[a-z]?(?!\w)(?!\s?(?:%|percent|naira|gb|mb))"
)
#: A house number, a name, and perhaps another number, as most of the world writes them.
_FOREIGN = re.compile(
    rf"(?i)(?<![\w₦$€£.,-])(?:(?:{_NUMBER}\s){{1,2}}(?:{_WORD}\s){{0,2}}{_SUFFIX}(?!\w)(?:\s{_NUMBER}\.?)?"
    rf"|(?:{_NUMBER}\s){{0,2}}{_PREFIX}(?:{_WORD}\s){{0,3}}{_WORD}(?:\s{_NUMBER}\.?)?|{_SUFFIX}\s{_NUMBER}\.?)(?![\w%])"
)
#: Streets that have a number for a name, as in Festac or Gwarinpa.
_NUMBERED = re.compile(
    rf"(?<!\w)(?i:{_LEAD}){{1,3}}(?i:road|street|avenue|close|lane|crescent)\s\d{{1,3}}(?!\w)"
    r"|(?<![\w₦$€£.,-])\d{1,3}(?:st|nd|rd|th)? (?:Road|Street|Avenue|Close|Lane|Crescent)(?=, ?[A-Z])"
    r"|(?<![\w₦$€£.,-])\d{2,4} Estate(?=,? (?:Block|Blk|Flat|House))"
)
#: Number, capitalised words, number: an address where nothing else is in the line, or after a cue.
_PLAIN = re.compile(
    rf"(?<![\w₦$€£.,:/-])(?:{_NUMBER})\s(?:{_NUMBER}\s)?(?:{_WORD}\s){{1,4}}\d{{1,5}}[A-Za-z]?\.?(?![\w%])(?=[\s,?;!.]|$)"
)
_LINE = re.compile(
    rf"(?m)^[^\w\n]{{0,6}}((?:{_NUMBER})\s(?:{_NUMBER}\s)?(?:{_WORD}\s){{1,5}}\d{{1,5}}[A-Za-z]?\.?)[^\S\n]{{0,2}}$"
)
_AFTER_CUE = re.compile(
    rf"(?P<corner>(?i:the corner of|corner of|junction of)\s[^\n.?!]{{3,80}})|(?:{_LEAD}){{0,2}}(?:#?{_NUMBER}[\s,]{{1,3}})?(?:#?{_NUMBER}[\s,]{{1,3}})?(?:{_WORD}\s){{1,5}}(?:(?i:{_STRONG}|{_WEAK})(?!\w)|{_NUMBER})\.?",
)
_PAIR = re.compile(rf"(?:{_WORD}\s){{1,3}}and\s(?:{_WORD}\s){{1,4}}\d{{1,4}}(?!\w)")
_SURE = re.compile(rf"(?i)^{_PREFIX}|(?:stra(?:ss|ß)e|straat|gata|gatan|vägen|katu|kuja|laan|gasse|útja|stræti)(?!\w)")
_LED = re.compile(rf"(?i){_LEAD}")
_CLEAR = re.compile(rf"(?i)(?<!\w)(?:{_STRONG})\.?$")
#: What may follow an address: units, places, codes.
_TAIL_UNIT = re.compile(rf"(?i)[\s,?]{{1,8}}{_UNIT}")
_TAIL_ZIP = re.compile(rf"(?i)[\s,?]{{1,8}}(?:[A-Za-z]{{2}}\s)?(?P<zip>{_ZIP})")
_TAIL_REACH = re.compile(
    rf"(?i)(?P<words>(?:[\s,?]{{1,8}}[^\W\d_][\w.'’()-]{{0,24}}|\s?,(?=\s)){{1,7}}?)[\s,?]{{1,8}}(?:{_UNIT}|\d{{5}}(?:-\d{{4}})?(?!\w)|[A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}}(?!\w))"
)
_TAIL_PLACE = re.compile(
    r"(?P<gap>\s?,\s{0,2}|[ ]?\n[^\w\n]{0,6}|\s)(?P<place>[^\W\d_][\w.'’()-]{0,24}(?: [^\W\d_][\w.'’()-]{0,24}){0,3})(?=[\s,.?;!)\ue000]|$)"
)
_PLACE_NUMBER = re.compile(r" \d{1,2}(?![\w%])")
_NUMBERED_PLACE = re.compile(r"(?i)\b(?:phase|area|wuse|zone|extension|ext|sector|ward|unit|district)$")
_PARTICLES = frozenset(
    [
        "de",
        "da",
        "do",
        "dos",
        "das",
        "del",
        "della",
        "di",
        "du",
        "la",
        "le",
        "les",
        "el",
        "los",
        "las",
        "van",
        "der",
        "den",
        "of",
        "the",
        "upon",
        "and",
        "am",
        "an",
        "nad",
    ]
)
_STATES = frozenset(
    [
        "abia",
        "adamawa",
        "anambra",
        "bauchi",
        "bayelsa",
        "benue",
        "borno",
        "cross",
        "rivers",
        "delta",
        "ebonyi",
        "edo",
        "ekiti",
        "enugu",
        "gombe",
        "imo",
        "jigawa",
        "kaduna",
        "kano",
        "katsina",
        "kebbi",
        "kogi",
        "kwara",
        "lagos",
        "nasarawa",
        "niger",
        "ogun",
        "ondo",
        "osun",
        "oyo",
        "plateau",
        "river",
        "sokoto",
        "taraba",
        "yobe",
        "zamfara",
        "abuja",
        "fct",
        "nigeria",
        "state",
    ]
)
_NO_PLACE = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "because",
        "been",
        "before",
        "but",
        "by",
        "call",
        "can",
        "did",
        "do",
        "does",
        "don",
        "e",
        "for",
        "from",
        "get",
        "had",
        "has",
        "have",
        "he",
        "help",
        "her",
        "here",
        "his",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "just",
        "kindly",
        "make",
        "me",
        "my",
        "na",
        "need",
        "network",
        "nepa",
        "never",
        "no",
        "not",
        "now",
        "of",
        "on",
        "or",
        "our",
        "please",
        "pls",
        "power",
        "since",
        "so",
        "still",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "thanks",
        "thank",
        "to",
        "today",
        "tomorrow",
        "una",
        "until",
        "very",
        "was",
        "we",
        "wey",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "yesterday",
        "you",
        "your",
        "abeg",
        "dey",
        "light",
        "internet",
        "signal",
    ]
)
_TIMES = re.compile(
    r"(?i)\b(?:hours?|days?|weeks?|months?|years?|times?|minutes?|jan\w*|feb\w*|mar(?:ch)?|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*|gb|mb|naira|on|the|my|your|is|was|for|from|in|a|and)\b"
)


class Addresses:
    """Street addresses; `cues` introduce an address that has no other sign."""

    type = "ADDRESS"

    def __init__(self, cues: tuple[str, ...]) -> None:
        self._cue = re.compile(rf"(?i)(?<!\w)(?:{words(cues)})(?!\w)[\s:=,-]{{0,4}}(?:(?:is|at|now|are|na)\s)?")
        self._needs = tuple({cue.split(" ")[0] for cue in cues})

    def spans(self, text: str, lower: str) -> Iterator[tuple[int, int]]:
        """Start and end of each address, in order, not overlapping."""
        found = [*self._streets(text)]
        if "corner of" in lower:
            found += [(m.start(), _capitals(text, m.end())) for m in _CORNER.finditer(text)]
        if any(c.isdigit() for c in text):
            found += [match.span() for match in _BOX.finditer(text)]
            found += [match.span() for match in _TO_UNIT.finditer(text) if _bare(match.group())]
            found += [match.span() for match in _UNIT_ALONE.finditer(text)]
            found += [match.span() for match in _FOREIGN.finditer(text) if _foreign(match.group())]
            found += [match.span() for match in _NUMBERED.finditer(text)]
            found += [match.span(1) for match in _LINE.finditer(text) if _alone(match[1], lower == text)]
            found += [match.span() for match in _PLAIN.finditer(text) if _plain(match.group())]
        if any(need in lower for need in self._needs):
            found += self._after_cues(text)
        yield from _joined(text, sorted(found))

    def _streets(self, text: str) -> Iterator[tuple[int, int]]:
        for match in _STREET.finditer(text):
            begin = max(0, match.start() - 90)
            before = _BEFORE.search(text, begin, match.start())
            if before and _street(before["lead"], before["name"], match.group()):
                yield before.start(), match.end()

    def _after_cues(self, text: str) -> Iterator[tuple[int, int]]:
        for cue in self._cue.finditer(text):
            for pattern in (_PAIR, _AFTER_CUE):
                match = pattern.match(text, cue.end())
                if match and (match.groupdict().get("corner") or _announced(match.group())):
                    yield match.span()
                    break


#: A postal code that is called one.
CODE = cued(
    "ADDRESS",
    ("zip", "zip code", "zipcode", "postcode", "post code", "postal code"),
    r"(?:\d{4,6}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w)",
    r"(?:\s?(?:is|was|now|to|for|of|and|my|in|the|at|code|address|here|it's)){0,4}[\s:=,.?-]{0,3}",
)


def _street(lead: str, name: str, kind: str) -> bool:
    """Whether lead, name and last word make a street: in small letters only with a clear word or lead."""
    capital = any(word[0].isupper() for word in name.split())
    if any(word.casefold().strip(".,'") in _NO_PLACE for word in name.split()) or _TIMES.search(name):
        return False
    if not capital and not lead[0].isalpha() and all(_STREET.fullmatch(word) for word in name.split()):
        return False
    strong = re.fullmatch(rf"(?i)(?:{_STRONG})\.?", kind) is not None
    return (capital and (strong or kind[0].isupper())) or (strong and not lead[0].isspace()) or lead[0].isalpha()


#: A word's end and a sentence's: no street goes over it.
_SENTENCE = re.compile(r"(?<!str)(?<=[^\W\d_]{3})\.\s")


def _foreign(value: str) -> bool:
    """A foreign street has its number; without one before it, it starts with a capital or a street's own word."""
    if _SENTENCE.search(value) or value.startswith("via "):
        return False
    number = any(c.isdigit() for c in value) and not _TIMES.search(value)
    return number and (value[0].isdigit() or value[0].isupper() or _SURE.search(value) is not None)


def _alone(value: str, small: bool) -> bool:
    """In a line of its own: a capital in it, or a text of small letters and a long house number."""
    inner = [word for word in value.split() if word[0].isalpha()]
    if _TIMES.search(value) or any(word.casefold() in _NO_PLACE for word in inner):
        return False
    return any(word[0].isupper() for word in inner) or (small and len(value.split()[0]) > 2)


def _announced(value: str) -> bool:
    """After a cue: a number first, or a clear street word, or capitalised words and a number."""
    if _TIMES.search(value) or _SENTENCE.search(value[:-1]):
        return False
    inner = [word for word in value.split() if word[0].isalpha()]
    if value[0].isdigit() or _LED.match(value):
        return len(inner) > 0 and not any(word.casefold() in _NO_PLACE for word in inner)
    capitals = all(word[0].isupper() or word.casefold() in _PARTICLES for word in inner)
    return capitals and (any(c.isdigit() for c in value) or _CLEAR.search(value) is not None)


def _joined(text: str, found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Finds that overlap as one, each with its tail."""
    apart: list[tuple[int, int]] = []
    for start, end in found:
        if apart and start < apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    position = 0
    for start, end in apart:
        if end > position:
            begin, position = max(start, position), _tail(text, end)
            yield begin, position


def _capitals(text: str, end: int) -> int:
    """Behind the capitalised words that go on."""
    more = _CORNER_CAPITALS.match(text, end)
    return more.end() if more else end


def _bare(value: str) -> bool:
    """No word of a sentence between the numbers."""
    return not _TIMES.search(value) and not any(word.casefold() in _NO_PLACE for word in value.split())


def _plain(value: str) -> bool:
    """Capitalised words between numbers, the first of two digits or more; no date and no amount."""
    inner = [word for word in value.split() if word[0].isalpha()]
    return (
        len(value.split()[0]) >= 3
        and any(word[0].isupper() for word in inner)
        and all(word[0].isupper() or len(word) < 4 for word in inner)
        and _bare(value)
    )


def _tail(text: str, end: int) -> int:
    """Where the address ends with its units, places and codes; a state or country at the very end stays."""
    places = 0
    for _ in range(9):
        match = _TAIL_UNIT.match(text, end) or _TAIL_ZIP.match(text, end)
        if match:
            end = match.end()
            continue
        match = _TAIL_REACH.match(text, end)
        if match and not any(word.casefold().strip(".,") in _NO_PLACE for word in match["words"].split()):
            end = match.end()
            continue
        match = _TAIL_PLACE.match(text, end)
        if not match or places == 4:
            break
        taken = _place(match["place"], match["gap"])
        if not taken:
            break
        end, places = match.start("place") + taken, places + 1
        number = _PLACE_NUMBER.match(text, end)
        if number and _NUMBERED_PLACE.search(text, match.start("place"), end):
            end = number.end()
        elif taken < len(match["place"]):
            break
    return end


def _place(place: str, gap: str) -> int:
    """How many characters of what follows are a place: capitalised words, or one or two small ones after a comma."""
    found = [(match.start(), match.group(), match.group().strip(".,()")) for match in re.finditer(r"\S+", place)]
    length = 0
    for count, (at, word, plain) in enumerate(found):
        if length and plain in _PARTICLES:
            continue
        if plain.casefold() in _NO_PLACE or (plain.casefold() in _STATES and not _goes_on(found[count + 1 :])):
            break
        if plain[:1].islower():
            following = found[count + 1][2].casefold() if count + 1 < len(found) else "is"
            if (
                not gap.strip(" ")
                or found[0][2][:1].isupper()
                or count > 1
                or (following not in _NO_PLACE and len(found) > 2)
            ):
                break
        length = at + len(word.rstrip(".,"))
        if word.endswith("."):
            break
    return length


def _goes_on(words: list[tuple[int, str, str]]) -> bool:
    """Whether a state's name is only the start of a place's: Lagos Island, and not Lagos State."""
    return bool(words) and words[0][2].casefold() in ("island", "mainland")
