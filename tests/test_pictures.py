"""The pictures of README and guides are drawn by the script, from what is really read."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture
def draw(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import draw_pictures

    yield draw_pictures
    sys.modules.pop("draw_pictures")


def test_the_guides_pictures_are_drawn(draw, tmp_path):
    draw.main([f"--output={tmp_path}"])
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in (SCRIPTS / "pictures").iterdir() if path.name != "report.png"
    }
    for path in tmp_path.iterdir():
        kept = Image.open(SCRIPTS / "pictures" / path.name)
        drawn = Image.open(path)
        assert drawn.size == kept.size
        pixels = [np.asarray(each.convert("L"), int) for each in (drawn, kept)]
        assert np.abs(pixels[0] - pixels[1]).mean() < 8, (
            "draw it again: python scripts/draw_pictures.py"
        )
        assert pixels[0].std() > 20


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_page_is_drawn_as_a_browser_shows_it(draw, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<body style='background: #ff0000'></body>")
    draw.draw_report(page, tmp_path / "page.png")
    image = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"))
    assert image.shape[:2] == draw.PAGE_PIXELS[::-1] and (image == [255, 0, 0]).all()


def test_without_a_browser_it_says_so(draw, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="found none of chromium, .* install one"):
        draw.draw_report(tmp_path / "page.html", tmp_path / "page.png")
