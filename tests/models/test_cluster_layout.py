import numpy as np

from models.clusters.layout import layout, scatter


def centroids(count=12, seed=1):
    found = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_near_clusters_lie_near_and_the_same_ones_at_the_same_place():
    vectors = centroids()
    vectors[1] = vectors[0] + 0.05 * vectors[2]
    vectors[1] /= np.linalg.norm(vectors[1])
    places = layout(vectors)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert apart[0].argsort()[1] == 1
    assert np.array_equal(places, layout(vectors))


def test_one_cluster_and_none_have_a_place():
    assert layout(centroids(1)).tolist() == [[0.0, 0.0]]
    assert layout(centroids(0)).shape == (0, 2)


def test_texts_lie_about_their_own_cluster_and_strays_between():
    vectors = centroids()
    places = layout(vectors)
    dots = scatter(vectors, np.array([0, 1, 2, *[-1] * 9]), vectors, places)
    apart = np.linalg.norm(dots[:3, None] - places[None], axis=2)
    assert apart.argmin(axis=1).tolist() == [0, 1, 2]
    assert np.isfinite(dots).all()
