"""A Chinese font of this computer with TrueType outlines; your line belongs here if it looks for a font file.

reportlab cannot embed CFF outlines (Noto CJK, Source Han, PingFang), so those are passed over.
"""

from __future__ import annotations

import os
import struct
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from counter_app.domain.errors import DeviceTrouble


@dataclass(frozen=True, slots=True)
class FontFile:
    """One face: `subfont_index` counts inside a collection (.ttc), 0 for a single font."""

    path: Path
    subfont_index: int = 0


_WANTED: tuple[tuple[str, int], ...] = (
    ("wqy-microhei.ttc", 0),
    ("msyh.ttc", 0),
    ("msyh.ttf", 0),
    ("Deng.ttf", 0),
    ("simhei.ttf", 0),
    ("simsun.ttc", 0),
    ("STHeiti Light.ttc", 1),
    ("Songti.ttc", 0),
    ("Arial Unicode.ttf", 0),
    ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0),
    ("DroidSansFallback.ttf", 0),
    ("uming.ttc", 0),
    ("NotoSansSC-Regular.ttf", 0),
)
"""File name and face, best first: what Debian, Windows and macOS ship; one search of the font folders finds them."""


@lru_cache(maxsize=8)
def chinese_font(folders: tuple[Path, ...] = ()) -> FontFile:
    """The best Chinese font in `folders` (of this system when empty).

    DeviceTrouble with the package to install when there is none, or only ones with CFF outlines.
    """
    files = _font_files(folders or _system_folders())
    for name, index in _WANTED:
        path = files.get(name.lower())
        if path is not None and has_truetype_outlines(path, index):
            return FontFile(path, index)
    raise DeviceTrouble(
        "没有找到可用的中文字体，不能生成图片和报表。请安装文泉驿微米黑（软件包 fonts-wqy-microhei）后再试。",
        f"no Chinese font with TrueType outlines among {len(files)} font files",
    )


def has_truetype_outlines(path: Path, subfont_index: int = 0) -> bool:
    """Whether the face has glyf outlines; False for CFF, for an absent face and for a file that is no font."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if head[:4] == b"ttcf":
                (count,) = struct.unpack(">L", head[8:12])
                if subfont_index >= count:
                    return False
                file.seek(12 + 4 * subfont_index)
                (offset,) = struct.unpack(">L", file.read(4))
                file.seek(offset)
                head = file.read(12)
            elif subfont_index:
                return False
            if head[:4] not in (b"\x00\x01\x00\x00", b"true"):
                return False
            (tables,) = struct.unpack(">H", head[4:6])
            directory = file.read(16 * tables)
    except (OSError, struct.error):
        return False
    return b"glyf" in {directory[at : at + 4] for at in range(0, len(directory), 16)}


def _system_folders() -> tuple[Path, ...]:
    """Where this system keeps fonts, the user's own last."""
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", "")) / "Microsoft" / "Windows" / "Fonts"
        return (Path(os.environ.get("WINDIR", "")) / "Fonts", local)
    if sys.platform == "darwin":
        return (Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library" / "Fonts")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return tuple(Path(folder) / "fonts" for folder in (*shared.split(":"), "/usr/share", own) if folder)


def _font_files(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Lower-case file name → path of every font; the first folder wins."""
    files: dict[str, Path] = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in sorted(names):
                if name.lower().endswith((".ttf", ".ttc", ".otf")):
                    files.setdefault(name.lower(), Path(parent) / name)
    return files
