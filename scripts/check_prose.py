"""Check the English of docstrings, comments, messages, documents and commit subjects.

`RULES` is the list of what is reported. Each file may hold as many findings of a rule as `prose_baseline.json` records;
a file that is not listed there may hold none. The counts of the baseline only fall.

    python scripts/check_prose.py                           # compare everything with the baseline
    python scripts/check_prose.py --list core docs/CONTRIBUTING.md  # print every finding, with its line
    python scripts/check_prose.py --update                  # lower the counts after texts were improved or moved
    python scripts/check_prose.py --commits main..HEAD      # check the subjects of commits
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
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

ROOT = Path(__file__).resolve().parent.parent
BASELINE = "scripts/prose_baseline.json"
#: Names of directories that hold no text written here.
SKIPPED_DIRECTORIES = frozenset({"node_modules", "var", "build", "dist", "venv", "__pycache__", "migrations"})
#: Generated code; contracts that were published before and stay as they are.
SKIPPED_FILES = re.compile(r"tandem/\w+/v1/|tests/contract/published/|.*_pb2|.*\.egg-info/")
CHECKED_FILES = re.compile(r".*\.py\Z|proto/.*\.proto\Z|(?:README|docs/.*)\.md\Z")
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
#: Stands for what is not prose: code, addresses, the values of an f-string.
HIDDEN = "□"
_NOT_PROSE = re.compile(r"```.*?```|``[^`]+``|`[^`]+`|\]\([^)\s]*\)|https?://\S+", re.DOTALL)


#: Python's strings, which may hold a "#", and its comments; much faster than `tokenize`.
_STRING_OR_COMMENT = re.compile(
    r'''("""|\'\'\')(?:\\.|.)*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*''', re.DOTALL
)


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


def paths_under(root: Path) -> list[str]:
    """Return the files to check, relative to `root`, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED_DIRECTORIES]
        for name in names:
            path = (Path(folder) / name).relative_to(root).as_posix()
            if CHECKED_FILES.match(path) and not SKIPPED_FILES.match(path):
                found.append(path)
    return sorted(found)


def check(root: Path, paths: Iterable[str]) -> dict[str, list[Finding]]:
    """Return the findings of each of these files that has any."""
    errors = ERRORS
    table = root / "core/errors.py"
    if table.exists():
        classes = [node for node in ast.parse(table.read_text()).body if isinstance(node, ast.ClassDef)]
        errors |= {node.name for node in classes if node.name != "ErrorSpec"}
    found = {}
    for path in paths:
        of_file = sorted(
            finding
            for text in texts_of(path, (root / path).read_text(), errors)
            for finding in findings(text)
        )  # fmt: skip
        if of_file:
            found[path] = of_file
    return found


Counts = dict[str, dict[str, int]]


def counts(found: dict[str, list[Finding]]) -> Counts:
    """Count the findings of each rule in each file."""
    return {path: dict(sorted(Counter(one.rule.name for one in of_file).items())) for path, of_file in found.items()}


def read_baseline(root: Path) -> Counts:
    """Read the counts that files may reach; there are none without the file."""
    file = root / BASELINE
    return json.loads(file.read_text()) if file.exists() else {}


def write_baseline(root: Path, baseline: Counts) -> None:
    """Write the counts, one file a line, so that branches which improve other files merge."""
    lines = [f"{json.dumps(path)}: {json.dumps(of_file)}" for path, of_file in sorted(baseline.items()) if of_file]
    (root / BASELINE).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def lowered(baseline: Counts, now: Counts) -> Counts:
    """Lower a baseline to the present counts.

    A file that the baseline does not list takes over what other files lost, as when code moved; so the sum over all
    files never rises for any rule.
    """
    freed: dict[str, int] = defaultdict(int)
    result: Counts = {}
    for path, of_file in baseline.items():
        kept = {rule: min(count, now.get(path, {}).get(rule, 0)) for rule, count in of_file.items()}
        for rule, count in of_file.items():
            freed[rule] += count - kept[rule]
        result[path] = {rule: count for rule, count in kept.items() if count}
    for path in sorted(now.keys() - baseline.keys()):
        result[path] = {}
        for rule, count in now[path].items():
            if taken := min(count, freed[rule]):
                freed[rule] -= taken
                result[path][rule] = taken
    return {path: of_file for path, of_file in result.items() if of_file}


def excess(found: dict[str, list[Finding]], baseline: Counts) -> Iterator[str]:
    """Yield a line for each finding of a rule that a file breaks more often than the baseline allows."""
    for path, of_file in counts(found).items():
        for rule, count in of_file.items():
            allowed = baseline.get(path, {}).get(rule, 0)
            if count > allowed:
                yield f"{path}: {rule}: {count} findings, {allowed} allowed:"
                yield from (f"  {line}" for line in report({path: [o for o in found[path] if o.rule.name == rule]}))


def report(found: dict[str, list[Finding]]) -> Iterator[str]:
    """Yield a line for each finding: place, rule, text, advice."""
    for path, of_file in found.items():
        for line, rule, excerpt in of_file:
            yield f"{path}:{line}: {rule.name}: “{excerpt}”: {rule.advice}"


def check_commits(root: Path, commits: str) -> list[str]:
    """Return a line for each fault of the subjects of these commits; merges are not checked."""
    command = ["git", "log", "--no-merges", "--format=%h %s", commits]
    log = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [
        f"{commit}: {finding.rule.name}: “{subject}”: {finding.rule.advice}"
        for commit, _, subject in (line.partition(" ") for line in log.splitlines())
        for finding in findings(Text(1, subject, SUBJECT))
    ]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Check the English of docstrings, comments, messages and documents.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--list", nargs="*", metavar="PATH", help="print all findings in these files or directories")
    mode.add_argument("--update", action="store_true", help=f"lower the counts of {BASELINE} to the present ones")
    mode.add_argument("--commits", metavar="REF..HEAD", help="check the subjects of these commits instead")
    options = parser.parse_args(arguments)

    if options.commits:
        faults = check_commits(root, options.commits)
        print(*faults, sep="\n", end="\n" if faults else "")
        return int(bool(faults))

    paths = paths_under(root)
    if options.list is not None:
        chosen = [Path(os.path.relpath(Path(path).absolute(), root)).as_posix() for path in options.list or [root]]
        paths = [path for path in paths if any(one in (".", path) or path.startswith(f"{one}/") for one in chosen)]
        print(*report(check(root, paths)), sep="\n")
        return 0

    found, baseline = check(root, paths), read_baseline(root)
    if options.update:
        baseline = lowered(baseline, counts(found))
        write_baseline(root, baseline)
    if gone := [path for path in baseline if path not in paths]:
        print(f"{BASELINE} lists files that no longer exist: {', '.join(gone)}.")
        print("After moving files: python scripts/check_prose.py --update")
        return 1
    if faults := list(excess(found, baseline)):
        print(*faults, sep="\n")
        print("Change the texts. After moving code to a new file: python scripts/check_prose.py --update")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
