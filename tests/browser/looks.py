"""What a page has to be in every look: nothing found by axe or by hand, no scrolling sideways."""

from collections.abc import Iterable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Look = tuple[int, str]
"""The width of the window (pixels), and "light" or "dark"."""
PHONE: Look = (390, "light")
FOUR: list[Look] = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
EVERY: list[Look] = [(width, scheme) for width in (320, 390, 1280) for scheme in ("light", "dark")]
LEAST = 24
"""Pixels of whatever is tapped, both ways (WCAG 2.5.8)."""
_BY_HAND = """() => {
  const found = [];
  for (const each of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const name of ["aria-describedby", "aria-labelledby"])
      for (const id of (each.getAttribute(name) ?? "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) found.push(`${name} of nothing: ${id}`);
  for (const each of document.querySelectorAll("[aria-invalid]"))
    if (!(each.getAttribute("aria-describedby") ?? each.closest("[aria-describedby]")))
      found.push(`an error without a text: ${each.name}`);
  const summary = document.querySelector(".oc-mistakes, .mistakes");
  if (summary && !/^Error:/.test(document.title)) found.push("no Error: in the title");
  if (summary && summary != document.activeElement) found.push("the summary has no focus");
  for (const link of summary?.querySelectorAll("a[href^='#']") ?? [])
    if (!document.getElementById(link.hash.slice(1))) found.push(`no field: ${link.hash}`);
  const skip = document.body.querySelector("a");
  if (!document.querySelector(skip?.getAttribute("href")?.startsWith("#") ? skip.hash : "none"))
    found.push("no skip link");
  if (document.querySelectorAll("h1").length != 1) found.push("not one h1");
  for (const each of document.querySelectorAll("main a[href], main button"))
    if (!each.textContent.trim() && !each.ariaLabel && !each.querySelector("[alt]:not([alt=''])"))
      found.push(`no name: ${each.outerHTML.slice(0, 120)}`);
  return found;
}"""
"""What axe does not look for: errors tied to fields that exist, the skip link, one h1."""
_SMALL = """least => {
  const words = node => [...node.childNodes].some(each => each.nodeType == 3 && each.data.trim());
  return [...document.querySelectorAll("a[href], button, input, textarea, summary")]
  .filter(each => each.checkVisibility() && !each.closest("[aria-hidden=true]"))
  // In a sentence a link is as tall as the text.
  .filter(each => !words(each.parentNode))
  // As tall as it lasts, and larger with the focus (2.5.8: essential).
  .filter(each => !each.matches(".oc-block .chip"))
  // Hidden until it has the focus.
  .filter(each => getComputedStyle(each).clipPath != "inset(50%)")
  .filter(each => {
    const tapped = (each.matches("[type=radio], [type=checkbox]") && each.labels[0]) || each;
    const {width, height, right} = tapped.getBoundingClientRect();
    // A skip link is outside until it has the focus.
    return right > 0 && Math.min(width, height) < least;
  })
  .map(each => each.outerHTML.slice(0, 120))
}"""


def faults(page: Page, looks: Iterable[Look], *, doubled: int = 390) -> list[str]:
    """List what is wrong with a page in these looks, and leave it in the last of them.

    doubled: the narrowest window (pixels) in which text twice as large has to fit.
    """
    found = []
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        here = f"{page.title()}, {width} {scheme}"
        found += [
            f"{here}: {each['id']}: {each['nodes'][0]['html'][:160]}"
            for each in Axe().run(page).response["violations"]
        ]
        found += [f"{here}: {each}" for each in page.evaluate(_BY_HAND)]
        found += [f"{here}: small: {each}" for each in page.evaluate(_SMALL, LEAST)]
        for narrow, text in ((width, 100), (min(width, 320), 100), (width, 200)):
            if text == 200 and width < doubled:
                continue
            page.set_viewport_size({"width": narrow, "height": 800})
            page.evaluate("size => (document.documentElement.style.fontSize = size)", f"{text}%")
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > narrow:
                found.append(f"{here}: needs {needed} of {narrow} pixels, text {text} %")
        page.evaluate("document.documentElement.style.fontSize = ''")
    return found
