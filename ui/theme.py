"""How the window looks: colours, sizes and the one font, and the style sheet made of them.

Your line belongs here if it is a colour, a size in pixels or the choice of a font. Widgets say what they are through the
dynamic property `look` (`set_look`); the sheet in resources/theme/counter.qss says what that looks like.
"""

from __future__ import annotations

import dataclasses
import string
from importlib.resources import files

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

FONT_FAMILIES = ("Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei")
"""Families with full Chinese coverage, best first; the first installed one is used everywhere."""


@dataclasses.dataclass(frozen=True, slots=True)
class Palette:
    """Colours as `#RRGGBB`. Text on its ground keeps a contrast of at least 4.5 : 1."""

    background: str = "#F3F5F7"
    surface: str = "#FFFFFF"
    ink: str = "#17222B"
    soft: str = "#5A6874"
    faint: str = "#8A96A0"
    """Words of a control that cannot be used now; the only colour below 4.5 : 1."""
    line: str = "#DDE3E8"
    rule: str = "#E9EDF0"
    edge: str = "#C5CED6"
    accent: str = "#0B6E6E"
    accent_dark: str = "#095858"
    accent_pale: str = "#A9CDCC"
    wash: str = "#E3F1F0"
    navigation: str = "#10312F"
    navigation_ink: str = "#E4EFEE"
    navigation_soft: str = "#93AFAD"
    navigation_hover: str = "#1B4441"
    badge: str = "#D9871A"
    warn: str = "#B45309"
    warn_wash: str = "#FDF3E3"
    bad: str = "#B42318"
    bad_wash: str = "#FCEBE9"
    good: str = "#1B7F4B"
    good_wash: str = "#EAF6F0"


HIGH_CONTRAST = Palette(
    background="#FFFFFF",
    ink="#000000",
    soft="#1F2A33",
    faint="#4A545C",
    line="#000000",
    rule="#6B757D",
    edge="#000000",
    accent="#004B4B",
    accent_dark="#002F2F",
    accent_pale="#5C8C8B",
    wash="#D2ECEA",
    navigation="#000000",
    navigation_ink="#FFFFFF",
    navigation_soft="#E0E0E0",
    navigation_hover="#1F3F3D",
    badge="#FFC857",
    warn="#7A3500",
    warn_wash="#FFF0D0",
    bad="#8C0F06",
    bad_wash="#FFE1DD",
    good="#0B5A31",
    good_wash="#D9F2E4",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Sizes:
    """Type and control heights in device-independent pixels."""

    text_px: int = 14
    small_px: int = 13
    badge_px: int = 12
    cap_px: int = 11
    nav_px: int = 14
    nav_small_px: int = 11
    product_px: int = 16
    entry_px: int = 17
    button_px: int = 15
    primary_px: int = 16
    title_px: int = 20
    sum_px: int = 24
    balance_px: int = 27
    due_px: int = 34
    change_px: int = 44
    entry_height: int = 40
    primary_height: int = 46
    search_height: int = 34
    search_width: int = 330
    count_height: int = 34
    panel_button_height: int = 38
    row_height: int = 34

    def larger(self, factor: float) -> Sizes:
        """The same set scaled, for the large-type variant."""
        return Sizes(
            **{field.name: round(getattr(self, field.name) * factor) for field in dataclasses.fields(self)}
        )


LARGE_TYPE_FACTOR = 1.2
"""Large type still fits 1366 × 768 because pages scroll; more would push the primary button out of sight."""


@dataclasses.dataclass(frozen=True, slots=True)
class Theme:
    """One complete look."""

    palette: Palette = dataclasses.field(default_factory=Palette)
    sizes: Sizes = dataclasses.field(default_factory=Sizes)

    @classmethod
    def of(cls, *, high_contrast: bool = False, large_type: bool = False) -> Theme:
        """The variant a counter's settings ask for."""
        sizes = Sizes()
        return cls(
            palette=HIGH_CONTRAST if high_contrast else Palette(),
            sizes=sizes.larger(LARGE_TYPE_FACTOR) if large_type else sizes,
        )

    def style_sheet(self) -> str:
        """The Qt style sheet with every token filled in; an unknown token raises KeyError."""
        template = (files("resources") / "theme" / "counter.qss").read_text(encoding="utf-8")
        sizes = self.sizes
        inner = {  # Qt's min-height leaves out the border on both sides: 1 px, and 2 px with the focus
            "entry_focus_inner": sizes.entry_height - 4,
            "search_focus_inner": sizes.search_height - 4,
            "count_focus_inner": sizes.count_height - 4,
            "entry_inner": sizes.entry_height - 2,
            "primary_inner": sizes.primary_height - 2,
            "button_inner": sizes.entry_height - 2,
            "search_inner": sizes.search_height - 2,
            "count_inner": sizes.count_height - 2,
            "panel_button_inner": sizes.panel_button_height - 2,
        }
        return string.Template(template).substitute(
            dataclasses.asdict(self.palette), **dataclasses.asdict(sizes), **inner
        )


def font(sizes: Sizes) -> QFont:
    """The program's font at text size, with figures of equal width so that sums stand in columns."""
    installed = set(QFontDatabase.families())
    chosen = QFont()
    chosen.setFamilies([family for family in FONT_FAMILIES if family in installed] or list(FONT_FAMILIES))
    chosen.setPixelSize(sizes.text_px)
    chosen.setFeature(QFont.Tag("tnum"), 1)
    return chosen


def apply(application: QApplication, theme: Theme) -> None:
    """Give the whole program this look; may be called again to change it."""
    application.setStyle("Fusion")
    application.setFont(font(theme.sizes))
    palette = QPalette()
    colours = theme.palette
    palette.setColor(QPalette.ColorRole.Window, QColor(colours.background))
    palette.setColor(QPalette.ColorRole.Base, QColor(colours.surface))
    palette.setColor(QPalette.ColorRole.Text, QColor(colours.ink))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(colours.ink))
    palette.setColor(QPalette.ColorRole.ButtonText, QColor(colours.ink))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(colours.accent))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor(colours.surface))
    palette.setColor(QPalette.ColorRole.PlaceholderText, QColor(colours.soft))
    application.setPalette(palette)
    application.setProperty(_PROPERTY, theme)
    application.setStyleSheet(theme.style_sheet())


_PROPERTY = "counter_theme"


def current() -> Theme:
    """The look in use; widgets that paint themselves ask here."""
    application = QApplication.instance()
    theme = application.property(_PROPERTY) if application is not None else None
    return theme if isinstance(theme, Theme) else Theme()


def colour(token: str) -> QColor:
    """A palette token as a colour for painting, e.g. `colour("accent")`."""
    return QColor(getattr(current().palette, token))


def set_look(widget: QWidget, look: str) -> None:
    """Give a widget another look of the sheet; restyles it only when it changes."""
    if widget.property("look") == look:
        return
    widget.setProperty("look", look)
    if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        widget.updateGeometry()
        widget.update()
