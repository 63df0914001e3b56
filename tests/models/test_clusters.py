"""Clusters: communities, topics that stay, ids, gates, terms; graphs small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.clusters.assign import Clusters, of_labels
from models.clusters.communities import louvain, modularity
from models.clusters.graph import from_edges, nearest
from models.clusters.match import Event, match
from models.clusters.terms import name_of, terms
from models.clusters.topics import Params, dense_groups, topics, without_small


def graph_of(size, pairs):
    origins, ends = np.array(pairs).T
    return from_edges(size, origins, ends, np.ones(len(pairs)))


TRIANGLES = graph_of(6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (2, 3)])


def blobs(counts, seed=0, spread=0.35, size=32, first=0):
    """Unit vectors around directions of their own, and which direction each is around."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = np.eye(size)[labels + first] + spread * random.standard_normal((len(labels), size)) / np.sqrt(size)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


SMALL = Params(neighbours=8, resolution=0.5, least_size=5)


def test_two_triangles_with_a_bridge_are_two_communities_of_known_modularity():
    labels = louvain(TRIANGLES, 1.0)

    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    # 7 edges: 6 of 7 inside, each side has half of the degrees: 6/7 - 2 * (1/2)^2.
    assert modularity(TRIANGLES, labels, 1.0) == pytest.approx(6 / 7 - 0.5)


def test_at_a_low_resolution_the_triangles_are_one():
    # Parting gains r/2 and loses 1/7: below r = 2/7 they stay together.
    assert set(louvain(TRIANGLES, 0.28).tolist()) == {0}
    assert set(louvain(TRIANGLES, 0.29).tolist()) == {0, 1}


def test_a_wrong_start_is_mended_node_by_node():
    assert louvain(TRIANGLES, 1.0, np.array([0, 0, 1, 1, 1, 1])).tolist() == [0, 0, 0, 1, 1, 1]


def test_nodes_without_edges_stay_alone():
    assert louvain(from_edges(3, *(np.zeros(0, int),) * 2, np.zeros(0)), 1.0).tolist() == [0, 1, 2]


def test_the_nearest_are_those_of_the_whole_matrix_whatever_the_blocks(monkeypatch):
    vectors, _ = blobs([40, 40])
    whole = vectors @ vectors.T
    np.fill_diagonal(whole, -np.inf)
    expected = np.argsort(-whole, axis=1, kind="stable")[:, :5]

    monkeypatch.setattr("models.clusters.graph._BLOCK_VALUES", 7 * 80)
    found, similarity = nearest(vectors, 5)

    assert (found == expected).mean() > 0.99  # equals may change places by a rounding
    assert np.allclose(similarity, np.take_along_axis(whole, found, axis=1), atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_texts_are_noise(count):
    assert topics(np.eye(4, dtype=np.float32)[:count], SMALL).tolist() == [-1] * count


def test_topics_are_the_directions_and_a_lone_text_is_noise():
    vectors, labels = blobs([30, 30, 30])
    lone = np.eye(32, dtype=np.float32)[20:21]

    found = topics(np.concatenate([vectors, lone]), SMALL)

    assert found[-1] == -1
    assert [len(set(found[:-1][labels == label])) for label in range(3)] == [1, 1, 1]
    assert len(set(found[:-1].tolist())) == 3


def test_the_same_vectors_give_the_same_topics():
    vectors, _ = blobs([30, 30, 30], spread=0.9)

    assert topics(vectors, SMALL).tolist() == topics(vectors, SMALL).tolist()


def test_topics_of_the_run_before_are_kept_and_new_texts_join_them():
    vectors, labels = blobs([30, 30, 30])
    before = np.where(np.arange(90) % 10 == 0, -1, labels)

    assert topics(vectors, SMALL, before).tolist() == labels.tolist()


def test_a_topic_of_the_run_before_that_holds_two_is_parted():
    vectors, labels = blobs([30, 30, 30])

    found = topics(vectors, SMALL, np.minimum(labels, 1))

    assert len(set(found.tolist())) == 3


def test_two_topics_of_the_run_before_that_are_one_are_merged():
    vectors, labels = blobs([30, 30])
    before = np.where(labels == 0, np.arange(60) % 2, 2)

    assert len(set(topics(vectors, SMALL, before).tolist())) == 2


def test_small_communities_are_noise_and_the_rest_is_counted_anew():
    assert without_small(np.array([0, 1, 1, 2, 2, -1]), 2).tolist() == [-1, 0, 0, 1, 1, -1]


def test_dense_groups_are_found_among_scattered_texts():
    group, _ = blobs([20], spread=0.1)
    scattered = np.random.default_rng(3).standard_normal((60, 32)).astype(np.float32)
    scattered /= np.linalg.norm(scattered, axis=1, keepdims=True)

    found = dense_groups(np.concatenate([group, scattered]), 8)

    assert (found[:20] == 0).sum() >= 8
    assert set(found[20:].tolist()) == {-1}
    assert set(dense_groups(scattered, 8).tolist()) == {-1}
    assert dense_groups(group[:3], 8).tolist() == [-1, -1, -1]


CROSS = Clusters(np.array([7, 9]), np.array([[1, 0], [0, 1]], np.float32), np.array([0.5, 0.9], np.float32), ("m", "1"))


def test_a_text_takes_the_nearest_cluster_whose_gate_it_passes():
    texts = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], np.float32)

    ids, similarity = CROSS.nearest(texts)

    # The second is nearer to 9 (.8), outside its gate of .9, and inside that of 7 (.6).
    assert ids.tolist() == [7, 7, 9, -1]
    assert similarity[:3] == pytest.approx([1, 0.6, 1])


def test_assignment_does_not_depend_on_the_batch():
    vectors, labels = blobs([50, 50])
    clusters = of_labels(vectors, labels)
    whole, _ = clusters.nearest(vectors)

    assert [int(clusters.nearest(row[None])[0][0]) for row in vectors] == whole.tolist() == labels.tolist()
    assert Clusters.none().nearest(vectors)[0].tolist() == [-1] * 100


def test_a_gate_is_nine_tenths_of_what_nearly_all_members_have_and_never_low():
    members = np.array([[1, 0], [1, 0], [0, 1], [0, -1]], np.float32)

    found = of_labels(members, np.array([0, 0, 1, 1]))

    assert found.gates.tolist() == pytest.approx([0.9, 0.3])


def ids(before, now, **more):
    count = max(now) + 1
    size = 8
    old = more.get("old") or {key: np.eye(size, dtype=np.float32)[key] for key in set(before) if key >= 0}
    new = more.get("new", np.eye(size, dtype=np.float32)[:count])
    return match(np.array(before), np.array(now), old, new, more.get("next_id", max([*before, *old]) + 1))


def test_clusters_of_the_same_members_keep_their_ids_whatever_their_order():
    found = ids([0, 0, 1, 1, -1], [1, 1, 0, 0, 0])

    assert found.ids.tolist() == [1, 0]
    assert (found.events, found.kept) == ((), (0, 1))


def test_of_a_cluster_that_splits_the_larger_part_keeps_the_id():
    found = ids([0] * 10, [0] * 6 + [1] * 4)

    assert found.ids.tolist() == [0, 1]
    assert found.events == (Event(1, "split", 0),)


def test_of_two_that_merge_the_larger_keeps_the_id():
    found = ids([0] * 6 + [1] * 4, [0] * 10)

    assert found.ids.tolist() == [0]
    assert found.events == (Event(1, "merged", 0),)


def test_a_cluster_of_new_rows_is_born_with_an_id_that_nobody_had():
    found = ids([0, 0, 0, -1, -1, -1], [0, 0, 0, 1, 1, 1], next_id=5)

    assert found.ids.tolist() == [0, 5]
    assert found.events == (Event(5, "born"),)


def test_a_cluster_whose_rows_are_noise_now_has_ended():
    found = ids([0, 0, 1, 1], [0, 0, -1, -1])

    assert found.events == (Event(1, "ended"),)


def test_without_common_rows_the_centroid_tells():
    old = {4: np.array([1, 0], np.float32)}
    near, far = np.array([[0.99, 0.1411]], np.float32), np.array([[0.6, 0.8]], np.float32)

    assert ids([-1, -1], [0, 0], old=old, new=near, next_id=5).ids.tolist() == [4]
    assert ids([-1, -1], [0, 0], old=old, new=far, next_id=5).ids.tolist() == [5]


def test_terms_are_what_tells_a_cluster_from_the_others():
    texts = ["refund of my card not paid"] * 3 + ["my card network is down <PHONE_ab12>"] * 3 + ["nonsense"]

    found = terms(texts, np.array([0, 0, 0, 1, 1, 1, -1]))

    assert found[0][0] in ("paid", "refund")
    assert found[1][0] in ("network", "card network")
    assert found[0].index("refund") < found[0].index("card")
    assert not {"nonsense", "phone", "the", "is"} & {term for one in found for term in one}


def test_a_word_of_one_writer_is_no_term():
    texts = ["network down", "network down", "network down adebayo"]

    assert "adebayo" not in terms(texts, np.zeros(3, int))[0]


def test_a_name_is_of_terms_without_a_word_in_common():
    assert name_of(["card network", "network", "down", "lagos", "ikeja"]) == "card network, down, lagos"
    assert name_of([]) == "unnamed"
