"use strict";
// Swagger UI, with the key in this tab alone. A file of its own: the policy allows no script in a page.
const place = document.getElementById("swagger-ui");
const groups = Object.entries(JSON.parse(document.getElementById("groups").textContent));
const KEPT = "openchair.key";

// Swagger UI's dark look, when the reader's system is dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// What Swagger UI leaves without a name, or out of the keyboard's reach.
const mend = (selector, attribute, value) => {
  for (const found of place.querySelectorAll(`${selector}:not([${attribute}])`)) {
    found.setAttribute(attribute, typeof value === "string" ? value : value(found));
  }
};
let isNew = true;
const parameterOf = (control) => control.closest("tr")?.dataset.paramName ?? "Kind of content";
new MutationObserver(() => {
  mend(".examples-select-element", "aria-label", "Example");
  mend("select", "aria-label", parameterOf);
  mend("pre.microlight", "tabindex", "0");
  if (isNew && place.querySelector(".opblock")) {
    isNew = false;
    followLink();
  }
}).observe(place, { childList: true, subtree: true });

// The key: of this tab, in its session storage, which ends with it.
const form = document.getElementById("try-key");
const showKey = () => {
  const key = sessionStorage.getItem(KEPT);
  document.getElementById("key-state").textContent = key ? `In use: ${key.slice(0, 9)}…` : "";
};
// Not by Swagger UI's own `preauthorizeApiKey`: who was quick sent the first request without it.
const withKey = (request) => {
  const key = sessionStorage.getItem(KEPT);
  if (key) request.headers.Authorization = key;
  return request;
};
const offerKey = () => {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEPT, form.key.value.trim());
    form.key.value = "";
    showKey();
  });
  document.getElementById("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    showKey();
  });
  showKey();
};

// Links to an operation, as in #/Bookings/create_booking. Swagger UI's own put a link into a button.
const followLink = () => {
  const id = decodeURIComponent(location.hash).split("/")[2];
  const found = id && document.querySelector(`.opblock[id$="-${CSS.escape(id)}"]`);
  if (!found) return;
  if (!found.classList.contains("is-open")) found.querySelector(".opblock-summary-control").click();
  found.scrollIntoView();
};
place.addEventListener("click", (event) => {
  const operation = event.target.closest(".opblock-summary-control")?.closest(".opblock");
  if (!operation) return;
  const [, tag, id] = operation.id.match(/^operations-([^-]*)-(.*)$/);
  history.replaceState(null, "", `#/${tag}/${id}`);
});
addEventListener("hashchange", followLink);

// Grouped as in the reference, in the order of use.
const ordered = (spec) => {
  const every = Object.values(spec.paths).flatMap(Object.values);
  for (const [title, names] of groups) {
    for (const each of every) if (names.includes(each.operationId)) each.tags = [title];
  }
  // What an error looks like is in the reference: 23 times all of them would be most of this page.
  for (const each of every) {
    each.responses = Object.fromEntries(
      Object.entries(each.responses).filter(([status]) => status < 400),
    );
  }
  return { ...spec, tags: groups.map(([name]) => ({ name })) };
};
const order = groups.flatMap(([, names]) => names);
const nth = (operation) => order.indexOf(operation.getIn(["operation", "operationId"]));

// The operations alone: Swagger UI's own layout has a second <main>, and another box for the key.
const OperationsOnly = ({ React }) => ({
  components: {
    OperationsOnly: ({ getComponent }) =>
      React.createElement("div", { className: "swagger-ui" }, [
        React.createElement(getComponent("SvgAssets"), { key: "icons" }),
        React.createElement(getComponent("operations", true), { key: "operations" }),
      ]),
  },
});

const show = async () => {
  const answer = await fetch(place.dataset.document);
  SwaggerUIBundle({
    spec: ordered(await answer.json()),
    domNode: place,
    plugins: [OperationsOnly],
    layout: "OperationsOnly",
    deepLinking: false,
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    operationsSorter: (one, other) => nth(one) - nth(other),
    supportedSubmitMethods: ["get", "post", "put", "patch", "delete"],
    requestInterceptor: withKey,
    onComplete: offerKey,
  });
};
show();
