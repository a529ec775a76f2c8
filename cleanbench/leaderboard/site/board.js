"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const [table, controls, filter, track, comparison, slider] =
    ["board", "controls", "filter", "track", "comparison", "depth"].map(find);
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells].slice(1); // after the boxes
  const names = heads.map((head) => head.textContent);
  const chance = { id: "chance", keys: data.chance, element: find("chance") };
  const rows = data.rows.map((row, index) => {
    const text = `${row.method} ${row.encoder}`.toLowerCase();
    return { ...row, index, text, element: find(row.id) };
  });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const boxes = [...controls.querySelectorAll("input[type=checkbox]")];
  const facets = ["encoder", "told", "paper"];
  const FREE = "free";
  const MOST = 8; // curves that can be told apart
  // Where the slider stands unless a reader moves it.
  const STANDARD = Math.min(data.items, 100, Math.ceil(data.items / 10) || 1);
  const state = { sort: 0, down: false, chosen: [], ranked: null }; // as the page is written: ranked on the free track

  const cellOf = (row, name) => row.element.cells[names.indexOf(name) + 1];
  const missing = (value) => value === null || value === undefined;
  const fixed = (value, digits) => (value === null ? "–" : value.toFixed(digits));

  // Sorting.

  function arrange() {
    const collate = new Intl.Collator("en", { numeric: true }).compare;
    const sign = state.down ? -1 : 1;
    const compare = (a, b) => {
      const [x, y] = [a.keys[state.sort], b.keys[state.sort]];
      if (missing(x) || missing(y)) return missing(x) - missing(y); // what has no value is last, both ways
      return sign * (typeof x === "string" ? collate(x, y) : x - y);
    };
    const byRank = names[state.sort] === "Rank";
    const ordered = (byRank ? [...rows] : [...rows, chance]).sort(compare);
    if (byRank) ordered.splice(placeOfChance(ordered), 0, chance);
    body.replaceChildren(...ordered.map((row) => row.element));
    heads.forEach((head, column) => {
      if (column === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  // By rank, chance stands where its AP puts it: below the lines that print the same.
  function placeOfChance(ordered) {
    const level = data.chance[names.indexOf("AP")];
    const reaches = (row) => missing(level) || (row.ap !== null && row.ap >= Number(level.toFixed(3)));
    const place = ordered.findIndex((row) => reaches(row) === state.down);
    return place < 0 ? ordered.length : place;
  }

  // Filtering. Chance stays, whatever is filtered.

  function sift() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const equal = track && track.value !== FREE ? track.value : null;
    const refused = boxes.filter((box) => !box.checked);
    const passes = (row) =>
      words.every((word) => row.text.includes(word)) && !refused.some((box) => row[box.name] === box.value);
    const within = rows.filter((row) => equal === null || row.encoder === equal);
    const shown = new Set(within.filter(passes));
    for (const row of rows) row.element.hidden = !shown.has(row);
    if (state.ranked !== equal) rank(within, equal === null);
    state.ranked = equal;
    const [where, how] = equal === null ? ["", ""] : [` on ${equal}`, ", ranked among themselves"];
    find("shown").textContent = `${shown.size} of ${within.length} lines${where} are shown${how}.`;
  }

  // Ranks are those of a track, not of what happens to be shown.

  function rank(within, everything) {
    for (const row of within) {
      const above = within.filter((other) => other.ap !== null && other.ap > row.ap).length;
      write(row, "Rank", row.ap === null ? null : above + 1);
    }
    if (!data.compared) return;
    const standings = everything ? rows : standingsAmong(within);
    standings.forEach(({ lowest, highest, tier }, place) => {
      const row = within[place];
      const ranks = document.createElement("small");
      ranks.textContent = lowest === highest ? lowest : `${lowest}–${highest}`;
      cellOf(row, "Rank").append(ranks);
      write(row, "Tier", tier);
      row.element.classList.toggle("band", tier % 2 === 0);
    });
  }

  function write(row, name, value) {
    row.keys[names.indexOf(name)] = value;
    cellOf(row, name).textContent = value ?? "–";
  }

  // What is said of all pairs at once holds for the pairs of a track, too.

  function standingsAmong(within) {
    const tiers = new Map();
    let rest = within;
    for (let tier = 1; rest.length; tier++) {
      const [best] = rest; // lines are written from the best one on
      for (const row of rest) if (!isBetter(best, row)) tiers.set(row, tier);
      rest = rest.filter((row) => !tiers.has(row));
    }
    return within.map((row) => ({
      lowest: 1 + within.filter((other) => isBetter(other, row)).length,
      highest: within.length - within.filter((other) => isBetter(row, other)).length,
      tier: tiers.get(row),
    }));
  }

  // The lines that a line is better than are the bits of a hexadecimal number, the last line the lowest.
  function isBetter(row, other) {
    const place = rows.length - 1 - other.index;
    return Boolean((parseInt(row.better.at(-1 - (place >> 2)), 16) >> (place & 3)) & 1);
  }

  // Comparing: a curve has items reviewed and faults found by then, straight in between.

  const [left, right, top, bottom] = data.plot;
  const path = (points) => `M${points.map(([x, y]) => `${across(x)} ${up(y)}`).join("L")}`;
  const across = (x) => (left + x * (right - left)).toFixed(1);
  const up = (y) => (bottom - y * (bottom - top)).toFixed(1);
  const effort = ([reviewed, found]) => reviewed.map((depth, at) => [depth / data.items, found[at] / data.faulty]);

  // As `precision_points` of the Python package.
  function precision([reviewed, found]) {
    const [step, most] = data.step;
    const points = [];
    for (let at = 1; at < reviewed.length; at++) {
      const [start, end, low, high] = [reviewed[at - 1], reviewed[at], found[at - 1], found[at]];
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

  function foundAfter(row, depth) {
    if (row === chance) return (depth * data.faulty) / data.items;
    if (!row.curve) return null;
    const [reviewed, found] = row.curve;
    const end = reviewed.findIndex((corner) => corner >= depth);
    const share = (depth - reviewed[end - 1]) / (reviewed[end] - reviewed[end - 1]);
    return found[end - 1] + share * (found[end] - found[end - 1]);
  }

  const chosen = () => state.chosen.map((id) => byId.get(id));
  const colour = (row) => `c${state.chosen.indexOf(row.id) + 1}`;

  function compare() {
    for (const row of rows) {
      const box = row.element.querySelector("input");
      box.checked = state.chosen.includes(row.id);
      box.disabled = !box.checked && state.chosen.length >= MOST;
      row.element.classList.toggle("chosen", box.checked);
    }
    const none = !state.chosen.length;
    comparison.hidden = none;
    find("tray").hidden = none;
    find("hint").hidden = !none;
    find("leap").textContent = `Compare ${state.chosen.length} of ${MOST}`;
    if (none) return;
    const level = data.faulty / data.items;
    draw("effort", effort, [[0, 0], [1, 1]]);
    draw("precision", precision, [[0, level], [1, level]]);
    tabulate();
    review();
  }

  function draw(id, points, byChance) {
    const lines = chosen().filter((row) => row.curve).map((row) => line(colour(row), path(points(row.curve))));
    find(id).querySelector(".lines").replaceChildren(line("chance", path(byChance)), ...lines);
  }

  function line(name, d) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
    element.setAttribute("class", name);
    element.setAttribute("d", d);
    return element;
  }

  function tabulate() {
    const copied = ["Rank", ...data.shown, "CPU s"];
    const texts = ["Method", ...(data.compared ? ["Against the first"] : [])];
    const head = document.createElement("tr");
    for (const name of [...texts, "Found", "Precision", ...copied]) {
      head.append(Object.assign(cell("th", name, !texts.includes(name)), { scope: "col" }));
    }
    find("compared").tHead.replaceChildren(head);
    find("compared").tBodies[0].replaceChildren(...[...chosen(), chance].map((row) => {
      const element = document.createElement("tr");
      element.append(titled(row), ...(data.compared ? [cell("td", verdict(row), false)] : []));
      for (const name of ["found", "precision"]) {
        element.append(Object.assign(cell("td", "", true), { id: `${name}-${row.id}` }));
      }
      for (const name of copied) {
        const copy = cell("td", "", true);
        copy.append(...[...cellOf(row, name).childNodes].map((node) => node.cloneNode(true)));
        element.append(copy);
      }
      return element;
    }));
  }

  function cell(tag, text, isNumber) {
    return Object.assign(document.createElement(tag), { textContent: text, className: isNumber ? "number" : "" });
  }

  function titled(row) {
    const title = Object.assign(cell("th", "", false), { scope: "row" });
    if (row === chance) {
      title.textContent = cellOf(chance, "Method").textContent;
      return title;
    }
    const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of [["class", "swatch"], ["viewBox", "0 0 36 10"], ["aria-hidden", "true"]]) {
      swatch.setAttribute(name, value);
    }
    swatch.append(line(colour(row), "M0 5H36"));
    title.append(swatch, row.title);
    return title;
  }

  function verdict(row) {
    const [first] = chosen();
    if (row === chance || row === first) return "";
    if (isBetter(row, first)) return "better";
    return isBetter(first, row) ? "worse" : "not told apart";
  }

  function review() {
    const depth = Number(slider.value);
    find("reviewed").textContent = `${depth.toLocaleString("en")} of ${data.items.toLocaleString("en")}`;
    find("effort").querySelector(".cursor").setAttribute("d", `M${across(depth / data.items)} ${top}V${bottom}`);
    for (const row of [...chosen(), chance]) {
      const found = foundAfter(row, depth);
      const all = found === null ? "" : ` of ${data.faulty.toLocaleString("en")}`;
      find(`found-${row.id}`).textContent = `${fixed(found, 1)}${all}`;
      find(`precision-${row.id}`).textContent = fixed(found === null ? null : found / depth, 3);
    }
  }

  // The address holds what is shown, so that a view can be linked to.

  function remember() {
    const said = new URLSearchParams();
    if (filter.value) said.set("q", filter.value);
    if (track && track.value !== FREE) said.set("track", track.value);
    for (const facet of facets) {
      const own = boxes.filter((box) => box.name === facet);
      const kept = own.filter((box) => box.checked).map((box) => box.value);
      if (kept.length < own.length) said.set(facet, kept.join("|"));
    }
    if (state.sort || state.down) said.set("sort", `${state.down ? "-" : ""}${names[state.sort]}`);
    for (const id of state.chosen) said.append("compare", id);
    if (state.chosen.length && Number(slider.value) !== STANDARD) said.set("depth", slider.value);
    history.replaceState(null, "", `#${said}`);
  }

  function recall() {
    const said = new URLSearchParams(location.hash.slice(1));
    filter.value = said.get("q") ?? "";
    if (track) {
      const known = [...track.options].some((option) => option.value === said.get("track"));
      track.value = known ? said.get("track") : FREE;
    }
    for (const box of boxes) box.checked = !said.has(box.name) || said.get(box.name).split("|").includes(box.value);
    const sort = said.get("sort") ?? names[0];
    state.down = sort.startsWith("-");
    state.sort = Math.max(0, names.indexOf(sort.replace(/^-/, "")));
    state.chosen = [...new Set(said.getAll("compare"))].filter((id) => byId.has(id)).slice(0, MOST);
    slider.value = said.get("depth") ?? STANDARD;
    sift();
    arrange();
    compare();
  }

  // Whether the address names a part of the page, such as a line of the table, and not a view of it.
  const target = () => location.hash.length > 1 && find(decodeURIComponent(location.hash.slice(1)));

  function update() {
    sift();
    arrange();
    remember();
  }

  function choose(ids) {
    state.chosen = ids;
    compare();
    remember();
  }

  heads.forEach((head, column) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      state.down = state.sort === column ? !state.down : head.dataset.first === "down";
      state.sort = column;
      arrange();
      remember();
    });
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", update);
  controls.addEventListener("reset", (event) => {
    event.preventDefault();
    filter.value = "";
    if (track) track.value = FREE;
    for (const box of boxes) box.checked = true;
    Object.assign(state, { sort: 0, down: false });
    update();
  });
  body.addEventListener("change", (event) => {
    const { id } = event.target.closest("tr");
    choose(event.target.checked ? [...state.chosen, id] : state.chosen.filter((other) => other !== id));
  });
  find("drop").addEventListener("click", () => choose([]));
  find("leap").addEventListener("click", () => {
    find("compare").scrollIntoView();
    slider.focus({ preventScroll: true });
  });
  slider.addEventListener("input", () => {
    review();
    remember();
  });
  window.addEventListener("hashchange", () => target() || recall());

  document.documentElement.classList.add("scripted");
  recall();
  if (target()) target().scrollIntoView(); // it has moved as the page was arranged
})();
