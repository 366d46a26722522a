"""TLS connections that hand out all that has arrived."""

import ssl


class EagerSocket(ssl.SSLSocket):
    """A TLS socket whose `recv` goes on while there is more: OpenSSL gives one record (16 KiB) at a time.

    Each piece passes through all layers of an HTTP client in Python, which takes longer than decrypting it.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """At most `buflen` bytes: waits for the first ones alone."""
        first = super().recv(buflen, flags)
        if not first or len(first) == buflen:
            return first
        pieces, left = [first], buflen - len(first)
        timeout_s = self.gettimeout()
        self.settimeout(0)
        try:
            while left and (piece := super().recv(left, flags)):
                pieces.append(piece)
                left -= len(piece)
        except OSError:
            # Nothing more is there, or the connection is broken, which the next call finds out.
            pass
        finally:
            self.settimeout(timeout_s)
        return b"".join(pieces)
