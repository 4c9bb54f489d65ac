"""Pictures of every screen that a person meets, drawn by MicroPython's frame buffer of 128 x 64 pixels.

usage: python -m daric_sim.gallery DIRECTORY writes PNG files and index.md there. The lines are those of the firmware
(scenes.py, scenes_sign.py, scenes_wallet.py), the rows those of its panel, the letters those of a board's display.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daric_sim import scenes, scenes_sign, scenes_wallet
from daric_sim.stage import Page, stage

WIDTH, HEIGHT = 128, 64
SCALE, GAP, ABREAST = 2, 8, 4  # dots of a pixel, dots between displays, displays beside one another
AROUND, DARK, LIT = range(3)  # colours of a picture
PALETTE = ((255, 255, 255), (8, 12, 20), (170, 225, 255))
SCENES = (*scenes.SCENES, *scenes_wallet.SCENES, *scenes_sign.SCENES)
# Reads the rows of a display, JSON, one display a line; answers with its frame buffer in hexadecimal digits.
DRAW = f"""
import framebuf, json, sys
for line in sys.stdin:
    data = bytearray({WIDTH * HEIGHT // 8})
    frame = framebuf.FrameBuffer(data, {WIDTH}, {HEIGHT}, framebuf.MONO_HLSB)
    at = 0
    for row in json.loads(line):
        frame.text(row, 0, at)
        at += 8
    print(data.hex())
"""
HEAD = """# Screens

Every screen that a person meets on a device, drawn from the firmware's own lines: 128 x 64 dots, eight rows of sixteen
characters. Displays beside one another are the pages of one question, turned with the right button. The last row says
what the buttons do: on a question a long press of the right button agrees, at its end alone, and a long press of the
left one refuses anywhere. The pictures are made anew by `.venv/bin/python -m daric_sim.gallery docs/screens`.
"""


@dataclass(frozen=True)
class Shot:
    """One screen. name: of its file, without the ending."""

    section: str
    name: str
    caption: str
    page: Page


def shots() -> Iterator[Shot]:
    """All screens, section by section."""
    for prefix, scene, fault in SCENES:
        with stage(fault) as where:
            for name, caption in scene(where):
                yield Shot(scene.__doc__ or prefix, f"{prefix}-{name}", caption, where.page)


def draw(displays: list[list[str]]) -> list[bytes]:
    """The frame buffer of each display: a bit for each pixel, row by row, the leftmost first."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "micropython"), "-c", DRAW],
        input="".join(json.dumps(rows) + "\n" for rows in displays),
        capture_output=True,
        text=True,
        check=True,
    )
    return [bytes.fromhex(line) for line in done.stdout.split()]


def picture(frames: list[bytes]) -> list[bytearray]:
    """Rows of colours of a picture with these displays, ABREAST beside one another."""
    columns, lines = min(len(frames), ABREAST), (len(frames) + ABREAST - 1) // ABREAST
    wide, high = WIDTH * SCALE + GAP, HEIGHT * SCALE + GAP
    rows = [bytearray(wide * columns + GAP) for _ in range(high * lines + GAP)]
    for number, frame in enumerate(frames):
        left, top = GAP + wide * (number % ABREAST), GAP + high * (number // ABREAST)
        for y in range(HEIGHT):
            bits = frame[y * WIDTH // 8 : (y + 1) * WIDTH // 8]
            line = b"".join(bytes([LIT if bits[x // 8] >> 7 - x % 8 & 1 else DARK]) * SCALE for x in range(WIDTH))
            for dot in range(SCALE):
                rows[top + y * SCALE + dot][left : left + len(line)] = line
    return rows


def pictures(taken: list[Shot]) -> dict[str, list[bytearray]]:
    """The picture of each shot by its name."""
    displays = [shot.page.displays() for shot in taken]
    frames = iter(draw([rows for pages in displays for rows in pages]))
    return {shot.name: picture([next(frames) for _ in pages]) for shot, pages in zip(taken, displays, strict=True)}


def index(taken: list[Shot]) -> str:
    """The page that shows them."""
    parts, section = [HEAD], ""
    for shot in taken:
        if shot.section != section:
            section = shot.section
            parts.append(f"## {section}\n")
        parts.append(f"{shot.caption}\n\n![{shot.name}]({shot.name}.png)\n")
    return "\n".join(parts)


def write(directory: Path) -> None:
    """Make the gallery anew; pictures of screens that are no more go."""
    import png

    taken = list(shots())
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.png"):
        old.unlink()
    for name, rows in pictures(taken).items():
        image = png.Writer(len(rows[0]), len(rows), palette=list(PALETTE), bitdepth=8, compression=9)
        with (directory / f"{name}.png").open("wb") as file:
            image.write(file, rows)
    (directory / "index.md").write_text(index(taken))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
