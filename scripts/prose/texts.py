"""The texts of a file that people read: docstrings, comments, messages and paragraphs."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scripts.prose.rules import COMMENT, DOCUMENT, ERROR, FUNCTION, HEADING, HIDDEN, MESSAGE, OBJECT, TITLE, Text

#: Messages that a published contract fixes; its clients may compare them.
PUBLISHED_MESSAGES = re.compile(r"Name and email are required|(?:User|□) with ID \S+ (?:not found|already exists)")
#: Exceptions beside those of core/errors.py whose text reaches people.
ERRORS = frozenset(
    {
        "ValidationError", "PermissionDenied", "Problem", "Violation", "CommandError", "Http404",
        "ImproperlyConfigured", "ObjectDoesNotExist",
    }
)  # fmt: skip
PRINTING = re.compile(
    r"\b(?:logger|log|messages)\.(?:debug|info|success|warning|error|exception|critical|log)\Z"
    r"|\bstd(?:out|err)\.write\Z|\.message_user\Z|\A\.print\Z"
)
#: Arguments and attributes that hold texts for people.
TEXTS = frozenset(
    {
        "help", "help_text", "description", "short_description", "verbose_name", "verbose_name_plural", "epilog",
        "empty_value_display", "site_header", "site_title", "index_title",
    }
)  # fmt: skip
TOOL_COMMENT = re.compile(r"#(?:!|\s*(?:noqa|type:|fmt:|pragma|ruff:|mypy:))")

#: Python's strings, which may hold a "#", and its comments; much faster than `tokenize`.
_STRING_OR_COMMENT = re.compile(
    r'''("""|\'\'\')(?:\\.|.)*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*''', re.DOTALL
)


def texts_of(path: str, source: str, errors: frozenset[str] = ERRORS) -> Iterator[Text]:
    """Yield the texts of a file that people read."""
    if path.endswith(".py"):
        yield from _docstrings_and_messages(source, errors, messages=not path.startswith("tests/"))
        yield from _comments(_python_comments(source))
    elif path.endswith(".proto"):
        yield from _comments(_proto_comments(source))
    else:
        yield from _document(source, TITLE if path.startswith("docs/decisions/") else HEADING)


def _docstrings_and_messages(source: str, errors: frozenset[str], *, messages: bool) -> Iterator[Text]:
    nodes: list[ast.AST] = [ast.parse(source)]
    for node in nodes:
        # Docstrings are found from statements; messages may be anywhere within them.
        nodes += [child for child in ast.iter_child_nodes(node) if messages or isinstance(child, _STATEMENTS)]
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            value = first.value if isinstance(first, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield Text(value.lineno, value.value, FUNCTION if _is_described_by_a_verb(node) else OBJECT)
        elif messages:
            yield from _messages(node, errors)


_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


def _is_described_by_a_verb(node: ast.AST) -> bool:
    """Return whether a docstring should be imperative; those of properties, fixtures and tests describe a thing."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name.startswith("test_"):
        return False
    decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
    return not re.search(r"\b(?:\w*property|fixture|setter|overload)\b", decorators)


def _messages(node: ast.AST, errors: frozenset[str]) -> Iterator[Text]:
    """Yield the texts for people that an expression or a statement holds."""
    parts: list[tuple[ast.expr, str]] = []
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        if _name(node.exc.func) not in errors:
            parts = [(argument, MESSAGE) for argument in node.exc.args]
    elif isinstance(node, ast.Call):
        name = _name(node.func)
        of = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if name in errors or of in errors:
            parts = [(argument, ERROR) for argument in node.args]
        elif PRINTING.search(f"{of}.{name}"):
            parts = [(argument, MESSAGE) for argument in node.args]
        parts += [(keyword.value, MESSAGE) for keyword in node.keywords if keyword.arg in TEXTS]
    elif isinstance(node, ast.Assign) and {_name(target) for target in node.targets} & TEXTS:
        parts = [(node.value, MESSAGE)]
    for part, kind in parts:
        for line, text in _strings(part):
            # A code, a key or the name of a field has no spaces.
            if " " in text:
                is_open = re.search(rf"(?:{HIDDEN}|%(?:\(\w+\))?[sdr])\Z", text) or PUBLISHED_MESSAGES.fullmatch(text)
                yield Text(line, text, MESSAGE if is_open else kind)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _strings(node: ast.expr | None) -> Iterator[tuple[int, str]]:
    """Yield the texts of an expression, each with its line: f-strings, sums, formats, choices, lists, dicts."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else HIDDEN for part in node.values]
        yield node.lineno, "".join(parts)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        yield from _strings(node.left)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [[text for _, text in _strings(side)] or [HIDDEN] for side in (node.left, node.right)]
        yield node.lineno, "".join(text for side in sides for text in side)
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        for item in node.elts:
            yield from _strings(item)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _strings(value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        yield from _strings(node.func.value)
    elif isinstance(node, ast.Call) and _name(node.func) in {"_", "gettext", "gettext_lazy", "dedent"}:
        yield from _strings(node.args[0] if node.args else None)


class _Comment(NamedTuple):
    """One line of a comment; one that follows code starts no block."""

    line: int
    column: int
    text: str
    is_alone: bool


def _python_comments(source: str) -> Iterator[_Comment]:
    line, counted_to = 1, 0
    for token in _STRING_OR_COMMENT.finditer(source):
        if token[0].startswith("#") and not TOOL_COMMENT.match(token[0]):
            start = token.start()
            line += source.count("\n", counted_to, start)
            counted_to = start
            before = source[source.rfind("\n", 0, start) + 1 : start]
            yield _Comment(line, len(before), token[0].lstrip("#:! "), not before.strip())


def _proto_comments(source: str) -> Iterator[_Comment]:
    for number, line in enumerate(source.splitlines(), 1):
        code = re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: "x" * len(found[0]), line)
        if found := re.search(r"//+ ?(.*)", code):
            yield _Comment(number, found.start(), line[found.start(1) :], not code[: found.start()].strip())


def _comments(comments: Iterable[_Comment]) -> Iterator[Text]:
    """Join the lines of each comment, since a phrase may begin on one and end on the next."""
    block: list[_Comment] = []
    for comment in comments:
        last = block[-1] if block else None
        if last and not (
            last.is_alone and comment.is_alone and (comment.line, comment.column) == (last.line + 1, last.column)
        ):
            yield Text(block[0].line, "\n".join(line.text for line in block), COMMENT)
            block = []
        block.append(comment)
    if block:
        yield Text(block[0].line, "\n".join(line.text for line in block), COMMENT)


def _document(source: str, title_kind: str) -> Iterator[Text]:
    """Yield the paragraphs and headings of a document, without its blocks of code."""
    paragraph: list[str] = []
    is_code = False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        is_fence = line.lstrip().startswith(("```", "~~~"))
        heading = re.match(r"(#{1,6})\s+(.*?)\s*#*\Z", line) if not is_code else None
        if paragraph and (not line.strip() or is_fence or heading):
            yield Text(number - len(paragraph), "\n".join(paragraph), DOCUMENT)
            paragraph = []
        if is_fence:
            is_code = not is_code
        elif heading:
            yield Text(number, heading[2], title_kind if heading[1] == "#" else HEADING)
        elif line.strip() and not is_code:
            paragraph.append(line)
