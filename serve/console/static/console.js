"use strict";
// Charts and the live alert feed. Everything else on the pages works without this file.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw(script) {
  const target = document.getElementById(script.dataset.chart);
  const data = JSON.parse(script.textContent);
  if (!target || typeof Plotly === "undefined") return;
  const ink = colour("--soft"), line = colour("--line"), accent = colour("--accent");
  const traces = [{ x: data.x, y: data.y, type: "bar", name: "observed", marker: { color: accent } }];
  if (data.e) traces.push({ x: data.x, y: data.e, type: "scatter", mode: "lines", name: "expected", line: { color: ink, dash: "dot" } });
  const layout = {
    margin: { l: 40, r: 8, t: 8, b: 36 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink }, xaxis: { gridcolor: line, fixedrange: true }, yaxis: { gridcolor: line, rangemode: "tozero", fixedrange: true },
    showlegend: Boolean(data.e), legend: { orientation: "h", y: 1.15 }, bargap: 0.15,
  };
  Plotly.newPlot(target, traces, layout, { displayModeBar: false, responsive: true });
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function segmentName(segment) {
  return segment.split("|").map((part) => decodeURIComponent(part.slice(part.indexOf("=") + 1)).replace(/\./g, ": ").replace(/_/g, " ")).join(" · ");
}

function card(incident) {
  const made = element("article", `card incident fresh ${incident.severity}`);
  made.id = incident.incident_id;
  const line = element("p", "line");
  const since = new Date(incident.started_at).toISOString().slice(0, 16).replace("T", " ");
  line.append(element("span", `badge s ${incident.severity}`, incident.severity), element("span", "badge", incident.state), element("span", "soft", `since ${since} UTC`));
  const title = element("h3"), link = element("a", "", segmentName(incident.segment));
  link.href = `/incidents/${encodeURIComponent(incident.incident_id)}`;
  title.append(link);
  const counts = element("p", "", `${incident.observed} complaints where ${incident.expected.toFixed(1)} were expected.`);
  const terms = element("p", "soft");
  for (const item of (incident.evidence.terms || []).slice(0, 6)) terms.append(element("span", "term", item.term), " ");
  made.append(line, title, counts, terms);
  return made;
}

function follow(feed) {
  const live = document.getElementById("live");
  const events = new EventSource(feed.dataset.live);
  events.onopen = () => { live.textContent = "live"; live.classList.add("on"); };
  events.onerror = () => { live.textContent = "reconnecting"; live.classList.remove("on"); };
  events.addEventListener("alert", (event) => {
    const incident = JSON.parse(event.data);
    const before = document.getElementById(incident.incident_id);
    const made = card(incident);
    if (before) before.replaceWith(made); else feed.prepend(made);
    const empty = document.getElementById("empty");
    if (empty) empty.remove();
  });
}

document.querySelectorAll("script[data-chart]").forEach(draw);
document.querySelectorAll("[data-live]").forEach(follow);
