"""Which voice prints are one voice's: Ward's clustering, and how many clusters there are, by their silhouette."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.voice_prints import Floats, normalised

#: With more voices than this in one recording, prints of windows tell nothing any more.
MAX_SPEAKERS = 10
#: Mean silhouette below which clusters are one voice that varies; and similarity of two centres above which they are,
#: however well they stand apart. (Of 13 conversations with one to five voices, four of them flite's, parts of one voice
#: were never below 0.87, and two voices never above 0.79.)
_LEAST_SILHOUETTE, _SAME_VOICE = 0.2, 0.82
#: Clustering compares all with all; of longer recordings some are compared, and the others go to the nearest.
_MAX_COMPARED = 1500

Labels = NDArray[np.intp]


def cluster(prints: Floats, count: int = 0, checkpoint: Callable[[], None] = lambda: None) -> Labels:
    """A label for each voice print, from 0.

    Args:
        prints: one a row, of length 1.
        count: how many voices there are; 0: find out.
        checkpoint: called now and then; may raise.
    """
    chosen = np.unique(np.linspace(0, len(prints) - 1, min(len(prints), _MAX_COMPARED)).astype(int))
    compared = prints[chosen]
    distances = _distances(compared)
    merges = _ward(distances, checkpoint)
    known = min(count, len(compared))
    labels = _cut(merges, len(compared), known) if known else _best(merges, compared, distances, checkpoint)
    return nearest(prints, centres(compared, labels))


def centres(prints: Floats, labels: Labels) -> Floats:
    """The voice print of each label."""
    return normalised(np.stack([prints[labels == label].mean(axis=0) for label in range(labels.max() + 1)]))


def nearest(prints: Floats, centres: Floats) -> Labels:
    """The label of the centre that each print is most similar to."""
    result: Labels = (prints @ centres.T).argmax(axis=1)
    return result


def _distances(prints: Floats) -> Floats:
    """Squared, of each to each."""
    result: Floats = np.maximum(0, 2 - 2 * (prints @ prints.T))
    return result


def _ward(squared: Floats, checkpoint: Callable[[], None]) -> list[tuple[float, int, int]]:
    """All merges as (height, one, other), the lowest first; `one` and `other` are members of the merged clusters.

    By chains of nearest neighbours (Murtagh 1983): quadratic, not cubic.
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


def _merge(distances: NDArray[np.float64], sizes: NDArray[np.float64], into: int, gone: int) -> None:
    """Lance and Williams' update for Ward's criterion."""
    between = distances[into, gone]
    joint = sizes[into] + sizes[gone] + sizes
    row = ((sizes[into] + sizes) * distances[into] + (sizes[gone] + sizes) * distances[gone] - sizes * between) / joint
    row[into] = row[gone] = np.inf
    distances[into], distances[:, into] = row, row
    distances[gone], distances[:, gone] = np.inf, np.inf
    sizes[into] += sizes[gone]


def _cut(merges: list[tuple[float, int, int]], size: int, count: int) -> Labels:
    """Labels for `count` clusters, numbered by their first member."""
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
    """The cut whose clusters stand apart most clearly, each another voice; one cluster, if there is no such cut."""
    distances = np.sqrt(squared)
    best, labels = _LEAST_SILHOUETTE, np.zeros(len(squared), dtype=np.intp)
    for count in range(2, min(MAX_SPEAKERS, len(squared) - 1) + 1):
        checkpoint()
        tried = _cut(merges, len(squared), count)
        silhouette = _silhouette(distances, tried)
        if silhouette > best and _are_different(centres(prints, tried)):
            best, labels = silhouette, tried
    return labels


def _are_different(centres: Floats) -> bool:
    similar = centres @ centres.T
    np.fill_diagonal(similar, 0)
    return bool(similar.max() < _SAME_VOICE)


def _silhouette(distances: Floats, labels: Labels) -> float:
    """From -1 to 1: how much nearer the others of a cluster are than the next cluster's, on average."""
    members = np.eye(labels.max() + 1)[labels]
    sizes = members.sum(axis=0)
    sums = distances @ members
    rows = np.arange(len(labels))
    own = sums[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    other = means.min(axis=1)
    values = (other - own) / np.maximum(np.maximum(own, other), 1e-9)
    # A cluster of one is neither good nor bad.
    return float(np.where(sizes[labels] > 1, values, 0).mean())
