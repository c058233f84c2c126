// Lets the reader turn pictures in space: by dragging, or with the arrow keys. The static picture, which is drawn by
// scene.rs in the same way, stays until then. Lengths are tenths of a pixel.
"use strict";
for (const figure of document.querySelectorAll("figure.turn")) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const svg = figure.querySelector("svg");
  let [yaw, pitch] = data.view;
  let waiting = false;

  const element = (name, classes, attributes, text) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    made.setAttribute("class", classes);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    svg.append(made);
  };

  const draw = () => {
    waiting = false;
    const [sin, cos, tiltSin, tiltCos] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
    const back = [-sin, cos, -1].map((d) => (d < 0 ? -1 : 1));
    // Smaller where the tilted cube would not fit.
    const half = Math.min(data.half, (data.height / 2 - 150) / (tiltCos + 1.5 * tiltSin));
    const left = (corner) => corner[0] * cos + corner[1] * sin;
    const [one, other] = [[back[0], -back[1]], [-back[0], back[1]]];
    const upright = left(one) < left(other) ? one : other;
    svg.replaceChildren();
    element("rect", "f-paper", { width: "100%", height: "100%" });
    data.panels.forEach((panel, at) => {
      const middle = [(at + 0.5) * data.width, data.title + data.height / 2];
      const project = ([x, y, z]) => {
        const [across, away] = [x * cos + y * sin, y * cos - x * sin];
        return [middle[0] + half * across, middle[1] - half * (z * tiltCos + away * tiltSin)];
      };
      const path = (points) => "M" + points.map((p) => project(p).map(Math.round).join()).join("L");
      const line = (points, ink, width) =>
        element("path", "s-" + ink, { d: path(points), fill: "none", "stroke-width": width });
      const write = (text, [x, y], ink, size, anchor) =>
        element("text", "f-" + ink, { x, y: y + 0.36 * size, "font-size": size, "text-anchor": anchor }, text);

      write(panel.title, [middle[0], data.title / 2], "text", data.label, "middle");
      for (let wall = 0; wall < 3; wall++)
        for (let along = 0; along < 3; along++) {
          if (along === wall) continue;
          for (const at of [...data.axes[along].ticks.map((tick) => tick[0] / data.steps), -1, 1]) {
            const ends = [-1, 1].map((end) => {
              const point = [end, end, end];
              point[wall] = back[wall];
              point[along] = at;
              return point;
            });
            line(ends, "grid", 8);
          }
        }
      data.axes.forEach((axis, along) => {
        const edge = (at, out) =>
          [[at, -back[1] * out, -1], [-back[0] * out, at, -1], [...upright, at]][along];
        const floor = along < 2;
        const [anchor, near] = floor ? ["middle", [0, 60]] : ["end", [-60, 0]];
        const beside = (point, shift) => project(point).map((x, k) => x + shift[k]);
        line([edge(-1, 1), edge(1, 1)], "quiet", 8);
        for (const [at, text] of axis.ticks)
          write(text, beside(edge(at / data.steps, 1.12), near), "quiet", data.tick, anchor);
        const name = floor ? beside(edge(0, 1.4), [0, 150]) : beside(edge(1, 1), [0, -130]);
        write(axis.name, name, "text", data.label, "middle");
      });
      for (const piece of panel.pieces) {
        const points = [];
        for (let i = 0; i < piece.length; i += 3) points.push(piece.slice(i, i + 3).map((x) => x / data.steps));
        line(points, panel.ink, 9);
      }
    });
  };

  const turn = (by, tilt) => {
    yaw += by;
    pitch = Math.min(1.5, Math.max(0.02, pitch + tilt));
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  };

  svg.tabIndex = 0;
  // Not `movementX`, which some browsers leave at 0 for fingers.
  let last;
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    last = [event.clientX, event.clientY];
  });
  svg.addEventListener("pointermove", (event) => {
    if (!svg.hasPointerCapture(event.pointerId)) return;
    const now = [event.clientX, event.clientY];
    turn((last[0] - now[0]) * 0.01, (now[1] - last[1]) * 0.01);
    last = now;
  });
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (!way) return;
    event.preventDefault();
    turn(...way);
  });
  svg.addEventListener("dblclick", () => {
    [yaw, pitch] = data.view;
    turn(0, 0);
  });
}
