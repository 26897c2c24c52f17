"""Mutation testing of the kernel and the services with mutmut. Called by scripts/mutation.sh.

Each module has a folder under var/mutation, with links to our packages and mutmut's configuration. There mutmut makes a
copy of the packages that holds all mutants of the module, imports it once, and forks a process for each mutant, which
runs the tests that reach the mutated function until one fails. Each process has a copy of one migrated database.

mutmut mutates the bodies of functions and methods. It does not mutate the statements of modules and classes, or
functions with decorators other than `staticmethod` and `classmethod`. Functions that run during imports are reached
only by tests that call them. mutmut is imported where it is used: requirements-mutation.txt installs it, not
requirements.txt.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import django
from django.db import connection

from core.db.backend.base import server_of

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "var/mutation"
MUTMUT = ROOT / ".venv/bin/mutmut"
TEMPLATE = "tandem_mutation_template"
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("bench", "tests"))
#: What else the tests read; mutmut copies `tests` itself. pytest-django puts the folder of manage.py on the path.
READ = ("docs", "manage.py", "proto", "tests")

#: The modules, or packages in their place, and the tests that exercise them: in one process, without real servers.
MODULES = {
    "core/db/pagination": (
        "tests/core/test_pagination.py",
        "tests/tasks/operations/test_list_tasks.py",
        "tests/users/operations/test_list_users.py",
        "tests/users/operations/test_search_users.py",
    ),
    "core/operations": ("tests/core/test_operations.py",),
    "core/execution": (
        "tests/access/operations/test_credentials_scope.py",
        "tests/core/limits/test_limits_of_calls.py",
        "tests/core/test_admission.py",
        "tests/core/test_execution.py",
        "tests/core/test_idempotency.py",
        "tests/core/test_preconditions.py",
        "tests/tasks/operations/test_create_task.py",
    ),
    "core/errors": (
        "tests/core/rest",
        "tests/core/rpc/test_failures.py",
        "tests/core/test_errors.py",
        "tests/tasks/operations/test_create_task.py",
    ),
    "core/field_paths": ("tests/core/test_errors.py", "tests/users/operations/test_create_user.py"),
    "core/db/outages": ("tests/core/test_errors.py",),
    "core/bulk": (
        "tests/core/test_bulk.py",
        "tests/core/test_bulk_outcomes.py",
        "tests/core/test_bulk_repeats.py",
        "tests/tasks/operations/test_bulk_create_tasks.py",
    ),
    "tasks/services": (
        "tests/tasks/imports/test_imports.py",
        "tests/tasks/operations",
        "tests/tasks/test_create_tasks.py",
        "tests/tasks/test_services.py",
    ),
    "access/services": ("tests/access",),
}

#: mutmut's words for what became of a mutant, and ours. A mutant that stops pytest itself is noticed as well.
OUTCOMES = {
    "killed": "killed",
    "suspicious": "killed",
    "segfault": "killed",
    "check was interrupted by user": "killed",
    "timeout": "timed out",
    "survived": "survived",
    "no tests": "reached by no test",
    "not checked": "not tried",
}
SHOWN = tuple(dict.fromkeys(OUTCOMES.values()))
#: A later run tries these again: tests may have been added.
OPEN = ("survived", "reached by no test", "not tried")


def main(arguments: Sequence[str]) -> int:
    """Try the mutants of the modules until the time is over, and print the report.

    Returns:
        The exit code: 1 = a mutant survived.
    """
    options = parsed(arguments)
    end = time.monotonic() + 60 * options.minutes
    survived = False
    with nullcontext() if options.report else database():
        for module in options.modules or MODULES:
            folder = prepare(module)
            every = mutants_of(module)
            drawn = random.Random(options.seed).sample(sorted(every), min(options.sample or len(every), len(every)))
            mutants = {name: every[name] for name in drawn}
            if not options.report:
                try_mutants(folder, mutants, end)
            survived |= report(module, len(every), mutants)
    return int(survived)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/mutation.sh",
        description="Report which small faults in a module no test notices.",
        epilog=f"Modules: {', '.join(MODULES)}. The outcome of each mutant is kept in var/mutation.",
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="one of those below; none = all")
    parser.add_argument("--sample", type=int, metavar="N", help="try at most N mutants of each module, drawn at random")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the sample; default: 1")
    parser.add_argument("--minutes", type=float, default=120, metavar="N", help="end after so long; default: 120")
    parser.add_argument("--report", action="store_true", help="try none; report on those that were tried before")
    options = parser.parse_args(arguments)
    for module in options.modules:
        if module not in MODULES:
            parser.error(f"{module} is not one of the modules: {', '.join(MODULES)}.")
    return options


def prepare(module: str) -> Path:
    """Make the module's folder: links to what mutmut copies, and mutmut's configuration. Go there, as mutmut must."""
    from mutmut.configuration import reset_config

    folder = WORK / module.replace("/", ".")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*PACKAGES, *READ):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    settings = {
        "source_paths": list(PACKAGES),
        "only_mutate": [f"{module}.py", f"{module}/*.py"],
        "also_copy": list(READ),
        "pytest_add_cli_args_test_selection": list(MODULES[module]),
        # A test that hangs has noticed the mutant.
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-m", "not real_server and not faults", "--timeout=20"],
        # Forked from a process that has imported the tests but run none: no threads, no connections.
        "process_isolation": "forkserver",
        # The output of the first runs, without mutants, is in the log.
        "debug": True,
        "timeout_multiplier": 2.0,
        "timeout_constant": 10.0,
        "on_dependency_change": "ignore",
    }
    # These values are written in JSON as in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (folder / "pyproject.toml").write_text(
        "\n".join([(ROOT / "pyproject.toml").read_text(), "[tool.mutmut]", *lines, ""])
    )
    os.chdir(folder)
    reset_config()
    return folder


def files_of(module: str) -> list[Path]:
    """Return the source files of the module, relative to the current directory."""
    return sorted([*Path().glob(f"{module}.py"), *Path().glob(f"{module}/**/*.py")])


def mutants_of(module: str) -> dict[str, Path]:
    """Return all mutants of the module's source as it is now, by mutmut's names, with their files."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    return {
        get_mutant_name(path, function): path
        for path in files_of(module)
        for function in mutate_file_contents(str(path), path.read_text()).mutant_names
    }


def outcomes(mutants: Mapping[str, Path]) -> dict[str, str]:
    """Return what became of each mutant so far."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    found: dict[str, int | None] = {}
    for path in set(mutants.values()):
        data = SourceFileMutationData(path=path)
        data.load()
        found |= data.exit_code_by_key
    return {name: OUTCOMES[status_by_exit_code[found.get(name)]] for name in mutants}


def try_mutants(folder: Path, mutants: Mapping[str, Path], end: float) -> None:
    """Run mutmut on the mutants that are still open, until the time is over.

    Raises:
        SystemExit: mutmut has failed.
    """
    names = [name for name, outcome in outcomes(mutants).items() if outcome in OPEN]
    log = folder / "mutmut.log"
    # Mutants of functions that have changed since the last run are known to be open only after mutmut has seen them.
    while names and (left := end - time.monotonic()) > 0:
        print(f"{folder.name}: {len(names)} mutants to try; {log.relative_to(ROOT)} shows the progress.", flush=True)
        with log.open("w") as output:
            process = subprocess.Popen(
                [MUTMUT, "run", "--max-children", "1", *names], stdout=output, stderr=output, start_new_session=True
            )
            try:
                if process.wait(left):
                    sys.exit(f"mutmut has failed:\n{log.read_text()[-3000:]}")
            except subprocess.TimeoutExpired:
                print("The time is over.")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        names = [name for name, outcome in outcomes(mutants).items() if outcome == "not tried"]


def report(module: str, total: int, mutants: Mapping[str, Path]) -> bool:
    """Print the counts of a module, and the mutants that no test has noticed.

    Returns:
        Whether there is such a mutant.
    """
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    found = outcomes(mutants)
    counts = Counter(found.values())
    of = f"{len(mutants)} of {total}" if len(mutants) < total else str(total)
    print(
        f"{module}: {of} mutants: {', '.join(f'{counts[outcome]} {outcome}' for outcome in SHOWN if counts[outcome])}."
    )
    for outcome in ("survived", "reached by no test", "timed out"):
        for name in sorted(name for name in mutants if found[name] == outcome):
            print(f"\n{outcome}: {name}\n{get_diff_for_mutant(name, path=mutants[name])}")
    return bool(counts["survived"] or counts["reached by no test"])


@contextmanager
def database() -> Iterator[None]:
    """Create the migrated database that the processes copy, and name it and its server in the environment."""
    os.chdir(ROOT)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    connection.settings_dict["TEST"]["NAME"] = TEMPLATE
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        os.environ["TEST_DATABASE_TEMPLATE"] = TEMPLATE
        if server := server_of(connection.settings_dict):
            # A URL does not hold the path of a socket; libpq reads it from the environment.
            os.environ["TEST_DATABASE_URL"] = "postgres:///tandem"
            os.environ |= {f"PG{name}": str(value) for name, value in server.items()}
        connection.close()  # PostgreSQL copies no database that is in use.
        yield
    finally:
        connection.creation.destroy_test_db("tandem", verbosity=0)


if __name__ == "__main__":
    # An end by either signal also ends mutmut.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
