/* Comfort where a password is typed: show it, and say that Caps Lock is on. */
(() => {
  for (const input of document.querySelectorAll("input[type=password]")) {
    const name = input.labels[0].firstChild.textContent.trim().toLowerCase();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "oc-button quiet oc-show";
    button.textContent = `Show ${name}`;
    button.setAttribute("aria-controls", input.id);
    button.addEventListener("click", () => {
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      button.textContent = `${hidden ? "Hide" : "Show"} ${name}`;
    });
    const hint = document.createElement("p");
    hint.className = "oc-help";
    hint.setAttribute("role", "status");
    input.addEventListener("keyup", (event) => {
      const on = event.getModifierState?.("CapsLock");
      if (on !== undefined) hint.textContent = on ? "Caps Lock is on." : "";
    });
    input.after(button, hint);
    // So that no browser keeps it as a text that was typed.
    input.form.addEventListener("submit", () => { input.type = "password"; });
  }
})();
