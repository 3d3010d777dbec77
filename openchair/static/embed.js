/* For the website of a practice: keeps the frames that show its booking page as tall as the page. */
(() => {
  const ours = new URL(document.currentScript.src).origin;
  const stepped = new WeakSet();
  const sender = (event) =>
    event.origin === ours &&
    [...document.querySelectorAll("iframe")].find((frame) => frame.contentWindow === event.source);
  addEventListener("message", (event) => {
    const frame = sender(event);
    const { type, height } = event.data || {};
    if (!frame) return;
    if (type === "openchair:height" && height > 0) {
      frame.style.border = "0";
      frame.style.height = `${Math.min(Math.ceil(height), 20000)}px`;
    }
    // The first page is where the visitor is already; each later one begins at its top.
    if (type === "openchair:step") {
      if (stepped.has(frame) && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
      stepped.add(frame);
    }
  });
})();
