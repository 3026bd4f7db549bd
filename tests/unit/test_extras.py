"""What needs an extra says which one to install, if it is not there."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Final

import pytest

CLIENT: Final = "client = relay_anyio.RelayClient('project', 'token')"
ON_THREADS: Final = "client = relay_sync.RelayClient('project', 'token')"
ON_TRIO: Final = "rehearse(client, backend='trio')"
NEEDS: Final = {
    "a rehearsal on trio": (
        "trio",
        f"from relay_anyio.testing import rehearse; import relay_anyio; {CLIENT}; {ON_TRIO}",
        "the backend trio needs trio: pip install 'relay-proto[trio]'",
    ),
    "a program on trio": (
        "trio",
        f"import relay_anyio; {CLIENT}; client.run(backend='trio')",
        "the backend trio needs trio: pip install 'relay-proto[trio]'",
    ),
    "a shell on trio": (
        "trio",
        "from relay_anyio.cli import main; sys.exit(main(['shell', '--backend', 'trio']))",
        "relay: the backend trio needs trio: pip install 'relay-proto[trio]'",
    ),
    "a worker on trio": (
        "trio",
        "from relay_anyio.cli import main; sys.exit(main(['run', 'a:b', '--loop', 'trio']))",
        "relay: --loop trio needs trio: pip install 'relay-proto[trio]'",
    ),
    "explore": (
        "hypothesis",
        f"import relay_anyio.testing; {CLIENT}; relay_anyio.testing.explore(client)",
        "explore() needs hypothesis: pip install 'relay-proto[hypothesis]'",
    ),
    "explore on threads": (
        "hypothesis",
        f"import relay_sync.testing; {ON_THREADS}; relay_sync.testing.explore(client)",
        "explore() needs hypothesis: pip install 'relay-proto[hypothesis]'",
    ),
    "a shared pace": (
        "redis",
        "import relay_pace",
        "relay_pace needs limits and redis: pip install 'relay-proto[pace]'",
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="relay run needs a POSIX system")
@pytest.mark.parametrize("what", NEEDS)
def test_what_is_missing_is_said_with_what_to_install(what: str) -> None:
    package, source, words = NEEDS[what]
    hidden = f"import sys; sys.modules[{package!r}] = None; {source}"
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode
    assert done.stderr.rstrip().endswith(words), done.stderr


def test_what_explore_draws_from_needs_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "relay_proto.testing.exploring_strategies", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'relay-proto\[hypothesis\]'"):
        importlib.import_module("relay_proto.testing.exploring_strategies")
