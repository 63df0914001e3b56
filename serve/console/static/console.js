// Charts, the live alert feed and two keys. Everything else on the pages works without this file.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw(script) {
  const target = document.getElementById(script.dataset.chart);
  if (!target || typeof Plotly === "undefined") return;
  const data = JSON.parse(script.textContent);
  const ink = colour("--soft"), line = colour("--line"), accent = colour("--accent");
  const traces = [{ x: data.x, y: data.y, type: "bar", name: script.dataset.second ? "now" : "observed", marker: { color: accent } }];
  if (data.e) traces.push({ x: data.x, y: data.e, type: "scatter", mode: "lines", name: script.dataset.second || "expected", line: { color: ink, dash: "dot", width: 2.5 } });
  const layout = {
    margin: { l: 44, r: 8, t: 8, b: 36 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: getComputedStyle(document.body).fontFamily }, separators: ".,",
    xaxis: { gridcolor: line, linecolor: line, fixedrange: true }, yaxis: { gridcolor: line, zerolinecolor: line, rangemode: "tozero", fixedrange: true },
    showlegend: Boolean(data.e), legend: { orientation: "h", y: 1.15 }, bargap: 0.15,
    hoverlabel: { bgcolor: colour("--card"), bordercolor: line, font: { color: colour("--ink") } },
  };
  target.hidden = false;
  Plotly.react(target, traces, layout, { displayModeBar: false, responsive: true });
}

function drawAll() {
  document.querySelectorAll("script[data-chart]").forEach(draw);
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function segmentName(segment) {
  return segment.split("|").map((part) => decodeURIComponent(part.slice(part.indexOf("=") + 1)).replace(/\./g, ": ").replace(/_/g, " ")).join(" · ");
}

function number(value) {
  return value.toLocaleString("en", { minimumFractionDigits: Number.isInteger(value) ? 0 : 1, maximumFractionDigits: 1 });
}

function time(value) {
  const text = new Date(value).toUTCString(); // Sun, 08 Mar 2026 09:20:00 GMT
  const made = element("time", "", `${text.slice(5, 16)}, ${text.slice(17, 22)} UTC`);
  made.dateTime = value;
  return made;
}

function card(incident) {
  const made = element("article", `card incident fresh ${incident.severity}`);
  made.id = incident.incident_id;
  const link = element("a", "", segmentName(incident.segment));
  link.href = `/incidents/${encodeURIComponent(incident.incident_id)}`;
  made.append(
    element("p", "line", element("span", `badge s ${incident.severity}`, incident.severity), element("span", "badge", incident.state), element("span", "soft", "since ", time(incident.started_at))),
    element("h3", "", link),
    element("p", "", element("b", "", number(incident.observed)), " complaints where ", element("b", "", number(incident.expected)), " were expected."),
  );
  const terms = (incident.evidence.terms || []).slice(0, 6).flatMap((item) => [element("span", "term", item.term), " "]);
  if (terms.length) made.append(element("p", "soft", ...terms));
  return made;
}

function announce(incident, known) {
  const log = document.getElementById("announce");
  const kind = known ? "Changed alert" : "New alert";
  log.append(element("p", "", `${kind}: ${incident.severity}, ${incident.state}, ${segmentName(incident.segment)}, ${number(incident.observed)} complaints`));
  while (log.children.length > 5) log.firstChild.remove();
}

function show(feed, incident) {
  const before = document.getElementById(incident.incident_id);
  const focused = before && before.contains(document.activeElement);
  const made = card(incident);
  if (before) before.replaceWith(made); else feed.prepend(made);
  if (focused) made.querySelector("a").focus();
  const empty = document.getElementById("empty");
  if (empty) empty.remove();
  announce(incident, Boolean(before));
}

function follow(feed) {
  const live = document.getElementById("live");
  const events = new EventSource(feed.dataset.live);
  const say = (text, on) => {
    if (live.textContent !== text) live.textContent = text;
    live.classList.toggle("on", on);
  };
  events.onopen = () => say("live", true);
  // The browser tries again by itself, but not after an answer that ends it, such as a session that is over.
  events.onerror = () => say(events.readyState === EventSource.CLOSED ? "no longer live: reload the page" : "reconnecting", false);
  events.addEventListener("alert", (event) => show(feed, JSON.parse(event.data)));
}

// "/" goes to the search field, from a page without one to the page of the search.
function search() {
  const field = document.querySelector("input[type=search]");
  if (field) {
    field.focus();
    field.select();
  } else if (document.querySelector('nav a[href="/search"]')) location.href = "/search#q";
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  event.preventDefault();
  search();
});
if (location.hash === "#q") search();

// A form that was sent says so until its answer is there; a page that comes back from the browser's cache does not.
document.addEventListener("submit", (event) => {
  for (const one of [document.querySelector("main"), event.submitter]) if (one) one.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => document.querySelectorAll("[aria-busy]").forEach((one) => one.removeAttribute("aria-busy")));

// Where there is little room what narrows a search down stands closed.
if (matchMedia("(max-width: 60rem)").matches) document.querySelectorAll("details.facets").forEach((one) => one.removeAttribute("open"));

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.querySelectorAll("[data-live]").forEach(follow);
