// The map of clusters. The table under it has the same clusters as links.

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The golden angle keeps neighbouring ids apart; an id has the same colour in every clustering.
function hue(id, dark) {
  return `hsl(${((id * 137.508) % 360).toFixed(0)}, 60%, ${dark ? 62 : 40}%)`;
}

function webgl() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  } catch {
    return false;
  }
}

// Plotly reads some markup in texts.
function title(one) {
  return (one.name || `cluster ${one.cluster_id}`).replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

function drawMap(script) {
  const target = document.getElementById(script.dataset.map);
  if (typeof Plotly === "undefined") return;
  const { clusters, dots } = JSON.parse(script.textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const names = new Map(clusters.map((one) => [one.cluster_id, `${title(one)}<br>${one.size.toLocaleString("en")} complaints`]));
  const soft = css("--soft");
  const largest = [...clusters].sort((a, b) => b.size - a.size).slice(0, target.clientWidth > 700 ? 14 : 5);
  const traces = [
    {
      type: webgl() ? "scattergl" : "scatter", mode: "markers", x: dots.x, y: dots.y, customdata: dots.cluster,
      text: dots.cluster.map((id) => names.get(id) || "in no cluster"), hoverinfo: "text",
      marker: { size: 5, opacity: 0.75, color: dots.cluster.map((id) => (id < 0 ? soft : hue(id, dark))) },
    },
    {
      type: "scatter", mode: "text", x: largest.map((one) => one.x), y: largest.map((one) => one.y), customdata: largest.map((one) => one.cluster_id),
      text: largest.map(title), hovertext: largest.map((one) => names.get(one.cluster_id)), hoverinfo: "text",
      textfont: { color: css("--ink"), size: 12 },
    },
  ];
  const axis = { visible: false, zeroline: false };
  const layout = {
    margin: { l: 4, r: 4, t: 4, b: 4 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: "pan",
    font: { family: getComputedStyle(document.body).fontFamily }, xaxis: { ...axis }, yaxis: { ...axis, scaleanchor: "x" },
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
  };
  Plotly.react(target, traces, layout, { displayModeBar: false, responsive: true, scrollZoom: true }).then(() => {
    delete target.dataset.loading;
    target.removeAllListeners("plotly_click");
    target.on("plotly_click", (event) => {
      const id = event.points[0].customdata;
      location.href = id < 0 ? "/search?cluster=-1" : `/clusters/${id}`;
    });
  });
}

function drawMaps() {
  document.querySelectorAll("script[data-map]").forEach(drawMap);
}

drawMaps();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMaps);
