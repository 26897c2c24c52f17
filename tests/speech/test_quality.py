"""Quality of recognition, of people and of synthetic voices. The bars are those of bench/speech.py."""

import pytest

from bench.flite import spoken
from bench.speech import BARS, SENTENCES, TESTDATA, errors, readings
from tests.support.speech_node import SpeechNode


@pytest.mark.tools(f"{TESTDATA}/librivox")
def test_people_are_understood_as_well_as_we_say(node: SpeechNode) -> None:
    assert errors(node.channel(), readings("librivox")).rate <= BARS["real"]


@pytest.mark.tools("flite")
def test_so_are_machines(node: SpeechNode) -> None:
    read = [(text, spoken(text, "slt")) for text in SENTENCES[:8]]
    assert errors(node.channel(), read).rate <= BARS["flite"]
