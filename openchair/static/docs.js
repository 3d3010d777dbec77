"use strict";
// A button that copies, at every block of code. A file of its own: the policy allows no script in a page.
for (const block of navigator.clipboard ? document.querySelectorAll(".oc-code") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "oc-button quiet oc-copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  block.prepend(button);
}
// Links of before, into the page on which calls are tried: /docs/#/Bookings/create_booking.
const trying = document.querySelector("[data-try]");
if (trying && location.hash.startsWith("#/")) location.replace(trying.href + location.hash);
