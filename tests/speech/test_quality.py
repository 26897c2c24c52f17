"""Quality of recognition, of people and of synthetic voices. The bars are those of bench/speech.py."""

import pytest

from bench.flite import spoken
from bench.speech import BARS, SENTENCES, TESTDATA, errors, readings
from tests.support.speech_node import SpeechNode


@pytest.mark.tools(f"{TESTDATA}/librivox")
def test_recognition_of_people_meets_its_bar(node: SpeechNode) -> None:
    for name in ("librivox", "cards"):
        assert errors(node.channel(), readings(name)).rate <= BARS[name], name


@pytest.mark.tools("flite")
def test_recognition_of_synthetic_voices_meets_its_bar(node: SpeechNode) -> None:
    read = [(text, spoken(text, "slt")) for text in SENTENCES]
    assert errors(node.channel(), read).rate <= BARS["flite"]
