"use strict";
// A button that copies, at every block of code. A file of its own: the policy allows no script in a page.
const headings = [...document.querySelectorAll("main :is(h1, h2, h3, h4)")];
const named = new Map();
// What a block is, for those who hear the button's name alone: its own label, or the heading above it.
function nameOf(block, pre) {
  const above = headings.findLast(
    (each) => each.compareDocumentPosition(block) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  const name = pre.getAttribute("aria-label") ?? above?.textContent ?? "";
  named.set(name, (named.get(name) ?? 0) + 1);
  return named.get(name) > 1 ? `${name}, ${named.get(name)}` : name;
}
for (const block of navigator.clipboard ? document.querySelectorAll(".oc-code") : []) {
  const pre = block.querySelector("pre");
  const button = document.createElement("button");
  const rest = document.createElement("span");
  button.type = "button";
  button.className = "oc-button quiet oc-copy";
  rest.className = "oc-sr";
  rest.textContent = ` ${nameOf(block, pre)}`;
  button.append("Copy", rest);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.textContent);
    button.firstChild.data = "Copied";
    setTimeout(() => (button.firstChild.data = "Copy"), 2000);
  });
  block.prepend(button);
}
// Links of before, into the page on which calls are tried: /docs/#/Bookings/create_booking.
const trying = document.querySelector("[data-try]");
if (trying && location.hash.startsWith("#/")) location.replace(trying.href + location.hash);
