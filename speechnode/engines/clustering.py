"""Clustering of voice prints by voice: average linkage, cut at a calibrated similarity."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.voice_prints import Floats, normalised

#: With more voices than this in one recording, prints no longer distinguish them.
MAX_SPEAKERS = 10
#: Clusters whose spans are less similar on average are different voices. Measured with people from whom the space was
#: not learned: the last merge within a voice is at 0.36 and more; that of two voices at 0.20 (a conversation), at 0.31
#: (two women on one telephone line).
SAME_VOICE = 0.35
#: Clustering is quadratic. Of longer recordings a sample is clustered, and the rest is assigned to the nearest centre.
_MAX_COMPARED = 1500

Labels = NDArray[np.intp]


def cluster(
    vectors: Floats, weights: NDArray[np.float64], count: int = 0, checkpoint: Callable[[], None] = lambda: None
) -> Labels:
    """Return a label for each vector, from 0.

    Args:
        vectors: one per row, of length 1.
        weights: how much each counts, such as its duration.
        count: number of voices; 0 = estimate it.
        checkpoint: called regularly; may raise.
    """
    chosen = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), _MAX_COMPARED)).astype(int))
    compared, weighed = vectors[chosen], weights[chosen]
    merges = average_merges(compared @ compared.T, weighed, checkpoint)
    known = min(count or _count(merges, len(compared)), len(compared))
    return nearest(vectors, centres(compared, cut(merges, len(compared), known), weighed))


def centres(vectors: Floats, labels: Labels, weights: NDArray[np.float64]) -> Floats:
    """Return the vector of each label."""
    sums = [(vectors * weights[:, None])[labels == label].sum(axis=0) for label in range(labels.max() + 1)]
    return normalised(np.stack(sums).astype(np.float32))


def nearest(vectors: Floats, centres: Floats) -> Labels:
    """Return, for each vector, the label of the most similar centre."""
    result: Labels = (vectors @ centres.T).argmax(axis=1)
    return result


def average_merges(
    similar: Floats, weights: NDArray[np.float64], checkpoint: Callable[[], None]
) -> list[tuple[float, int, int]]:
    """Return all merges as (similarity, one, other), the most similar first; `one` and `other` are members of the
    merged clusters.

    Uses nearest-neighbour chains (Murtagh 1983), which are quadratic, not cubic.
    """
    similar = similar.astype(np.float64)
    np.fill_diagonal(similar, -np.inf)
    sizes = weights.astype(np.float64)
    left = set(range(len(similar)))
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(left) > 1:
        if not chain:
            chain.append(min(left))
            checkpoint()
        last = chain[-1]
        near = int(similar[last].argmax())
        if len(chain) > 1 and similar[last, chain[-2]] >= similar[last, near]:
            near = chain[-2]
        if len(chain) == 1 or near != chain[-2]:
            chain.append(near)
            continue
        del chain[-2:]
        merges.append((float(similar[last, near]), last, near))
        row = (sizes[last] * similar[last] + sizes[near] * similar[near]) / (sizes[last] + sizes[near])
        row[last] = row[near] = -np.inf
        similar[last], similar[:, last] = row, row
        similar[near], similar[:, near] = -np.inf, -np.inf
        sizes[last] += sizes[near]
        left.discard(near)
    return sorted(merges, reverse=True)


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


def _count(merges: list[tuple[float, int, int]], size: int) -> int:
    return min(MAX_SPEAKERS, size - sum(similarity >= SAME_VOICE for similarity, _, _ in merges))
