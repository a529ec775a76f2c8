"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const [table, controls, filter, track] = ["board", "controls", "filter", "track"].map(find);
  const body = table.tBodies[0];
  const chance = { id: "chance", keys: data.chance, element: find("chance") };
  const rows = data.rows.map((row, index) => ({ ...row, index, element: find(row.id), text: `${row.method} ${row.encoder}`.toLowerCase() }));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const heads = [...table.tHead.rows[0].cells].slice(1);
  const names = heads.map((head) => head.textContent);
  const facets = ["encoder", "told", "paper"];
  const boxes = [...controls.querySelectorAll("input[type=checkbox]")];
  const MOST = 8;
  const state = { sort: 0, down: false, chosen: [], depth: 0 };

  document.documentElement.classList.add("scripted");

  // Sorting: a button in every heading.
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const again = state.sort === column;
      state.down = again ? !state.down : head.dataset.first === "down";
      state.sort = column;
      arrange();
      remember();
    });
  });

  function arrange() {
    const { sort, down } = state;
    const sign = down ? -1 : 1;
    const collate = new Intl.Collator("en", { numeric: true }).compare;
    const compared = (a, b) => {
      const [x, y] = [a.keys[sort], b.keys[sort]];
      if (x === null || y === null || x === undefined || y === undefined) return (x ?? null) === null ? ((y ?? null) === null ? 0 : 1) : -1;
      return sign * (typeof x === "string" ? collate(x, y) : x - y);
    };
    // By rank the level of chance stands where its AP puts it, as the page was written.
    const byRank = names[sort] === "Rank";
    const ordered = (byRank ? [...rows] : [...rows, chance]).sort(compared);
    if (byRank) {
      const level = data.chance[names.indexOf("AP")];
      const better = (row) => level === null || (row.ap !== null && row.ap >= Number(level.toFixed(3)));
      const place = ordered.findIndex((row) => better(row) === down);
      ordered.splice(place < 0 ? ordered.length : place, 0, chance);
    }
    body.replaceChildren(...ordered.map((row) => row.element));
    heads.forEach((head, column) => {
      if (column === sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  // Filtering: the level of chance stays whatever is filtered.
  function sift() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const allowed = facets.map((name) => new Set(boxes.filter((box) => box.name === name && box.checked).map((box) => box.value)));
    const asked = facets.map((name) => boxes.some((box) => box.name === name));
    const equal = track && track.value !== "free" ? track.value : null;
    let shown = 0;
    const within = [];
    for (const row of rows) {
      const onTrack = equal === null || row.encoder === equal;
      if (onTrack) within.push(row);
      const passes = facets.every((name, index) => !asked[index] || allowed[index].has(row[name]));
      const visible = onTrack && passes && words.every((word) => row.text.includes(word));
      row.element.hidden = !visible;
      shown += visible;
    }
    place(within, equal === null);
    const where = equal === null ? "" : ` on ${equal}, ranked among themselves`;
    find("shown").textContent = `${shown} of ${within.length} lines${where} are shown.`;
  }

  // Ranks are those of the track, not of what happens to be shown.
  function place(within, everything) {
    const write = (row, name, key, text) => {
      const column = names.indexOf(name);
      row.keys[column] = key;
      row.element.cells[column + 1].textContent = text;
    };
    for (const row of within) {
      const rank = row.ap === null ? null : 1 + within.filter((other) => other.ap !== null && other.ap > row.ap).length;
      write(row, "Rank", rank, rank ?? "–");
    }
    if (!data.compared) return;
    // What holds for all pairs at once holds for those of a track.
    let [rest, tier] = [within, 0];
    while (rest.length && !everything) {
      const [best] = rest;
      tier += 1;
      const level = rest.filter((row) => !isBetter(best, row));
      for (const row of level) row.own = tier;
      rest = rest.filter((row) => isBetter(best, row));
    }
    for (const row of within) {
      const lowest = everything ? row.lowest : 1 + within.filter((other) => isBetter(other, row)).length;
      const highest = everything ? row.highest : within.length - within.filter((other) => isBetter(row, other)).length;
      const own = everything ? row.tier : row.own;
      const ranks = document.createElement("small");
      ranks.textContent = lowest === highest ? lowest : `${lowest}–${highest}`;
      row.element.cells[names.indexOf("Rank") + 1].append(ranks);
      write(row, "Tier", own, own);
      row.element.classList.toggle("band", own % 2 === 0);
    }
  }

  function isBetter(row, other) {
    row.bits ??= BigInt(`0x${row.better}`);
    return Boolean((row.bits >> BigInt(rows.length - 1 - other.index)) & 1n);
  }

  // Comparing.
  const [comparison, hint, slider] = ["comparison", "hint", "depth"].map(find);
  const [left, right, top, bottom] = data.plot;
  const spot = ([x, y]) => `${(left + x * (right - left)).toFixed(1)} ${(bottom - y * (bottom - top)).toFixed(1)}`;
  const path = (points) => `M${points.map(spot).join("L")}`;
  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const effort = ([reviewed, found]) => reviewed.map((depth, index) => [depth / data.items, found[index] / data.faulty]);

  function precision([reviewed, found]) {
    const [step, most] = data.step;
    const points = [];
    for (let index = 1; index < reviewed.length; index++) {
      const [start, end, low, high] = [reviewed[index - 1], reviewed[index], found[index - 1], found[index]];
      if (!points.length) points.push([0, high / end]);
      const pieces = Math.min(1 + Math.floor(Math.abs(high / end - points.at(-1)[1]) / step), most);
      for (let piece = 1; piece <= pieces; piece++) {
        const depth = start + ((end - start) * piece) / pieces;
        const sum = low + ((high - low) * piece) / pieces;
        points.push([sum / data.faulty, sum / depth]);
      }
    }
    return points;
  }

  function foundAfter([reviewed, found], depth) {
    const end = reviewed.findIndex((corner) => corner >= depth);
    if (end <= 0) return found[0];
    const share = (depth - reviewed[end - 1]) / (reviewed[end] - reviewed[end - 1]);
    return found[end - 1] + share * (found[end] - found[end - 1]);
  }

  function draw() {
    const chosen = state.chosen.map((id) => byId.get(id));
    for (const row of rows) {
      const box = row.element.querySelector("input");
      box.checked = state.chosen.includes(row.id);
      box.disabled = !box.checked && chosen.length >= MOST;
      row.element.classList.toggle("chosen", box.checked);
    }
    comparison.hidden = !chosen.length;
    hint.hidden = Boolean(chosen.length);
    find("tray").hidden = !chosen.length;
    find("leap").textContent = `Compare ${chosen.length} of ${MOST}`;
    if (!chosen.length) return;
    const curves = chosen.filter((row) => row.curve);
    const level = data.faulty / data.items;
    for (const [id, points, byChance] of [["effort", effort, [[0, 0], [1, 1]]], ["precision", precision, [[0, level], [1, level]]]]) {
      const lines = curves.map((row) => svg("path", { class: colour(row), d: path(points(row.curve)) }));
      find(id).querySelector(".lines").replaceChildren(svg("path", { class: "chance", d: path(byChance) }), ...lines);
    }
    const shown = ["Rank", ...data.shown];
    const head = document.createElement("tr");
    const against = data.compared ? ["By AP, against the first"] : [];
    for (const name of ["Method", ...against, "Found", "Precision", ...shown, "CPU s"]) head.append(cell("th", name, !["Method", ...against].includes(name), "col"));
    find("compared").tHead.replaceChildren(head);
    find("compared").tBodies[0].replaceChildren(...[...chosen, chance].map((row) => compared(row, shown)));
    review();
  }

  const colour = (row) => `c${state.chosen.indexOf(row.id) + 1}`;

  function cell(tag, text, flush, scope) {
    const element = document.createElement(tag);
    if (typeof text === "string") element.textContent = text;
    if (flush) element.className = "number";
    if (scope) element.scope = scope;
    return element;
  }

  function compared(row, shown) {
    const line = document.createElement("tr");
    const title = cell("th", "", false, "row");
    if (row === chance) title.textContent = "by chance, expected";
    else {
      const swatch = svg("svg", { class: "swatch", viewBox: "0 0 36 10", "aria-hidden": "true" });
      swatch.append(svg("path", { class: colour(row), d: "M0 5H36" }));
      title.append(swatch, row.title);
    }
    line.append(title, ...(data.compared ? [cell("td", verdict(row), false)] : []));
    line.append(Object.assign(cell("td", "", true), { id: `found-${row.id}` }), Object.assign(cell("td", "", true), { id: `precision-${row.id}` }));
    for (const name of [...shown, "CPU s"]) {
      const copy = cell("td", "", true);
      copy.append(...[...row.element.cells[names.indexOf(name) + 1].childNodes].map((node) => node.cloneNode(true)));
      line.append(copy);
    }
    return line;
  }

  function verdict(row) {
    const first = byId.get(state.chosen[0]);
    if (row === chance || row === first) return "";
    return isBetter(row, first) ? "better" : isBetter(first, row) ? "worse" : "not told apart";
  }

  function review() {
    const depth = Number(slider.value);
    find("reviewed").textContent = `${depth.toLocaleString("en")} of ${data.items.toLocaleString("en")}`;
    const x = (left + (depth / data.items) * (right - left)).toFixed(1);
    find("effort").querySelector(".cursor").setAttribute("d", `M${x} ${top}V${bottom}`);
    for (const row of [...state.chosen.map((id) => byId.get(id)), chance]) {
      const found = row === chance ? (depth * data.faulty) / data.items : row.curve ? foundAfter(row.curve, depth) : null;
      find(`found-${row.id}`).textContent = found === null ? "–" : `${found.toFixed(1)} of ${data.faulty.toLocaleString("en")}`;
      find(`precision-${row.id}`).textContent = found === null ? "–" : (found / depth).toFixed(3);
    }
  }

  // The state is in the address, so that a view can be linked to.
  function remember() {
    const said = new URLSearchParams();
    if (filter.value) said.set("q", filter.value);
    if (track && track.value !== "free") said.set("track", track.value);
    for (const name of facets) {
      const own = boxes.filter((box) => box.name === name);
      if (own.some((box) => !box.checked)) said.set(name, own.filter((box) => box.checked).map((box) => box.value).join("|"));
    }
    if (state.sort !== 0 || state.down) said.set("sort", `${state.down ? "-" : ""}${names[state.sort]}`);
    for (const id of state.chosen) said.append("compare", id);
    if (state.chosen.length && Number(slider.value) !== standard) said.set("depth", slider.value);
    const address = String(said);
    history.replaceState(null, "", address ? `#${address}` : location.pathname + location.search);
  }

  function recall() {
    const said = new URLSearchParams(location.hash.slice(1));
    filter.value = said.get("q") ?? "";
    if (track) track.value = [...track.options].some((option) => option.value === said.get("track")) ? said.get("track") : "free";
    for (const box of boxes) box.checked = !said.has(box.name) || said.get(box.name).split("|").includes(box.value);
    const sort = said.get("sort") ?? "Rank";
    state.down = sort.startsWith("-");
    state.sort = Math.max(0, names.indexOf(sort.replace(/^-/, "")));
    state.chosen = [...new Set(said.getAll("compare"))].filter((id) => byId.has(id)).slice(0, MOST);
    slider.value = said.get("depth") ?? standard;
    sift();
    arrange();
    draw();
  }

  const standard = Math.min(data.items, Math.max(1, Math.min(100, Math.ceil(data.items / 10))));
  const changed = () => { sift(); arrange(); remember(); };
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", changed);
  controls.addEventListener("reset", (event) => {
    event.preventDefault();
    filter.value = "";
    if (track) track.value = "free";
    for (const box of boxes) box.checked = true;
    Object.assign(state, { sort: 0, down: false });
    changed();
  });
  body.addEventListener("change", (event) => {
    const { id } = event.target.closest("tr");
    state.chosen = event.target.checked ? [...state.chosen, id] : state.chosen.filter((other) => other !== id);
    draw();
    remember();
  });
  find("drop").addEventListener("click", () => { state.chosen = []; draw(); remember(); });
  find("leap").addEventListener("click", () => { find("compare").scrollIntoView(); slider.focus({ preventScroll: true }); });
  slider.addEventListener("input", () => { review(); remember(); });
  window.addEventListener("hashchange", () => { if (!document.getElementById(location.hash.slice(1))) recall(); });
  recall();
  // What was linked to has moved as the page was arranged.
  if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
})();
