"""Clustering of voice prints by voice: Ward's method, with the number of clusters chosen by their silhouette."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.voice_prints import Floats, normalised

#: With more voices than this in one recording, prints of windows no longer distinguish them.
MAX_SPEAKERS = 10
#: Mean silhouette below which all clusters are taken for one varying voice; and similarity of two centres above which
#: they are one voice despite their silhouette. (In 13 conversations with one to five voices, four of them by flite,
#: parts of one voice were never below 0.87, and two voices never above 0.79.)
_LEAST_SILHOUETTE, _SAME_VOICE = 0.2, 0.82
#: Clustering is quadratic. Of longer recordings a sample is clustered, and the rest is assigned to the nearest centre.
_MAX_COMPARED = 1500

Labels = NDArray[np.intp]


def cluster(prints: Floats, count: int = 0, checkpoint: Callable[[], None] = lambda: None) -> Labels:
    """Return a label for each voice print, from 0.

    Args:
        prints: one per row, of length 1.
        count: number of voices; 0 = estimate it.
        checkpoint: called regularly; may raise.
    """
    chosen = np.unique(np.linspace(0, len(prints) - 1, min(len(prints), _MAX_COMPARED)).astype(int))
    compared = prints[chosen]
    distances = _distances(compared)
    merges = ward_merges(distances, checkpoint)
    known = min(count, len(compared))
    labels = cut(merges, len(compared), known) if known else _best(merges, compared, distances, checkpoint)
    return nearest(prints, centres(compared, labels))


def centres(prints: Floats, labels: Labels) -> Floats:
    """Return the voice print of each label."""
    return normalised(np.stack([prints[labels == label].mean(axis=0) for label in range(labels.max() + 1)]))


def nearest(prints: Floats, centres: Floats) -> Labels:
    """Return, for each voice print, the label of the cluster whose centre is most similar."""
    result: Labels = (prints @ centres.T).argmax(axis=1)
    return result


def _distances(prints: Floats) -> Floats:
    """Return the squared distances between all pairs."""
    result: Floats = np.maximum(0, 2 - 2 * (prints @ prints.T))
    return result


def ward_merges(squared: Floats, checkpoint: Callable[[], None]) -> list[tuple[float, int, int]]:
    """Return all merges as (height, one, other), lowest first; `one` and `other` are members of the merged clusters.

    Uses nearest-neighbour chains (Murtagh 1983), which are quadratic, not cubic.
    """
    distances = squared.astype(np.float64)
    np.fill_diagonal(distances, np.inf)
    sizes = np.ones(len(distances))
    left = set(range(len(distances)))
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(left) > 1:
        if not chain:
            chain.append(min(left))
            checkpoint()
        last = chain[-1]
        near = int(distances[last].argmin())
        if len(chain) > 1 and distances[last, chain[-2]] <= distances[last, near]:
            near = chain[-2]
        if len(chain) == 1 or near != chain[-2]:
            chain.append(near)
            continue
        del chain[-2:]
        merges.append((float(distances[last, near]), last, near))
        _merge(distances, sizes, last, near)
        left.discard(near)
    return sorted(merges)


def _merge(distances: NDArray[np.float64], sizes: NDArray[np.float64], into: int, other: int) -> None:
    """Merge `other` into `into`, by the Lance-Williams update for Ward's criterion."""
    between = distances[into, other]
    joint = sizes[into] + sizes[other] + sizes
    row = (
        (sizes[into] + sizes) * distances[into] + (sizes[other] + sizes) * distances[other] - sizes * between
    ) / joint
    row[into] = row[other] = np.inf
    distances[into], distances[:, into] = row, row
    distances[other], distances[:, other] = np.inf, np.inf
    sizes[into] += sizes[other]


def cut(merges: list[tuple[float, int, int]], size: int, count: int) -> Labels:
    """Return labels for `count` clusters, numbered by their first member."""
    parents = list(range(size))

    def root(member: int) -> int:
        while parents[member] != member:
            parents[member] = member = parents[parents[member]]
        return member

    for _, one, other in merges[: size - count]:
        parents[root(other)] = root(one)
    roots = [root(member) for member in range(size)]
    numbers = {found: number for number, found in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[found] for found in roots], dtype=np.intp)


def _best(
    merges: list[tuple[float, int, int]], prints: Floats, squared: Floats, checkpoint: Callable[[], None]
) -> Labels:
    """Return the cut with the highest silhouette whose clusters are different voices; one cluster if there is none."""
    distances = np.sqrt(squared)
    best, labels = _LEAST_SILHOUETTE, np.zeros(len(squared), dtype=np.intp)
    for count in range(2, min(MAX_SPEAKERS, len(squared) - 1) + 1):
        checkpoint()
        tried = cut(merges, len(squared), count)
        silhouette = _silhouette(distances, tried)
        if silhouette > best and _are_different(centres(prints, tried)):
            best, labels = silhouette, tried
    return labels


def _are_different(centres: Floats) -> bool:
    similar = centres @ centres.T
    np.fill_diagonal(similar, 0)
    return bool(similar.max() < _SAME_VOICE)


def _silhouette(distances: Floats, labels: Labels) -> float:
    """Return the mean silhouette (-1 to 1): how much nearer a cluster's own members are than the next cluster's."""
    members = np.eye(labels.max() + 1)[labels]
    sizes = members.sum(axis=0)
    sums = distances @ members
    rows = np.arange(len(labels))
    own = sums[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    other = means.min(axis=1)
    values = (other - own) / np.maximum(np.maximum(own, other), 1e-9)
    # The silhouette of a cluster with one member is 0 by definition.
    return float(np.where(sizes[labels] > 1, values, 0).mean())
