"""A change of the taxonomy beside a running engine: its stream goes on and takes the new version."""

import yaml

CHANGE = {
    "taxonomy": "telecom",
    "from": "1",
    "to": "2",
    "operations": [
        {
            "split": "network.slow_data",
            "into": [
                {
                    "id": "network.slow_mobile",
                    "name": "Slow mobile data",
                    "description": "Mobile internet on the phone is slow.",
                    "examples": ["mobile data on my phone is very slow", "4G is slow", "my phone browses slowly"],
                },
                {
                    "id": "network.slow_fibre",
                    "name": "Slow fibre",
                    "description": "Internet at home over fibre or wifi is slow.",
                    "examples": ["the fibre at home is very slow", "home wifi broadband is slow"],
                },
            ],
            "otherwise": "network.slow_mobile",
        },
        {"rename": "billing.overcharge", "to": "billing.charged_too_much"},
    ],
}


def leaves(engine):
    rows = engine.table("serving", "complaints").search().limit(999).to_list()
    return {row["source_key"]: (row["taxonomy_version"], row["subcategory"]) for row in rows}


def test_a_change_is_applied_beside_the_stream(own_engine):
    engine = own_engine
    path = engine.folder / "change.yaml"
    path.write_text(yaml.safe_dump(CHANGE))
    texts = ["mobile data on my phone is very slow", "the fibre at home is very slow", "you overcharged me, wrong bill"]
    sent = engine.post(*({"id": str(n), "text": f"{texts[n % 3]} {n}", "region": "Lagos"} for n in range(30)))
    assert engine.wait_for(sent["event_ids"]) == ["stored"] * 30
    before = leaves(engine)
    assert {version for version, _ in before.values()} == {"telecom/1"}

    plan = engine.cli("taxonomy", "plan", str(path))
    assert plan["scored_again"] == sum(leaf == "network.slow_data" for _, leaf in before.values()) >= 15
    done = engine.cli("taxonomy", "apply", str(path), "--yes")
    assert (done["state"], done["rescored"], done["mapped"]) == (
        "done",
        plan["scored_again"],
        30 - plan["scored_again"],
    )

    after = leaves(engine)
    assert {version for version, _ in after.values()} == {"telecom/2"}
    for key, (_, leaf) in before.items():
        if leaf == "network.slow_data":
            assert after[key][1] == ("network.slow_mobile", "network.slow_fibre")[int(key) % 3]
        else:
            assert after[key][1] == {"billing.overcharge": "billing.charged_too_much"}.get(leaf, leaf)

    later = engine.post({"id": "later", "text": "the fibre at home is very slow again"})
    assert engine.wait_for(later["event_ids"]) == ["stored"]
    assert leaves(engine)["later"] == ("telecom/2", "network.slow_fibre")
    assert engine.cli("taxonomy", "show")["version"] == "2"
    told = engine.cli("taxonomy", "trends", "--version", "1", "--by", "subcategory")
    assert sum(told["series"]["network.slow_data"]) == plan["scored_again"] + 1
    assert told["unknown"] == 0
