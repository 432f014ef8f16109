"""Write docs/images/*.svg: the status page and the rollback handler's, as a running demo shows them.

    make screens                    of the demo that `make up` runs in .run, after `make demo-bad-release`
    tools/screens.py --run-dir DIR  of another one

Chromium prints each page as PDF, and pdftocairo makes SVG of that: a text file, that fetches nothing.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from rollwatch.demo.announcement import running_stack
from rollwatch.demo.rundir import RunDir

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH = 1280
LONGEST = 1000
"""Pixels of a page that are shown: enough to see what it is."""
PROGRAMS = {"chromium": "chromium", "pdftocairo": "poppler-utils"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, default=ROOT / ".run")
    run_dir = RunDir(parser.parse_args().run_dir.absolute())
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    stack = running_stack(run_dir)
    if missing:
        sys.stderr.write(f"screens: install {' and '.join(missing)}\n")
        return 2
    if "rollback handler" not in stack:
        sys.stderr.write(
            f"screens: no demo runs in {run_dir.path}: 'make up', then 'make demo-bad-release'\n"
        )
        return 2
    secrets = [path.read_text("utf-8").strip() for path in run_dir.secrets.iterdir() if path.is_file()]
    token = (run_dir.secrets / "rollback-operator").read_text("ascii").strip()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        _status(browser, stack["exporter"], secrets)
        _handler(browser, stack["rollback handler"], token, secrets)
        browser.close()
    for path in sorted(IMAGES.glob("*.svg")):
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} KiB\n")
    return 0


def _status(browser: Browser, url: str, secrets: list[str]) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.goto(url)
    _write(page, "status", secrets)


def _handler(browser: Browser, url: str, token: str, secrets: list[str]) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.goto(f"{url}login")
    page.fill("#token", token)
    page.press("#token", "Enter")
    page.wait_for_url(url)
    _write(page, "rollback", secrets)


def _write(page: Page, name: str, secrets: list[str]) -> None:
    # Here, because a picture has no text that could be searched: letters are shapes in it.
    shown = page.content() + page.evaluate(
        "[...document.querySelectorAll('input')].map(one => one.value).join(' ')"
    )
    if any(secret in shown for secret in secrets if secret):
        raise AssertionError(f"the page {name} shows a secret: no picture of it is made")
    page.emulate_media(media="screen")
    height = min(LONGEST, page.evaluate("document.documentElement.scrollHeight"))
    with tempfile.TemporaryDirectory() as directory:
        pdf, svg = Path(directory) / "page.pdf", Path(directory) / "page.svg"
        page.pdf(
            path=str(pdf),
            width=f"{WIDTH}px",
            height=f"{height}px",
            print_background=True,
            page_ranges="1",
            margin=dict.fromkeys(("top", "right", "bottom", "left"), "0"),
        )
        subprocess.run(  # noqa: S603  a program of this machine, on files of this function
            [str(shutil.which("pdftocairo")), "-svg", "-f", "1", "-l", "1", str(pdf), str(svg)], check=True
        )
        text = svg.read_text("utf-8")
    # Hundredths of a pixel are more than an eye sees; the rest is half of the file.
    text = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)
    (IMAGES / f"{name}.svg").write_text(text, "utf-8")


sys.exit(main())
