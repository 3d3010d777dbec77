// Refreshes the board quietly, marks attendance without leaving it, and moves by arrow keys.
(() => {
  const live = document.getElementById("live");
  if (!live) return;
  let etag = "";
  let pressed = false; // a pointer is down: what it is on must not be replaced
  let ended = false; // logged out
  let drawn = Date.now();

  // Tab goes from opening to opening; the empty times between them are for the arrow keys.
  const prepare = () => {
    for (const area of live.querySelectorAll(".oc-location")) {
      const links = [...area.querySelectorAll(".chip, .oc-add")];
      const empty = links.filter((link) => link.matches(".oc-add"));
      for (const link of empty.length < links.length ? empty : empty.slice(1)) link.tabIndex = -1;
    }
  };

  live.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [0, -1], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowRight: [1, 0] }[event.key];
    const from = event.target.closest(".chip, .oc-add");
    if (!way || !from || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const here = middle(from);
    let nearest = null;
    let least = Infinity;
    for (const link of live.querySelectorAll(".chip, .oc-add")) {
      if (link === from || !link.offsetParent) continue;
      const there = middle(link);
      const [x, y] = [there.x - here.x, there.y - here.y];
      const [along, aside] = way[0] ? [x * way[0], Math.abs(y)] : [y * way[1], Math.abs(x)];
      if (along < 2 || (way[1] && aside > here.width / 2)) continue;
      const distance = along + 4 * aside;
      if (distance < least) [least, nearest] = [distance, link];
    }
    nearest?.focus();
  });
  const middle = (link) => {
    const box = (link.closest(".oc-block, .oc-adds li") ?? link).getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + Math.min(box.height / 2, 12), width: box.width };
  };

  // What an element is, in the old board and in the new one.
  const key = (element) => element && (element.getAttribute("href") ?? element.form?.getAttribute("action"));
  const isBusy = () =>
    pressed ||
    live.querySelector("details[open], dialog[open]") ||
    [...live.querySelectorAll("input:not([type=hidden]), textarea")].some((each) => each.value !== each.defaultValue) ||
    (!getSelection().isCollapsed && live.contains(getSelection().anchorNode));

  const put = (html) => {
    const had = live.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = [...live.querySelectorAll(".oc-scroll")].map((each) => each.scrollLeft);
    live.innerHTML = html;
    drawn = Date.now();
    prepare();
    [...live.querySelectorAll(".oc-scroll")].forEach((each, nth) => (each.scrollLeft = scrolled[nth] ?? 0));
    if (!had) return;
    const same = [...live.querySelectorAll("a, button")].find((each) => key(each) === key(had));
    (same ?? live.querySelector(".oc-scroll"))?.focus({ preventScroll: true });
  };
  const whenReleased = () =>
    pressed ? new Promise((done) => document.addEventListener("pointerup", () => setTimeout(done), { once: true })) : null;

  const headers = { "X-Refresh": "board" };
  const refresh = async () => {
    if (ended || document.hidden || isBusy()) return;
    const asked = { headers: { ...headers, ...(etag && { "If-None-Match": etag }) }, redirect: "manual" };
    const answer = await fetch(live.dataset.address, asked).catch(() => null);
    if (!answer) return; // no network: the next time
    if (answer.type === "opaqueredirect" || answer.status === 404) ended = true;
    if (!answer.ok) return;
    const html = await answer.text();
    if (isBusy() || marking) return;
    etag = answer.headers.get("ETag") ?? "";
    put(html);
  };

  // One click marks a visit. Clicks are sent one after the other, and the last answer is shown.
  let marking = 0;
  let queue = Promise.resolve();
  live.addEventListener("submit", (event) => {
    const form = event.target.closest(".oc-attend");
    if (!form) return;
    event.preventDefault();
    if (form.dataset.marking) return;
    form.dataset.marking = "yes";
    marking += 1;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    queue = queue.then(() => mark(form, body));
  });
  const mark = async (form, body) => {
    const answer = await fetch(form.action, { method: "POST", body, headers }).catch(() => null);
    marking -= 1;
    // Another page than the board, as after a logout: it says why.
    if (answer?.ok && !answer.headers.has("ETag")) return location.assign(answer.url);
    if (!answer?.ok) {
      delete form.dataset.marking;
      return location.reload();
    }
    new BroadcastChannel("openchair.login").postMessage("seen"); // idle.js: somebody is here
    const html = await answer.text();
    if (marking) return;
    await whenReleased();
    etag = answer.headers.get("ETag");
    put(html);
  };

  document.addEventListener("pointerdown", () => (pressed = true), true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (pressed = false), true);
  prepare();
  setInterval(refresh, live.dataset.every * 1000);
  live.addEventListener("refresh", refresh);
  document.addEventListener("visibilitychange", refresh);

  // Between two refreshes the lines of now go on.
  const tick = () => {
    const passed = Math.floor((Date.now() - drawn) / 60_000);
    for (const line of live.querySelectorAll(".oc-now")) {
      line.style.setProperty("--t", Number(line.dataset.minute) + passed);
    }
  };
  setInterval(tick, 20_000);
})();
