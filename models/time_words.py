"""Words and signs in times: months of five languages, names of zones, and the forms that parsers stumble over."""

from __future__ import annotations

import re
import unicodedata

_MONTHS = {
    "jan": "janvier enero ene janeiro januar janner jänner gennaio",
    "feb": "fevrier fev fevr febrero fevereiro februar",
    "mar": "mars marzo marco marz mrz",
    "apr": "avril avr abril abr",
    "may": "mai mayo maio",
    "jun": "juin junio junho juni",
    "jul": "juillet juil julio julho juli",
    "aug": "aout agosto ago",
    "sep": "septembre septiembre setiembre set setembro sept",
    "oct": "octobre octubre outubro out oktober okt",
    "nov": "novembre noviembre novembro",
    "dec": "decembre diciembre dic dezembro dez dezember",
}
_MONTH_OF = {word: month for month, words in _MONTHS.items() for word in (month, *words.split())}

#: Days of the week, and what stands between the parts of a date; a date says no more with them.
_FILLER_WORDS = """
lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim lunes martes miercoles jueves viernes sabado
domingo mie jue vie sab dom segunda terca quarta quinta sexta feira seg ter qua qui sex montag dienstag mittwoch donnerstag
freitag samstag sonntag mo di mi do fr sa so le de del a as las los el em den der um uhr
"""
_FILLERS = frozenset(_FILLER_WORDS.split())

#: Hours ahead of UTC. Of names that several countries have (IST, CST, BST) the most people's one is taken, unless the
#: source's own zone has that name.
OFFSETS_H = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WAT": 1, "CET": 1, "BST": 1, "WEST": 1, "CAT": 2, "SAST": 2, "EET": 2, "CEST": 2,
    "EAT": 3, "MSK": 3, "EEST": 3, "TRT": 3, "GST": 4, "PKT": 5, "IST": 5.5, "NPT": 5.75, "WIB": 7, "ICT": 7, "SGT": 8,
    "HKT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "BRT": -3, "ART": -3, "ADT": -3, "AST": -4, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7,
    "PST": -8, "AKDT": -8, "AKST": -9, "HST": -10,
}  # fmt: skip

#: Names that stand for summer and winter time alike.
GENERIC = {
    "PT": "America/Los_Angeles", "MT": "America/Denver", "CT": "America/Chicago", "ET": "America/New_York",
}  # fmt: skip

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FROM_UTC = re.compile(r"\b(?:UTC|GMT)\s?([+-])(\d{1,2})(?::?(\d{2}))?(?!\d)")
_REMARK = re.compile(r"(?<=\d)\s*(?:\[[^\]]*\]|\([^)]*\))$")
_BRACKETS = re.compile(r"\(([A-Z]{1,5})\)$")
_DOTTED_TIME = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})(?:\.(\d{2}))?(\.\d{1,9})?(?=\s?[ap]\.?\s?m\b)", re.IGNORECASE)
_HOURS = re.compile(r"(?<![\d:])(\d{1,2})\s?[hH]\s?(\d{2})?(?![\w:])")
_HALF_OF_DAY = re.compile(r"\b([ap])\.?\s?m\b\.?", re.IGNORECASE)
_ORDINAL = re.compile(r"\b(\d{1,2})(?:er|[ºª°.])(?=\s+[^\W\d_])", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+\.?")


def plain(text: str) -> str:
    """A time in ASCII digits, without characters that nobody sees and with offsets as +01:00."""
    found = _INVISIBLE.sub("", text)
    if not found.isascii():
        found = "".join(_ascii_digit(c) for c in found)
    found = _FROM_UTC.sub(_offset, " ".join(found.split()))
    if _REMARK.search(found) and re.search(r"[+-]\d{2}:?\d{2}\s*[\[(]", found):
        found = _REMARK.sub("", found)  # Sun Mar 01 2026 10:00:00 +01:00 (West Africa Standard Time)
    return _BRACKETS.sub(r"\1", found)


def in_english(text: str) -> str:
    """Months in English, days of the week and fillers left out, times with colons."""
    found = _DOTTED_TIME.sub(_with_colons, text)
    found = _HOURS.sub(lambda m: f"{m[1]}:{m[2] or '00'}", found)
    found = _HALF_OF_DAY.sub(r"\1m", found)
    return _WORD.sub(_english, _ORDINAL.sub(r"\1", found))


def _english(match: re.Match[str]) -> str:
    word = match.group().rstrip(".")
    bare = "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))
    if bare in _MONTH_OF:
        return _MONTH_OF[bare]
    return "" if bare in _FILLERS and word not in OFFSETS_H else match.group()


def _ascii_digit(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return {"\u2212": "-", "\u060c": ",", "\u066b": "."}.get(character, character)


def _offset(match: re.Match[str]) -> str:
    return f"{match[1]}{int(match[2]):02d}:{match[3] or '00'}"


def _with_colons(match: re.Match[str]) -> str:
    return ":".join(part for part in match.group(1, 2, 3) if part) + (match[4] or "")
