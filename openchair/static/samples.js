"use strict";
// The language of the examples is kept from page to page.
const LANGUAGE = "openchair.docs.language";
const choices = document.querySelectorAll('.docs-languages input[name="language"]');

let kept = null;
try {
  kept = localStorage.getItem(LANGUAGE);
} catch {
  // Storage is switched off: the choice lasts as long as the page.
}
for (const choice of choices) {
  if (choice.value === kept) choice.checked = true;
  choice.addEventListener("change", () => {
    try {
      localStorage.setItem(LANGUAGE, choice.value);
    } catch {
      // As above.
    }
  });
}

// An address may name a field that is folded away.
const open = () => {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let each = named?.closest("details"); each; each = each.parentElement.closest("details")) {
    each.open = true;
  }
  named?.scrollIntoView();
};
addEventListener("hashchange", open);
if (location.hash) open();
