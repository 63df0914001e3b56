import pytest
import yaml

from engine.settings import CONFIGS
from models.places import Gazetteer, Place


@pytest.fixture(scope="module")
def nigeria():
    return Gazetteer.from_dict(yaml.safe_load((CONFIGS / "places" / "nigeria.yaml").read_text()))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("Lagos", Place("Lagos")),
        ("lagos state", Place("Lagos")),
        ("Ikeja", Place("Lagos", "Ikeja")),
        ("Ikeja, Lagos", Place("Lagos", "Ikeja")),
        ("Lagos - Surulere", Place("Lagos", "Surulere")),
        ("Surulere LGA", Place("Lagos", "Surulere")),  # Oyo has one too; Lagos's is the town that people name
        ("Abuja", Place("FCT")),
        ("Port-Harcourt", Place("Rivers", "Port Harcourt")),
        ("PH", Place("Rivers", "Port Harcourt")),
        ("Obio/Akpor", Place("Rivers", "Obio/Akpor")),
        ("Akwa-Ibom", Place("Akwa Ibom")),
        ("Ṣokoto", Place("Sokoto")),
        ("Abeokutta", Place("Ogun", "Abeokuta")),
        ("Katsina", Place("Katsina")),
        ("Bassa", None),  # Kogi and Plateau
        ("Ohio", None),
        ("Kano, Lagos", None),
        ("", None),
    ],
)
def test_a_field_names_a_place(nigeria, value, place):
    assert nigeria.resolve(value) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("No network in Ikeja since morning", Place("Lagos", "Ikeja")),
        ("network no dey for gwarinpa at all", Place("FCT", "Gwarinpa")),
        ("Babu network a Kano tun safe", Place("Kano")),
        ("in PH the network is bad", Place("Rivers", "Port Harcourt")),
        ("time to go back to @Delta, I talked with Delta, a number from Delta", None),
        ("nothing works in Delta State", Place("Delta")),
        ("YOBA MUNA AMFANA LEKKI", None),
        ("abun yabo a yaba masa", None),
        ("Yola people are suffering", Place("Adamawa", "Yola")),
        ("I sing a song for you, the logo is nice", None),
        ("Isa called me about the Challenge promo", None),
        ("no light in Challenge, Ibadan", Place("Oyo", "Challenge")),
        ("from Lagos to Kano the network is bad", None),
        ("in Lekki, Lagos it is slow", Place("Lagos", "Lekki")),
        ("no place here", None),
        ("", None),
    ],
)
def test_a_text_names_a_place(nigeria, text, place):
    assert nigeria.mentioned(text) == place


def test_all_areas_are_there():
    regions = yaml.safe_load((CONFIGS / "places" / "nigeria.yaml").read_text())["regions"]
    assert len(regions) == 37
    assert sum(len(parts["areas"]) for parts in regions.values()) == 774


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "regions: expected"),
        ({"regions": {"A": {"area": []}}}, "regions.A: area: expected areas"),
        ({"regions": {"A": {"towns": "x"}}}, "regions.A.towns: expected a list"),
        ({"regions": {"A": {}}, "more": 1}, "more: unknown"),
    ],
)
def test_a_wrong_file_is_named(values, says):
    with pytest.raises(ValueError, match=says):
        Gazetteer.from_dict(values)
