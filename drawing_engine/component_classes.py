"""Classes of components by the letters of their designators: IEC 81346-2 (and its predecessor) and IEEE 315."""

import enum


class Standard(enum.StrEnum):
    """Rules by which designators are written. AUTO lets each sheet decide."""

    AUTO = "auto"
    IEC = "iec"
    IEEE = "ieee"


#: The main class of IEC 81346-2, for codes of letters that are not listed below.
_IEC_MAIN = {
    "A": "assembly", "B": "sensor", "C": "capacitor", "D": "logic", "E": "heater", "F": "protection",
    "G": "power_supply",
    "H": "indicator", "J": "robot", "K": "relay", "L": "inductor", "M": "motor", "N": "controller", "P": "indicator",
    "Q": "switchgear", "R": "resistor", "S": "switch", "T": "transformer", "U": "holder", "V": "semiconductor",
    "W": "cable", "X": "terminal", "Y": "valve", "Z": "filter",
}  # fmt: skip
_IEC = {
    "BG": "proximity_sensor", "BP": "pressure_sensor", "BT": "temperature_sensor", "BJ": "power_sensor",
    "CA": "capacitor",
    "EA": "lamp", "EB": "heater", "FA": "surge_protection", "FB": "residual_current_device", "FC": "circuit_breaker",
    "GA": "generator", "GB": "battery", "KF": "relay", "MA": "motor", "MB": "valve", "PF": "lamp", "PG": "meter",
    "PJ": "horn", "Q": "circuit_breaker", "QA": "contactor", "QB": "disconnector", "RA": "resistor", "RF": "filter",
    "SF": "push_button", "TA": "transformer", "TB": "power_supply", "F": "fuse", "H": "lamp", "P": "lamp",
    "UC": "enclosure", "WD": "cable", "WG": "cable", "XD": "terminal", "XG": "plug", "V": "diode", "G": "power_supply",
}  # fmt: skip
_IEEE = {
    "A": "assembly", "AR": "amplifier", "AT": "attenuator", "B": "motor", "BT": "battery", "C": "capacitor",
    "CB": "circuit_breaker", "CR": "diode", "D": "diode", "DS": "lamp", "E": "terminal", "F": "fuse",
    "FB": "ferrite_bead",
    "FL": "filter", "G": "generator", "GND": "ground", "H": "hardware", "HR": "heater", "IC": "integrated_circuit",
    "J": "connector", "JP": "jumper", "K": "relay", "L": "inductor", "LED": "led", "LS": "loudspeaker", "M": "motor",
    "MK": "microphone", "MOV": "varistor", "MP": "hardware", "OK": "optocoupler", "OL": "overload_relay", "P": "plug",
    "PB": "push_button", "PS": "power_supply", "Q": "transistor", "R": "resistor", "RN": "resistor_network",
    "RT": "thermistor", "RV": "varistor", "S": "switch", "SW": "switch", "T": "transformer", "TB": "terminal",
    "TC": "thermocouple", "TP": "test_point", "TR": "transistor", "U": "integrated_circuit", "V": "tube",
    "VR": "voltage_regulator", "W": "cable", "X": "socket", "XF": "fuse_holder", "Y": "crystal", "Z": "zener_diode",
}  # fmt: skip
#: Letters that also begin the names of nets and pins.
NET_LETTERS = frozenset({"A", "D", "L", "P", "Q", "S", "X", "T", "V", "B", "E", "G", "K"})

#: The units of a class's rating, the usual one first.
UNITS = {
    "resistor": ("Ω", "W"), "resistor_network": ("Ω",), "capacitor": ("F", "V"), "inductor": ("H", "A"),
    "ferrite_bead": ("Ω", "A"), "fuse": ("A", "V"), "circuit_breaker": ("A", "V"), "switchgear": ("A", "V"),
    "protection": ("A", "V"), "surge_protection": ("A", "V"), "residual_current_device": ("A", "V"),
    "contactor": ("A", "V", "W"), "relay": ("V", "A", "W"), "lamp": ("V", "W", "A"), "indicator": ("V", "W", "A"),
    "motor": ("W", "V", "A", "hp"), "cable": ("mm²", "AWG", "m"), "transformer": ("VA", "V", "W"),
    "battery": ("V", "Ah"), "crystal": ("Hz",), "power_supply": ("V", "A", "W"), "generator": ("VA", "W", "V"),
    "heater": ("W", "V"), "thermistor": ("Ω",), "varistor": ("V",), "disconnector": ("A", "V"),
}  # fmt: skip


def component_class(prefix: str, standard: Standard) -> str:
    """Return the class that a designator's letters name, such as "relay" for K; empty if it is unknown."""
    if standard is Standard.IEC:
        return _IEC.get(prefix) or _IEC_MAIN.get(prefix[:1], "")
    return _IEEE.get(prefix, "")
