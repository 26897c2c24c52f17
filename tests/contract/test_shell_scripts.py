"""Shell scripts that people start run on macOS too, whose bash is 3.2 and whose tools are not GNU's."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import ROOT

SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
#: Run on Linux alone, where Debian's packages are.
LINUX_ONLY = {"test_postgresql.sh"}

#: What bash 3.2 does not know, each with an example.
NEWER_BASH = {
    r"\b(?:mapfile|readarray|coproc)\b": "mapfile -t lines < file",
    r"\b(?:declare|local|typeset) -\w*[Agln]": "local -A found",
    r"\$\{\w+(?:\[[^]]*\])?(?:,|\^|@)": "${name,,}",
    r"\$\{\w+:[^}]*: ?-\d": "${name:0:-1}",
    r"\$\{\w+\[-\d": "${names[-1]}",
    r"\|&|&>>": "make |& tee log",
    r"\bwait -\w": "wait -n",
    r"\bexec \{": "exec {lock}>file",
    r"\[\[ -[vR] ": "[[ -v name ]]",
    r";;?&(?:\s|$)": "a) one ;;&",
    r"%\([^)]*\)T": "printf '%(%F)T'",
    r"\bshopt .*\b(?:globstar|lastpipe|inherit_errexit)\b": "shopt -s globstar",
    r"\$(?:BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM)\b": "$BASHPID",
    r"\bread -\w*[iN]\b": "read -N 1 byte",
    # Unset, to bash before 4.4, is an array that is empty: write ${names[@]+"${names[@]}"}.
    r'(?<!\+)"\$\{\w+\[[@*]\]\}"': 'run "${arguments[@]}"',
}

#: What the tools of BSD do not know, or take in another sense.
GNU_TOOLS = {
    r"\breadlink -\w*[fem]": "readlink -f file",
    r"\bsed (?:-\w+ )*-\w*i": "sed -i s/a/b/ file",
    r"\bsed (?:-\w+ )*-\w*r\b": "sed -r 's/(a)/b/'",
    r"\bdate (?:-\w+ )*(?:-d\b|--\w)": "date -d yesterday",
    r"\bdate .*%N": "date +%s%N",
    r"\bstat (?:-c|--)": "stat -c %s file",
    r"\bgrep -\w*P": "grep -oP 'a\\d'",
    r"\bxargs (?:-\w+ )*(?:-r|--|-d)": "find . | xargs -r rm",
    r"\bmktemp (?:-\w+ )*(?:--|-p)": "mktemp --suffix=.log",
    r"\b(?:cp|ls|mv|rm|ln|sort|head|tail|du|df|wc|touch|mkdir|find) .*(?<=\s)--(?=\w)": "cp --parents a b",
    r"\bfind .*-(?:printf|regextype)": "find . -printf '%p'",
    r"\bhead -\w*n ?-\d|\bsort -\w*V": "head -n -1",
    r"\b(?:setpriv|flock|timeout|nproc|tac|realpath|sha256sum|md5sum|shuf|unshare|ss|ip)\s": "timeout 5 make",
    r"\becho -[en]": "echo -e 'a'",
    r"/proc/": "cat /proc/meminfo",
}


def code_of(script: Path) -> str:
    """Return a script without its comments."""
    return re.sub(r"(?m)(?:^|\s)#.*$", "", script.read_text())


def found_in(code: str, patterns: dict[str, str]) -> list[str]:
    return [line.strip() for line in code.splitlines() if any(re.search(pattern, line) for pattern in patterns)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_bash_3_2_can_run_it(script: Path) -> None:
    assert found_in(code_of(script), NEWER_BASH) == []


@pytest.mark.parametrize("script", [one for one in SCRIPTS if one.name not in LINUX_ONLY], ids=lambda one: one.name)
def test_the_tools_of_macos_can_run_it(script: Path) -> None:
    assert found_in(code_of(script), GNU_TOOLS) == []


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci/run"], ids=lambda script: script.name)
def test_script_parses(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False).stderr == ""


@pytest.mark.parametrize(("pattern", "example"), [*NEWER_BASH.items(), *GNU_TOOLS.items()])
def test_each_pattern_finds_its_example(pattern: str, example: str) -> None:
    assert found_in(f"first\n  {example}\n", {pattern: example}) == [example]
