from benchmarks import facets


def test_all_ways_count_the_same(monkeypatch):
    monkeypatch.setattr(facets, "_REPEATS", 1)
    report = facets.run(2000)
    assert report["equal"]
    assert report["p50_ms"].keys() > report["ratio"].keys() > set()
