"""JSON made of words that mean something to the protocol, as the fuzzer chooses."""

from __future__ import annotations

from typing import Any, Final

from tests.fuzz.source import Source

KEYS: Final = """
call_id node_id control_id tag call call_state dial_state state device detect params event type
result final record fax url peer connect_state end_reason message_id message_state context reason
authorization_state timestamp payload restart code message protocol session_restored direction
event_type id method error jsonrpc phase digits text body segments media tags contexts
duration size pages document success confidence terminator token project name status
""".split()
WORDS: Final = """
c-1 c-2 c-3 c-4 a-1 a-2 a-3 t-1 t-2 m-1 m-2 n-1 created ringing answered ending ended playing
finished error no_input dialing failed connected disconnected sent queued delivered undelivered
machine HUMAN digit speech fax page 200 404 409 410 500 office sales inbound outbound s-1 x
""".split()


def value(source: Source, depth: int) -> Any:
    """Any JSON, nested at most `depth` times."""
    kind = source.byte()
    if kind < 128:
        return source.choice(WORDS)
    match kind % 8:
        case 0:
            return {key(source): value(source, depth - 1) for _ in range(source.below(4) * depth)}
        case 1:
            return [value(source, depth - 1) for _ in range(source.below(3) * depth)]
        case 2:
            return source.byte() - 128
        case 3:
            return source.byte() / 7
        case 4:
            return bool(source.below(2))
        case 5:
            return source.blob().decode(errors="surrogateescape")
        case 6:
            return 10 ** source.byte()
        case _:
            return None


def key(source: Source) -> str:
    return source.choice(KEYS)
