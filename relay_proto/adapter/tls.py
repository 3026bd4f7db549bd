"""TLS: what is verified, and a channel that encrypts and decrypts bytes in memory."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from ..variables import ENV_CA_FILE
from .connection_errors import ToldError
from .sockets import READ_SIZE


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """TLS 1.2 or later, certificate and host name checked.

    The roots are the system's and those in `SIGNALWIRE_RELAY_CA_FILE`.

    Raises:
        CAFileError: the file that the environment names cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    path = environ.get(ENV_CA_FILE)
    if path:
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise CAFileError(path, error) from error
    return context


class CAFileError(ToldError):
    """The file of additional roots is missing, unreadable or holds no certificate."""

    def __init__(self, path: str, error: OSError) -> None:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        super().__init__(f"{ENV_CA_FILE} is {path!r}, which cannot be used: {why}")


class TLSChannel:
    """A client's side of TLS. Bytes of the wire go in and out; the caller has the socket.

    Whatever a method has done, `outgoing` may have bytes for the wire.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """`context` says what is verified. It allows no renegotiation from now on."""
        context.options |= ssl.OP_NO_RENEGOTIATION  # of TLS 1.2: so that writing never has to read
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    @property
    def tls(self) -> ssl.SSLObject:
        """What knows the version, the cipher and the certificates, after the handshake."""
        return self._object

    def shake_hands(self) -> bool:
        """Go on with the handshake. True when it is done.

        Raises:
            SSLError: it has failed; `outgoing` has the alert that tells the server why.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def feed(self, data: bytes) -> None:
        """Take bytes of the wire; none are its end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def decrypt(self) -> tuple[bytes, ssl.SSLError | None]:
        """All that can be read, and what has ended it: None if more may come."""
        records: list[bytes] = []
        ended: ssl.SSLError | None = None
        incoming, tls = self._incoming, self._object
        try:
            while record := tls.read(READ_SIZE):
                records.append(record)
                if not (incoming.pending or incoming.eof or tls.pending()):
                    break  # there is nothing more, and an error that says so takes longer
            else:
                ended = ssl.SSLZeroReturnError()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            ended = error
        return records[0] if len(records) == 1 else b"".join(records), ended

    def encrypt(self, data: bytes | bytearray) -> None:
        """Make bytes for the wire of `data`, which may not be empty."""
        self._object.write(data)

    def outgoing(self) -> bytes:
        """Take out the bytes for the wire."""
        return self._outgoing.read()
