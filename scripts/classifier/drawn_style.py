"""Symbols with random proportions, for what schemdraw lacks or draws in one way only. For training.

Each function draws one symbol from left to right about the origin; its body is about 2 wide; y points down.
"""

from collections.abc import Callable

from scripts.classifier import drawn_components as components
from scripts.classifier import drawn_devices as devices
from scripts.classifier import drawn_switches as switches
from scripts.classifier.drawn_wires import Random
from scripts.classifier.shapes import Drawing

Symbol = Callable[[Random], Drawing]

STYLE: dict[str, Symbol] = {
    "resistor": components.resistor,
    "variable_resistor": components.variable_resistor,
    "capacitor": components.capacitor,
    "inductor": components.inductor,
    "transformer": components.transformer,
    "diode": components.diode,
    "zener_diode": components.zener_diode,
    "led": components.led,
    "transistor": components.transistor,
    "mosfet": components.mosfet,
    "contact_no": switches.contact_no,
    "contact_nc": switches.contact_nc,
    "changeover_contact": switches.changeover_contact,
    "switch_no": switches.switch_no,
    "switch_nc": switches.switch_nc,
    "push_button": switches.push_button,
    "relay_coil": switches.relay_coil,
    "contactor": switches.contactor,
    "circuit_breaker": switches.circuit_breaker,
    "fuse": devices.fuse,
    "motor": devices.motor,
    "meter": devices.meter,
    "lamp": devices.lamp,
    "battery": devices.battery,
    "ground": devices.ground,
    "terminal": devices.terminal,
    "socket": devices.socket,
}
