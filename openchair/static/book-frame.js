/* The booking page in a frame: tells the practice's site around it its height and its step, nothing else. */
(() => {
  if (parent === window) return;
  const { origins, page } = document.currentScript.dataset;
  const step = page.split("_")[1] || "who";
  // Only they may frame the page. Where the browser says which of them does, it alone is told.
  const around = (location.ancestorOrigins || [])[0];
  const allowed = origins.split(/\s+/).filter((origin) => !around || origin === around);
  const tell = (message) => {
    for (const origin of allowed) parent.postMessage(message, origin);
  };
  let told = 0;
  const tellHeight = () => {
    const height = document.documentElement.offsetHeight;
    if (height !== told) tell({ type: "openchair:height", height });
    told = height;
  };
  tell({ type: "openchair:step", step });
  if (step === "done") tell({ type: "openchair:booked" });
  tellHeight();
  addEventListener("load", tellHeight);
  if (window.ResizeObserver) new ResizeObserver(tellHeight).observe(document.body);
  else setInterval(tellHeight, 500);
})();
