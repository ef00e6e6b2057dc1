"""Blender's own dialogs, used with mouse and keys: preferences, file browser, the set-up dialog.

There is no window manager, so this puts each new window where it is looked for.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.gui.artist import Artist
from tests.gui.window import ADDON, SIZE, Window, wait_for

EDIT_MENU = (77, 12)
PREFERENCES = ("Preferences", (120, 40), (900, 640))
"""Part of the window's title, its place on the screen, its size."""
SECTION_X, EXTENSIONS_ROWS = 200, (204, 235)
"""Where *Get Extensions* is, in Blender 4 and 5."""
CONTINUE_OFFLINE = (470, 207)
EXTENSIONS_MENU = (1000, 59)
FILES = ("File View", (18, 47), (1104, 625))
FOLDER_FIELD, NAME_FIELD, CONFIRM, NOWHERE = (595, 69), (558, 651), (1050, 651), (560, 560)
SET_UP_ROWS = range(172, 145, -13)
PACK_TAB, PACK_FIELD, SET_UP = (-42, 36), (-118, 62), (-70, 171)
"""In the set-up dialog, from where it was opened."""
ICON, DROP = (19, 39), (400, 520)
"""Where the first file's icon is, from its region's upper left corner; where it is dropped."""
_BROWSER = """
browser = next(a for a in view3d()[0].screen.areas if a.type in ("PROPERTIES", "FILE_BROWSER"))
browser.ui_type = "FILES"
"""
_BROWSE = """
space = browser.spaces.active
space.show_region_toolbar = False
space.params.directory = {folder!r}.encode()
space.params.use_filter = False
space.params.display_type = "LIST_VERTICAL"
space.params.filter_search = {name!r}
"""
_CORNER = "next([r.x, r.y + r.height] for r in browser.regions if r.type == 'WINDOW')"
_INSTALLATION = f"sys.modules['{ADDON}.blender.installation.installation']"


def bring(window: Window, wanted: tuple[str, tuple[int, int], tuple[int, int]]) -> None:
    """Wait for a window and put it in its place."""
    title, place, size = wanted
    end = time.monotonic() + 30
    while not (found := window.named(title)):
        assert time.monotonic() < end, f"there is no window {title!r}"
        time.sleep(0.2)
    number = found[-1]
    window.xdo("windowmove", number, *place, "windowsize", number, *size, pause=2.0)


def choose_file(window: Window, path: Path) -> None:
    """Choose a file, which need not exist, in the file browser that is open."""
    bring(window, FILES)
    window.fill(*FOLDER_FIELD, f"{path.parent}/")
    window.press(*NOWHERE)  # Blender 5 goes on editing, and spends the next click on ending that
    window.fill(*NAME_FIELD, path.name)
    window.click_until(*CONFIRM, lambda: not window.named(FILES[0]))
    time.sleep(1)


def drop_file(window: Window, path: Path, *, answer: str = "") -> None:
    """Drag a file from a file browser, which stands in the properties' place, onto the viewport.

    Args:
        answer: a key of the menu in which Blender asks whose file it is.
    """
    window.run(_BROWSER)
    window.until("browser.spaces.active.params is not None")
    window.run(_BROWSE.format(folder=str(path.parent), name=path.name))
    time.sleep(2)
    left, top = window.value(_CORNER)
    icon = (left + ICON[0], SIZE[1] - top + ICON[1])
    for _ in range(3):
        window.drag(icon, DROP)
        if answer:
            time.sleep(1)
            window.key(answer)
        if wait_for(lambda: bool(window.value("bool(session.running() or nerf())")), 20):
            break
    else:
        raise AssertionError(f"nothing was dropped: {window.shot('not_dropped')}")
    window.run("browser.ui_type = 'PROPERTIES'")


def until_there(window: Window, title: str, menu: tuple[int, int], key: str) -> None:
    """Open a menu and press an entry's key, again if need be, until a window is there."""
    for _ in range(5):
        window.press(*menu)
        window.key(key)
        if wait_for(lambda: bool(window.named(title)), 20):
            return
        window.key("Escape")
    raise AssertionError(f"no window {title!r} came: {window.shot('missing_window')}")


def install_from_disk(window: Window, archive: Path) -> None:
    """Install an extension: Edit > Preferences > Get Extensions > Install from Disk."""
    until_there(window, PREFERENCES[0], EDIT_MENU, "p")
    bring(window, PREFERENCES)
    section = "bpy.context.preferences.active_section == 'EXTENSIONS'"
    for row in EXTENSIONS_ROWS * 5:
        window.press(SECTION_X, row)
        if wait_for(lambda: bool(window.value(section)), 3):
            break
    window.press(*CONTINUE_OFFLINE)
    until_there(window, FILES[0], EXTENSIONS_MENU, "f")
    choose_file(window, archive)
    window.until(f"{ADDON!r} in bpy.context.preferences.addons")


def close_preferences(window: Window) -> None:
    """Close them as the title bar's button does, which only a window manager would draw."""
    window.run(
        "for window in bpy.context.window_manager.windows[1:]:\n"
        "    with bpy.context.temp_override(window=window):\n"
        "        bpy.ops.wm.window_close()"
    )
    time.sleep(1)


def open_set_up(artist: Artist) -> None:
    """Open the dialog with the large button at the top of the panel."""
    artist.press("sa3d.set_up_engine", rows=SET_UP_ROWS)
    time.sleep(1)


def set_up_from_pack(artist: Artist, pack: Path) -> None:
    """In the set-up dialog: choose an engine pack and begin."""
    window = artist.window
    x, y = window.mouse
    tab, field, begin = ((x + dx, y + dy) for dx, dy in (PACK_TAB, PACK_FIELD, SET_UP))
    window.press(*tab)
    window.fill(*field, str(pack))
    artist.see("set_up_pack")
    window.click_until(*begin, lambda: bool(window.value(f"{_INSTALLATION}.running()")))


def wait_for_set_up(window: Window) -> None:
    """Wait until the engine is set up."""
    window.until(f"not {_INSTALLATION}.running()", wait=600)
