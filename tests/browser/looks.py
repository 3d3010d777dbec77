"""What a page for patients has to be in every look: nothing found by axe, no scrolling sideways."""

from collections.abc import Iterable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Look = tuple[int, str]
"""The width of the window (pixels), and "light" or "dark"."""
PHONE: Look = (390, "light")
EVERY: list[Look] = [(width, scheme) for width in (320, 390, 1280) for scheme in ("light", "dark")]
LEAST = 24
"""Pixels of whatever is tapped, both ways (WCAG 2.5.8)."""
_SMALL = """least => {
  const words = node => [...node.childNodes].some(each => each.nodeType == 3 && each.data.trim());
  return [...document.querySelectorAll("a[href], button, input, textarea, summary")]
  .filter(each => each.checkVisibility() && !each.closest("[aria-hidden=true]"))
  // In a sentence a link is as tall as the text.
  .filter(each => !words(each.parentNode))
  .filter(each => {
    const tapped = (each.matches("[type=radio]") && each.labels[0]) || each;
    const {width, height} = tapped.getBoundingClientRect();
    return Math.min(width, height) < least;
  })
  .map(each => each.outerHTML.slice(0, 120))
}"""


def faults(page: Page, looks: Iterable[Look]) -> list[str]:
    """List what is wrong with a page in these looks, and leave it in the last of them."""
    found = []
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        here = f"{page.title()}, {width} {scheme}"
        found += [
            f"{here}: {each['id']}: {each['nodes'][0]['html'][:160]}"
            for each in Axe().run(page).response["violations"]
        ]
        found += [f"{here}: small: {each}" for each in page.evaluate(_SMALL, LEAST)]
        # Twice as large a text is asked of a phone of usual width, and of a desktop.
        for text in (100, 200) if width > 320 else (100,):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", f"{text}%")
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                found.append(f"{here}: needs {needed} pixels, text {text} %")
        page.evaluate("document.documentElement.style.fontSize = ''")
    return found
