"""The peers' virtual environments: made on first use, and never part of the project's own."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.checkout import ROOT

PEERS = Path(__file__).parent / "peers"


def python(peer: str) -> Path:
    """The interpreter that has this peer's requirements installed. Raises SystemExit if none can.

    They are installed again when the file that lists them has changed.
    """
    requirements = PEERS / peer / "requirements.txt"
    folder = ROOT / "build" / "bench" / peer
    interpreter = folder / "bin" / "python"
    installed = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if installed.is_file() and installed.read_text() == wanted:
        return interpreter

    print(f"installing {peer} into {folder.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--requirement", str(requirements)]).returncode:
        raise SystemExit(f"{peer}: its requirements could not be installed")
    installed.write_text(wanted)
    return interpreter
