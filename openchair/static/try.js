"use strict";
// A file of its own, for the Content-Security-Policy allows no script inside a page.
const place = document.getElementById("swagger-ui");

// Swagger UI's dark look, when the reader's system is dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// What Swagger UI leaves without a name, or out of the keyboard's reach.
const mend = (selector, attribute, value) => {
  for (const found of place.querySelectorAll(`${selector}:not([${attribute}])`)) {
    found.setAttribute(attribute, value);
  }
};
new MutationObserver(() => {
  mend(".close-modal", "aria-label", "Close the dialog");
  mend(".examples-select-element", "aria-label", "Example");
  mend("pre.microlight", "tabindex", "0");
}).observe(place, { childList: true, subtree: true });

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  // Deep links would put a link into each operation's button, which screen readers cannot reach.
  deepLinking: false,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  supportedSubmitMethods: ["get", "post", "put", "patch", "delete"],
});
