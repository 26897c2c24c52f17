"""Measure the classifier of symbols, and print its bars with whether they are reached.

python -m bench.classifier      # also a part of bench.drawings
"""

import time
from dataclasses import dataclass

from drawing_engine.classifier.model import FOLDER, MODEL, SymbolClassifier
from scripts.classifier import evaluation


@dataclass(frozen=True)
class Bar:
    """A figure, and the value that it is to reach: at least, or at most."""

    name: str
    value: float
    bar: float
    is_most: bool = False
    unit: str = ""

    @property
    def is_reached(self) -> bool:
        return self.value <= self.bar if self.is_most else self.value >= self.bar

    def __str__(self) -> str:
        sign = "<=" if self.is_most else ">="
        state = "reached" if self.is_reached else "MISSED"
        digits = 3 if self.bar <= 1 and not self.unit else 0
        return f"{self.name:58} {self.value:9,.{digits}f} {sign} {self.bar:7,.{digits}f} {self.unit:9} {state}"


def bars() -> list[Bar]:
    """Return the figures of the committed model."""
    started = time.perf_counter()
    classifier = SymbolClassifier()
    load_ms = (time.perf_counter() - started) * 1000
    own, refused = evaluation.same_kind_accuracy(classifier)
    unseen = evaluation.evaluate(classifier, evaluation.evaluation_symbols())
    alone, whole = evaluation.speed(classifier, 3)
    return [
        Bar("classifier: file", (FOLDER / MODEL).stat().st_size / 1000, 1000, is_most=True, unit="kB"),
        Bar("classifier: loading, with onnxruntime", load_ms, 1000, is_most=True, unit="ms"),
        Bar("classifier: one thread, model alone", alone, 2000, unit="crops/s"),
        Bar("classifier: one thread, drawing included", whole, 1000, unit="crops/s"),
        Bar("classifier: same kind", own, 0.99),
        Bar("classifier: other drawings refused", refused, 0.9),
        Bar("classifier: unseen style, zero-shot", unseen.zero_shot, 0.75),
        Bar("classifier: unseen style, one exemplar", unseen.one_exemplar, 0.95),
        Bar("classifier: unseen style, precision above the threshold", unseen.precision, 0.95),
        Bar("classifier: unseen style, coverage", unseen.coverage, 0.5),
        Bar("classifier: unseen style, precision of accepted exemplars", unseen.exemplar_precision, 0.95),
        Bar("classifier: unseen style, coverage of exemplars", unseen.exemplar_coverage, 0.5),
    ]


def main() -> None:
    """Print the bars."""
    for bar in bars():
        print(bar)


if __name__ == "__main__":
    main()
