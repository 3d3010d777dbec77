// Warns a minute before an idle login ends. One key stays logged in, and nothing that was typed is lost.
(() => {
  const dialog = document.getElementById("oc-idle");
  if (!dialog) return;
  const left = dialog.dataset.left * 1000;
  const [heading, button] = dialog.querySelectorAll("h2, button");
  const warning = heading.textContent;
  const tabs = new BroadcastChannel("openchair.login");
  let timers = [];
  const begin = () => {
    timers.forEach(clearTimeout);
    heading.textContent = warning;
    dialog.close();
    timers = [setTimeout(() => dialog.showModal(), left - Math.min(60_000, left / 2)), setTimeout(end, left)];
  };
  const end = () => {
    heading.textContent = dialog.dataset.ended;
    button.textContent = "Close";
    button.onclick = () => dialog.close();
  };
  const stay = async () => {
    const answer = await fetch(dialog.dataset.stay, { redirect: "manual" }).catch(() => null);
    if (!answer?.ok) return end();
    tabs.postMessage("seen");
    begin();
  };
  button.onclick = stay;
  dialog.addEventListener("cancel", (event) => {
    if (button.onclick !== stay) return;
    event.preventDefault(); // Escape stays logged in as well
    stay();
  });
  tabs.onmessage = begin; // another tab was used
  tabs.postMessage("seen");
  begin();
})();
