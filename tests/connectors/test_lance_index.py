from connectors.lance_index import partitions, to_merge


def test_a_small_table_has_no_vector_index_and_a_large_one_about_a_partition_a_thousand_rows():
    assert [partitions(n) for n in (0, 19_999, 20_000, 100_000, 1_000_000, 10**9)] == [None, None, 32, 128, 1024, 4096]


def test_a_fold_merges_the_small_segments_and_leaves_the_large_one():
    assert to_merge([], 100) == 0
    assert to_merge([1_000_000], 10_000) == 0
    assert to_merge([1_000_000, 10_000], 10_000) == 1
    assert to_merge([1_000_000, 40_000, 10_000], 10_000) == 2
    assert to_merge([50, 100], 100) == 2


def test_a_row_is_rewritten_a_few_times_over_a_tables_life():
    segments, rewritten = [], 0
    for _ in range(1000):
        count = to_merge(segments, 10)
        merged = sum(segments[len(segments) - count :]) if count else 0
        rewritten += merged
        segments = [*segments[: len(segments) - count], merged + 10]
        assert len(segments) <= 12
    assert rewritten / 10_000 < 10
