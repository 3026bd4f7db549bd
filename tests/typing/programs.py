"""Programs as users write them: ``python -m tests.typing.programs DIR`` puts them into a folder.

These are the examples, the programs of the documentation, the files of this folder (types,
typical programs, typical mistakes), and programs that import every public name. `scripts/wheel`
lets mypy and pyright read them in a place where only the installed wheel can be found.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests import pages
from tests.spec import CONSTANTS, SPEC

ROOT: Final = pages.ROOT
LAYOUT: Final[dict[str, list[str]]] = SPEC["api"]["module_layout"]
PACKAGES: Final = ("relay_proto", "relay_anyio", "relay_sync")
NOT_INSTALLED: Final = (
    "signalwire.relay",
    "signalwire.relay.consumer",
    "twilio.twiml.voice_response",
    "fastapi",
)
"""Packages that pages show, the first one for comparison. Nothing here can import them."""
OF_A_PAGE: Final = "# pyright: strict, reportUnusedImport=false\n"
"""A page may show an import alone."""
CONFIGURATION: Final = """{"typeCheckingMode": "strict", "pythonVersion": "3.11"}\n"""


def main() -> None:
    target = Path(sys.argv[1])
    for name, code in all_programs().items():
        (target / name).write_text(code, encoding="utf-8")
    (target / "pyrightconfig.json").write_text(CONFIGURATION, encoding="utf-8")


def all_programs() -> dict[str, str]:
    """The programs by file name."""
    here = Path(__file__).parent
    examples = [
        *(ROOT / "examples").glob("*.py"),
        *(ROOT / "examples" / "conformance").glob("*.py"),
    ]
    examples = [file for file in examples if file.name != "signalwire_client.py"]
    files = [*examples, *here.glob("reveal*.py"), here / "mistakes.py"]
    return {
        **{file.name: file.read_text(encoding="utf-8") for file in files},
        **{
            f"typical_{file.name}": file.read_text(encoding="utf-8")
            for file in (here / "typical").glob("*.py")
        },
        **{
            f"page_{name.lower().replace('.md-', '_')}.py": OF_A_PAGE + code
            for name, code in pages.programs().items()
            if not any(f"from {package} import" in code for package in NOT_INSTALLED)
            and not is_part(code, pages.programs().values())
        },
        **pages.saved_files(),
        **exports(),
        **names_of_the_vendor(),
    }


def is_part(code: str, programs: Iterable[str]) -> bool:
    """Whether a longer program has all lines of this one in a row, be they indented further."""
    lines = dense(code)
    return any(lines in dense(other) for other in programs if len(other) > len(code))


def dense(code: str) -> str:
    """The lines without indentation, and without those that are empty."""
    return "".join(f"{line.strip()}\n" for line in code.splitlines() if line.strip())


def exports() -> dict[str, str]:
    """Programs that import all that a module lists in ``__all__``."""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    lists = {file: exported(file.read_text(encoding="utf-8")) for file in files}
    modules = {
        file.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__"): names
        for file, names in lists.items()
        if names
    }
    return {
        f"exports_{path.replace('/', '_')}.py": import_of(path.replace("/", "."), names)
        for path, names in modules.items()
    }


def names_of_the_vendor() -> dict[str, str]:
    """Programs that import all names from where the vendor's modules have them."""
    return {
        f"vendor_{adapter}_{module}.py": import_of(
            f"{adapter}.{module}", CONSTANTS["python_names"] if module == "constants" else names
        )
        for adapter in PACKAGES[1:]
        for module, names in LAYOUT.items()
    }


def import_of(module: str, names: Iterable[str]) -> str:
    lines = "".join(f"    {name} as {name},\n" for name in names)
    return f"from {module} import (\n{lines})\n"


def exported(source: str) -> list[str]:
    """The literal ``__all__`` of a module."""
    for node in ast.parse(source).body:
        match node:
            case ast.Assign([ast.Name("__all__")], value):
                return [str(name) for name in ast.literal_eval(value)]
            case _:
                pass
    return []


if __name__ == "__main__":
    main()
