/* Comfort on the patients' pages: nothing needs it. It counts down how long a time is kept, and takes
   what is typed along into the other language. */
(function () {
  "use strict";
  var WARNS = 120;
  var framed = window.top !== window;
  var byId = function (id) { return document.getElementById(id); };

  var mistakes = document.querySelector(".mistakes");
  if (mistakes && !framed) mistakes.focus();

  /* The other language, with what is typed so far. */
  var language = document.querySelector(".top-language"), field = document.querySelector(".input");
  if (language && field) language.addEventListener("click", function (event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    var typed = field.form, action = typed.action, only = document.createElement("input");
    only.type = "hidden";
    only.name = "language";
    typed.appendChild(only);
    typed.action = language.pathname;
    typed.submit();
    typed.action = action;  /* as it was, for whoever comes back to this page */
    typed.removeChild(only);
  });

  var kept = byId("kept"), dialog = byId("clock");
  if (!kept || !dialog || !dialog.showModal || !window.fetch) return;
  var more = byId("more"), form = more.form;
  var ends, warned, before;

  function set(seconds, isTold) {
    ends = Date.now() + seconds * 1000;
    warned = isTold || seconds === 0;
    tick();
  }

  function tick() {
    var left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    [].forEach.call(document.querySelectorAll("[data-kept]"), function (each) {
      var hidden = (each.dataset.kept === "over") !== (left === 0);
      if (each.hidden !== hidden) each.hidden = hidden;
    });
    byId("clock-shown").textContent = Math.floor(left / 60) + ":" + ("0" + (left % 60)).slice(-2);
    if (left > WARNS || left === 0) return;
    if (!warned) warn();
    hear(left);
  }

  /* What a screen reader says: another minute above one, then every twenty seconds. */
  function hear(left) {
    var words = dialog.dataset, heard = byId("clock-heard");
    var n = left > 60 ? Math.ceil(left / 60) : Math.ceil(left / 20) * 20;
    var text = n === 60 ? words.minute : (left > 60 ? words.minutes : words.seconds).replace("{n}", n);
    if (heard.textContent !== text) heard.textContent = text;
  }

  function warn() {
    warned = true;
    /* In a frame it opens where it is, and takes no focus: that would scroll the page around it. */
    if (framed) { dialog.className += " dialog-here"; dialog.setAttribute("open", ""); return; }
    before = document.activeElement;
    dialog.showModal();
    byId("clock-more").focus();
  }

  function extend(event) {
    event.preventDefault();
    byId("clock-failed").hidden = true;
    fetch(more.formAction, {method: "POST", body: new FormData(form), headers: {Accept: "application/json"}})
      .then(function (answer) {
        var type = answer.headers.get("Content-Type") || "";
        if (answer.ok && type.indexOf("application/json") === 0) return answer.json().then(extended);
        send();  /* the time is gone, or this page too old: the next page says so */
      })
      .catch(function () {
        if (dialog.open) byId("clock-failed").hidden = false;
        else send();
      });
  }

  function send() {
    more.removeEventListener("click", extend);
    more.click();
  }

  function extended(now) {
    byId("until").textContent = now.until;
    if (dialog.open) dialog.close();
    set(now.seconds, now.seconds <= WARNS);  /* after an hour there is no more time to be had */
  }

  dialog.addEventListener("close", function () { if (before && !framed) before.focus(); });
  byId("clock-more").addEventListener("click", extend);
  more.addEventListener("click", extend);
  set(Number(kept.dataset.seconds), false);
  setInterval(tick, 1000);
})();
