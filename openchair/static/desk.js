/* Makes the desk quicker; every page works without it. */
(() => {
  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    form.addEventListener("change", (event) => {
      // A date that is being typed changes at every key: it waits for Enter or the button.
      if (event.target.type !== "date") form.requestSubmit();
    });
  }
  const menus = [...document.querySelectorAll("details.oc-menu")];
  document.addEventListener("click", (event) => {
    for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus) {
      if (menu.open && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  });
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  (document.querySelector(".oc-mistakes") ?? document.querySelector("[data-focus]"))?.focus();
  // Ctrl-K (or Command-K) goes to the box that finds a visit. No single letter does: speech and
  // stray keys would press it (WCAG 2.1.4).
  document.addEventListener("keydown", (event) => {
    const letter = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    const box = document.querySelector(".oc-find input[name=q]");
    if (!box || document.querySelector("dialog[open]") || !letter) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    });
  }
  // Pressing twice must not send twice.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  // The page that "back" brings is the one that was left: it may be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
  // "Back" and "reload" bring what was found without a question: they ask for the page, which the
  // browser keeps no copy of, and this for what was typed, which it keeps where the form would be.
  const sought = document.querySelector(".oc-find.wide input[name=q]");
  if (sought?.value) history.replaceState({ q: sought.value }, "");
  else if (sought && history.state?.q) {
    sought.value = history.state.q;
    sought.form.requestSubmit();
  }
})();
