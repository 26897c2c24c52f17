"""Create .venv, and install requirements files into it. Called by scripts/setup.sh; needs only Python.

python3 scripts/install.py requirements.txt [another.txt ...]
"""

import fcntl
import importlib.util
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
INSTALLED = VENV / "installed"
PIP: list[str | Path] = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
#: Lines by which pip names the next package, or that it has all of them.
STEP = re.compile(r"(Collecting|Requirement already satisfied:|Installing collected packages) ?([\w.-]*)")
SECONDS_BETWEEN_LINES = 30
#: Not every platform has wheels of these.
OPTIONAL = "requirements-moonshine.txt"


def main(names: list[str]) -> int:
    """Install the requirements files that are not installed yet, and the optional one once.

    Args:
        names: of requirements files.

    Returns:
        The exit code.
    """
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var/setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not works() and not make_venv():
            return 1
        missing = [name for name in names if not is_installed(name)]
        if missing and not install(missing):
            return 1
        make_importable()
        copy = INSTALLED / OPTIONAL
        if not copy.exists() or copy.read_bytes() != (ROOT / OPTIONAL).read_bytes():
            install_optional()
        return 0


def works() -> bool:
    """Return whether the Python of .venv runs and is new enough. The one it links to may have been removed."""
    if not PYTHON.exists():
        return False
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([PYTHON, "-c", check], stderr=subprocess.DEVNULL, check=False).returncode == 0


def make_venv() -> bool:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        print(
            f"Tandem needs Python's venv module, which {sys.executable} lacks: install it (on Debian and Ubuntu: "
            f"apt install python{version}-venv), or name another Python, e.g. PYTHON=/usr/local/bin/python3.",
            file=sys.stderr,
        )
        return False
    print(f"Creating .venv with Python {sys.version.split()[0]} ...", flush=True)
    return run([sys.executable, "-m", "venv", "--clear", VENV], "The virtual environment .venv cannot be created.")


def is_installed(name: str) -> bool:
    copy = INSTALLED / name
    if not copy.exists() or copy.read_bytes() != (ROOT / name).read_bytes():
        return False
    check = [str(PYTHON), "scripts/check_installed.py", name]
    return subprocess.run(check, cwd=ROOT, stderr=subprocess.DEVNULL, check=False).returncode == 0


def install(names: list[str]) -> bool:
    print(f"Installing {' and '.join(names)} into .venv (a minute, or several on a slow machine) ...", flush=True)
    started = time.monotonic()
    files = [part for name in names for part in ("-r", str(ROOT / name))]
    if not install_showing_progress(files):
        print("The requirements cannot be installed; check the connection to the index.", file=sys.stderr)
        return False
    INSTALLED.mkdir(exist_ok=True)
    for name in names:
        shutil.copyfile(ROOT / name, INSTALLED / name)
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return True


def install_showing_progress(files: list[str]) -> bool:
    """Run pip, and show how many packages it has: always on one line of a terminal, elsewhere now and then."""
    shown_at, found = time.monotonic(), 0
    with subprocess.Popen([*PIP, "--progress-bar=off", *files], cwd=ROOT, stdout=subprocess.PIPE, text=True) as pip:
        for line in pip.stdout or ():
            if not (step := STEP.match(line)):
                continue
            found += step[1] == "Collecting"
            text = f"  {found} packages, now {step[2]}" if step[2] else f"  installing {found} packages"
            if sys.stdout.isatty():
                print(f"\r{text:79.79}", end="", flush=True)
            elif time.monotonic() - shown_at > SECONDS_BETWEEN_LINES or not step[2]:
                print(text, flush=True)
                shown_at = time.monotonic()
    if sys.stdout.isatty():
        print()
    return pip.returncode == 0


def make_importable() -> None:
    """Let programs in any folder import the client if .venv's Python runs them, as the examples do."""
    (site_packages,) = VENV.glob("lib/python3.*/site-packages")
    (site_packages / "tandem.pth").write_text(f"{ROOT}\n")


def install_optional() -> None:
    """Install the optional requirements. If this fails, it is not repeated until the file changes."""
    print(f"Installing {OPTIONAL} into .venv ...", flush=True)
    run(
        [*PIP, "--quiet", "--no-deps", "--only-binary=:all:", "-r", ROOT / OPTIONAL],
        f"The better speech engine cannot be installed, probably because there is no wheel for this machine; a simple "
        f"one takes its place. To try again: .venv/bin/pip install --no-deps -r {OPTIONAL}",
    )
    INSTALLED.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / OPTIONAL, INSTALLED / OPTIONAL)


def run(command: list[str | Path], sentence: str) -> bool:
    if subprocess.run(command, cwd=ROOT, check=False).returncode == 0:
        return True
    print(sentence, file=sys.stderr)
    return False


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PermissionError as exc:
        sys.exit(f"{exc.filename} cannot be written: another user owns it. Remove it, or continue as that user.")
    except KeyboardInterrupt:
        sys.exit(130)
