"""The rules for English, and the kinds of text that they are for."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

# Kinds of text.
FUNCTION, OBJECT, COMMENT, MESSAGE, ERROR, DOCUMENT, HEADING, TITLE, SUBJECT = (
    "function docstring", "other docstring", "comment", "message", "error message", "document", "heading",
    "title of a decision", "commit subject",
)  # fmt: skip
EVERYWHERE = frozenset({FUNCTION, OBJECT, COMMENT, MESSAGE, ERROR, DOCUMENT, HEADING, TITLE, SUBJECT})
DOCSTRINGS = frozenset({FUNCTION, OBJECT})


class Rule(NamedTuple):
    """One thing that is reported.

    Attributes:
        name: of the rule, as the baseline lists it.
        pattern: of the text to report; the lines of the text are joined by spaces.
        advice: what to write instead.
        kinds: the kinds of text that the rule is for.
    """

    name: str
    pattern: str
    advice: str
    kinds: frozenset[str] = EVERYWHERE


_SENTENCE = r"(?:\A|(?<=[.;:!?] ))"
_QUESTION_WORD = r"(?:Who|Whom|Whose|What|Where|When|Why|How|Whether|Which|If|That)\b"
_VERB_IN_HEADING = r"\b(?:is|are|was|were|has|have|had|may|can|must|do|does|did|will|needs?|cannot|gets?|goes)\b"

RULES: tuple[Rule, ...] = (
    # Words.
    Rule("whoever", r"(?i)\b(?:(?:who|what|whom)ever|(?:no|some|any|every)body|(?:some|any|every)one|no one)\b",
         "name the party: caller, client, worker, subscriber, server, user"),
    Rule("who-subject",
         rf"{_SENTENCE}Who (?=[a-z])(?![^.?!]*\?)|\b(?:of|to|for|from|by|with|than|but|and|where|if|when|only|as) "
         r"who (?=[a-z])", "name the party: 'the caller that …', 'users who …'"),
    Rule("tell", r"(?i)\b(?:tells?|told|telling)\b", "log, return, report, raise, notify, distinguish"),
    Rule("say", r"(?i)\b(?:says?|said|saying|hears?|heard)\b",
         "report, state, name, describe; receive. Of speech: speak, utter"),
    Rule("door", r"(?i)\bdoors?\b", "transport (REST or gRPC), entry point"),
    Rule("go-on", r"(?i)\b(?:go|goes|going|gone|went) on\b", "continue, resume, proceed"),
    Rule("give-back",
         r"(?i)\b(?:giv(?:e|es|en|ing)|gave|hand(?:s|ed|ing)?|tak(?:e|es|en|ing)|took)(?: it| them)? back\b",
         "return, release, revert, revoke"),
    Rule("in-words", r"(?i)\bin (?:a )?words?\b", "human-readable, spelled out, as text"),
    Rule("none-is", r"\bnone (?:is|are|was|were|has|have)\b|\b(?:it|this|that|which|they|what|these|those) "
         r"(?:is|are|was|were) none\b", "no X is …; X is missing; not a valid X"),
    Rule("is-no", r"(?i)\b(?:this|that|it|he|she|which|what|these|those|they) (?:is|are|was|were) no "
         r"(?!longer\b|more\b|less\b|later\b|such\b|fewer\b)[a-z]+", "is not a X; not a valid X"),
    Rule("of-ours", r"(?i)\bof (?:ours|theirs|yours|mine|hers|our own)\b",
         "name the owner: 'our X', 'the X of this server', 'a separate X'"),
    Rule("meanwhile", r"(?i)\b(?:meanwhile|just now|just then|by and by|of late)\b",
         "concurrently, since then, currently, at present"),
    Rule("as-it-should", r"(?i)\b(?:as (?:it|they|all) should(?: be)?|all (?:is|are|was) well|without fault)\b",
         "consistent, valid, correct, OK"),
    Rule("stand", r"(?i)\b(?:stands?|stood) (?:twice|here|there|beside)\b",
         "is listed, is duplicated, exists, is independent"),
    # Docstrings.
    Rule("docstring-not-imperative",
         r"\A(?!\w+(?:ss|us|ias|eed|eeds?)\b|This\b|As\b|Always\b|Its\b|Bring\b|Ping\b|String\b|Ring\b|Embed\b)"
         r"(?:[A-Z][a-z]*s|[A-Z][a-z]{2,}(?:ed|ing))\b(?!')",
         "begin with an imperative: 'Return', 'Make', 'Run', not 'Returns', 'Makes', 'Has … done', 'Users who …'",
         frozenset({FUNCTION})),
    Rule("docstring-verbless",
         r"\A(?:The|A|An|Of|In|As|From|For|With|Without|By|On|At|To|Into|Under|All|Each|Every|No|Nothing|None|Not|One|Its|"
         r"Their|Same|Some|Any|Like|This|These|Those|It|They|Both|Always|Only|Same|Two|So|And|But|More|Most)\b",
         "begin with an imperative: 'Return the …', 'Report …'; a noun alone is for properties and classes",
         frozenset({FUNCTION})),
    Rule("docstring-clause", rf"\A{_QUESTION_WORD}(?![^.?!]*\?)",
         "write a sentence or a noun: 'Return whether …', 'Health of the components.'", DOCSTRINGS),
    # Headings.
    Rule("heading-question", rf"\A{_QUESTION_WORD}", "use a noun: 'Concurrency', 'Logging'",
         frozenset({HEADING, TITLE})),
    Rule("heading-sentence", rf"\.\Z|{_VERB_IN_HEADING}", "use a noun, not a sentence", frozenset({HEADING})),
    # Messages.
    Rule("message-full-stop", r"(?<![.!?:…])(?<![.!?…][)\"'’”])\Z", "end the sentence with a full stop",
         frozenset({ERROR})),
    # Commits.
    Rule("subject-length", r"\A.{73,}", "at most 72 characters; the reason belongs in the body",
         frozenset({SUBJECT})),
    Rule("subject-form", r"\A(?!(?:[a-z0-9][\w./-]*(?:, [\w./-]+)*: [^\s.]|Revert \"))", "write 'area: imperative'",
         frozenset({SUBJECT})),
    Rule("subject-not-imperative", r"\A[\w./, -]+: (?!\w+(?:ss|us|eed)\b|bring\b|embed\b)"
         r"(?:[a-z]+s|[a-z]{2,}ed|[a-z]{2,}ing|the|an?|what|who|how|where|whether|no|one)\b",
         "begin with an imperative: 'add', 'fix', 'remove'", frozenset({SUBJECT})),
)  # fmt: skip

#: Stands for what is not prose: code, addresses, the values of an f-string.
HIDDEN = "□"
_NOT_PROSE = re.compile(r"```.*?```|``[^`]+``|`[^`]+`|\]\([^)\s]*\)|https?://\S+", re.DOTALL)


class Text(NamedTuple):
    """A piece of prose, and the number of its first line."""

    line: int
    text: str
    kind: str


class Finding(NamedTuple):
    """A place where a rule is broken."""

    line: int
    rule: Rule
    excerpt: str


PATTERNS = [(rule, re.compile(rule.pattern)) for rule in RULES]


def findings(text: Text) -> Iterator[Finding]:
    """Yield what the rules report of one text."""
    lines = "\n".join(line.strip() for line in text.text.split("\n"))
    prose = _NOT_PROSE.sub(lambda found: re.sub(r"[^\n]", HIDDEN, found[0]), lines)
    breaks = [place for place, character in enumerate(prose) if character == "\n"]
    start = len(prose) - len(prose.lstrip())
    prose = prose.replace("\n", " ").strip()
    for rule, pattern in PATTERNS:
        if text.kind not in rule.kinds:
            continue
        for found in pattern.finditer(prose):
            excerpt = (found[0] or prose[-40:]).strip()[:60]
            yield Finding(text.line + bisect_right(breaks, start + found.start() - 1), rule, excerpt)
