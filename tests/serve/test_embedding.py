"""The endpoints over real tables and a real state."""

import asyncio
from types import SimpleNamespace

import pytest

from engine.cli.reembed import embedding as words
from engine.reembed import state
from serve.embedding import get_embedding, post_switch
from serve.problems import Problem
from tests.reembed.test_reembed import GIVEN, follow, job, settings, table, texts, writer  # noqa: F401
from tests.store.test_writer import processed


def test_a_change_is_told_while_it_goes_on_and_a_switch_is_refused_without_one(writer, settings, context):  # noqa: F811
    writer.commit(processed(context, *texts(*GIVEN)))
    services = SimpleNamespace(settings=settings, complaints=table(settings))
    request = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(services=services)))
    with pytest.raises(Problem) as raised:
        asyncio.run(post_switch(request))
    assert raised.value.status == 409

    follow(settings)
    found = asyncio.run(get_embedding(request))
    assert (found["state"], found["due"], found["of"]) == ("embedding", 3, 3)
    assert words(found) == "hash 0; other 7 is to follow: 0 of 3 embedded"
    assert job(settings, writer).fill()
    found = asyncio.run(get_embedding(request))
    assert (found["state"], found["due"], found["waiting_for"]) == ("switching", 0, None)
    assert asyncio.run(post_switch(request))["state"] == "switching"
    assert state.read(settings.data_dir).forced
