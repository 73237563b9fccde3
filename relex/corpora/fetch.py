"""Download a corpus from its public source, byte for byte what everybody else measures on."""

import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from relex.corpora import CORPORA
from relex.corpora.spec import Source
from relex.errors import RelexError
from relex.files import corpora_dirs, sha256, write_bytes

RAW = "https://raw.githubusercontent.com"
SECONDS = 15
"""How long the server may be silent before it counts as out of reach."""


def fetch(name: str, folder: Path | None = None, base: str = RAW, say: Callable[[str], None] = print) -> Path:
    """Download the files of corpus `name` into `folder`; return the folder.

    `folder` defaults to NAME in `$RELEX_CORPORA` or the user's data directory. Files that are there already are kept.
    `base` stands before OWNER/REPOSITORY/COMMIT/PATH. `say` gets the licence question and a line per file.

    Raises a `RelexError` for an unknown corpus, for a file that is there with other content (nothing is downloaded
    then), when the source is out of reach, and when what it gives has another sha256 (it is not installed).
    """
    public = [spec.name for spec in CORPORA.values() if spec.sources]
    if name not in public:
        raise RelexError(f"there is no corpus {name!r} to fetch; known are {', '.join(public)}")
    spec, folder = CORPORA[name], folder or corpora_dirs()[-1] / name
    missing = [source for source in spec.sources if not _present(folder / source.file, source)]
    say(f"{spec.licence} Whether your use is allowed is a question you have to answer yourself.")
    for source in spec.sources:
        path = folder / source.file
        if source in missing:
            content = _download(source, base, f"{', '.join(s.file for s in missing)} into {folder}")
            write_bytes(path, _kept(content, source))
        say(f"{path} ({'downloaded' if source in missing else 'already there'}, sha256 as pinned)")
    return folder


def _present(path: Path, source: Source) -> bool:
    if not path.exists():
        return False
    if not path.is_file() or sha256(path) != source.sha256:
        raise RelexError(
            f"{path} is there and is not the pinned file (its sha256 differs); move it away, or choose another folder"
        )
    return True


def _download(source: Source, base: str, wanted: str) -> bytes:
    """The bytes of a source; `wanted` says which files belong where, for a machine without a network."""
    url = f"{base}/{source.repository}/{source.commit}/{urllib.parse.quote(source.path)}"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            content = answer.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise RelexError(
            f"cannot download {url} ({reason}); download on a machine that can, put {wanted}, and run this again"
        ) from None
    found, expected = hashlib.sha256(content).hexdigest(), source.whole or source.sha256
    if found != expected:
        raise RelexError(
            f"{url} gave other content than expected (sha256 {found}, not {expected}); it was not installed, "
            f"so compare with the repository {source.repository}"
        )
    return content


def _kept(content: bytes, source: Source) -> bytes:
    """The bytes to store: `content`, or the value under the source's key, written the way Python writes JSON."""
    return json.dumps(json.loads(content)[source.key]).encode() if source.key else content
