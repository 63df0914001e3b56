import re

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from connectors.called import Called
from connectors.described import DESCRIPTIONS
from connectors.registry import SourceSettings, open_source
from connectors.sms.settings import Gateway
from connectors.social.settings import Api, Hook
from engine.settings import ROOT

EXAMPLES = [
    (name, given)
    for block in re.findall(r"```yaml\n(sources:.*?)```", (ROOT / "docs" / "connectors.md").read_text(), re.S)
    for name, given in yaml.safe_load(block)["sources"].items()
]


@pytest.mark.parametrize(
    ("name", "given"),
    [one for one in EXAMPLES if one[1]["kind"] in ("social_pull", "social_webhook", "sms_webhook", "web_form")],
)
def test_the_examples_of_the_docs_open(tmp_path, monkeypatch, name, given):
    for setting, value in given.items():
        if setting.endswith("_env"):
            monkeypatch.setenv(value, "s3cret")
    settings = TypeAdapter(SourceSettings).validate_python(given)
    opened = open_source(name, settings, tmp_path)
    assert opened.source == name
    assert hasattr(opened, "accept") == isinstance(settings, Called)


def test_there_are_examples():
    assert {"social_pull", "social_webhook", "sms_webhook", "web_form"} <= {given["kind"] for _, given in EXAMPLES}


@pytest.mark.parametrize("path", sorted(DESCRIPTIONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_shipped_is_valid(path):
    values = yaml.safe_load(path.read_text())
    if "sources" in values:  # an example of a configuration
        assert all(TypeAdapter(SourceSettings).validate_python(given) for given in values["sources"].values())
        return
    kind = Gateway if path.stem.startswith("sms_") else Api if "feeds" in values else Hook
    kind.model_validate(values)


def test_a_description_that_is_not_there_names_those_that_are():
    with pytest.raises(ValidationError, match="sms_twilio"):
        TypeAdapter(SourceSettings).validate_python({"kind": "sms_webhook", "gateway": "sms_twillio"})
