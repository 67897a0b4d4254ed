"use strict";
// Filter and sort the teams. Without this script the table is there as it was written.
const table = document.getElementById("matrix");
const body = table.tBodies[0];
const rows = [...body.rows];
const heads = [...table.tHead.rows[0].cells];
const filter = document.getElementById("filter");
const which = document.getElementById("which");
const names = rows.map((row) => row.cells[0].textContent.toLowerCase());

function shows(row, place) {
  if (!names[place].includes(filter.value.trim().toLowerCase())) return false;
  if (which.value === "") return true;
  if (["open", "flag", "moved"].includes(which.value)) return which.value in row.dataset;
  const column = heads.findIndex((head) => head.textContent === which.value);
  return !["pass", "none"].includes(row.cells[column].className);
}

function narrow() {
  const shown = rows.filter((row, place) => !(row.hidden = !shows(row, place)));
  document.getElementById("found").textContent = `${shown.length} of ${rows.length} teams`;
}

function key(row, column, kind) {
  const text = row.cells[column].textContent;
  if (kind === "text") return text.toLowerCase();
  return ["", "–"].includes(text) ? -Infinity : text === "?" ? -0.5 : Number(text);
}

function sort(column, kind) {
  const head = heads[column];
  const up = head.getAttribute("aria-sort") === (kind === "text" ? "ascending" : "descending") ? -1 : 1;
  const way = kind === "text" ? up : -up;
  const keys = new Map(rows.map((row) => [row, key(row, column, kind)]));
  const order = [...rows].sort((a, b) => (keys.get(a) < keys.get(b) ? -way : keys.get(a) > keys.get(b) ? way : 0));
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
  body.append(...order);
}

heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sort(column, head.dataset.sort));
  head.append(button);
});
filter.addEventListener("input", narrow);
which.addEventListener("change", narrow);
document.getElementById("tools").hidden = false;
narrow();
