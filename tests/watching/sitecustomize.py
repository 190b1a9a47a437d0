"""Python imports this by itself where its folder is on PYTHONPATH: every address that is asked for and every file that is opened for
writing goes to the file `WATCH_LOG`, a line each.
"""

import os
import sys

_LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "", None)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

if "WATCH_LOG" in os.environ:
    _LOG = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(_LOG, b"began\n")

    def _said(kind: str, what: object) -> None:
        os.write(_LOG, f"{kind} {what}\n".encode("utf-8", "replace"))

    def _text(value: object) -> object:
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def _hear(event: str, values: tuple) -> None:
        if event == "open":
            path, _mode, flags = values
            if isinstance(path, str | bytes | os.PathLike) and isinstance(flags, int) and flags & _WRITING:
                _said("write", os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 (pathlib is not to be imported before the session does)
        elif event in ("os.mkdir", "shutil.copyfile"):
            _said("write", os.path.abspath(os.fsdecode(values[event == "shutil.copyfile"])))  # noqa: PTH100
        elif event in ("socket.connect", "socket.sendto") and isinstance(values[1], tuple) and _text(values[1][0]) not in _LOCAL:
            _said("net", values[1])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname") and _text(values[0]) not in _LOCAL:
            _said("net", _text(values[0]))

    sys.addaudithook(_hear)
