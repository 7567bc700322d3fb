"""Text files of a sweep: UTF-8 whatever the locale, the bytes of a path that is none kept, and never half written."""

import os
from pathlib import Path

from . import Mistake

CODED = {"encoding": "utf-8", "errors": "surrogateescape"}  # of every file, and of what a command is told and answers


def read_text(path):
    return Path(path).read_text(**CODED)


def write_atomically(path, text):
    """The old content or the new one, whatever happens in between."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", **CODED) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Mistake(f"{path} cannot be written: {error.strerror}") from None
