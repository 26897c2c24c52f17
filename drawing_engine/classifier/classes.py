"""The classes of symbols that the classifier knows. Their names are stored and sent, so they are never changed."""

#: The class of a crop that belongs to no other class, or that the classifier is not sure of.
UNKNOWN = "unknown"

#: Class, and what it means for people. The order is that of the model's outputs; `UNKNOWN` is the last output.
DESCRIPTIONS = {
    "resistor": "Resistor",
    "variable_resistor": "Variable resistor or potentiometer",
    "capacitor": "Capacitor",
    "inductor": "Inductor",
    "transformer": "Transformer",
    "diode": "Diode",
    "zener_diode": "Zener diode",
    "led": "Light-emitting diode",
    "transistor": "Bipolar transistor",
    "mosfet": "Field-effect transistor",
    "contact_no": "Make contact (normally open), without marks at its ends",
    "contact_nc": "Break contact (normally closed), without marks at its ends",
    "changeover_contact": "Changeover contact",
    "switch_no": "Switch with terminals, open",
    "switch_nc": "Switch with terminals, closed",
    "push_button": "Push button",
    "relay_coil": "Relay or contactor coil",
    "contactor": "Main contact of a contactor",
    "circuit_breaker": "Circuit breaker",
    "fuse": "Fuse",
    "motor": "Motor",
    "meter": "Measuring instrument",
    "lamp": "Lamp",
    "battery": "Battery or cell",
    "ground": "Earth or ground",
    "terminal": "Terminal",
    "socket": "Socket outlet",
}

CLASSES = (*DESCRIPTIONS, UNKNOWN)
