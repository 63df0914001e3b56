import pickle

import pytest

from connectors import errors
from engine.govern.crypto import KeyTrouble
from engine.intake.envelope import BadEnvelope
from engine.run.actors import EmbedderAway, WriterAway


def tree(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize(
    "kind",
    sorted({*tree(errors.BeejanError), KeyTrouble, BadEnvelope, EmbedderAway, WriterAway}, key=lambda k: k.__name__),
    ids=lambda k: k.__name__,
)
def test_every_error_survives_pickling_and_knows_whether_to_try_again(kind):
    error = pickle.loads(pickle.dumps(kind("what failed, and what to do")))
    assert str(error) == "what failed, and what to do"
    assert (
        isinstance(error, (errors.Transient, errors.Terminal))
        or kind.__module__ == "engine.cli.output"
        or kind is errors.BeejanError
        or kind.__name__ in ("NoAlert",)
    )
