"""The committed model: its figures on crops that training never saw, exemplars, and files that are not its own."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from drawing_engine.classifier import crops
from drawing_engine.classifier.classes import CLASSES, UNKNOWN
from drawing_engine.classifier.model import DESCRIPTION, FOLDER, MODEL, ClassifierUnavailable, SymbolClassifier
from scripts.classifier import evaluation
from scripts.classifier.shapes import Drawing, segments_of

pytest.importorskip("onnxruntime", reason="no wheel of onnxruntime here")


@pytest.fixture(scope="module")
def classifier() -> SymbolClassifier:
    return SymbolClassifier()


@pytest.fixture(scope="module")
def unseen(classifier: SymbolClassifier) -> evaluation.Figures:
    return evaluation.evaluate(classifier, evaluation.evaluation_symbols())


def test_symbols_of_its_own_kind_are_recognised(classifier: SymbolClassifier) -> None:
    recognised, refused = evaluation.same_kind_accuracy(classifier)
    assert recognised >= 0.92
    assert refused >= 0.95


def test_an_unseen_style_is_recognised_with_one_exemplar_of_each_symbol(unseen: evaluation.Figures) -> None:
    assert unseen.one_exemplar >= 0.95, unseen.mistakes


def test_an_unseen_style_is_recognised_without_exemplars(unseen: evaluation.Figures) -> None:
    assert unseen.zero_shot >= 0.75, unseen.mistakes
    assert unseen.precision >= 0.95
    assert unseen.coverage >= 0.5


def test_the_model_is_small() -> None:
    assert (FOLDER / MODEL).stat().st_size <= 2**20


def test_results_are_the_same_alone_and_among_others(classifier: SymbolClassifier) -> None:
    images, _ = evaluation.varied(evaluation.evaluation_symbols(), each=3)
    together, alone = classifier.classify(images), [classifier.classify(image[None])[0] for image in images]
    assert [one.name for one in together] == [one.name for one in alone]
    assert np.allclose([one.confidence for one in together], [one.confidence for one in alone], atol=1e-4)


def test_an_exemplar_has_precedence_in_every_position(classifier: SymbolClassifier) -> None:
    drawing = Drawing()
    drawing.polygon((-1, -1), (0, 1), (1, -1))
    drawing.lines((-2, 0, 2, 0), (0, 1, 0, 3))
    exemplars = classifier.exemplars(["Pump of ours"], crops.from_segments([segments_of(drawing)]))
    turned = [drawing.moved(np.array(matrix)) for matrix in ([[0, -1], [1, 0]], [[-1, 0], [0, 1]], [[2, 0], [0, 2]])]
    found = classifier.classify(crops.from_segments([segments_of(one) for one in turned]), exemplars)
    assert [(one.name, one.by_exemplar) for one in found] == [("Pump of ours", True)] * 3


def test_what_is_like_no_exemplar_is_left_to_the_model(classifier: SymbolClassifier) -> None:
    names = ["motor", "lamp"]
    style = evaluation.evaluation_symbols()
    pick = [segments_of(style.drawings[style.names.index(name)]) for name in (*names, "capacitor")]
    images = crops.from_segments(pick)
    exemplars = classifier.exemplars(names, images[:2])
    found = classifier.classify(images, exemplars)
    assert [one.by_exemplar for one in found] == [True, True, False]
    assert found[2] == classifier.classify(images[2:])[0]


def test_below_the_threshold_the_answer_is_unknown_with_alternatives(classifier: SymbolClassifier) -> None:
    images, _ = evaluation.varied(evaluation.evaluation_symbols())
    refused = [one for one in classifier.classify(images) if one.name == UNKNOWN]
    assert refused
    assert all(one.name != UNKNOWN for result in refused for one in result.alternatives)
    assert any(result.alternatives for result in refused)
    given = [one for one in classifier.classify(images) if one.name != UNKNOWN]
    assert all(one.confidence >= classifier.threshold for one in given)


def test_an_empty_crop_is_unknown(classifier: SymbolClassifier) -> None:
    (found,) = classifier.classify(crops.from_segments([np.zeros((0, 4), np.float32)]))
    assert (found.name, found.confidence, found.alternatives) == (UNKNOWN, 0, ())
    assert classifier.classify(np.zeros((0, crops.SIDE, crops.SIDE), np.float32)) == []


def test_the_description_names_the_classes_in_order() -> None:
    assert tuple(json.loads((FOLDER / DESCRIPTION).read_text())["classes"]) == CLASSES


def copy(folder: Path) -> Path:
    for name in (MODEL, DESCRIPTION):
        shutil.copyfile(FOLDER / name, folder / name)
    return folder


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    content = bytearray((copy(tmp_path) / MODEL).read_bytes())
    content[-1] ^= 1
    (tmp_path / MODEL).write_bytes(content)
    with pytest.raises(ClassifierUnavailable, match=r"is not the expected file \(its SHA-256 differs\)"):
        SymbolClassifier(tmp_path)


@pytest.mark.parametrize("missing", [MODEL, DESCRIPTION])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (copy(tmp_path) / missing).unlink()
    with pytest.raises(ClassifierUnavailable, match=f"{missing} of the symbol classifier cannot be read"):
        SymbolClassifier(tmp_path)


def test_a_description_with_other_classes_is_refused(tmp_path: Path) -> None:
    description = json.loads((copy(tmp_path) / DESCRIPTION).read_text())
    description["classes"].reverse()
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(ClassifierUnavailable, match="has other classes"):
        SymbolClassifier(tmp_path)
