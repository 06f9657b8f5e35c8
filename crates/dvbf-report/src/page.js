"use strict";
(() => {
  const solid = (() => {
    try {
      return Boolean(document.createElement("canvas").getContext("webgl"));
    } catch {
      return false;
    }
  })();
  const inSpace = (trace) => trace.type === "scatter3d";
  const draw = (place) => {
    const source = document.querySelector(`script[data-for="${place.id}"]`);
    const figure = JSON.parse(source.textContent);
    if (!solid && figure.data.some(inSpace)) {
      const still = document.getElementById("still");
      if (still) still.hidden = false;
      place.closest("figure").hidden = true;
      return;
    }
    const settings = {
      responsive: true,
      displaylogo: false,
      displayModeBar: figure.data.some(inSpace),
      modeBarButtons: [["toImage", "resetCameraDefault3d"]],
    };
    Plotly.newPlot(place, figure.data, figure.layout, settings);
  };
  for (const place of document.querySelectorAll(".plot")) {
    draw(place);
  }
})();
